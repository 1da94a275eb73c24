"""Erasing a person: what is left says that there was somebody, and not who."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any, Final, cast

from msgspec import Struct
from sqlalchemy import Connection, Row, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from pipeline.errors import StorageError
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.subscriber import SubscriberId, SuppressionReason
from pipeline.storage.engine import Database
from pipeline.storage.failures import translated
from pipeline.storage.moment import Moment
from pipeline.storage.progress import OPEN
from pipeline.storage.schema import (
    NO_FIELDS,
    attempt,
    consent,
    delivery,
    feedback,
    meta,
    notice,
    subscriber,
    subscription,
    suppression,
    tag,
)

# Words of other servers and of their readers: they may name anybody.
_TALK: Final = (delivery.c.reply, attempt.c.reply, feedback.c.reply, notice.c.reply)
_TRACES: Final = "traces"  # in `meta`: files still have some, since the erasure of this number
# ERASED takes their place: it is lifted by the same word. The others are not, and stay.
_WEAKER: Final = (SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED)


class Erasure(Struct, frozen=True):
    """Takes a person out of the database, and keeps them out of later imports."""

    database: Database
    hasher: Callable[[str], str]  # keyed hash of a normalised address

    def __call__(self, id_: SubscriberId, now: datetime) -> bool:
        """Erase a person, in one commit, then `finish`; return whether there was anything to erase.

        The row stays with its number and nothing else, so that what was sent still sums up. What
        waits for them is left out. Their address is suppressed as ERASED unless it is as
        COMPLAINED or MANUAL.

        Raises:
            StorageError: nothing was changed, or the rows are gone and traces may be left in
                files, which the next `finish` removes: the message says which.
        """
        with self.database.writing() as connection:
            found = connection.execute(
                select(subscriber.c.address, subscriber.c.address_norm).where(
                    subscriber.c.id == id_
                )
            ).one_or_none()
            if found and found.address:
                self._suppress(connection, found.address_norm, now)
                _leave_tombstone(connection, id_, now)
                _empty_deliveries(connection, id_, now)
                _forget_words(connection, id_)
                _silence(connection, found)
                _remember_traces(connection)
        self.finish()
        return bool(found and found.address)

    def finish(self) -> bool:
        """Leave no trace of the erased in files: rewrite the database, delete copies of it.

        Nobody else can read or write meanwhile; a million people take some seconds. Call it at
        leisure: it is done only after an erasure that could not do it itself.

        Returns:
            Whether there was anything to do.

        Raises:
            StorageError: somebody else reads or writes, or a copy cannot be deleted; call it again.
        """
        with self.database.reading() as connection:
            number = connection.scalar(select(meta.c.value).where(meta.c.name == _TRACES))
        if number is None:
            return False
        self._wipe()
        with self.database.writing(quiet=True) as connection:
            # Another number is of somebody who was erased meanwhile.
            connection.execute(delete(meta).where(meta.c.name == _TRACES, meta.c.value == number))
        return True

    def _wipe(self) -> None:
        path = self.database.path
        try:
            connection = self.database.engine.raw_connection()
            with closing(connection), translated(path):
                driver = cast("sqlite3.Connection", connection.driver_connection)
                driver.execute("VACUUM")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            for copy in path.parent.glob(f"{path.name}.*.backup*"):
                copy.unlink(missing_ok=True)
        except (StorageError, OSError) as error:
            raise StorageError(
                f"everything of the person is deleted, but traces may be left in files: {error};"
                " `broadsheet serve` removes them when nobody else reads or writes"
            ) from error

    def _suppress(self, connection: Connection, normalised: str, now: datetime) -> None:
        values = {
            "address_hash": self.hasher(normalised),
            "reason": SuppressionReason.ERASED,
            "at": now,
        }
        statement = insert(suppression).values(values)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[suppression.c.address_hash],
                set_={"reason": statement.excluded.reason, "at": statement.excluded.at},
                where=suppression.c.reason.in_(_WEAKER),
            )
        )


def _remember_traces(connection: Connection) -> None:
    statement = insert(meta).values(name=_TRACES, value=secrets.token_bytes(16))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[meta.c.name], set_={"value": statement.excluded.value}
        )
    )


def _leave_tombstone(connection: Connection, id_: SubscriberId, now: datetime) -> None:
    for table in (tag, subscription, consent, notice):
        connection.execute(delete(table).where(table.c.subscriber_id == id_))
    connection.execute(
        update(subscriber)
        .where(subscriber.c.id == id_)
        .values(
            address="",
            address_norm=f"erased:{id_}",
            address_hash=secrets.token_hex(16),  # the keyed one would tell who it was
            name="",
            language=None,
            zone=None,
            fields=NO_FIELDS,
            updated_at=now,
        )
    )


def _empty_deliveries(connection: Connection, id_: SubscriberId, now: datetime) -> None:
    theirs = delivery.c.subscriber_id == id_
    waits = delivery.c.status.in_(OPEN)
    connection.execute(
        update(attempt)
        .where(attempt.c.delivery_id.in_(select(delivery.c.id).where(theirs)))
        .values(reply="")
    )
    connection.execute(
        update(delivery)
        .where(theirs)
        .values(
            address="",
            name="",
            fields=None,
            reply=case((waits, SuppressionReason.ERASED), else_=""),
            code=case((waits, None), else_=delivery.c.code),
            due_at=None,
            updated_at=case(
                (waits, literal(now, Moment)),
                else_=delivery.c.updated_at,
            ),
            status=case((waits, DeliveryStatus.LEFT_OUT), else_=delivery.c.status),
        )
    )


def _forget_words(connection: Connection, id_: SubscriberId) -> None:
    connection.execute(
        update(feedback)
        .where(feedback.c.subscriber_id == id_)
        .values(reply="", subscriber_id=None, delivery_id=None)
    )


def _silence(connection: Connection, person: Row[*tuple[Any, ...]]) -> None:
    """Empty what was said elsewhere if it names the person's address."""
    spellings = {person.address.lower(), person.address_norm.lower()}
    for column in _TALK:
        names = or_(*(func.instr(func.lower(column), spelling) > 0 for spelling in spellings))
        connection.execute(update(column.table).where(names).values(reply=""))
