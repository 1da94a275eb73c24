"""The statements of the ledger, by name.

They go to the driver as they stand, because a run settles some thousand deliveries a second and
Core takes ten times the CPU. PostgreSQL needs its own: its way to mark parameters, and
`= ANY(%s)` in place of `json_each` (decision D12).
"""

from __future__ import annotations

from typing import Final

# Only of a dispatch that is SENDING: pausing one stops the next message.
_CANDIDATES: Final = """
    SELECT delivery.id, delivery.subscriber_id, delivery.address, delivery.name,
           delivery.attempts + 1, delivery.dated_at, delivery.first_tried_at,
           coalesce(suppression.reason, subscriber.state) AS standing
      FROM delivery
      JOIN dispatch ON dispatch.id = delivery.dispatch_id AND dispatch.state = 'sending'
      JOIN subscriber ON subscriber.id = delivery.subscriber_id
      LEFT JOIN suppression ON suppression.address_hash = subscriber.address_hash
     WHERE delivery.dispatch_id = :dispatch"""

# Both are one seek in ix_delivery_claim: a page costs the same at the end as at the start.
DUE_PENDING: Final = f"""{_CANDIDATES}
       AND delivery.status = 'pending' AND delivery.due_at IS NULL AND delivery.id > :after
     ORDER BY delivery.id
     LIMIT :limit"""
DUE_DEFERRED: Final = f"""{_CANDIDATES}
       AND delivery.status = 'deferred' AND delivery.due_at <= :now
     ORDER BY delivery.due_at, delivery.id
     LIMIT :limit"""

# CROSS JOIN keeps the order: from each one asked for to its row.
WANTED: Final = """
    SELECT delivery.id
      FROM json_each(:deliveries) AS asked
     CROSS JOIN delivery ON delivery.id = asked.value AND delivery.dispatch_id = :dispatch
      JOIN dispatch ON dispatch.id = delivery.dispatch_id AND dispatch.state = 'sending'
      JOIN subscriber ON subscriber.id = delivery.subscriber_id AND subscriber.state = 'active'
     WHERE delivery.status IN ('pending', 'deferred')
       AND NOT EXISTS (SELECT 1 FROM suppression
                        WHERE suppression.address_hash = subscriber.address_hash)"""

LEAVE_OUT: Final = """
    UPDATE delivery
       SET status = 'left_out', due_at = NULL, code = NULL, reply = :standing, updated_at = :now
     WHERE id = :id AND status IN ('pending', 'deferred')"""

# Guarded by the number of the attempt, each counts once, however often a journal is read.
_SETTLE: Final = """
    UPDATE delivery
       SET attempts = :attempt, status = :status, due_at = :due_at, code = :code, reply = :reply,
           updated_at = coalesce(:ended_at, :started_at),
           dated_at = coalesce(dated_at, :started_at),
           first_tried_at = coalesce(first_tried_at, :started_at)
     WHERE id = :id AND dispatch_id = :dispatch AND attempts = :attempt - 1"""
SETTLE: Final = f"{_SETTLE} AND status IN ('pending', 'deferred')"
# Whoever was left out while their message was on the wire may have got it all the same.
SETTLE_UNCERTAIN: Final = f"{_SETTLE} AND status IN ('pending', 'deferred', 'left_out')"
# Nearly all end so. Numbers cost 6 µs less than names, and OR 3 less than IN, for which SQLite
# builds a table when it has more than two.
SETTLE_ACCEPTED: Final = """
    UPDATE delivery
       SET attempts = ?2, status = 'accepted', due_at = NULL, code = ?5, reply = ?6,
           updated_at = coalesce(?4, ?3), dated_at = coalesce(dated_at, ?3),
           first_tried_at = coalesce(first_tried_at, ?3)
     WHERE id = ?1 AND dispatch_id = ?7 AND attempts = ?2 - 1
       AND (status = 'pending' OR status = 'deferred' OR status = 'left_out')"""
REMEMBER: Final = """
    INSERT INTO attempt (delivery_id, number, started_at, ended_at, status, code, reply)
    VALUES (:id, :attempt, :started_at, :ended_at, :status, :code, :reply)
    ON CONFLICT (delivery_id, number) DO UPDATE
       SET started_at = excluded.started_at, ended_at = excluded.ended_at,
           status = excluded.status, code = excluded.code, reply = excluded.reply"""

# With its first attempt a delivery also loses the date of the message: nobody saw it.
TAKE_BACK: Final = """
    UPDATE delivery
       SET status = 'pending', attempts = attempts - 1, due_at = NULL, code = NULL, reply = '',
           updated_at = coalesce(:ended_at, :started_at),
           dated_at = CASE WHEN attempts > 1 THEN dated_at END,
           first_tried_at = CASE WHEN attempts > 1 THEN first_tried_at END
     WHERE id = :id AND dispatch_id = :dispatch AND attempts = :attempt
       AND status IN ('refused', 'deferred')"""
REMEMBER_TAKEN_BACK: Final = """
    UPDATE attempt
       SET status = 'pending', reply = :reply
     WHERE delivery_id = :id AND number = :attempt"""
