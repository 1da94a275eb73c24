"""Bring what a dead sender left in its journal into the database."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from pipeline.delivery.lock import DispatchLock
from pipeline.delivery.recovery import recover
from pipeline.errors import Locked
from pipeline.model.dispatch import DispatchId
from pipeline.model.ports import Clock
from pipeline.model.retry import RetryPolicy
from pipeline.storage.ledger import SqlLedger


class Recover(Struct, frozen=True, kw_only=True):
    """Without it the numbers of a dispatch whose sender was killed are some moments old."""

    ledger: SqlLedger
    locks: Path  # folder of lock files
    journals: Path  # folder of journals, one folder a dispatch
    policy: RetryPolicy
    clock: Clock

    def lock(self, id_: DispatchId) -> DispatchLock:
        """Return the lock of a dispatch, not taken yet."""
        return DispatchLock(self.locks / f"dispatch-{id_}.lock", clock=self.clock)

    def journal(self, id_: DispatchId) -> Path:
        """Return the folder of a dispatch's journal."""
        return self.journals / f"dispatch-{id_}"

    def __call__(self, id_: DispatchId) -> int | None:
        """Recover a dispatch; return how many were on the wire.

        None: its sender is alive, and its books are its own.

        Raises:
            StorageError: the journal cannot be read or stored; it stays.
        """
        if not self.journal(id_).exists():
            return 0
        try:
            with self.lock(id_):
                return self.locked(id_)
        except Locked:
            return None

    def locked(self, id_: DispatchId) -> int:
        """Recover a dispatch whose lock is held; return how many were on the wire."""
        return recover(
            id_,
            folder=self.journal(id_),
            identity=self.ledger.database.identity,
            ledger=self.ledger,
            policy=self.policy,
            now=self.clock(),
        )
