"""The deliveries of a dispatch, as the delivery loop needs them; see `ports.Ledger`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, cast

from msgspec import Struct
from sqlalchemy import Connection, select, text, update

from pipeline.errors import NotAllowed
from pipeline.model.delivery import NEXT, Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import ListId, SubscriberId, SubscriberState
from pipeline.storage import statements
from pipeline.storage.doorbell import Doorbell
from pipeline.storage.engine import Database
from pipeline.storage.progress import OVER
from pipeline.storage.schema import delivery, dispatch
from pipeline.storage.standing import NO_FIELDS

TAKEN_BACK: Final = "taken back"

_RESULTS: Final = NEXT[DeliveryStatus.SENDING]
_RESOLVABLE: Final = frozenset({DeliveryStatus.UNCERTAIN, DeliveryStatus.REFUSED})


class SqlLedger(Struct, frozen=True):
    """Deliveries in the database: what `ports.Ledger` promises, and what a person decides."""

    database: Database
    # Who said that they leave a list (None: every one), and is not written down as gone yet.
    gone: Callable[[], Collection[tuple[SubscriberId, ListId | None]]] = tuple

    def due(
        self, dispatch: DispatchId, *, now: datetime, after: DeliveryId, limit: int
    ) -> tuple[Claim, ...]:
        """Return a page of what is to be tried; see `ports.Ledger.due`."""
        values = {
            "dispatch": dispatch,
            "now": microseconds(now),
            "after": after,
            "limit": limit,
        }
        while True:
            with self.database.reading() as connection:
                page = _page(_driver(connection), values)
                gone = self._gone_from(connection, dispatch)
            for row in page:
                if row[1] in gone:
                    row[-1] = SubscriberState.UNSUBSCRIBED
            leaving = [
                {"id": row[0], "standing": standing, "now": values["now"]}
                for row in page
                if (standing := row.pop()) != SubscriberState.ACTIVE
            ]
            if not leaving:
                return _claims(page)
            # Their places in the page are free then: it is read again, in full.
            with self.database.writing(quiet=True) as connection:
                _driver(connection).executemany(statements.LEAVE_OUT, leaving)

    def settle(self, dispatch: DispatchId, settled: Sequence[Settled]) -> None:
        """Store what became of attempts, in order, in one commit; see `ports.Ledger.settle`.

        An attempt counts if it follows the last that counted; else it changes nothing. One that
        was accepted, or that nobody knows of, counts even if its reader was left out meanwhile.
        """
        for item in settled:
            if item.status not in _RESULTS:
                raise ValueError(f"an attempt cannot end as {item.status}")
        with self.database.writing(quiet=True) as connection:
            driver = _driver(connection)
            for status, run in groupby(settled, attrgetter("status")):
                _settle(driver, dispatch, status, run)

    def version(self) -> int:
        """Return the number of the last change; see `ports.Ledger.version`."""
        return cast("Doorbell", self.database.doorbell).number()

    def wanted(
        self, dispatch: DispatchId, deliveries: Sequence[DeliveryId]
    ) -> frozenset[DeliveryId]:
        """Return those that may still be sent; see `ports.Ledger.wanted`."""
        with self.database.reading() as connection:
            values = {
                "dispatch": dispatch,
                "deliveries": json.dumps(deliveries),
                "gone": json.dumps(list(self._gone_from(connection, dispatch))),
            }
            rows = _driver(connection).execute(statements.WANTED, values)
            return frozenset(DeliveryId(id_) for (id_,) in rows)

    def _gone_from(self, connection: Connection, id_: DispatchId) -> frozenset[SubscriberId]:
        """Return who of `gone` leaves the list of a dispatch."""
        told = self.gone()
        if not told:  # nearly always
            return frozenset()
        list_ = connection.scalar(select(dispatch.c.list_id).where(dispatch.c.id == id_))
        return frozenset(who for who, left in told if left is None or left == list_)

    def resolve(
        self,
        dispatch: DispatchId,
        status: DeliveryStatus,
        to: DeliveryStatus,
        *,
        now: datetime,
        deliveries: Sequence[DeliveryId] | None = None,
    ) -> int:
        """Decide what becomes of uncertain or refused deliveries; return how many that were.

        What is PENDING again keeps its attempts and its date: if both copies arrive, the reader's
        mailbox can see that they are one message. Giving up counts anew. Who has the entry from
        another dispatch by now, or was erased, is not sent to again: their delivery stays.

        Args:
            dispatch: whose.
            status: UNCERTAIN or REFUSED; others stay as they are.
            to: PENDING to send again, or ACCEPTED for what is uncertain.
            now: aware, UTC.
            deliveries: which; None means all of that status.

        Raises:
            NotAllowed: to PENDING while the dispatch is over; nothing changed.
        """
        if status not in _RESOLVABLE or to not in NEXT[status]:
            raise ValueError(f"a person cannot make {status} deliveries {to}")
        values: dict[str, Any] = {"status": to, "updated_at": now}
        if to is DeliveryStatus.PENDING:
            values |= {"code": None, "reply": "", "first_tried_at": None}
        change = update(delivery).where(
            delivery.c.dispatch_id == dispatch, delivery.c.status == status
        )
        if deliveries is not None:
            change = change.where(delivery.c.id.in_(deliveries))
        with self.database.writing() as connection:
            if to is DeliveryStatus.PENDING:
                _require_open(connection, dispatch)
                change = change.where(text(statements.REOPENABLE))
            return connection.execute(change.values(values)).rowcount


def _driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection; what it does is in the same transaction."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _claims(page: list[list[Any]]) -> tuple[Claim, ...]:
    for row in page:
        row[-1] = row[-1] or NO_FIELDS
    return tuple([Claim._make(row) for row in page])


def _page(driver: sqlite3.Connection, values: dict[str, int]) -> list[list[Any]]:
    """Return the fields of claims, and whether each subscriber may still be written to.

    The last is the reason of a suppression, `paused`, or the state on the dispatch's list.
    """
    page = _rows(driver, statements.DUE_PENDING, values)
    room = values["limit"] - len(page)
    if room:
        page += _rows(driver, statements.DUE_DEFERRED, values | {"limit": room})
    return page


def _rows(driver: sqlite3.Connection, query: str, values: dict[str, int]) -> list[list[Any]]:
    (found,) = driver.execute(query, values).fetchone()
    rows: list[list[Any]] = json.loads(found)
    return rows


def _settle(
    driver: sqlite3.Connection,
    dispatch_id: DispatchId,
    status: DeliveryStatus,
    run: Iterable[Settled],
) -> None:
    """Store attempts that ended alike."""
    if status is DeliveryStatus.ACCEPTED:
        told = [
            (id_, attempt, started_at, ended_at, code, reply)
            for id_, attempt, _, started_at, ended_at, _, code, reply in run
        ]
        values = {"dispatch": dispatch_id, "settled": json.dumps(told)}
        driver.execute(statements.SETTLE_ACCEPTED, values)
        return
    settle, remember = statements.SETTLE, statements.REMEMBER
    if status is DeliveryStatus.UNCERTAIN:
        settle = statements.SETTLE_UNCERTAIN
    elif status is DeliveryStatus.PENDING:
        settle, remember = statements.TAKE_BACK, statements.REMEMBER_TAKEN_BACK
    for item in run:
        # One by one: only what was not known before has a place in the history.
        values = _values(dispatch_id, item)
        if driver.execute(settle, values).rowcount:
            driver.execute(remember, values)


def _values(dispatch_id: DispatchId, item: Settled) -> dict[str, object]:
    return {
        "dispatch": dispatch_id,
        "id": item.delivery,
        "attempt": item.attempt,
        "status": item.status.value,
        "started_at": item.started_at,
        "ended_at": item.ended_at,
        "due_at": item.due_at if item.status is DeliveryStatus.DEFERRED else None,
        "code": item.code,
        "reply": item.reply or TAKEN_BACK if item.status is DeliveryStatus.PENDING else item.reply,
    }


def _require_open(connection: Connection, id_: DispatchId) -> None:
    state = connection.scalar(select(dispatch.c.state).where(dispatch.c.id == id_))
    if state in OVER:
        raise NotAllowed(f"dispatch {id_} is {state}; nothing of it is sent again")
