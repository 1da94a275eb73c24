"""The addresses that must not be written to, as keyed hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.sqlite import insert

from pipeline.model.subscriber import SuppressionReason
from pipeline.storage.engine import Database
from pipeline.storage.schema import suppression


class Suppressions(Struct, frozen=True):
    """Who is never written to, whoever asks; outlives the subscriber."""

    database: Database
    hasher: Callable[[str], str]  # keyed hash of a normalised address

    def add(self, normalised: str, reason: SuppressionReason, *, now: datetime) -> None:
        """Suppress one address; see `add_all`."""
        self.add_all([(normalised, reason)], now=now)

    def add_all(self, rows: Iterable[tuple[str, SuppressionReason]], *, now: datetime) -> None:
        """Suppress addresses, in one commit; idempotent.

        The first reason stays, but a complaint replaces any other: it is lifted least easily.

        Args:
            rows: normalised address and reason; at most some thousands.
            now: aware, UTC.
        """
        values = [
            {"address_hash": self.hasher(normalised), "reason": reason, "at": now}
            for normalised, reason in rows
        ]
        if not values:
            return
        statement = insert(suppression)
        new = statement.excluded
        upsert = statement.on_conflict_do_update(
            index_elements=[suppression.c.address_hash],
            set_={"reason": new.reason, "at": new.at},
            where=(new.reason == SuppressionReason.COMPLAINED)
            & (suppression.c.reason != SuppressionReason.COMPLAINED),
        )
        with self.database.writing() as connection:
            connection.execute(upsert, values)

    def remove(self, normalised: str) -> bool:
        """Lift the suppression of an address; return whether there was one."""
        gone = delete(suppression).where(suppression.c.address_hash == self.hasher(normalised))
        with self.database.writing() as connection:
            return bool(connection.execute(gone).rowcount)

    def reason(self, normalised: str) -> SuppressionReason | None:
        """Return why an address is suppressed; None if it is not."""
        query = select(suppression.c.reason).where(
            suppression.c.address_hash == self.hasher(normalised)
        )
        with self.database.reading() as connection:
            found = connection.scalar(query)
        return SuppressionReason(found) if found else None

    def contains(self, normalised: str) -> bool:
        """Say whether an address is suppressed."""
        return self.reason(normalised) is not None

    def count(self) -> dict[SuppressionReason, int]:
        """Return how many addresses are suppressed for each reason, zeros included."""
        query = select(suppression.c.reason, func.count()).group_by(suppression.c.reason)
        with self.database.reading() as connection:
            found: dict[str, int] = dict(connection.execute(query).all())
        return {reason: found.get(reason, 0) for reason in SuppressionReason}
