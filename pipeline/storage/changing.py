"""Changes to one person: their state on a list, their pause, their facts, their tags."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, exists, select, update
from sqlalchemy.dialects.sqlite import insert

from pipeline.model.subscriber import Consent, ListId, SubscriberId, SubscriberState
from pipeline.storage.schema import consent, subscriber, subscription, tag
from pipeline.storage.upserting import as_json, from_json


def record(connection: Connection, id_: SubscriberId, list_: ListId, word: Consent) -> None:
    """Add a word to the history of a person on a list."""
    values = {"subscriber_id": id_, "list_id": list_, **asdict(word)}
    connection.execute(insert(consent), values)


def set_state(
    connection: Connection, id_: SubscriberId, state: SubscriberState, word: Consent, list_: ListId
) -> bool:
    """Change the state of a subscriber; see `Subscribers.set_state`."""
    key = (subscription.c.list_id == list_) & (subscription.c.subscriber_id == id_)
    values: dict[str, Any] = {"state": state, "since": word.at}
    if state is SubscriberState.ACTIVE:
        values["paused_until"] = None  # a pause of their former time here
    changed: int = connection.execute(
        update(subscription).where(key, subscription.c.state != state).values(values)
    ).rowcount
    if not changed and state is not SubscriberState.UNSUBSCRIBED:
        changed = subscribe(connection, id_, state, word.at, list_)
    if changed:
        record(connection, id_, list_, word)
    return bool(changed)


def subscribe(
    connection: Connection, id_: SubscriberId, state: SubscriberState, at: datetime, list_: ListId
) -> int:
    """Put somebody on a list who was never on it and is not erased; return how many that were."""
    is_there = select(subscriber.c.id).where(subscriber.c.id == id_, subscriber.c.address != "")
    if connection.scalar(is_there) is None:
        return 0
    values = {"list_id": list_, "subscriber_id": id_, "state": state, "since": at}
    return connection.execute(
        insert(subscription).values(values).on_conflict_do_nothing()
    ).rowcount


def pause(
    connection: Connection, id_: SubscriberId, until: datetime | None, word: Consent, list_: ListId
) -> bool:
    """Pause a subscriber on a list; see `Subscribers.pause`."""
    change = (
        update(subscription)
        .where(
            subscription.c.list_id == list_,
            subscription.c.subscriber_id == id_,
            subscription.c.paused_until.is_distinct_from(until),
        )
        .values(paused_until=until)
    )
    if not connection.execute(change).rowcount:
        return False
    record(connection, id_, list_, word)
    return True


def change(
    connection: Connection,
    id_: SubscriberId,
    facts: Mapping[str, str | None],
    fields: Mapping[str, str] | None,
    now: datetime,
) -> bool:
    """Change what is known of a person; see `Subscribers.change`."""
    query = select(subscriber.c.fields).where(subscriber.c.id == id_, subscriber.c.address != "")
    known = connection.scalar(query)
    if known is None:
        return False
    values: dict[str, Any] = {"updated_at": now}
    for column, value in facts.items():
        if value is not None:
            values[column] = value if column == "name" else value or None
    if fields is not None:
        merged = {**from_json(known), **fields}
        values["fields"] = as_json({name: value for name, value in merged.items() if value})
    connection.execute(update(subscriber).where(subscriber.c.id == id_).values(values))
    return True


def has_tag(name: str) -> ColumnElement[bool]:
    """Return the condition that a subscriber has a tag."""
    return exists().where(tag.c.subscriber_id == subscriber.c.id, tag.c.tag == name)
