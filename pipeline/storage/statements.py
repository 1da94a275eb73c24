"""The statements of the ledger, by name.

They go to the driver as they stand, because a run settles some thousand deliveries a second and
Core takes ten times the CPU. PostgreSQL needs its own: its way to mark parameters, and
`= ANY(%s)` in place of `json_each` (decision D12).
"""

from __future__ import annotations

from typing import Final

# Only of a dispatch that is SENDING: pausing one stops the next message. It comes as one JSON array,
# for the reason given at SETTLE_ACCEPTED; joined as text, as json_group_array would read every row
# of it again.
_CANDIDATES: Final = """
    SELECT '[' || coalesce(group_concat(row), '') || ']' FROM (
    SELECT json_array(delivery.id, delivery.subscriber_id, delivery.address, delivery.name,
                      delivery.attempts + 1, delivery.dated_at, delivery.first_tried_at,
                      json(delivery.fields),
                      coalesce(suppression.reason,
                               CASE WHEN subscription.paused_until > :now THEN 'paused' END,
                               subscription.state, 'unsubscribed')) AS row
      FROM delivery
      JOIN dispatch ON dispatch.id = delivery.dispatch_id AND dispatch.state = 'sending'
      JOIN subscriber ON subscriber.id = delivery.subscriber_id
      LEFT JOIN subscription ON subscription.list_id = dispatch.list_id
            AND subscription.subscriber_id = delivery.subscriber_id
      LEFT JOIN suppression ON suppression.address_hash = subscriber.address_hash
     WHERE delivery.dispatch_id = :dispatch"""

# Both are one seek in ix_delivery_claim: a page costs the same at the end as at the start.
DUE_PENDING: Final = f"""{_CANDIDATES}
       AND delivery.status = 'pending' AND delivery.due_at IS NULL AND delivery.id > :after
     ORDER BY delivery.id
     LIMIT :limit)"""
DUE_DEFERRED: Final = f"""{_CANDIDATES}
       AND delivery.status = 'deferred' AND delivery.due_at <= :now
     ORDER BY delivery.due_at, delivery.id
     LIMIT :limit)"""

# CROSS JOIN keeps the order: from each one asked for to its row. Who ever paused is not among
# them: there is no clock here, and who is dropped wrongly comes again with the next page.
WANTED: Final = """
    SELECT delivery.id
      FROM json_each(:deliveries) AS asked
     CROSS JOIN delivery ON delivery.id = asked.value AND delivery.dispatch_id = :dispatch
      JOIN dispatch ON dispatch.id = delivery.dispatch_id AND dispatch.state = 'sending'
      JOIN subscription ON subscription.list_id = dispatch.list_id
           AND subscription.subscriber_id = delivery.subscriber_id
           AND subscription.state = 'active' AND subscription.paused_until IS NULL
      JOIN subscriber ON subscriber.id = delivery.subscriber_id
     WHERE delivery.status IN ('pending', 'deferred')
       AND delivery.subscriber_id NOT IN (SELECT value FROM json_each(:gone))
       AND NOT EXISTS (SELECT 1 FROM suppression
                        WHERE suppression.address_hash = subscriber.address_hash)"""

LEAVE_OUT: Final = """
    UPDATE delivery
       SET status = 'left_out', due_at = NULL, code = NULL, reply = :standing, updated_at = :now
     WHERE id = :id AND status IN ('pending', 'deferred')"""

# Guarded by the number of the attempt, each counts once, however often a journal is read. A reply
# may name its reader, and one who was erased meanwhile (no address) stays so.
_SETTLE: Final = """
    UPDATE delivery
       SET attempts = :attempt, status = :status, due_at = :due_at, code = :code,
           reply = CASE address WHEN '' THEN '' ELSE :reply END,
           updated_at = coalesce(:ended_at, :started_at),
           dated_at = coalesce(dated_at, :started_at),
           first_tried_at = coalesce(first_tried_at, :started_at)
     WHERE id = :id AND dispatch_id = :dispatch AND attempts = :attempt - 1"""
SETTLE: Final = f"{_SETTLE} AND status IN ('pending', 'deferred')"
# Whoever was left out while their message was on the wire may have got it all the same.
SETTLE_UNCERTAIN: Final = f"{_SETTLE} AND status IN ('pending', 'deferred', 'left_out')"
# Nearly all end so, and it is one step of SQLite's: row by row, the driver would take Python's
# lock and give it back a thousand times, and the event loop beside it would stand still for each.
# OR costs 3 µs less than IN, for which SQLite builds a table when it has more than two. The LIMIT
# keeps SQLite from reading the JSON anew for each use of a column.
SETTLE_ACCEPTED: Final = """
    UPDATE delivery
       SET attempts = told.attempt, status = 'accepted', due_at = NULL, code = told.code,
           reply = CASE address WHEN '' THEN '' ELSE told.reply END,
           updated_at = coalesce(told.ended_at, told.started_at),
           dated_at = coalesce(dated_at, told.started_at),
           first_tried_at = coalesce(first_tried_at, told.started_at)
      FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS attempt,
                   json_extract(value, '$[2]') AS started_at,
                   json_extract(value, '$[3]') AS ended_at, json_extract(value, '$[4]') AS code,
                   json_extract(value, '$[5]') AS reply
              FROM json_each(:settled) LIMIT -1) AS told
     WHERE delivery.id = told.id AND dispatch_id = :dispatch AND attempts = told.attempt - 1
       AND (status = 'pending' OR status = 'deferred' OR status = 'left_out')"""
REMEMBER: Final = """
    INSERT INTO attempt (delivery_id, number, started_at, ended_at, status, code, reply)
    SELECT id, :attempt, :started_at, :ended_at, :status, :code,
           CASE address WHEN '' THEN '' ELSE :reply END
      FROM delivery WHERE id = :id
    ON CONFLICT (delivery_id, number) DO UPDATE
       SET started_at = excluded.started_at, ended_at = excluded.ended_at,
           status = excluded.status, code = excluded.code, reply = excluded.reply"""

# Who was refused may be in another dispatch of the entry since, for another list or segment.
_HAS_ANOTHER: Final = """EXISTS (
    SELECT 1 FROM delivery AS other JOIN dispatch AS theirs ON theirs.id = other.dispatch_id
     WHERE other.subscriber_id = delivery.subscriber_id AND other.id != delivery.id
       AND theirs.entry = (SELECT entry FROM dispatch WHERE id = delivery.dispatch_id)
       AND (other.status IN ('sending', 'accepted', 'uncertain')
            OR other.status IN ('pending', 'deferred') AND theirs.state != 'cancelled'))"""

# With its first attempt a delivery also loses the date of the message: nobody saw it.
_TAKE_BACK: Final = """
    UPDATE delivery
       SET status = 'pending', attempts = attempts - 1, due_at = NULL, code = NULL, reply = '',
           updated_at = coalesce(:ended_at, :started_at),
           dated_at = CASE WHEN attempts > 1 THEN dated_at END,
           first_tried_at = CASE WHEN attempts > 1 THEN first_tried_at END
     WHERE id = :id AND dispatch_id = :dispatch AND attempts = :attempt
       AND status IN ('refused', 'deferred') AND address != ''"""
TAKE_BACK: Final = f"{_TAKE_BACK} AND NOT {_HAS_ANOTHER}"
REOPENABLE: Final = f"address != '' AND NOT {_HAS_ANOTHER}"
REMEMBER_TAKEN_BACK: Final = """
    UPDATE attempt
       SET status = 'pending', reply = :reply
     WHERE delivery_id = :id AND number = :attempt"""
