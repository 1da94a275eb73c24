"""Writing down the audience of a dispatch: who gets it, and who is left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct
from sqlalchemy import (
    Case,
    ColumnElement,
    Connection,
    Select,
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
from pipeline.model.subscriber import MAIN, ListId, SubscriberState
from pipeline.storage.moment import Moment
from pipeline.storage.schema import (
    ALREADY,
    NO_FIELDS,
    PAUSED,
    delivery,
    dispatch,
    exclusion,
    subscriber,
    subscription,
    suppression,
)

_PEOPLE: Final = subscription.join(
    subscriber, subscriber.c.id == subscription.c.subscriber_id
).outerjoin(suppression, suppression.c.address_hash == subscriber.c.address_hash)
# An uncertain delivery may have arrived, so it counts as one that did.
_REACHED: Final = (DeliveryStatus.ACCEPTED, DeliveryStatus.UNCERTAIN, DeliveryStatus.SENDING)
# They are reached, or will be: nobody waits for a second copy.
_MEANT: Final = (*_REACHED, DeliveryStatus.PENDING, DeliveryStatus.DEFERRED)


class Crowd(Struct, frozen=True, kw_only=True):
    """Whom an audience comes from: a list, and a rule over its people if there is one."""

    list: ListId = MAIN
    rule: ColumnElement[bool] | None = None  # over `subscriber`, `subscription` and `tag`

    @property
    def condition(self) -> ColumnElement[bool]:
        """Who belongs to it."""
        on_list = subscription.c.list_id == self.list
        return on_list if self.rule is None else and_(on_list, self.rule)


class Prepared(Struct, frozen=True, kw_only=True):
    """What an audience comes to."""

    to_send: int
    left_out: Mapping[str, int]  # by reason, only those that occur

    @property
    def people(self) -> int:
        """Everybody who was looked at."""
        return self.to_send + sum(self.left_out.values())


def forecast(connection: Connection, entry: EntryId, crowd: Crowd, now: datetime) -> Prepared:
    """Say what writing down a crowd would come to now; see `Dispatches.forecast`."""
    reason = _reason(connection, entry, None, now)
    query = (
        select(reason, func.count())
        .select_from(_PEOPLE)
        .where(crowd.condition)
        .group_by(reason)
        .order_by(reason)
    )
    found = dict(connection.execute(query).all())
    return Prepared(
        to_send=found.pop(None, 0),
        left_out={why: n for why, n in found.items() if why is not None},
    )


def readers(
    connection: Connection,
    entry: EntryId,
    *,
    this: DispatchId | None,
    crowd: Crowd,
    now: datetime,
    count: int,
) -> Select[str]:
    """Return the query for some addresses of a crowd that would get an entry, or do by `this`."""
    return (
        select(subscriber.c.address)
        .select_from(_PEOPLE)
        .where(crowd.condition, _reason(connection, entry, this, now).is_(None))
        .order_by(subscription.c.subscriber_id)
        .limit(count)
    )


def write_down(
    connection: Connection, id_: DispatchId, entry: EntryId, crowd: Crowd, now: datetime
) -> None:
    """Insert a delivery or an exclusion for everybody and set the dispatch SENDING.

    Two statements over the whole list, so a million people cost no memory here. The caller
    holds the write lock: nobody joins or leaves between the two.
    """
    reason = _reason(connection, entry, id_, now)
    people = select().select_from(_PEOPLE).where(crowd.condition)
    to_send = (
        people.add_columns(
            literal(id_),
            subscription.c.subscriber_id,
            subscriber.c.address,
            subscriber.c.name,
            func.nullif(subscriber.c.fields, NO_FIELDS),
            literal(DeliveryStatus.PENDING.value),
            literal(0),
            literal(""),
            literal(now, Moment),
        )
        .where(reason.is_(None))
        .order_by(subscription.c.subscriber_id)
    )
    columns = ("dispatch_id", "subscriber_id", "address", "name", "fields", "status", "attempts")
    written = connection.execute(
        insert(delivery).from_select([*columns, "reply", "updated_at"], to_send)
    ).rowcount
    left_out = people.add_columns(literal(id_), subscription.c.subscriber_id, reason).where(
        reason.is_not(None)
    )
    excluded = connection.execute(
        insert(exclusion).from_select(["dispatch_id", "subscriber_id", "reason"], left_out)
    ).rowcount
    connection.execute(
        update(dispatch)
        .where(dispatch.c.id == id_)
        .values(state=DispatchState.SENDING, people=written + excluded, started_at=now, note=None)
    )


def _standing(now: datetime) -> Case[str | None]:
    """Return the expression for why a person of a list is not written to; NULL if they are."""
    # A suppression weighs more than the state: it holds for whoever asks.
    return case(
        (suppression.c.reason.is_not(None), suppression.c.reason),
        (subscription.c.state != SubscriberState.ACTIVE, subscription.c.state),
        (subscription.c.paused_until > now, literal(PAUSED)),
        else_=None,
    )


def _reason(
    connection: Connection, entry: EntryId, this: DispatchId | None, now: datetime
) -> ColumnElement[str | None]:
    """Return the expression for why a subscriber is left out; NULL if they are not."""
    # Looked up first, because there is nearly never one, and then the statements need no delivery.
    query = select(dispatch.c.id, dispatch.c.state).where(
        dispatch.c.entry == entry, dispatch.c.id.is_distinct_from(this)
    )
    cancelled: list[int] = []
    others: list[int] = []
    for row in connection.execute(query):
        (cancelled if row.state == DispatchState.CANCELLED else others).append(row.id)
    standing = _standing(now)
    if not cancelled and not others:
        return standing
    status = delivery.c.status
    has_it = exists().where(
        delivery.c.subscriber_id == subscription.c.subscriber_id,
        or_(
            and_(delivery.c.dispatch_id.in_(others), status.in_(_MEANT)),
            and_(
                delivery.c.dispatch_id.in_(cancelled),
                or_(
                    status.in_(_REACHED),
                    # Nobody answered, and it was to be sent again: it may have arrived.
                    and_(status == DeliveryStatus.DEFERRED, delivery.c.code.is_(None)),
                ),
            ),
        ),
    )
    return func.coalesce(standing, case((has_it, literal(ALREADY)), else_=None))
