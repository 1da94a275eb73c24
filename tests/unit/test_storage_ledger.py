from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import NotAllowed, StorageError
from pipeline.model.delivery import Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.moment import microseconds
from pipeline.model.ports import Ledger
from pipeline.model.subscriber import Consent, SubscriberState, SuppressionReason
from pipeline.storage import statements
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.ledger import TAKEN_BACK, SqlLedger
from pipeline.storage.progress import DeliveryRecord
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GIVEN = Consent(action="given", method="import", source="people.csv", at=NOW)
WITHDRAWN = Consent(action="withdrawn", method="web", source="/u", at=NOW)
LETTER = EntryId("first-letter")

PENDING, DEFERRED, ACCEPTED, REFUSED, UNCERTAIN = (
    DeliveryStatus.PENDING,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.REFUSED,
    DeliveryStatus.UNCERTAIN,
)
CODES = {ACCEPTED: 250, DEFERRED: 451, REFUSED: 550}


def ended(
    claim: Claim,
    status: DeliveryStatus,
    *,
    at: datetime = NOW,
    due_at: datetime = NOW,
    reply: str = "so it is",
) -> Settled:
    """Return the end of the attempt that a claim is for; it takes a minute."""
    return Settled(
        claim.delivery,
        claim.attempt,
        status,
        microseconds(at),
        microseconds(at + MINUTE),
        microseconds(due_at) if status is DEFERRED else None,
        CODES.get(status),
        reply,
    )


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a database with four subscribers."""
    opened = open_database(Path(shutil.copy(empty, tmp_path)))
    subscribers = Subscribers(opened, str.upper)
    subscribers.upsert(
        [
            NewSubscriber(address=f"{name}@example.org", normalised=name, name=name.title())
            for name in ("ann", "bob", "cid", "dan")
        ],
        GIVEN,
    )
    yield opened
    opened.close()


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    """Give the ledger of the database."""
    return SqlLedger(database)


@pytest.fixture
def dispatch(database: Database) -> DispatchId:
    """Give a dispatch that was prepared."""
    dispatches = Dispatches(database)
    id_ = dispatches.create(entry=LETTER, digest="d1", due_at=NOW, now=NOW).id
    dispatches.prepare(id_, NOW)
    return id_


def due(ledger: SqlLedger, dispatch: DispatchId, now: datetime = NOW) -> tuple[Claim, ...]:
    """Return everybody who is to be tried."""
    return ledger.due(dispatch, now=now, after=DeliveryId(0), limit=100)


def records(ledger: SqlLedger, dispatch: DispatchId) -> list[DeliveryRecord]:
    """Return every delivery of a dispatch."""
    return list(Dispatches(ledger.database).deliveries(dispatch))


def statuses(ledger: SqlLedger, dispatch: DispatchId) -> list[DeliveryStatus]:
    """Return where every delivery of a dispatch stands."""
    return [record.status for record in records(ledger, dispatch)]


def history(ledger: SqlLedger, id_: DeliveryId) -> list[tuple[int, str, bool, str]]:
    """Return the attempts of a delivery: number, status, whether it has an end, reply."""
    query = """SELECT number, status, ended_at IS NOT NULL, reply FROM attempt
                WHERE delivery_id = ? ORDER BY number"""
    with ledger.database.reading() as connection:
        rows = connection.exec_driver_sql(query, (id_,))
        return [(number, status, bool(ended), reply) for number, status, ended, reply in rows]


def everything(ledger: SqlLedger) -> list[list[tuple[object, ...]]]:
    """Return all rows that a run changes."""
    with ledger.database.reading() as connection:
        return [
            [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
            for table in ("dispatch", "delivery", "attempt")
        ]


def move(ledger: SqlLedger, dispatch: DispatchId, to: DispatchState) -> None:
    """Change the state of a dispatch."""
    Dispatches(ledger.database).set_state(dispatch, tuple(DispatchState), to, now=NOW)


def test_it_is_the_ledger_of_the_delivery_loop(ledger: SqlLedger) -> None:
    """The port is implemented as it is declared; the type checker compares."""
    port: Ledger = ledger

    assert port.due(DispatchId(1), now=NOW, after=DeliveryId(0), limit=1) == ()


def test_a_claim_says_who_and_when(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """All that a message needs of its reader is in it."""
    claim = due(ledger, dispatch)[0]

    assert claim == Claim(
        delivery=claim.delivery,
        subscriber=claim.subscriber,
        address="ann@example.org",
        name="Ann",
        attempt=1,
        dated_at=None,
        first_tried_at=None,
    )


def test_an_acceptance_is_in_its_delivery_and_nowhere_else(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """A million acceptances need no history: the delivery has every word of it."""
    ann, *_ = due(ledger, dispatch)

    ledger.settle(dispatch, [ended(ann, ACCEPTED, reply="2.0.0 taken")])

    record = records(ledger, dispatch)[0]
    assert (record.status, record.attempts, record.code, record.reply) == (
        ACCEPTED,
        1,
        250,
        "2.0.0 taken",
    )
    assert record.updated_at == NOW + MINUTE
    assert history(ledger, ann.delivery) == []


def test_what_did_not_end_in_acceptance_is_in_the_history(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """Each attempt by its number; also two of one delivery that are stored at once."""
    ann, bob, *_ = due(ledger, dispatch)

    ledger.settle(
        dispatch,
        [
            ended(ann, DEFERRED, reply="later"),
            ended(ann._replace(attempt=2), DEFERRED, reply="later still"),
            ended(bob, REFUSED, reply="no such user"),
            ended(ann._replace(attempt=3), ACCEPTED),
        ],
    )

    assert history(ledger, ann.delivery) == [
        (1, "deferred", True, "later"),
        (2, "deferred", True, "later still"),
    ]
    assert history(ledger, bob.delivery) == [(1, "refused", True, "no such user")]
    assert statuses(ledger, dispatch) == [ACCEPTED, REFUSED, PENDING, PENDING]


def test_only_what_counts_is_in_the_history(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """A journal that is read again adds no attempt and changes no word or time."""
    ann, bob, *_ = due(ledger, dispatch)
    journal = [
        ended(ann, DEFERRED, reply="later"),
        ended(bob, REFUSED),
        ended(bob, PENDING),
        ended(ann._replace(attempt=2), ACCEPTED, at=NOW + MINUTE),
    ]
    ledger.settle(dispatch, journal)
    before = everything(ledger)
    ledger.settle(dispatch, journal)
    ledger.settle(dispatch, [ended(ann, REFUSED), ended(bob._replace(attempt=3), REFUSED)])

    assert everything(ledger) == before


def test_what_was_cut_off_has_no_end(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """Nobody knows when it ended, and none is invented."""
    ann, *_ = due(ledger, dispatch)
    cut_off = Settled(ann.delivery, 1, UNCERTAIN, microseconds(NOW), reply="it stopped")

    ledger.settle(dispatch, [cut_off])

    assert history(ledger, ann.delivery) == [(1, "uncertain", False, "it stopped")]
    assert records(ledger, dispatch)[0].updated_at == NOW


def test_what_is_taken_back_stays_in_the_history(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """The delivery knows nothing of it; its next attempt has the same number."""
    ann, *_ = due(ledger, dispatch)
    ledger.settle(dispatch, [ended(ann, REFUSED), ended(ann, PENDING, reply="")])

    record = records(ledger, dispatch)[0]
    assert (record.status, record.attempts, record.code, record.reply) == (PENDING, 0, None, "")
    assert history(ledger, ann.delivery) == [(1, "pending", True, TAKEN_BACK)]
    ledger.settle(dispatch, [ended(ann, REFUSED, reply="again")])
    assert history(ledger, ann.delivery) == [(1, "refused", True, "again")]


def test_a_batch_is_stored_whole_or_not_at_all(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """What cannot be stored takes back what was stored before it."""
    ann, bob, *_ = due(ledger, dispatch)
    before = everything(ledger)

    with pytest.raises(StorageError):
        ledger.settle(dispatch, [ended(ann, ACCEPTED), ended(bob, DEFERRED)._replace(due_at=None)])

    assert everything(ledger) == before


@pytest.mark.parametrize(
    "state", [state for state in DispatchState if state is not DispatchState.SENDING]
)
def test_only_a_sending_dispatch_gives_claims_but_outcomes_are_always_stored(
    ledger: SqlLedger, dispatch: DispatchId, state: DispatchState
) -> None:
    """Pausing stops the next message; the answer to the last is kept."""
    claims = due(ledger, dispatch)
    with ledger.database.writing() as connection:
        connection.exec_driver_sql("UPDATE dispatch SET state = ?", (state.value,))
    ledger.settle(dispatch, [ended(claims[0], ACCEPTED)])

    assert due(ledger, dispatch) == ()
    assert ledger.wanted(dispatch, [claim.delivery for claim in claims]) == frozenset()
    assert statuses(ledger, dispatch)[:2] == [ACCEPTED, PENDING]


@pytest.mark.parametrize("again", [False, True])
def test_who_unsubscribes_meanwhile_is_left_out(
    ledger: SqlLedger, dispatch: DispatchId, again: bool
) -> None:
    """A word given after the audience was written down wins, before a retry too."""
    ann, *_ = due(ledger, dispatch)
    if again:
        ledger.settle(dispatch, [ended(ann, DEFERRED)])
    subscribers = Subscribers(ledger.database, str.upper)
    subscribers.set_state(ann.subscriber, SubscriberState.UNSUBSCRIBED, WITHDRAWN)

    assert ledger.wanted(dispatch, [ann.delivery]) == frozenset()
    assert ann.address not in [claim.address for claim in due(ledger, dispatch)]
    [record] = Dispatches(ledger.database).deliveries(dispatch, DeliveryStatus.LEFT_OUT)
    assert (record.address, record.reply, record.code) == (ann.address, "unsubscribed", None)


def test_who_is_suppressed_meanwhile_is_left_out(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """A complaint about the last message stops the one in the queue; even all of them."""
    rows = [(name, SuppressionReason.COMPLAINED) for name in ("ann", "bob", "cid", "dan")]
    Suppressions(ledger.database, str.upper).add_all(rows, now=NOW)

    assert due(ledger, dispatch) == ()

    found = records(ledger, dispatch)
    assert {record.status for record in found} == {DeliveryStatus.LEFT_OUT}
    assert {record.reply for record in found} == {"complained"}


def test_to_look_takes_no_write_lock(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """A page is read while somebody else writes, as long as nobody has to be left out."""
    with ledger.database.writing():
        assert len(due(ledger, dispatch)) == 4
        assert len(ledger.wanted(dispatch, [DeliveryId(1), DeliveryId(2)])) == 2


def test_a_person_decides_what_is_uncertain(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """One by one or all at once; sent again it is the same message, so both can be told as one."""
    ann, bob, *_ = due(ledger, dispatch)
    ledger.settle(dispatch, [ended(ann, UNCERTAIN), ended(bob, UNCERTAIN)])
    before = ledger.version()

    one = ledger.resolve(dispatch, UNCERTAIN, ACCEPTED, now=NOW, deliveries=[bob.delivery])
    rest = ledger.resolve(dispatch, UNCERTAIN, PENDING, now=NOW)

    assert (one, rest) == (1, 1)
    again = due(ledger, dispatch)[0]
    assert (again.delivery, again.attempt) == (ann.delivery, 2)
    assert (again.dated_at, again.first_tried_at) == (microseconds(NOW), None)
    assert ledger.version() != before
    assert statuses(ledger, dispatch)[1] is ACCEPTED


def test_a_person_may_have_the_refused_tried_again(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """With a number no attempt had, so that no journal mistakes the new for the old."""
    ann, *_ = due(ledger, dispatch)
    refused = ended(ann, REFUSED)
    ledger.settle(dispatch, [refused])

    assert ledger.resolve(dispatch, REFUSED, PENDING, now=NOW) == 1
    ledger.settle(dispatch, [refused, ended(ann, PENDING)])
    again = due(ledger, dispatch)[0]
    assert (again.attempt, again.dated_at, again.first_tried_at) == (2, microseconds(NOW), None)
    ledger.settle(dispatch, [ended(again, DEFERRED, at=NOW + MINUTE)])
    later = due(ledger, dispatch, NOW + MINUTE)[-1]
    assert (later.dated_at, later.first_tried_at) == (
        microseconds(NOW),
        microseconds(NOW + MINUTE),
    )
    assert [number for number, *_ in history(ledger, ann.delivery)] == [1, 2]


def test_only_what_was_asked_about_is_decided(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """Whatever is asked for, what is known stays."""
    ann, *_ = due(ledger, dispatch)
    ledger.settle(dispatch, [ended(ann, REFUSED)])
    before = everything(ledger)
    ids = [record.id for record in records(ledger, dispatch)]

    assert ledger.resolve(dispatch, UNCERTAIN, ACCEPTED, now=NOW, deliveries=ids) == 0
    assert everything(ledger) == before


@pytest.mark.parametrize(
    ("status", "to"),
    [(UNCERTAIN, REFUSED), (REFUSED, ACCEPTED), (ACCEPTED, PENDING), (PENDING, ACCEPTED)],
)
def test_a_person_cannot_decide_everything(
    ledger: SqlLedger, dispatch: DispatchId, status: DeliveryStatus, to: DeliveryStatus
) -> None:
    """Whoever has a message does not get it again, and none is accepted by decree."""
    with pytest.raises(ValueError, match="a person cannot make"):
        ledger.resolve(dispatch, status, to, now=NOW)


def test_nothing_becomes_pending_where_nobody_sends(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """A delivery that waits for ever would look as if it was on its way."""
    ann, *_ = due(ledger, dispatch)
    ledger.settle(dispatch, [ended(ann, UNCERTAIN)])
    move(ledger, dispatch, DispatchState.CANCELLED)

    with pytest.raises(NotAllowed, match="is cancelled"):
        ledger.resolve(dispatch, UNCERTAIN, PENDING, now=NOW)

    assert ledger.resolve(dispatch, UNCERTAIN, ACCEPTED, now=NOW) == 1


def plan(database: Database, query: str) -> str:
    """Return how SQLite goes about a statement of the ledger."""
    values = {"dispatch": 1, "now": 1, "after": 1, "limit": 1, "gone": "[]", "deliveries": "[]"}
    with database.reading() as connection:
        rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + query, values)
        return " | ".join(row[3] for row in rows)


@pytest.mark.parametrize("query", ["DUE_PENDING", "DUE_DEFERRED"])
def test_a_page_is_a_seek_and_no_sort(database: Database, query: str) -> None:
    """It costs the same after a million deliveries as before the first."""
    found = plan(database, getattr(statements, query))

    assert "SEARCH delivery USING INDEX ix_delivery_claim (dispatch_id=? AND status=?" in found
    assert "due_at" in found
    assert "TEMP B-TREE" not in found
    assert "SCAN" not in found.replace("SCAN (subquery-1)", "")  # of the page itself


def test_the_question_who_is_wanted_looks_at_nobody_else(database: Database) -> None:
    """It is asked in the middle of a run of a million."""
    found = plan(database, statements.WANTED)

    assert "SEARCH delivery USING INTEGER PRIMARY KEY" in found
    scanned = re.findall(r"SCAN (\w+)", found)
    assert sorted(scanned) == ["asked", "json_each"]  # the ids asked for, and who is gone
