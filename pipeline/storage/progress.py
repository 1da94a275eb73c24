"""How far a dispatch is: its people counted, and listed one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Column, Connection, Row, Select, func, select, tuple_

from pipeline.model.delivery import DeliveryId, DeliveryStatus
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.subscriber import SubscriberId
from pipeline.storage.engine import Database
from pipeline.storage.schema import delivery, dispatch, exclusion

PAGE: Final = 5000  # rows a read

OPEN: Final = (DeliveryStatus.PENDING, DeliveryStatus.DEFERRED)
OVER: Final = (DispatchState.FINISHED, DispatchState.CANCELLED)


class DispatchCounts(Struct, frozen=True, kw_only=True):
    """Where everybody in the audience of a dispatch stands."""

    people: int  # size of the audience when it was written down; 0 before
    by_status: Mapping[DeliveryStatus, int]  # every status, zeros included
    excluded: Mapping[str, int]  # by reason, only those that occur

    @property
    def total(self) -> int:
        """Everybody who is accounted for."""
        return sum(self.by_status.values()) + sum(self.excluded.values())

    @property
    def open(self) -> int:
        """Deliveries that still have to be worked on."""
        return sum(self.by_status[status] for status in OPEN)

    @property
    def balances(self) -> bool:
        """Whether nobody got lost and nobody was added."""
        return self.people == self.total


class DeliveryRecord(Struct, frozen=True, kw_only=True):
    """One delivery as it stands now."""

    id: DeliveryId
    subscriber: SubscriberId
    address: str
    name: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime | None  # only of a deferred one
    code: int | None
    reply: str
    updated_at: datetime


def count(connection: Connection, id_: DispatchId) -> DispatchCounts:
    """Count the people of a dispatch; see `Dispatches.counts`."""
    by_status = (
        select(delivery.c.status, func.count())
        .where(delivery.c.dispatch_id == id_)
        .group_by(delivery.c.status)
    )
    by_reason = (
        select(exclusion.c.reason, func.count())
        .where(exclusion.c.dispatch_id == id_)
        .group_by(exclusion.c.reason)
        .order_by(exclusion.c.reason)
    )
    found: dict[str, int] = dict(connection.execute(by_status).all())
    return DispatchCounts(
        people=connection.scalar(select(dispatch.c.people).where(dispatch.c.id == id_)) or 0,
        by_status={status: found.get(status, 0) for status in DeliveryStatus},
        excluded=dict(connection.execute(by_reason).all()),
    )


def deliveries(
    database: Database, id_: DispatchId, status: DeliveryStatus | None
) -> Iterator[DeliveryRecord]:
    """Yield the deliveries of a dispatch; see `Dispatches.deliveries`."""
    page, key = _page(id_, status)
    query = page
    while True:
        with database.reading() as connection:
            rows = connection.execute(query).all()
        yield from map(_record, rows)
        if len(rows) < PAGE:
            return
        last = tuple(getattr(rows[-1], column.name) for column in key)
        query = page.where(tuple_(*key) > last)


def _page(
    id_: DispatchId, status: DeliveryStatus | None
) -> tuple[Select[*tuple[Any, ...]], tuple[Column[Any], ...]]:
    """Return the query of a page and the key it is ordered by.

    Each key follows an index, so that a page costs the same wherever it is.
    """
    page = (
        select(
            delivery.c.id,
            delivery.c.subscriber_id,
            delivery.c.address,
            delivery.c.name,
            delivery.c.status,
            delivery.c.attempts,
            delivery.c.due_at,
            delivery.c.code,
            delivery.c.reply,
            delivery.c.updated_at,
        )
        .where(delivery.c.dispatch_id == id_)
        .limit(PAGE)
    )
    key: tuple[Column[Any], ...]
    match status:
        case None:
            key = (delivery.c.subscriber_id,)
        case DeliveryStatus.DEFERRED:
            page = page.where(delivery.c.status == status)
            key = (delivery.c.due_at, delivery.c.id)
        case _:
            page = page.where(delivery.c.status == status, delivery.c.due_at.is_(None))
            key = (delivery.c.id,)
    return page.order_by(*key), key


def _record(row: Row[*tuple[Any, ...]]) -> DeliveryRecord:
    return DeliveryRecord(
        id=DeliveryId(row.id),
        subscriber=SubscriberId(row.subscriber_id),
        address=row.address,
        name=row.name,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        due_at=row.due_at,
        code=row.code,
        reply=row.reply,
        updated_at=row.updated_at,
    )
