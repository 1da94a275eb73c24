"""Which weekly slots were decided, so that none is filled twice or forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, select
from sqlalchemy.dialects.sqlite import insert

from pipeline.model.dispatch import DispatchId
from pipeline.storage.engine import Database
from pipeline.storage.schema import slot


class Slot(Struct, frozen=True, kw_only=True):
    """One occurrence of the weekly slot and what was done with it."""

    occurrence: str  # local wall time; the key
    due_at: datetime  # aware, UTC
    dispatch: DispatchId | None  # None: it went by, and `note` says why
    note: str


class Slots(Struct, frozen=True):
    """Every slot that was decided; `Dispatches.create` records the ones it fills."""

    database: Database

    def record(
        self, occurrence: str, *, due_at: datetime, dispatch: DispatchId | None, note: str = ""
    ) -> bool:
        """Record what was done with an occurrence; return False if that was decided before."""
        values = {
            "occurrence": occurrence,
            "due_at": due_at,
            "dispatch_id": dispatch,
            "note": note,
        }
        statement = insert(slot).values(values).on_conflict_do_nothing()
        with self.database.writing() as connection:
            return bool(connection.execute(statement).rowcount)

    def get(self, occurrence: str) -> Slot | None:
        """Return what was done with an occurrence; None if nothing was yet."""
        query = select(slot).where(slot.c.occurrence == occurrence)
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return _slot(row) if row else None

    def recent(self, count: int) -> tuple[Slot, ...]:
        """Return the newest decided slots, oldest first."""
        query = select(slot).order_by(slot.c.due_at.desc()).limit(count)
        with self.database.reading() as connection:
            return tuple(_slot(row) for row in connection.execute(query))[::-1]

    def latest(self) -> datetime | None:
        """Return when the newest decided slot was due; None if none was decided."""
        with self.database.reading() as connection:
            return connection.scalar(select(slot.c.due_at).order_by(slot.c.due_at.desc()).limit(1))


def _slot(row: Row[*tuple[Any, ...]]) -> Slot:
    return Slot(
        occurrence=row.occurrence,
        due_at=row.due_at,
        dispatch=None if row.dispatch_id is None else DispatchId(row.dispatch_id),
        note=row.note,
    )
