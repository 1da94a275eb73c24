"""Writing down many people in one transaction: the statements of an import.

They go to the driver as they stand, because Core costs six times the CPU on rows by the
thousand. PostgreSQL needs its own, with `= ANY(%s)` in place of `json_each` (decision D12).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from sqlalchemy import Connection

from pipeline.model.moment import microseconds
from pipeline.model.subscriber import Consent, ConsentAction, ListId, SubscriberId, SubscriberState
from pipeline.storage.schema import NO_FIELDS as NONE
from pipeline.storage.standing import NO_FIELDS, NO_TAGS, Known, NewSubscriber, Standing, stand

# Who left and then only asked, as anybody can for them, has still left for whoever adds them.
_KNOWN: Final = """
    SELECT address_norm, id, name, language, zone, fields,
           CASE WHEN state = 'pending'
                 AND EXISTS (SELECT 1 FROM consent
                              WHERE consent.subscriber_id = subscriber.id
                                AND consent.list_id = subscription.list_id
                                AND consent.action = 'withdrawn')
                THEN 'unsubscribed' ELSE state END
      FROM subscriber
      LEFT JOIN subscription ON list_id = ? AND subscriber_id = id
     WHERE address_norm IN (SELECT value FROM json_each(?))"""
_TAGS: Final = """
    SELECT subscriber_id, tag FROM tag
     WHERE subscriber_id IN (SELECT value FROM json_each(?))"""
_SUPPRESSED: Final = """
    SELECT address_hash FROM suppression
     WHERE address_hash IN (SELECT value FROM json_each(?))"""
_HIGHEST: Final = "SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'"
_INSERT: Final = """
    INSERT INTO subscriber (id, address, address_norm, address_hash, name, language, zone, fields,
                            created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_UPDATE: Final = """
    UPDATE subscriber SET name = ?, language = ?, zone = ?, fields = ?, updated_at = ?
     WHERE id = ?"""
# Of whole numbers one statement takes all: row by row, the driver costs more than SQLite.
_SUBSCRIBE: Final = """
    INSERT INTO subscription (list_id, subscriber_id, state, since)
    SELECT ?, value, ?, ? FROM json_each(?) WHERE true
    ON CONFLICT DO UPDATE SET state = excluded.state, since = excluded.since"""
_TAG: Final = "INSERT INTO tag (subscriber_id, tag) VALUES (?, ?) ON CONFLICT DO NOTHING"
_UNTAG: Final = "DELETE FROM tag WHERE subscriber_id = ? AND tag = ?"
_THERE: Final = """
    SELECT id FROM subscriber WHERE id IN (SELECT value FROM json_each(?)) AND address <> ''"""
_CONSENT: Final = """
    INSERT INTO consent (subscriber_id, action, method, source, at, list_id, wording, client)
    SELECT value, ?, ?, ?, ?, ?, ?, ? FROM json_each(?)"""

_BY_VALUE: Final = {state.value: state for state in SubscriberState}

Row = tuple[str | int | None, ...]


class Decided(Struct, frozen=True):
    """What becomes of rows, before any of it is written; all by normalised address."""

    standings: list[Standing] = field(default_factory=list)  # one a row
    new: dict[str, NewSubscriber] = field(default_factory=dict)  # to the database
    ids: dict[str, SubscriberId] = field(default_factory=dict)  # of who was known
    before: dict[str, Known] = field(default_factory=dict)
    after: dict[str, Known] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    proofs: dict[str, str] = field(
        default_factory=dict
    )  # of the rows that made them what they are


def decide(
    connection: Connection,
    rows: Sequence[NewSubscriber],
    hasher: Callable[[str], str],
    list_: ListId,
) -> Decided:
    """Decide what becomes of `rows` on a list, given who is known and who is suppressed."""
    hashes = {row.normalised: hasher(row.normalised) for row in rows}
    ids, before = _known(connection, hashes, list_, with_tags=any(row.tags for row in rows))
    suppressed = _suppressed(connection, hashes.values())
    decided = Decided(ids=ids, before=before, after=dict(before), hashes=hashes)
    for row in rows:
        key = row.normalised
        known = decided.after.get(key)
        standing, outcome = stand(row, known, suppressed=hashes[key] in suppressed)
        decided.standings.append(standing)
        if outcome is None or outcome is known:
            continue
        decided.after[key] = outcome
        if known is None:
            decided.new[key] = row
        if row.proof and (known is None or outcome.state is not known.state):
            decided.proofs[key] = row.proof
    return decided


def write(connection: Connection, decided: Decided, agreed: Consent, list_: ListId) -> None:
    """Write what was decided in this transaction, which has had the write lock since."""
    now = microseconds(agreed.at)
    ids = _insert(connection, decided, now)
    words_of = {
        SubscriberState.ACTIVE: agreed.action,
        SubscriberState.UNSUBSCRIBED: ConsentAction.WITHDRAWN.value,
    }
    updates: list[Row] = []
    tags: list[Row] = []
    joined: dict[SubscriberState | None, list[SubscriberId]] = {}
    saying: dict[tuple[str, str], list[SubscriberId]] = {}  # by their word and its proof
    for key, person in decided.after.items():
        before = decided.before.get(key)
        if person is before:
            continue
        id_ = ids[key]
        if before is None or person.state is not before.state:
            joined.setdefault(person.state, []).append(id_)
            if person.state in words_of:
                word = words_of[person.state], decided.proofs.get(key, "")
                saying.setdefault(word, []).append(id_)
        if before is not None and person.facts != before.facts:
            updates.append((*person.facts[:-1], as_json(person.fields), now, id_))
        if person.tags:
            tags += ((id_, tag) for tag in person.tags)
    _execute_many(connection, _UPDATE, updates)
    _execute_many(connection, _TAG, tags)
    for state, people in joined.items():
        connection.exec_driver_sql(_SUBSCRIBE, (list_, str(state), now, json.dumps(people)))
    words: list[Row] = [
        (
            action,
            agreed.method,
            "; ".join(filter(None, (agreed.source, proof))),
            now,
            list_,
            agreed.wording,
            agreed.client,
            json.dumps(people),
        )
        for (action, proof), people in saying.items()
    ]
    _execute_many(connection, _CONSENT, words)


def retag(
    connection: Connection,
    people: Sequence[SubscriberId],
    add: Collection[str],
    remove: Collection[str],
) -> int:
    """Give people tags and take others away; return how many of them are there."""
    there = connection.exec_driver_sql(_THERE, (json.dumps(list(people)),)).scalars().all()
    _execute_many(connection, _TAG, [(id_, name) for id_ in there for name in add])
    _execute_many(connection, _UNTAG, [(id_, name) for id_ in there for name in remove])
    return len(there)


def _insert(connection: Connection, decided: Decided, now: int) -> dict[str, SubscriberId]:
    """Write down who is new to the database; return everybody's id.

    With the write lock the next ids are known beforehand, and nothing has to be looked up again.
    """
    if not decided.new:
        return decided.ids
    highest = connection.exec_driver_sql(_HIGHEST).scalar() or 0
    ids = {key: SubscriberId(id_) for id_, key in enumerate(decided.new, highest + 1)}
    people: list[Row] = []
    for key, row in decided.new.items():
        name, _, language, zone, fields, _ = decided.after[key]
        people.append(
            (
                ids[key],
                row.address,
                key,
                decided.hashes[key],
                name,
                language,
                zone,
                as_json(fields) if fields else NONE,
                now,
                now,
            )
        )
    _execute_many(connection, _INSERT, people)
    return ids | decided.ids


def as_json(fields: Mapping[str, str]) -> str:
    """Return the fields of a person as the database has them.

    No letter is escaped: SQLite 3.40 finds no key that is.
    """
    return json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":")) if fields else NONE


def from_json(stored: str) -> Mapping[str, str]:
    """Return the fields of a person that the database has."""
    if stored == NONE:
        return NO_FIELDS
    fields: dict[str, str] = json.loads(stored)
    return fields


def _known(
    connection: Connection, normalised: Iterable[str], list_: ListId, *, with_tags: bool
) -> tuple[dict[str, SubscriberId], dict[str, Known]]:
    found = connection.exec_driver_sql(_KNOWN, (list_, json.dumps(list(normalised)))).all()
    ids = {key: SubscriberId(id_) for key, id_, *_ in found}
    tags = _tags(connection, ids.values()) if with_tags and ids else {}
    known = {
        key: Known(
            name,
            _BY_VALUE.get(state),
            language,
            zone,
            from_json(fields),
            frozenset(tags.get(id_, NO_TAGS)),
        )
        for key, id_, name, language, zone, fields, state in found
    }
    return ids, known


def _tags(connection: Connection, ids: Iterable[SubscriberId]) -> dict[SubscriberId, set[str]]:
    tags: dict[SubscriberId, set[str]] = {}
    for id_, tag in connection.exec_driver_sql(_TAGS, (json.dumps(list(ids)),)):
        tags.setdefault(id_, set()).add(tag)
    return tags


def _suppressed(connection: Connection, hashes: Iterable[str]) -> set[str]:
    found = connection.exec_driver_sql(_SUPPRESSED, (json.dumps(list(hashes)),))
    return {address_hash for (address_hash,) in found}


def _execute_many(connection: Connection, statement: str, rows: list[Row]) -> None:
    if rows:
        connection.exec_driver_sql(statement, rows)
