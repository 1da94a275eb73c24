"""The deliveries of a dispatch, as the delivery loop needs them; see `ports.Ledger`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Connection, select, update

from pipeline.errors import Locked, NotAllowed
from pipeline.model.delivery import NEXT, Claim, DeliveryId, DeliveryStatus, Verdict
from pipeline.model.dispatch import DispatchId
from pipeline.model.subscriber import SubscriberId, SubscriberState
from pipeline.storage import statements
from pipeline.storage.engine import Database
from pipeline.storage.moment import microseconds, moment
from pipeline.storage.progress import OVER
from pipeline.storage.schema import delivery, dispatch

CUT_OFF: Final = "the sender stopped before the answer came"
PUT_BACK: Final = "put back: it certainly did not arrive"

_VERDICTS: Final = NEXT[DeliveryStatus.SENDING] - {DeliveryStatus.PENDING}


@dataclass(frozen=True, slots=True)
class SqlLedger:
    """Deliveries in the database: what `ports.Ledger` promises, and what a person decides."""

    database: Database

    def recover(self, dispatch: DispatchId) -> int:
        """Turn what was being sent into UNCERTAIN; see `ports.Ledger.recover`."""
        values = {"dispatch": dispatch, "reply": CUT_OFF}
        with self.database.writing() as connection:
            driver = _driver(connection)
            driver.execute(statements.RECOVER_ATTEMPTS, values)
            return driver.execute(statements.RECOVER, values).rowcount

    def advance(
        self, dispatch: DispatchId, *, now: datetime, settled: tuple[DeliveryId, Verdict] | None
    ) -> Claim | None:
        """Store a verdict and START the next delivery; see `ports.Ledger.advance`.

        What is pending goes first, then what was deferred longest.

        Raises:
            Locked: the delivery in `settled` is not being sent any more, so somebody else works
                on this dispatch; nothing was written and nothing started.
            StorageError: nothing was written and nothing started.
        """
        with self.database.writing() as connection:
            driver = _driver(connection)
            if settled is not None:
                _settle(driver, dispatch, *settled, now)
            while (found := _next(driver, dispatch, now)) is not None:
                claim, standing = found
                if standing == SubscriberState.ACTIVE:
                    _start(driver, claim, now)
                    return claim
                leaving = {"id": claim.delivery, "standing": standing, "now": microseconds(now)}
                driver.execute(statements.LEAVE_OUT, leaving)
        return None

    def put_back(self, deliveries: tuple[DeliveryId, ...]) -> None:
        """Make deliveries PENDING again; see `ports.Ledger.put_back`.

        Only those SENDING or REFUSED change, so that doing it twice does it once. The history
        keeps the attempt.
        """
        values = [{"id": id_, "reply": PUT_BACK} for id_ in deliveries]
        with self.database.writing() as connection:
            driver = _driver(connection)
            driver.executemany(statements.PUT_BACK_ATTEMPT, values)
            driver.executemany(statements.PUT_BACK, values)

    def resolve_uncertain(
        self,
        dispatch: DispatchId,
        to: DeliveryStatus,
        *,
        now: datetime,
        deliveries: Sequence[DeliveryId] | None = None,
    ) -> int:
        """Decide what became of uncertain deliveries; return how many that were.

        What is PENDING again keeps its attempts and its date: if both copies arrive, the reader's
        mailbox can see that they are one message.

        Args:
            dispatch: whose.
            to: ACCEPTED, or PENDING to send again.
            now: aware, UTC.
            deliveries: which; None means all that are uncertain.

        Raises:
            NotAllowed: to PENDING while the dispatch is over; nothing changed.
        """
        if to not in NEXT[DeliveryStatus.UNCERTAIN]:
            raise ValueError(f"an uncertain delivery cannot become {to}")
        change = update(delivery).where(
            delivery.c.dispatch_id == dispatch, delivery.c.status == DeliveryStatus.UNCERTAIN
        )
        if deliveries is not None:
            change = change.where(delivery.c.id.in_(deliveries))
        with self.database.writing() as connection:
            if to is DeliveryStatus.PENDING:
                _require_open(connection, dispatch)
            return connection.execute(change.values(status=to, updated_at=now)).rowcount


def _driver(connection: Connection) -> sqlite3.Connection:
    """Return the driver's own connection; what it does is in the same transaction."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _settle(
    driver: sqlite3.Connection,
    dispatch_id: DispatchId,
    id_: DeliveryId,
    verdict: Verdict,
    now: datetime,
) -> None:
    if verdict.status not in _VERDICTS:
        raise ValueError(f"{verdict.status} is no verdict; put_back makes deliveries pending")
    values = {
        "id": id_,
        "dispatch": dispatch_id,
        "status": verdict.status.value,
        "due_at": microseconds(verdict.due_at) if verdict.due_at else None,
        "code": verdict.code,
        "reply": verdict.reply,
        "now": microseconds(now),
    }
    if not driver.execute(statements.SETTLE, values).rowcount:
        raise Locked(
            f"delivery {id_} was taken away while it was being sent:"
            f" another process works on dispatch {dispatch_id}"
        )
    driver.execute(statements.SETTLE_ATTEMPT, values)


def _next(
    driver: sqlite3.Connection, dispatch_id: DispatchId, now: datetime
) -> tuple[Claim, str] | None:
    """Return the claim to make next, and whether its subscriber may still be written to.

    The second is the reason of a suppression or else the state of the subscriber.
    """
    values = {"dispatch": dispatch_id, "now": microseconds(now)}
    row = (
        driver.execute(statements.NEXT_PENDING, values).fetchone()
        or driver.execute(statements.NEXT_DEFERRED, values).fetchone()
    )
    if row is None:
        return None
    id_, subscriber_id, address, name, attempts, dated_at, first_tried_at, standing = row
    claim = Claim(
        delivery=DeliveryId(id_),
        dispatch=dispatch_id,
        subscriber=SubscriberId(subscriber_id),
        address=address,
        name=name,
        attempts=attempts + 1,
        dated_at=now if dated_at is None else moment(dated_at),
        first_tried_at=now if first_tried_at is None else moment(first_tried_at),
    )
    return claim, standing


def _start(driver: sqlite3.Connection, claim: Claim, now: datetime) -> None:
    values = {
        "id": claim.delivery,
        "attempts": claim.attempts,
        "dated_at": microseconds(claim.dated_at),
        "first_tried_at": microseconds(claim.first_tried_at),
        "now": microseconds(now),
    }
    driver.execute(statements.START, values)
    driver.execute(statements.START_ATTEMPT, values)


def _require_open(connection: Connection, id_: DispatchId) -> None:
    state = connection.scalar(select(dispatch.c.state).where(dispatch.c.id == id_))
    if state in OVER:
        raise NotAllowed(f"dispatch {id_} is {state}; nothing of it is sent again")
