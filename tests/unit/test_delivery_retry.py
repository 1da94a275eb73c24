from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.delivery.retry import decide
from pipeline.model.delivery import Deferred, DeliveryStatus, Verdict
from pipeline.model.retry import RetryPolicy

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
LATER = Deferred(451, "4.7.1 later")


def test_the_usual_policy_tries_less_and_less_often() -> None:
    """Three days of attempts: minutes apart at first, then half a day."""
    waits, attempts, now = [], 1, NOW
    while True:
        verdict = decide(
            LATER, attempts=attempts, first_tried_at=NOW, now=now, policy=RetryPolicy()
        )
        if verdict.due_at is None:
            break
        waits.append((verdict.due_at - now).total_seconds() / 60)
        attempts, now = attempts + 1, verdict.due_at

    assert waits == [5, 15, 30, 60, 180, 360, 720, 720, 720, 720, 720]
    assert verdict == Verdict(
        status=DeliveryStatus.REFUSED, code=451, reply="gave up at attempt 12: 4.7.1 later"
    )


def test_a_policy_without_waits_tries_once() -> None:
    """No waits means no second attempt."""
    policy = RetryPolicy(waits=())
    verdict = decide(LATER, attempts=1, first_tried_at=NOW, now=NOW, policy=policy)

    assert verdict.status is DeliveryStatus.REFUSED


def test_a_pause_of_days_counts() -> None:
    """Giving up counts from the first attempt, whatever happened between."""
    now = NOW + timedelta(days=4)
    verdict = decide(LATER, attempts=2, first_tried_at=NOW, now=now, policy=RetryPolicy())

    assert verdict.status is DeliveryStatus.REFUSED
