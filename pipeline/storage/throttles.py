"""What was learned of relays and domains, kept from run to run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from pipeline.storage.engine import Database
from pipeline.storage.schema import throttle


class Throttles(Struct, frozen=True):
    """The state of every throttle by its name; what it means is the throttle's own business."""

    database: Database

    def load(self) -> dict[str, str]:
        """Return every state that was saved, as JSON."""
        with self.database.reading() as connection:
            return dict(connection.execute(select(throttle.c.name, throttle.c.state)).all())

    def save(self, states: Mapping[str, str], now: datetime) -> None:
        """Save states, in one commit; those of other names stay.

        Args:
            states: JSON by name.
            now: aware, UTC.
        """
        if not states:
            return
        statement = insert(throttle)
        new = statement.excluded
        upsert = statement.on_conflict_do_update(
            index_elements=[throttle.c.name],
            set_={"state": new.state, "updated_at": new.updated_at},
        )
        rows = [
            {"name": name, "state": state, "updated_at": now} for name, state in states.items()
        ]
        with self.database.writing(quiet=True) as connection:
            connection.execute(upsert, rows)
