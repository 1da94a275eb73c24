"""What a run that died left behind, brought into the database before anything is sent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from pipeline.delivery.journal import Begun, discard, read
from pipeline.delivery.retry import decide
from pipeline.model.delivery import DeliveryStatus, Settled, Unanswered
from pipeline.model.dispatch import DispatchId
from pipeline.model.moment import microseconds, moment
from pipeline.model.ports import Ledger
from pipeline.model.retry import RetryPolicy

CUT_OFF: Final = "the sender stopped before the answer came"


def recover(
    dispatch: DispatchId,
    *,
    folder: Path,
    identity: bytes,
    ledger: Ledger,
    policy: RetryPolicy,
    now: datetime,
) -> int:
    """Store what the journal has and the database has not; return how many were on the wire.

    Safe to repeat, also after a crash in the middle of it. Call it only while holding the lock
    of the dispatch: then nobody is sending.

    Raises:
        StorageError: the journal is another database's, or cannot be read or stored; it stays.
    """
    found = read(folder, dispatch, identity)
    cut_off = tuple(_cut_off(begun, policy, now) for begun in found.begun)
    if found.settled or cut_off:
        ledger.settle(dispatch, (*found.settled, *cut_off))
    discard(folder)
    return len(cut_off)


def _cut_off(begun: Begun, policy: RetryPolicy, now: datetime) -> Settled:
    """Decide about a START without an outcome as about a message nobody answered."""
    started = moment(begun.at)
    verdict = decide(
        Unanswered(CUT_OFF),
        attempts=begun.attempt,
        first_tried_at=started,
        now=now,
        policy=policy,
    )
    return Settled(
        begun.delivery,
        begun.attempt,
        verdict.status,
        begun.at,
        due_at=microseconds(now) if verdict.status is DeliveryStatus.DEFERRED else None,
        reply=verdict.reply,
    )
