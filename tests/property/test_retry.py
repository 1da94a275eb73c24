from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pipeline.delivery.retry import decide
from pipeline.model.delivery import (
    NEXT,
    Accepted,
    Deferred,
    DeliveryStatus,
    Outcome,
    Refused,
    Unanswered,
)
from pipeline.model.retry import RetryPolicy

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
TEXTS = st.text(max_size=20)
DEFERRALS = st.builds(Deferred, st.integers(400, 499), TEXTS)
OUTCOMES = st.one_of(
    DEFERRALS,
    st.builds(Accepted, st.integers(200, 299), TEXTS),
    st.builds(Refused, st.integers(500, 599), TEXTS),
    st.builds(Unanswered, TEXTS),
)
WAITS = st.timedeltas(timedelta(seconds=1), timedelta(days=1))
POLICIES = st.builds(
    RetryPolicy,
    waits=st.lists(WAITS, max_size=5).map(tuple),
    give_up_after=st.timedeltas(timedelta(0), timedelta(days=10)),
    resends=st.integers(0, 5),
)
AGES = st.timedeltas(timedelta(days=-1), timedelta(days=20))  # clocks also jump back


@given(OUTCOMES, st.integers(1, 1000), AGES, POLICIES)
def test_a_delivery_waits_or_is_over_or_asks(
    outcome: Outcome, attempts: int, age: timedelta, policy: RetryPolicy
) -> None:
    """No answer of any server leaves a delivery that nobody will look at again."""
    verdict = decide(outcome, attempts=attempts, first_tried_at=NOW - age, now=NOW, policy=policy)

    waits = verdict.due_at is not None and (
        verdict.due_at > NOW or (isinstance(outcome, Unanswered) and verdict.due_at == NOW)
    )
    is_over = verdict.status in {DeliveryStatus.ACCEPTED, DeliveryStatus.REFUSED}
    asks = verdict.status is DeliveryStatus.UNCERTAIN
    assert [waits, is_over, asks].count(True) == 1
    assert waits == (verdict.status is DeliveryStatus.DEFERRED)
    assert verdict.status in NEXT[DeliveryStatus.SENDING]


@given(OUTCOMES, st.integers(1, 1000), AGES, POLICIES)
def test_only_the_server_accepts(
    outcome: Outcome, attempts: int, age: timedelta, policy: RetryPolicy
) -> None:
    """Nothing but an acceptance becomes one, and silence is held once its resends are used up."""
    verdict = decide(outcome, attempts=attempts, first_tried_at=NOW - age, now=NOW, policy=policy)

    assert (verdict.status is DeliveryStatus.ACCEPTED) == isinstance(outcome, Accepted)
    held = isinstance(outcome, Unanswered) and attempts > policy.resends
    assert (verdict.status is DeliveryStatus.UNCERTAIN) == held


@given(DEFERRALS, POLICIES)
def test_a_server_that_always_defers_comes_to_an_end(
    deferral: Deferred, policy: RetryPolicy
) -> None:
    """Attempts do not go on for ever, and none begins after the policy gave up."""
    now, attempts = NOW, 1
    while True:
        verdict = decide(deferral, attempts=attempts, first_tried_at=NOW, now=now, policy=policy)
        if verdict.due_at is None:
            break
        assert now < verdict.due_at <= NOW + policy.give_up_after
        # A day of one-second waits would take a while.
        now = max(verdict.due_at, now + policy.give_up_after / 20)
        attempts += 1

    assert verdict.status is DeliveryStatus.REFUSED
    assert deferral.reply in verdict.reply
