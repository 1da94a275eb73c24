from __future__ import annotations

import heapq
import json
import math
from collections import deque
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.throttle import Throttle
from pipeline.model.delivery import Accepted, Deferred, Outcome, RelayLimits, Unanswered

NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC
DAY = 86_400
OK = Accepted(250, "2.0.0 taken")
TOO_FAST = Deferred(454, "Throttling failure: Maximum sending rate exceeded")
ENOUGH = Deferred(452, "4.7.0 daily quota exceeded")

RATES = st.floats(0.01, 2000)
STEPS = st.lists(st.floats(0, 3), min_size=1, max_size=200)  # seconds between two calls
JUMPS = st.lists(st.floats(-3 * DAY, 3 * DAY), min_size=1, max_size=60)
OUTCOMES = st.sampled_from([OK, TOO_FAST, ENOUGH, Unanswered("cut")])


def times_taken(throttle: Throttle, steps: list[float], *, eager: bool) -> list[float]:
    """Return when tokens were given; an eager caller comes back exactly when it was told to."""
    now, taken = NOON, []
    for step in steps:
        wait = throttle.wait("r", "example.org", now)
        if wait == 0.0:
            taken.append(now)
            if eager:
                continue
        now += wait if eager and wait < math.inf else step
    return taken


@given(RATES, STEPS, st.booleans())
def test_no_window_sees_more_than_the_rate(rate: float, steps: list[float], eager: bool) -> None:
    """Any T seconds have `rate * T + burst` messages at most, and burst is 1 and a hundredth."""
    taken = times_taken(Throttle({"r": RelayLimits(rate=rate)}, {}), steps, eager=eager)

    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            # 2e-6: the moments themselves are no finer than that.
            window = taken[last] - start + 2e-6
            assert last - first + 1 <= 0.99 * rate * window + 1 + 0.01 * rate + 1e-6


@given(st.integers(1, 100), STEPS)
def test_no_second_sees_more_than_the_rate(rate: int, steps: list[float]) -> None:
    """14 a second is 14 in any second, never 28, after any silence."""
    throttle = Throttle({"r": RelayLimits(rate=rate)}, {})
    now, taken = NOON, []
    for step in steps:
        for _ in range(4):
            wait = throttle.wait("r", "example.org", now)
            taken += [now] if wait == 0.0 else []
            now += wait
        now += step / 30

    assert all(
        later - earlier >= 1 - 1e-6 for earlier, later in zip(taken, taken[rate:], strict=False)
    )


@given(RATES, RATES, STEPS)
def test_a_domain_has_its_own_pace(relay_rate: float, rate: float, steps: list[float]) -> None:
    """The slower of relay and domain decides, whatever is named or not."""
    throttle = Throttle({"r": RelayLimits(rate=relay_rate)}, {"*": rate})
    taken = times_taken(throttle, steps, eager=True)

    slower = min(rate, relay_rate)
    assert all(later - earlier >= 1 / slower - 0.0102 for earlier, later in pairwise(taken))


@given(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=4), JUMPS)
def test_no_date_sees_more_than_its_quota(
    daily: int, warm_up: list[int], jumps: list[float]
) -> None:
    """However the clock jumps, a date has `daily` messages, or its number of the warm-up."""
    throttle = Throttle({"r": RelayLimits(daily=daily, warm_up=tuple(warm_up))}, {})
    allowed = warm_up[0] if warm_up else daily  # nobody says when the warm-up begins
    taken: dict[int, int] = {}
    for jump in jumps:
        now = NOON + jump
        for _ in range(5):
            if throttle.wait("r", "example.org", now) == 0.0:
                taken[int(now // DAY)] = taken.get(int(now // DAY), 0) + 1

    assert max(taken.values(), default=0) <= allowed


@given(
    st.builds(RelayLimits, rate=st.none() | RATES, daily=st.none() | st.integers(1, 5)),
    st.none() | RATES,
    st.lists(st.tuples(st.floats(-DAY, DAY), st.none() | OUTCOMES), max_size=40),
)
def test_who_waits_as_told_sends(
    limits: RelayLimits, domain: float | None, past: list[tuple[float, Outcome | None]]
) -> None:
    """After any past, jumps of the clock included, a few told waits end with a message leaving.

    None is longer than the rule behind it: a day for a quota, an hour for a relay that has
    enough, an interval for a pace.
    """
    throttle = Throttle({"r": limits}, {} if domain is None else {"*": domain})
    now = NOON
    for jump, outcome in past:
        now = NOON + jump
        throttle.wait("r", "example.org", now)
        if outcome:
            throttle.heard("r", outcome, now)

    slowest = min(domain or math.inf, limits.rate or math.inf, 0.01)
    longest = max(3600.0, 1 / (0.99 * slowest), DAY if limits.daily else 0)
    for _ in range(4):
        wait = throttle.wait("r", "example.org", now)
        assert wait <= longest + 1e-3
        if wait == 0.0:
            return
        now += wait
    pytest.fail("it waits and waits")


@given(
    RATES, st.lists(st.tuples(st.floats(0, 2), st.floats(0, DAY)), min_size=1, max_size=30), STEPS
)
def test_a_clock_that_jumps_back_gives_nothing_away(
    rate: float, jumps: list[tuple[float, float]], steps: list[float]
) -> None:
    """By a clock that does not jump, the pace holds across jumps back of the other one."""
    throttle = Throttle({"r": RelayLimits(rate=rate)}, {})
    true, offset, taken = NOON, 0.0, []
    for step, back in jumps:
        for _ in range(3):
            wait = throttle.wait("r", "example.org", true + offset)
            taken += [true] if wait == 0.0 else []
            assert wait <= 1 / (0.99 * rate) + 1e-3
            true += min(wait, step)
        offset -= back
    for step in steps:
        taken += [true] if throttle.wait("r", "example.org", true + offset) == 0.0 else []
        true += step

    assert all(later - earlier >= 1 / rate - 0.0102 for earlier, later in pairwise(taken))


@given(
    st.builds(RelayLimits, rate=st.none() | RATES, daily=st.none() | st.integers(1, 1000)),
    st.lists(st.tuples(st.floats(0, 20), OUTCOMES), max_size=40),
)
def test_what_is_remembered_is_the_same_when_it_comes_back(
    limits: RelayLimits, past: list[tuple[float, Outcome]]
) -> None:
    """State round-trips: a new throttle describes itself, and waits, as the old one did."""
    throttle = Throttle({"r": limits}, {})
    now = NOON
    for step, outcome in past:
        throttle.wait("r", "example.org", now)
        throttle.heard("r", outcome, now)
        now += step
    now += 10.0  # short pauses are not remembered

    again = Throttle({"r": limits}, {}, remembered=throttle.remembered())

    assert again.remembered() == throttle.remembered()
    assert again.describe(now) == throttle.describe(now)
    assert again.paused_until(now) == throttle.paused_until(now)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rate", "refused_at", "top", "days", "paused_until", "2026-11-21"]),
            inner,
            max_size=5,
        )
    ),
)


@given(st.text(max_size=30) | JSON.map(json.dumps))
def test_damaged_memory_is_no_memory(text: str) -> None:
    """Whatever is stored, a throttle starts, and gives or refuses as the rules say."""
    throttle = Throttle(
        {"r": RelayLimits(rate=5.0, daily=9)}, {}, remembered={"r": text, "s": text}
    )

    assert 0.0 <= throttle.wait("r", "example.org", NOON) <= DAY
    assert Throttle({"r": RelayLimits()}, {}, remembered=throttle.remembered())


Server = Callable[[float], bool]  # whether it takes a message at this moment


def fixed_windows(rate: float) -> Server:
    """Count in each second of the server's clock."""
    counts: dict[int, int] = {}

    def takes(now: float) -> bool:
        counts[int(now)] = counts.get(int(now), 0) + 1
        return counts[int(now)] <= rate

    return takes


def sliding_window(rate: float) -> Server:
    """Count what was taken in the second before."""
    taken: deque[float] = deque()

    def takes(now: float) -> bool:
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) >= rate:
            return False
        taken.append(now)
        return True

    return takes


def bucket_of_a_tenth(rate: float) -> Server:
    """Hold a tenth of a second's worth: strict, and it forgives a little."""
    level, last = [0.0], [0.0]

    def takes(now: float) -> bool:
        level[0] = max(level[0] - (now - last[0]) * rate, 0.0)
        last[0] = now
        if level[0] + 1 > max(rate / 10, 1):
            return False
        level[0] += 1
        return True

    return takes


def simulate(
    throttle: Throttle, server: Server, *, seconds: float, connections: int = 10
) -> list[tuple[float, bool]]:
    """Return when each message was tried, and whether it was accepted; replies take 50 ms."""
    free = [(NOON, n) for n in range(connections)]  # when each connection is free
    replies: deque[tuple[float, bool]] = deque()
    seen: list[tuple[float, bool]] = []

    def hear(until: float) -> None:
        while replies and replies[0][0] <= until:
            at, accepted = replies.popleft()
            throttle.heard("r", OK if accepted else TOO_FAST, at)

    while free[0][0] < NOON + seconds:
        now, n = heapq.heappop(free)
        hear(now)
        wait = throttle.wait("r", "example.org", now)
        if wait:
            # The loop looks again at the next reply, and is a little late.
            heapq.heappush(free, (now + min(wait, 0.05) + 0.001, n))
            continue
        accepted = server(now + 0.025)
        seen.append((now - NOON, accepted))
        replies.append((now + 0.05, accepted))
        heapq.heappush(free, (now + 0.05, n))
    return seen


@pytest.mark.parametrize("kind", [fixed_windows, sliding_window, bucket_of_a_tenth])
@pytest.mark.parametrize("rate", [14, 100])
@pytest.mark.parametrize("configured", [None, 1.5])
def test_it_finds_the_rate_of_a_relay(
    kind: Callable[[float], Server], rate: int, configured: float | None
) -> None:
    """10 connections that could send 200/s settle near 0.9 of what the relay takes, few refused.

    A cut to 0.7 and a pause are in the average.
    """
    limits = RelayLimits(rate=configured and configured * rate)
    seen = simulate(Throttle({"r": limits}, {}), kind(rate), seconds=400)

    after = [accepted for at, accepted in seen if at >= 30]
    refused = after.count(False) / len(after)
    early = [accepted for at, accepted in seen if 30 <= at < 60].count(True)
    assert early / 30 >= 0.75 * rate
    assert after.count(True) / 370 >= 0.85 * rate
    assert refused < 0.05
