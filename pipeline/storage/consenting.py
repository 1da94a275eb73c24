"""Double opt-in: asking, confirming in time, and being forgotten otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, exists, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    ListId,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.changing import record, subscribe
from pipeline.storage.schema import (
    consent,
    delivery,
    exclusion,
    feedback,
    notice,
    subscriber,
    subscription,
    suppression,
    tag,
)
from pipeline.storage.standing import Confirmed, NewSubscriber
from pipeline.storage.upserting import as_json

# What a person's own fresh word takes back; the others only an operator lifts.
LIFTED: Final = (
    SuppressionReason.UNSUBSCRIBED,
    SuppressionReason.BOUNCED,
    SuppressionReason.ERASED,
)


def ask(
    connection: Connection,
    new: NewSubscriber,
    word: Consent,
    hasher: Callable[[str], str],
    list_: ListId,
) -> SubscriberId:
    """Let somebody ask to be on a list; see `Subscribers.ask`."""
    known = connection.scalar(
        select(subscriber.c.id).where(subscriber.c.address_norm == new.normalised)
    )
    id_ = SubscriberId(_write_down(connection, new, word.at, hasher) if known is None else known)
    if not subscribe(connection, id_, SubscriberState.PENDING, word.at, list_):
        connection.execute(
            update(subscription)
            .where(
                _key(id_, list_),
                subscription.c.state != SubscriberState.ACTIVE,
            )
            .values(state=SubscriberState.PENDING, since=word.at)
        )
    record(connection, id_, list_, word)
    return id_


def _write_down(
    connection: Connection, new: NewSubscriber, at: datetime, hasher: Callable[[str], str]
) -> int:
    values = {
        "address": new.address,
        "address_norm": new.normalised,
        "address_hash": hasher(new.normalised),
        "name": new.name,
        "language": new.language,
        "zone": new.zone,
        "fields": as_json(new.fields),
        "created_at": at,
        "updated_at": at,
    }
    made: int = connection.execute(
        insert(subscriber).values(values).returning(subscriber.c.id)
    ).scalar_one()
    if new.tags:
        connection.execute(
            insert(tag), [{"subscriber_id": made, "tag": each} for each in new.tags]
        )
    return made


def confirm(
    connection: Connection, id_: SubscriberId, word: Consent, not_before: datetime, list_: ListId
) -> Confirmed:
    """Make a person ACTIVE who asked not before a moment; see `Subscribers.confirm`."""
    row = connection.execute(
        select(subscription.c.state, subscription.c.since).where(_key(id_, list_))
    ).one_or_none()
    if row is None:
        return Confirmed.GONE
    match SubscriberState(row.state):
        case SubscriberState.UNSUBSCRIBED:  # the link is older than their last word
            return Confirmed.EXPIRED
        case SubscriberState.PENDING:
            if row.since < not_before:
                return Confirmed.EXPIRED
            connection.execute(
                update(subscription)
                .where(_key(id_, list_))
                .values(state=SubscriberState.ACTIVE, since=word.at, paused_until=None)
            )
            _lift(connection, id_)
        case SubscriberState.ACTIVE:
            # They were suppressed all the same, and have asked for it to end.
            if not _asked(connection, id_, not_before, list_) or not _lift(connection, id_):
                return Confirmed.ALREADY
    record(connection, id_, list_, word)
    return Confirmed.CONFIRMED


def _asked(connection: Connection, id_: SubscriberId, not_before: datetime, list_: ListId) -> bool:
    newest = connection.scalar(
        select(func.max(consent.c.at)).where(
            consent.c.subscriber_id == id_,
            consent.c.list_id == list_,
            consent.c.action == ConsentAction.ASKED,
        )
    )
    return newest is not None and newest >= not_before


def _lift(connection: Connection, id_: SubscriberId) -> int:
    """Lift what a person's own word can lift; return how many suppressions that were."""
    own = select(subscriber.c.address_hash).where(subscriber.c.id == id_).scalar_subquery()
    return connection.execute(
        delete(suppression).where(
            suppression.c.address_hash == own, suppression.c.reason.in_(LIFTED)
        )
    ).rowcount


def expire(connection: Connection, before: datetime, list_: ListId) -> int:
    """Forget who never confirmed; see `Subscribers.expire`."""
    stale = (
        (subscription.c.list_id == list_)
        & (subscription.c.state == SubscriberState.PENDING)
        & (subscription.c.since < before)
    )
    had_left = exists().where(
        consent.c.subscriber_id == subscription.c.subscriber_id,
        consent.c.list_id == subscription.c.list_id,
        consent.c.action == ConsentAction.WITHDRAWN,
    )
    returned = connection.execute(
        update(subscription).where(stale, had_left).values(state=SubscriberState.UNSUBSCRIBED)
    ).rowcount
    ids = connection.scalars(select(subscription.c.subscriber_id).where(stale)).all()
    for id_ in ids:
        connection.execute(delete(subscription).where(_key(SubscriberId(id_), list_)))
        connection.execute(
            delete(consent).where(consent.c.subscriber_id == id_, consent.c.list_id == list_)
        )
        _forget_if_unknown(connection, SubscriberId(id_))
    return returned + len(ids)


def _forget_if_unknown(connection: Connection, id_: SubscriberId) -> None:
    """Delete a person whom no list, dispatch or feedback knows."""
    others = (subscription, exclusion, delivery, feedback)
    known = select(or_(*(exists().where(table.c.subscriber_id == id_) for table in others)))
    if connection.scalar(known):
        return
    for table in (tag, consent, notice):
        connection.execute(delete(table).where(table.c.subscriber_id == id_))
    connection.execute(delete(subscriber).where(subscriber.c.id == id_))


def _key(id_: SubscriberId, list_: ListId) -> ColumnElement[bool]:
    return (subscription.c.list_id == list_) & (subscription.c.subscriber_id == id_)
