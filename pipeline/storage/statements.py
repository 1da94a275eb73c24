"""The statements of the ledger, by name.

Each runs in the transaction of one `SqlLedger` method. They go to the driver as they stand: the
delivery loop runs five a message, 7 µs each instead of the 90 µs that Core takes. PostgreSQL
needs its own: its way to mark parameters, and `FOR UPDATE OF delivery SKIP LOCKED` at the end of
NEXT_PENDING and NEXT_DEFERRED (decision D12).
"""

from __future__ import annotations

from typing import Final

_CANDIDATE: Final = """
    SELECT delivery.id, delivery.subscriber_id, delivery.address, delivery.name,
           delivery.attempts, delivery.dated_at, delivery.first_tried_at,
           coalesce(suppression.reason, subscriber.state) AS standing
      FROM delivery
      JOIN dispatch ON dispatch.id = delivery.dispatch_id AND dispatch.state = 'sending'
      JOIN subscriber ON subscriber.id = delivery.subscriber_id
      LEFT JOIN suppression ON suppression.address_hash = subscriber.address_hash
     WHERE delivery.dispatch_id = :dispatch"""

# Both are one seek in ix_delivery_claim: a claim costs the same at the end as at the start.
NEXT_PENDING: Final = f"""{_CANDIDATE}
       AND delivery.status = 'pending' AND delivery.due_at IS NULL
     ORDER BY delivery.id
     LIMIT 1"""
NEXT_DEFERRED: Final = f"""{_CANDIDATE}
       AND delivery.status = 'deferred' AND delivery.due_at <= :now
     ORDER BY delivery.due_at, delivery.id
     LIMIT 1"""

START: Final = """
    UPDATE delivery
       SET status = 'sending', attempts = :attempts, due_at = NULL, dated_at = :dated_at,
           first_tried_at = :first_tried_at, updated_at = :now
     WHERE id = :id"""
START_ATTEMPT: Final = """
    INSERT INTO attempt (delivery_id, number, started_at, status, reply)
    SELECT :id, coalesce(max(number), 0) + 1, :now, 'sending', ''
      FROM attempt
     WHERE delivery_id = :id"""

# Guarded: a verdict counts only while the delivery is being sent.
SETTLE: Final = """
    UPDATE delivery
       SET status = :status, due_at = :due_at, code = :code, reply = :reply, updated_at = :now
     WHERE id = :id AND dispatch_id = :dispatch AND status = 'sending'"""
SETTLE_ATTEMPT: Final = """
    UPDATE attempt
       SET status = :status, ended_at = :now, code = :code, reply = :reply
     WHERE delivery_id = :id AND status = 'sending'"""

LEAVE_OUT: Final = """
    UPDATE delivery
       SET status = 'left_out', due_at = NULL, code = NULL, reply = :standing, updated_at = :now
     WHERE id = :id"""

# When an attempt that a crash cut off ended, nobody knows: no ended_at.
RECOVER_ATTEMPTS: Final = """
    UPDATE attempt
       SET status = 'uncertain', reply = :reply
     WHERE status = 'sending'
       AND delivery_id IN (SELECT id FROM delivery
                            WHERE dispatch_id = :dispatch AND status = 'sending')"""
RECOVER: Final = """
    UPDATE delivery
       SET status = 'uncertain', code = NULL, reply = :reply
     WHERE dispatch_id = :dispatch AND status = 'sending'"""

# With its first attempt a delivery also loses the date of the message: nobody saw it.
PUT_BACK: Final = """
    UPDATE delivery
       SET status = 'pending', attempts = attempts - 1, code = NULL, reply = '',
           dated_at = CASE WHEN attempts > 1 THEN dated_at END,
           first_tried_at = CASE WHEN attempts > 1 THEN first_tried_at END
     WHERE id = :id AND status IN ('sending', 'refused')"""
PUT_BACK_ATTEMPT: Final = """
    UPDATE attempt
       SET status = 'pending', reply = :reply
     WHERE delivery_id = :id AND status = 'sending'"""
