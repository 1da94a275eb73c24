from __future__ import annotations

import pytest

from pipeline.delivery.queue import MOST_RETURNS, Queue
from pipeline.delivery.throttle import Throttle
from pipeline.model.delivery import Claim, DeliveryId, RelayLimits
from pipeline.model.subscriber import SubscriberId

RELAY = "relay.example.org:587"
NOW = 1_795_000_000.0


def claim(number: int, domain: str = "example.org") -> Claim:
    """Return the claim of a delivery that was never tried."""
    return Claim(
        DeliveryId(number), SubscriberId(number), f"r{number}@{domain}", "", 1, None, None
    )


def taken(queue: Queue, now: float = NOW) -> list[int]:
    """Take everything that may leave now."""
    found: list[int] = []
    while (got := queue.next(RELAY, now)) is not None:
        found.append(got.delivery)
    return found


def test_claims_leave_in_order_and_once() -> None:
    """A page that is read twice brings nobody twice."""
    queue = Queue(Throttle({}, {}))

    assert queue.add([claim(1), claim(2)]) == 2
    assert queue.add([claim(2), claim(3)]) == 1
    assert taken(queue) == [1, 2, 3]
    assert queue.add([claim(1)]) == 0  # in hand
    queue.stored([DeliveryId(1)])
    assert queue.add([claim(1)]) == 1


def test_a_slow_domain_holds_nobody_else_up() -> None:
    """Its readers stand aside, in their order, and come back when it is their time."""
    queue = Queue(Throttle({}, {"slow.example": 1.0}))
    queue.add([claim(1, "slow.example"), claim(2, "slow.example"), claim(3), claim(4)])

    assert taken(queue) == [1, 3, 4]
    wait = queue.wait(RELAY, NOW)
    assert wait is not None
    assert 0 < wait <= 1.1
    assert len(queue) == 1
    assert taken(queue, NOW + wait) == [2]
    assert queue.wait(RELAY, NOW + wait) is None


def test_the_case_of_a_domain_does_not_matter() -> None:
    """Its rate holds for every spelling."""
    queue = Queue(Throttle({}, {"slow.example": 1.0}))
    queue.add([claim(1, "slow.example"), claim(2, "SLOW.Example")])

    assert taken(queue) == [1]


def test_a_full_relay_waits() -> None:
    """Nobody is taken for it, and the wait is told."""
    queue = Queue(Throttle({RELAY: RelayLimits(daily=2)}, {}))
    queue.add([claim(number) for number in range(1, 5)])

    assert taken(queue) == [1, 2]
    wait = queue.wait(RELAY, NOW)
    assert wait is not None
    assert wait > 60
    assert len(queue) == 2


def test_what_comes_back_is_next_until_it_came_too_often() -> None:
    """A message that always cuts the line does not go round for ever."""
    queue = Queue(Throttle({}, {}))
    queue.add([claim(1), claim(2)])
    for _ in range(MOST_RETURNS):
        got = queue.next(RELAY, NOW)
        assert got == claim(1)
        assert queue.give_back(got, RELAY, NOW)
    got = queue.next(RELAY, NOW)
    assert got is not None

    assert not queue.give_back(got, RELAY, NOW)
    assert taken(queue) == [2]


@pytest.mark.parametrize("wanted", [set(), {1}, {2, 3}, {1, 2, 3, 4}])
def test_only_the_wanted_stay(wanted: set[int]) -> None:
    """Whoever left is dropped, waiting or standing aside, and may be read again."""
    queue = Queue(Throttle({}, {"slow.example": 0.001}))
    queue.add([claim(1, "slow.example"), claim(2), claim(3), claim(4, "slow.example")])
    assert queue.next(RELAY, NOW) == claim(1, "slow.example")
    queue.give_back(claim(1, "slow.example"), RELAY, NOW)
    queue.keep({DeliveryId(number) for number in wanted})

    assert set(queue.known()) == queue.busy == wanted


def test_reading_goes_on_while_few_wait() -> None:
    """Claims are read ahead, but never without bound."""
    queue = Queue(Throttle({}, {"slow.example": 0.001}))
    seen = [queue.is_low]
    queue.add([claim(number, "slow.example") for number in range(3000)])
    seen.append(queue.is_low)
    taken(queue)  # the first one leaves, and the others stand aside
    seen.append(queue.is_low)
    queue.add([claim(number, "slow.example") for number in range(3000, 9000)])
    taken(queue)
    seen.append(queue.is_low)

    assert seen == [True, False, True, False]
