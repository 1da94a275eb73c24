"""Writing down the audience of a dispatch: who gets it, and who is left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import SubscriberState
from pipeline.storage.moment import Moment
from pipeline.storage.schema import ALREADY, delivery, dispatch, exclusion, subscriber, suppression

_PEOPLE: Final = subscriber.outerjoin(
    suppression, suppression.c.address_hash == subscriber.c.address_hash
)
# An uncertain delivery may have arrived, so it counts as one that did.
_REACHED: Final = (DeliveryStatus.ACCEPTED, DeliveryStatus.UNCERTAIN, DeliveryStatus.SENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What an audience comes to."""

    to_send: int
    left_out: Mapping[str, int]  # by reason, only those that occur

    @property
    def people(self) -> int:
        """Everybody who was looked at."""
        return self.to_send + sum(self.left_out.values())


def forecast(connection: Connection, entry: EntryId) -> Prepared:
    """Say what writing down everybody would come to now; see `Dispatches.forecast`."""
    reason = _reason(connection, entry)
    query = select(reason, func.count()).select_from(_PEOPLE).group_by(reason).order_by(reason)
    found = dict(connection.execute(query).all())
    return Prepared(
        to_send=found.pop(None, 0),
        left_out={why: n for why, n in found.items() if why is not None},
    )


def write_down(connection: Connection, id_: DispatchId, entry: EntryId, now: datetime) -> None:
    """Insert a delivery or an exclusion for everybody and set the dispatch SENDING.

    Two statements over the whole table, so a million people cost no memory here. The caller
    holds the write lock: nobody joins or leaves between the two.
    """
    reason = _reason(connection, entry)
    to_send = (
        select(
            literal(id_),
            subscriber.c.id,
            subscriber.c.address,
            subscriber.c.name,
            literal(DeliveryStatus.PENDING.value),
            literal(0),
            literal(""),
            literal(now, Moment),
        )
        .select_from(_PEOPLE)
        .where(reason.is_(None))
        .order_by(subscriber.c.id)
    )
    columns = ("dispatch_id", "subscriber_id", "address", "name", "status", "attempts", "reply")
    written = connection.execute(
        insert(delivery).from_select([*columns, "updated_at"], to_send)
    ).rowcount
    left_out = (
        select(literal(id_), subscriber.c.id, reason)
        .select_from(_PEOPLE)
        .where(reason.is_not(None))
    )
    excluded = connection.execute(
        insert(exclusion).from_select(["dispatch_id", "subscriber_id", "reason"], left_out)
    ).rowcount
    connection.execute(
        update(dispatch)
        .where(dispatch.c.id == id_)
        .values(state=DispatchState.SENDING, people=written + excluded, started_at=now, note=None)
    )


def _reason(connection: Connection, entry: EntryId) -> ColumnElement[str | None]:
    """Return the expression for why a subscriber is left out; NULL if they are not."""
    # Looked up first, because there is nearly never one, and then the statements need no delivery.
    earlier = connection.scalars(
        select(dispatch.c.id).where(
            dispatch.c.entry == entry, dispatch.c.state == DispatchState.CANCELLED
        )
    ).all()
    reached = exists().where(
        delivery.c.dispatch_id.in_(earlier),
        delivery.c.subscriber_id == subscriber.c.id,
        or_(
            delivery.c.status.in_(_REACHED),
            # Nobody answered, and it was to be sent again: it may have arrived all the same.
            and_(delivery.c.status == DeliveryStatus.DEFERRED, delivery.c.code.is_(None)),
        ),
    )
    # A suppression weighs more than the state: it holds for whoever asks.
    return case(
        (suppression.c.reason.is_not(None), suppression.c.reason),
        (subscriber.c.state != SubscriberState.ACTIVE, subscriber.c.state),
        *([(reached, literal(ALREADY))] if earlier else []),
        else_=None,
    )
