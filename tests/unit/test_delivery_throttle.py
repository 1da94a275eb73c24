from __future__ import annotations

import math
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from pipeline.delivery.pushback import Pushback, pushback
from pipeline.delivery.throttle import Throttle
from pipeline.model.delivery import Accepted, Deferred, Outcome, Refused, RelayLimits, Unanswered

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
MIDNIGHT = NOON + 12 * 3600
RELAY = "relay.example.org:587"
OTHER = "relay.example.net:25"
OK = Accepted(250, "2.0.0 taken")
TOO_FAST = Deferred(454, "Throttling failure: Maximum sending rate exceeded")
ENOUGH = Deferred(454, "Throttling failure: Daily message quota exceeded")


def one(
    rate: float | None = None,
    daily: int | None = None,
    warm_up: tuple[int, ...] = (),
    warm_up_from: date | None = None,
) -> Throttle:
    """Return a throttle of one relay."""
    limits = RelayLimits(rate=rate, daily=daily, warm_up=warm_up, warm_up_from=warm_up_from)
    return Throttle({RELAY: limits}, {})


def sent(throttle: Throttle, now: float, *, tries: int = 1000) -> int:
    """Return how many messages leave at one moment."""
    return sum(throttle.wait(RELAY, "example.org", now) == 0.0 for _ in range(tries))


def slow_rate(throttle: Throttle, now: float) -> float:
    """Return the rate that a person would read, in messages a second."""
    return float(throttle.describe(now)[0].partition(": ")[2].partition("/s")[0])


def test_without_limits_everything_leaves() -> None:
    """A relay nobody limits, or nobody named, takes all."""
    throttle = one()

    assert sent(throttle, NOON) == 1000
    assert throttle.wait("unheard.example.org", "example.org", NOON) == 0.0
    assert throttle.paused_until(NOON) is None
    assert throttle.describe(NOON) == ()


def test_fourteen_a_second_is_fourteen_in_any_second() -> None:
    """After a silence too, and spread evenly, not in one clump."""
    throttle = one(rate=14)
    moments = [NOON + n / 1000 for n in range(3000)]
    taken = [now for now in moments if throttle.wait(RELAY, "example.org", now) == 0.0]

    assert max(sum(start <= now < start + 1 for now in taken) for start in taken) == 14
    assert min(later - now for now, later in pairwise(taken)) > 0.06
    assert len(taken) >= 40


def test_a_rate_of_nothing_is_never() -> None:
    """Neither a relay nor a domain at 0 is worth asking again."""
    assert one(rate=0).wait(RELAY, "example.org", NOON) == math.inf
    assert Throttle({}, {"example.org": 0}).wait(RELAY, "example.org", NOON) == math.inf
    assert one(daily=0).wait(RELAY, "example.org", NOON) == math.inf
    assert one(rate=0).paused_until(NOON) == math.inf


def test_all_is_taken_or_nothing() -> None:
    """A domain that has to wait costs the relay neither its pace nor its quota."""
    throttle = Throttle({RELAY: RelayLimits(rate=1, daily=2)}, {"example.org": 0.1})
    throttle.wait(RELAY, "example.org", NOON)

    assert throttle.wait(RELAY, "example.org", NOON + 5) == pytest.approx(5.1, abs=0.02)
    assert throttle.relay_wait(RELAY, NOON + 5) == 0.0
    assert throttle.domain_wait("example.org", NOON + 5) == pytest.approx(5.1, abs=0.02)
    assert throttle.domain_wait("example.net", NOON + 5) == 0.0
    assert throttle.wait(RELAY, "example.net", NOON + 5) == 0.0
    assert throttle.wait(RELAY, "example.net", NOON + 5) > MIDNIGHT - NOON - 6


def test_domains_are_paced_apart_and_without_case() -> None:
    """A named one by its rate, each other one by that of "*", and without "*" they are free."""
    throttle = Throttle({}, {"Example.org": 1, "*": 0.1})
    for domain in ("example.org", "a.example.net", "b.example.net"):
        assert throttle.wait(RELAY, domain, NOON) == 0.0

    assert 0 < throttle.wait(RELAY, "EXAMPLE.ORG", NOON) < 1.1
    assert 9 < throttle.wait(RELAY, "a.EXAMPLE.net", NOON) < 11
    free = Throttle({}, {"example.org": 1})
    assert [free.wait(RELAY, "example.net", NOON) for _ in range(9)] == [0.0] * 9


def test_domains_that_are_done_cost_no_memory() -> None:
    """Buckets that are as good as new are thrown away, and nobody gains by it."""
    throttle = Throttle({}, {"*": 1})
    for n in range(20_000):
        throttle.wait(RELAY, f"d{n}.example.org", NOON + n / 100)

    assert len(throttle._others) <= 4096
    assert throttle.wait(RELAY, "d19999.example.org", NOON + 200) > 0


def test_a_day_has_its_quota_and_the_next_a_new_one() -> None:
    """The wait ends at midnight UTC, and so does the pause of the dispatch."""
    throttle = one(daily=3)

    assert sent(throttle, NOON) == 3
    assert throttle.wait(RELAY, "example.org", NOON) == pytest.approx(MIDNIGHT - NOON)
    assert throttle.paused_until(NOON) == pytest.approx(MIDNIGHT)
    assert sent(throttle, MIDNIGHT) == 3


def test_a_clock_that_goes_back_finds_the_day_as_it_was() -> None:
    """A date that was used up stays so, on either side of midnight."""
    throttle = one(daily=3)

    assert [sent(throttle, now) for now in (NOON, MIDNIGHT, NOON, MIDNIGHT + 60)] == [3, 3, 0, 0]


def test_a_warm_up_goes_by_its_table() -> None:
    """The first day's number before and on the first day, then the next, then `daily`."""
    throttle = one(daily=9, warm_up=(2, 4), warm_up_from=date(2026, 11, 21))

    assert [sent(throttle, NOON + day * 86_400) for day in (-1, 0, 1, 2, 3)] == [2, 2, 4, 9, 9]
    assert one(warm_up=(2, 4)).describe(NOON) == (f"{RELAY}: 0 of 2 today (day 1 of the warm-up)",)


def test_what_did_not_leave_is_given_back_to_the_day() -> None:
    """The count goes down; the pace does not, because its moment is over."""
    throttle = one(rate=1, daily=1)
    throttle.wait(RELAY, "example.org", NOON)
    throttle.give_back(RELAY, "example.org", NOON + 0.5)

    assert throttle.wait(RELAY, "example.org", NOON + 0.5) > 0
    assert throttle.wait(RELAY, "example.org", NOON + 1.1) == 0.0


def test_a_new_day_does_not_gain_by_what_yesterday_took() -> None:
    """What is given back just after midnight may have been counted before it."""
    throttle = one(daily=3)
    sent(throttle, MIDNIGHT - 1)
    sent(throttle, MIDNIGHT)
    throttle.give_back(RELAY, "example.org", MIDNIGHT + 1)
    assert sent(throttle, MIDNIGHT + 2) == 0

    throttle.give_back(RELAY, "example.org", MIDNIGHT + 3600)
    assert sent(throttle, MIDNIGHT + 3600) == 1


@pytest.mark.parametrize(
    "outcome",
    [
        TOO_FAST,
        Deferred(421, "4.7.0 closing"),
        Deferred(421, "4.7.28 unusual rate of mail"),
        Deferred(450, "4.7.1 Error: too much mail from 192.0.2.1"),
        Deferred(451, "4.7.650 The mail server has been temporarily rate limited"),
        Deferred(452, "Too many messages, slow down"),
        Deferred(450, "You are sending too fast"),
        Deferred(451, "RATELIMIT exceeded"),
        Deferred(451, "4.3.2 try again"),
        Deferred(450, "4.7.28 unusual volume"),
        Deferred(421, "4.2.2 mailbox over quota"),
        Deferred(452, "quota of 100 messages per minute exceeded"),
    ],
)
def test_words_that_ask_for_less_speed(outcome: Outcome) -> None:
    """421 and 454 always do; 450, 451 and 452 if they say so."""
    assert pushback(outcome) is Pushback.SLOWER


@pytest.mark.parametrize(
    "outcome",
    [
        ENOUGH,
        Deferred(450, "4.7.1 Daily sending limit reached"),
        Deferred(452, "Your account has exceeded its sending quota"),
        Deferred(451, "too many messages in 24 hours"),
    ],
)
def test_words_that_say_enough_for_today(outcome: Outcome) -> None:
    """A quota is no question of speed."""
    assert pushback(outcome) is Pushback.QUOTA


@pytest.mark.parametrize(
    "outcome",
    [
        OK,
        Unanswered("rate limit"),
        Refused(554, "5.7.1 rate limit"),
        Deferred(421, "4.7.0 too many messages on this connection"),
        Deferred(451, "4.7.1 greylisted, come back later"),
        Deferred(450, "4.2.0 Greylisted for 300 seconds, you were too fast"),
        Deferred(451, "Graylisting rate limit"),
        Deferred(452, "4.2.2 The email account that you tried to reach is over quota"),
        Deferred(450, "4.2.1 The user is receiving mail at a rate that is too high"),
        Deferred(452, "Mailbox size limit exceeded"),
        Deferred(452, "Quota exceeded (mailbox for user is full)"),
        Deferred(450, "recipient over quota"),
        Deferred(451, "temporarily unable to operate; separate, moderate, unlimited"),
        Deferred(451, "4.3.0 local error"),
        Deferred(455, "rate"),
    ],
)
def test_words_about_somebody_else(outcome: Outcome) -> None:
    """Greylisting, full mailboxes and syllables say nothing about our speed."""
    assert pushback(outcome) is None


def test_a_push_back_cuts_and_pauses() -> None:
    """0.7 of the rate, after a second of silence."""
    throttle = one(rate=100)
    throttle.wait(RELAY, "example.org", NOON)
    throttle.heard(RELAY, TOO_FAST, NOON)

    assert throttle.wait(RELAY, "example.org", NOON + 0.5) == pytest.approx(0.5, abs=1e-3)
    assert throttle.describe(NOON) == (f"{RELAY}: 70.0/s, slowed down from 100.0/s",)


def test_an_unlimited_relay_is_cut_from_what_it_was_used_at() -> None:
    """200 messages a second were sent; 140 are allowed."""
    throttle = one()
    for n in range(401):
        throttle.wait(RELAY, "example.org", NOON + n / 200)
    throttle.heard(RELAY, TOO_FAST, NOON + 2)

    assert slow_rate(throttle, NOON + 2) == pytest.approx(140, abs=2)


def test_many_replies_of_a_second_are_one_push_back() -> None:
    """Whatever was in flight when the first reply came is refused too, and counts no more."""
    throttle = one(rate=100)
    for n in range(50):
        throttle.heard(RELAY, OK, NOON + n / 51)
        throttle.heard(RELAY, TOO_FAST, NOON + n / 51)

    assert slow_rate(throttle, NOON + 1) == 70


def test_pauses_grow_with_repetition_to_five_seconds() -> None:
    """A second at first; after ten quiet seconds it is a second again."""
    throttle, now, pauses = one(rate=100), NOON, []
    for _ in range(15):
        throttle.heard(RELAY, TOO_FAST, now)
        pauses.append(round(throttle.relay_wait(RELAY, now), 1))
        now += pauses[-1] + 0.1
    throttle.heard(RELAY, TOO_FAST, now + 10)

    assert pauses[:4] == [1.0, 1.2, 1.4, 1.7]
    assert pauses[-1] == 5.0
    assert throttle.relay_wait(RELAY, now + 10) == pytest.approx(1, abs=1e-3)


def test_a_relay_that_takes_nothing_is_down_and_not_slow() -> None:
    """Without an acceptance since the last cut the next one would teach nothing."""
    throttle = one(rate=100)
    for n in range(10):
        throttle.heard(RELAY, Deferred(421, "shutting down"), NOON + 6 * n)
    assert slow_rate(throttle, NOON) == 70

    throttle.heard(RELAY, OK, NOON + 60)
    throttle.heard(RELAY, TOO_FAST, NOON + 61)
    assert slow_rate(throttle, NOON) == 49


def test_it_recovers_quickly_at_first_then_slowly_then_forgets() -> None:
    """5 % a second up to 0.9 of what was refused, 5 % in ten seconds from there on."""
    throttle = one(rate=100)
    throttle.heard(RELAY, TOO_FAST, NOON)
    rates: dict[float, float] = {}  # when each was first seen
    for tenth in range(400):
        throttle.relay_wait(RELAY, NOON + tenth / 10)
        if "slowed" not in throttle.describe(NOON)[0]:
            break
        rates.setdefault(slow_rate(throttle, NOON), tenth / 10)

    assert list(rates) == pytest.approx([70 * 1.05**n for n in range(8)], abs=0.05)
    gaps = [after - before for before, after in pairwise(rates.values())]
    assert gaps[1:] == pytest.approx([1.0] * 4 + [10.0] * 2, abs=0.11)
    assert throttle.describe(NOON) == (f"{RELAY}: 100.0/s",)


def test_a_silence_teaches_nothing() -> None:
    """After a week without a message the learned rate is one step higher, and no more."""
    throttle = one(rate=100)
    throttle.heard(RELAY, TOO_FAST, NOON)
    throttle.wait(RELAY, "example.org", NOON + 7 * 86_400)

    assert slow_rate(throttle, NOON) == 73.5


def test_a_quota_pauses_the_relay_for_an_hour() -> None:
    """It does not slow it down; a dispatch pauses when every relay says so."""
    throttle = Throttle({RELAY: RelayLimits(), OTHER: RelayLimits()}, {})
    throttle.heard(RELAY, ENOUGH, NOON)
    assert throttle.paused_until(NOON) is None
    assert throttle.wait(OTHER, "example.org", NOON) == 0.0

    throttle.heard(OTHER, ENOUGH, NOON + 60)
    assert throttle.paused_until(NOON + 60) == pytest.approx(NOON + 3600)
    assert throttle.describe(NOON)[0] == (
        f"{RELAY}: quota used up, paused until 2026-11-21 13:00 UTC"
    )
    assert throttle.wait(RELAY, "example.org", NOON + 3601) == 0.0
    assert RELAY not in " ".join(throttle.describe(NOON + 3601))


def test_a_clock_that_goes_back_keeps_a_pause_an_hour() -> None:
    """A pause that began in a wrong future is not waited for."""
    throttle = one()
    throttle.heard(RELAY, ENOUGH, NOON + 86_400)

    assert throttle.wait(RELAY, "example.org", NOON) == pytest.approx(3600)
    assert throttle.wait(RELAY, "example.org", NOON + 3601) == 0.0


def test_people_read_what_holds() -> None:
    """A line for each relay and each domain, in the shortest unit that shows it."""
    limits = {
        RELAY: RelayLimits(rate=14, daily=50_000),
        OTHER: RelayLimits(rate=0.5, warm_up=(50, 100), warm_up_from=date(2026, 11, 20)),
    }
    throttle = Throttle(limits, {"example.org": 2, "*": 5 / 3600})
    for n in range(1234):
        throttle.wait(RELAY, f"d{n}.example.org", NOON + n)

    assert throttle.describe(NOON + 1234) == (
        "relay.example.org:587: 14.0/s, 1,234 of 50,000 today",
        "relay.example.net:25: 30.0/min, 0 of 100 today (day 2 of the warm-up)",
        "example.org: 2.0/s",
        "each other domain: 5.0/h",
    )


def test_what_was_learned_outlives_the_process() -> None:
    """The rate, the count of the day and the pause of an hour."""
    throttle = one(rate=100, daily=5)
    sent(throttle, NOON)
    throttle.heard(RELAY, TOO_FAST, NOON)
    throttle.heard(RELAY, ENOUGH, NOON)

    limits = {RELAY: RelayLimits(rate=100, daily=5)}
    again = Throttle(limits, {}, remembered=throttle.remembered())
    assert again.describe(NOON) == throttle.describe(NOON)
    assert "70.0/s" in again.describe(NOON)[0]
    assert "2 of 5" in again.describe(NOON)[0]
    assert "paused until" in again.describe(NOON)[0]


def test_a_rate_configured_below_the_learned_one_wins() -> None:
    """What was learned under other settings never lifts a limit."""
    throttle = one(rate=100)
    throttle.heard(RELAY, TOO_FAST, NOON)
    again = Throttle({RELAY: RelayLimits(rate=20)}, {}, remembered=throttle.remembered())

    assert again.describe(NOON) == (f"{RELAY}: 20.0/s",)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "7", "null", "[" * 100_000),
        *('{"rate":-1}', '{"rate":NaN,"refused_at":1,"top":1}'),
        *('{"rate":true,"refused_at":1,"top":1}', '{"paused_until":1e999}'),
        *('{"days":{"x":1}}', '{"days":[1]}', '{"days":{"2026-11-21":"3"}}'),
    ],
)
def test_damaged_memory_is_ignored(text: str) -> None:
    """Never fatal, and never half believed."""
    throttle = Throttle({RELAY: RelayLimits(rate=5, daily=9)}, {}, remembered={RELAY: text})

    assert throttle.describe(NOON) == (f"{RELAY}: 5.0/s, 0 of 9 today",)
    assert throttle.wait(RELAY, "example.org", NOON) == 0.0
