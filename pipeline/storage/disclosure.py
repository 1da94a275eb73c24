"""Everything that is known of one person, for that person to read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Select, select

from pipeline.model.subscriber import SubscriberId
from pipeline.storage.engine import Database
from pipeline.storage.schema import (
    attempt,
    consent,
    delivery,
    dispatch,
    exclusion,
    feedback,
    mailing_list,
    notice,
    subscriber,
    subscription,
    suppression,
    tag,
)

_LIST: Final = mailing_list.c.name.label("list")


class Disclosure(Struct, frozen=True):
    """What a person may know of themselves; everything there is."""

    database: Database

    def __call__(self, id_: SubscriberId) -> dict[str, Any] | None:
        """Return all rows about a person, ready for JSON; None if they are not there or erased.

        Times are in UTC and ISO 8601. Our numbers and keys are left out: they are about us.
        """
        with self.database.reading() as connection:
            person = _rows(connection, _person(id_))
            if not person:
                return None
            sections = {name: _rows(connection, query) for name, query in _about(id_).items()}
        found = person[0]
        found["fields"] = json.loads(found["fields"])
        found["tags"] = [row["tag"] for row in sections.pop("tags")]
        for row in sections["messages"]:
            row["fields"] = json.loads(row["fields"] or "{}")
        return {"person": found, **sections}


def _person(id_: SubscriberId) -> Select[*tuple[Any, ...]]:
    known = subscriber.c
    return select(
        known.address,
        known.name,
        known.language,
        known.zone,
        known.fields,
        known.created_at,
        known.updated_at,
    ).where(known.id == id_, known.address != "")


def _about(id_: SubscriberId) -> dict[str, Select[*tuple[Any, ...]]]:
    """Return the queries by what they tell of."""
    in_list = mailing_list.c.id
    own = select(subscriber.c.address_hash).where(subscriber.c.id == id_).scalar_subquery()
    return {
        "tags": select(tag.c.tag).where(tag.c.subscriber_id == id_).order_by(tag.c.tag),
        "subscriptions": select(
            _LIST, subscription.c.state, subscription.c.since, subscription.c.paused_until
        )
        .join_from(subscription, mailing_list, in_list == subscription.c.list_id)
        .where(subscription.c.subscriber_id == id_)
        .order_by(in_list),
        "consents": select(
            _LIST,
            consent.c.action,
            consent.c.method,
            consent.c.source,
            consent.c.at,
            consent.c.wording,
            consent.c.client,
        )
        .join_from(consent, mailing_list, in_list == consent.c.list_id)
        .where(consent.c.subscriber_id == id_)
        .order_by(consent.c.id),
        "messages": select(
            dispatch.c.entry,
            delivery.c.address,
            delivery.c.name,
            delivery.c.fields,
            delivery.c.status,
            delivery.c.attempts,
            delivery.c.dated_at,
            delivery.c.first_tried_at,
            delivery.c.due_at,
            delivery.c.updated_at,
            delivery.c.code,
            delivery.c.reply,
        )
        .join_from(delivery, dispatch)
        .where(delivery.c.subscriber_id == id_)
        .order_by(delivery.c.id),
        "attempts": select(
            dispatch.c.entry,
            attempt.c.number,
            attempt.c.started_at,
            attempt.c.ended_at,
            attempt.c.status,
            attempt.c.code,
            attempt.c.reply,
        )
        .join_from(attempt, delivery)
        .join(dispatch, dispatch.c.id == delivery.c.dispatch_id)
        .where(delivery.c.subscriber_id == id_)
        .order_by(attempt.c.delivery_id, attempt.c.number),
        "left_out": select(dispatch.c.entry, exclusion.c.reason)
        .join_from(exclusion, dispatch)
        .where(exclusion.c.subscriber_id == id_)
        .order_by(exclusion.c.dispatch_id),
        "feedback": select(
            feedback.c.at,
            feedback.c.source,
            feedback.c.kind,
            feedback.c.status,
            feedback.c.reply,
            feedback.c.counted,
        )
        .where(feedback.c.subscriber_id == id_)
        .order_by(feedback.c.id),
        "notices": select(
            notice.c.kind,
            _LIST,
            notice.c.status,
            notice.c.attempts,
            notice.c.created_at,
            notice.c.updated_at,
            notice.c.reply,
        )
        .join_from(notice, mailing_list, in_list == notice.c.list_id)
        .where(notice.c.subscriber_id == id_)
        .order_by(notice.c.id),
        "suppressions": select(suppression.c.reason, suppression.c.at).where(
            suppression.c.address_hash == own
        ),
    }


def _rows(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [
        {name: _plain(value) for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
