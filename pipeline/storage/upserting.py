"""Writing down many people in one transaction: the statements of an import.

They go to the driver as they stand, because Core costs six times the CPU on rows by the
thousand. PostgreSQL needs its own, with `= ANY(%s)` in place of `json_each` (decision D12).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from pipeline.model.moment import microseconds
from pipeline.model.subscriber import Consent, SubscriberState
from pipeline.storage.standing import Known, NewSubscriber, Standing, stand

_KNOWN: Final = """
    SELECT address_norm, name, state FROM subscriber
     WHERE address_norm IN (SELECT value FROM json_each(?))"""
_SUPPRESSED: Final = """
    SELECT address_hash FROM suppression
     WHERE address_hash IN (SELECT value FROM json_each(?))"""
_INSERT: Final = """
    INSERT INTO subscriber
           (address, address_norm, address_hash, name, state, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)"""
_UPDATE: Final = "UPDATE subscriber SET name = ?, state = ?, updated_at = ? WHERE address_norm = ?"
_CONSENT: Final = """
    INSERT INTO consent (subscriber_id, action, method, source, at)
    SELECT id, ?, ?, ?, ? FROM subscriber
     WHERE address_norm IN (SELECT value FROM json_each(?))
     ORDER BY id"""

_BY_VALUE: Final = {state.value: state for state in SubscriberState}


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of rows, before any of it is written."""

    standings: list[Standing]  # one a row
    new: dict[str, NewSubscriber]  # these and the rest by normalised address
    before: dict[str, Known]
    after: dict[str, Known]
    hashes: dict[str, str]


def decide(
    connection: Connection, rows: Sequence[NewSubscriber], hasher: Callable[[str], str]
) -> Decided:
    """Decide what becomes of `rows`, given who is known and who is suppressed."""
    hashes = {row.normalised: hasher(row.normalised) for row in rows}
    before = _known(connection, hashes)
    suppressed = _suppressed(connection, hashes.values())
    decided = Decided([], {}, before, dict(before), hashes)
    for row in rows:
        key = row.normalised
        known = decided.after.get(key)
        standing, outcome = stand(row, known, suppressed=hashes[key] in suppressed)
        decided.standings.append(standing)
        if standing is Standing.NEW:
            decided.new[key] = row
        if standing in {Standing.NEW, Standing.UPDATED}:
            decided.after[key] = outcome
    return decided


def write(connection: Connection, decided: Decided, agreed: Consent) -> None:
    """Write what was decided in this transaction, which has had the write lock since."""
    new, before, after = decided.new, decided.before, decided.after
    now = microseconds(agreed.at)
    _execute_many(
        connection,
        _INSERT,
        [
            (
                row.address,
                key,
                decided.hashes[key],
                after[key].name,
                after[key].state.value,
                now,
                now,
            )
            for key, row in new.items()
        ],
    )
    _execute_many(
        connection,
        _UPDATE,
        [
            (person.name, person.state.value, now, key)
            for key, person in after.items()
            if key not in new and person != before[key]
        ],
    )
    activated = [
        key
        for key, person in after.items()
        if person.state is SubscriberState.ACTIVE
        and (key in new or before[key].state is not SubscriberState.ACTIVE)
    ]
    word = (agreed.action, agreed.method, agreed.source, now, json.dumps(activated))
    connection.exec_driver_sql(_CONSENT, word)


def _known(connection: Connection, normalised: Iterable[str]) -> dict[str, Known]:
    found = connection.exec_driver_sql(_KNOWN, (json.dumps(list(normalised)),))
    return {key: Known(name, _BY_VALUE[state]) for key, name, state in found}


def _suppressed(connection: Connection, hashes: Iterable[str]) -> set[str]:
    found = connection.exec_driver_sql(_SUPPRESSED, (json.dumps(list(hashes)),))
    return {address_hash for (address_hash,) in found}


def _execute_many(
    connection: Connection, statement: str, rows: list[tuple[str | int, ...]]
) -> None:
    if rows:
        connection.exec_driver_sql(statement, rows)
