"""What follows for a delivery from what the sender said."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from pipeline.model.delivery import (
    Accepted,
    Deferred,
    DeliveryStatus,
    Outcome,
    Refused,
    Unanswered,
    Verdict,
)
from pipeline.model.retry import RetryPolicy


def decide(
    outcome: Outcome,
    *,
    attempts: int,
    first_tried_at: datetime,
    now: datetime,
    policy: RetryPolicy,
) -> Verdict:
    """Turn an outcome into what happens to the delivery.

    Pure: no clock, no randomness, no storage.

    Args:
        outcome: what the sender said about this attempt.
        attempts: attempts made so far, this one included; 1 or more.
        first_tried_at: aware, UTC: when the first of them began.
        now: aware, UTC.
        policy: when to try again and when to give up.

    Returns:
        DEFERRED with `due_at` after `now`, or at once if an unanswered message may be sent again;
        UNCERTAIN, which a person decides; or ACCEPTED or REFUSED, which are final.
    """
    match outcome:
        case Accepted(code, reply):
            return Verdict(status=DeliveryStatus.ACCEPTED, code=code, reply=reply)
        case Refused(code, reply):
            return Verdict(status=DeliveryStatus.REFUSED, code=code, reply=reply)
        case Unanswered(reason):
            if attempts <= policy.resends:
                return Verdict(status=DeliveryStatus.DEFERRED, due_at=now, reply=reason)
            return Verdict(status=DeliveryStatus.UNCERTAIN, reply=reason)
        case Deferred(code, reply):
            due_at = _next_try(attempts, now, policy)
            if due_at is None or due_at > first_tried_at + policy.give_up_after:
                return Verdict(
                    status=DeliveryStatus.REFUSED,
                    code=code,
                    reply=f"gave up at attempt {attempts}: {reply}",
                )
            return Verdict(status=DeliveryStatus.DEFERRED, due_at=due_at, code=code, reply=reply)
        case _:
            assert_never(outcome)


def _next_try(attempts: int, now: datetime, policy: RetryPolicy) -> datetime | None:
    """Return when to try again, or None if the policy allows one attempt only."""
    if not policy.waits:
        return None
    return now + policy.waits[min(attempts, len(policy.waits)) - 1]
