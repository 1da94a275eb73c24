"""The lists by name: what the settings say of them is not here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from pipeline.errors import ConfigError
from pipeline.model.subscriber import ListId
from pipeline.storage.engine import Database
from pipeline.storage.schema import mailing_list

MOST: Final = 256  # a token has one byte for the number of a list
# Only the doctor's own person is on it. No list of the settings can have this name.
PROBE: Final = "doctor_probe"


class Lists(Struct, frozen=True):
    """The lists that there are or were; the number of one is never another's."""

    database: Database

    def ensure(self, names: Iterable[str]) -> dict[str, ListId]:
        """Return the numbers of lists, those made that are missing.

        Raises:
            ConfigError: there were as many lists as there can be.
        """
        wanted = tuple(dict.fromkeys(names))
        known = self.all()
        if missing := [name for name in wanted if name not in known]:
            with self.database.writing(quiet=True) as connection:
                known = _all(connection)  # somebody else may have made them meanwhile
                for name in missing:
                    if name not in known:
                        known[name] = _make(connection, name, known)
        return {name: known[name] for name in wanted}

    def all(self) -> dict[str, ListId]:
        """Return the number of every list of people, `main` first."""
        with self.database.reading() as connection:
            return {name: number for name, number in _all(connection).items() if name != PROBE}


def _all(connection: Connection) -> dict[str, ListId]:
    query = select(mailing_list.c.name, mailing_list.c.id).order_by(mailing_list.c.id)
    return {row.name: ListId(row.id) for row in connection.execute(query)}


def _make(connection: Connection, name: str, known: dict[str, ListId]) -> ListId:
    number = ListId(max(known.values()) + 1)
    if number >= MOST:
        raise ConfigError(
            f"lists.{name}: there were {MOST} lists already, and links name a list by one byte;"
            " use tags and segments"
        )
    connection.execute(insert(mailing_list), {"id": number, "name": name})
    return number
