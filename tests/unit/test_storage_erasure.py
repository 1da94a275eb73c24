from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import ColumnElement, Table, Text, select, update

from pipeline.errors import StorageError
from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.feedback import FeedbackKind
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import (
    MAIN,
    Consent,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.disclosure import Disclosure
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.erasure import Erasure
from pipeline.storage.feedbacks import FeedbackRecord, Feedbacks
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.notices import Notices
from pipeline.storage.schema import metadata, subscriber
from pipeline.storage.standing import Confirmed, NewSubscriber, Standing
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
WITHIN = timedelta(hours=72)
ADDRESS: Final = "Ann.Unique-7431@example.org"
ANN: Final = NewSubscriber(
    address=ADDRESS,
    normalised=ADDRESS.lower(),
    name="Ann",
    language="de",
    zone="Europe/Berlin",
    fields={"city": "Ghent"},
    tags=frozenset({"vip"}),
)
GIVEN = Consent(action="given", method="web", source="/subscribe", at=NOW)
ASKED = Consent(action="asked", method="web", source="/subscribe", at=NOW)
# Words of our own, from a short list or of another sort: nobody can write anything into them.
OURS: Final = {
    "attempt.status",
    "consent.action",
    "consent.method",
    "delivery.status",
    "exclusion.reason",
    "feedback.detector",
    "feedback.key",  # a digest
    "feedback.kind",
    "feedback.source",
    "feedback.status",  # RFC 3463
    "notice.kind",
    "notice.status",
    "subscription.state",
}
# What only we can use, or what is another spelling of something that is told.
NOT_TOLD: Final = {"subscriber.address_norm", "subscriber.address_hash"}


def hash_of(normalised: str) -> str:
    """Stand in for the keyed hash."""
    return normalised[::-1].encode().hex()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a database in which everything has happened to Ann, and some of it to Bob."""
    opened = open_database(tmp_path_factory.mktemp("lived") / "broadsheet.db")
    bob = NewSubscriber(address="bob@example.net", normalised="bob@example.net")
    Subscribers(opened, hash_of).upsert((ANN, bob), GIVEN)
    _write_to(opened)
    ann = ann_in(opened)
    for key, about in (("k1", ann), ("k2", None)):
        Feedbacks(opened).record(bounce(key, about))
    Notices(opened).add("welcome", ann, MAIN, NOW)
    opened.close()
    return opened.path


@pytest.fixture
def database(lived: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a copy of that database."""
    opened = open_database(Path(shutil.copy(lived, tmp_path)))
    yield opened
    opened.close()


def _write_to(database: Database) -> None:
    """Send one issue that is refused, one that waits, and one without Ann."""
    for name, paused in (("first", False), ("second", False), ("third", True)):
        if paused:
            Subscribers(database, hash_of).pause(ann_in(database), NOW + timedelta(days=30), GIVEN)
        dispatches = Dispatches(database)
        id_ = dispatches.create(entry=EntryId(name), digest="d", due_at=NOW, now=NOW).id
        dispatches.prepare(id_, NOW)
        if name == "first":
            claim = SqlLedger(database).due(id_, now=NOW, after=DeliveryId(0), limit=1)[0]
            SqlLedger(database).settle(id_, [refusal(claim.delivery, claim.attempt)])
    Subscribers(database, hash_of).pause(ann_in(database), None, GIVEN)


def refusal(delivery: DeliveryId, attempt: int) -> Settled:
    """Return the refusal of an attempt, which names its reader."""
    at, reply = microseconds(NOW), f"<{ADDRESS}>: no such user"
    return Settled(delivery, attempt, DeliveryStatus.REFUSED, at, at, None, 550, reply)


def bounce(key: str, about: SubscriberId | None) -> FeedbackRecord:
    """Return a bounce that names Ann, proven to be about somebody or not."""
    return FeedbackRecord(
        at=NOW,
        source="maildir",
        key=f"{key} {ADDRESS}",
        kind=FeedbackKind.HARD,
        status="5.1.1",
        reply=f"550 {ADDRESS.upper()} unknown",
        detector="dsn",
        proven=about is not None,
        counted=about is not None,
        delivery=None if about is None else DeliveryId(1),
        subscriber=about,
        list=None if about is None else MAIN,
        dispatch=None if about is None else DispatchId(1),
    )


def ann_in(database: Database) -> SubscriberId:
    """Return who Ann is."""
    found = Subscribers(database, hash_of).find(ANN.normalised)
    assert found
    return found


def texts() -> list[tuple[Table, str]]:
    """Return each column of text in a table that is about people."""
    people = [
        table
        for table in metadata.sorted_tables
        if table is subscriber or {"subscriber_id", "delivery_id"} & set(table.columns.keys())
    ]
    return [
        (table, column.name)
        for table in people
        for column in table.columns
        if isinstance(column.type, Text) and f"{table.name}.{column.name}" not in OURS
    ]


def fill(database: Database, mark: str) -> None:
    """Write a mark of its own, with the address in it, into every column of text about Ann.

    A column that somebody adds is filled too: then it has to be erased, or to be among OURS.
    """
    with database.writing() as connection:
        for table, name in texts():
            value = f"{mark} {table.name}.{name} {ADDRESS}"
            if name == "fields":
                value = json.dumps({"note": value})
            elif name in {"address", "address_norm"}:
                continue  # these are the address
            connection.execute(update(table).values({name: value}).where(_hers(table)))


def _hers(table: Table) -> ColumnElement[bool]:
    if table is subscriber:
        return table.c.id == 1
    if "subscriber_id" in table.columns:
        return table.c.subscriber_id == 1
    return table.c.delivery_id == 1


def everything(database: Database) -> Iterator[tuple[str, Any]]:
    """Yield every value of every table, with the name of its column."""
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for name, value in zip(table.columns.keys(), row, strict=True):
                    yield f"{table.name}.{name}", value


def columns_with_her(database: Database) -> list[str]:
    """Return the columns in which the address is, in any case of letters."""
    address = ADDRESS.lower()
    return [name for name, value in everything(database) if address in str(value).lower()]


def hits(folder: Path) -> list[str]:
    """Return the files in which the address is, in any case of letters."""
    wanted = ADDRESS.lower().encode()
    files = (file for file in folder.rglob("*") if file.is_file())
    return [file.name for file in files if wanted in file.read_bytes().lower()]


def test_no_table_has_the_address_of_somebody_erased(database: Database) -> None:
    """Every column of every table is looked at, each of which had it before."""
    fill(database, "a word")
    ann = ann_in(database)
    assert ann == 1
    before = {name for name, value in everything(database) if ADDRESS in str(value)}
    assert {f"{table.name}.{name}" for table, name in texts()} - before <= {
        "subscriber.address_norm"
    }

    assert Erasure(database, hash_of)(ann, NOW) is True

    assert columns_with_her(database) == []


def test_no_file_has_the_address_of_somebody_erased(database: Database) -> None:
    """Neither the database nor a journal nor the copy before a migration."""
    folder = database.path.parent
    (folder / "broadsheet.db.0002.backup").write_text(ADDRESS)
    (folder / "broadsheet.db.0003.backup.partial").write_text(ADDRESS)
    (folder / "other.txt").write_text(ADDRESS)
    assert "broadsheet.db" in hits(folder)

    Erasure(database, hash_of)(ann_in(database), NOW)

    assert hits(folder) == ["other.txt"]


def test_what_was_sent_still_sums_up(database: Database) -> None:
    """Counts are as before, but what waited for them is left out; others are as before."""
    ann, dispatches = ann_in(database), Dispatches(database)
    before = [dispatches.counts(DispatchId(id_)) for id_ in (1, 2, 3)]

    Erasure(database, hash_of)(ann, NOW)

    after = [dispatches.counts(DispatchId(id_)) for id_ in (1, 2, 3)]
    assert after[0] == before[0]
    assert after[2] == before[2]
    assert (after[1].by_status[DeliveryStatus.LEFT_OUT], after[1].open) == (1, 1)
    assert all(counts.balances for counts in after)
    [record] = dispatches.deliveries(DispatchId(2), DeliveryStatus.LEFT_OUT)
    assert (record.subscriber, record.address, record.reply) == (ann, "", "erased")
    [bob] = Subscribers(database, hash_of).all()
    assert bob.address == "bob@example.net"
    assert Feedbacks(database).counts(DispatchId(1)) == {FeedbackKind.HARD: 1}


def test_nobody_erased_is_written_to(database: Database) -> None:
    """Not by a run that has their message in hand, and not by a later one."""
    ann, ledger = ann_in(database), SqlLedger(database)
    theirs = ledger.due(DispatchId(2), now=NOW, after=DeliveryId(0), limit=1)[0]
    version = ledger.version()

    Erasure(database, hash_of)(ann, NOW)

    assert theirs.subscriber == ann
    assert ledger.version() != version
    assert ledger.wanted(DispatchId(2), [theirs.delivery]) == frozenset()
    rest = ledger.due(DispatchId(2), now=NOW, after=DeliveryId(0), limit=9)
    assert [claim.address for claim in rest] == ["bob@example.net"]


@pytest.mark.parametrize("status", [DeliveryStatus.ACCEPTED, DeliveryStatus.UNCERTAIN])
def test_an_answer_that_comes_late_brings_no_address_back(
    database: Database, status: DeliveryStatus
) -> None:
    """Their message was on the wire: what became of it counts, and the words do not."""
    ann, ledger = ann_in(database), SqlLedger(database)
    theirs = ledger.due(DispatchId(2), now=NOW, after=DeliveryId(0), limit=1)[0]
    Erasure(database, hash_of)(ann, NOW)

    ledger.settle(DispatchId(2), [refusal(theirs.delivery, 1)._replace(status=status)])
    Feedbacks(database).record(bounce("late", ann))

    assert Dispatches(database).counts(DispatchId(2)).by_status[status] == 1
    assert columns_with_her(database) == []
    assert Feedbacks(database).of(ann) == ()
    assert Feedbacks(database).known(f"late {ADDRESS}")


def test_only_their_own_word_brings_them_back(database: Database) -> None:
    """An import does not; a confirmed request makes them somebody new."""
    ann, subscribers = ann_in(database), Subscribers(database, hash_of)
    Erasure(database, hash_of)(ann, NOW)
    assert subscribers.add(ANN, GIVEN) is Standing.SUPPRESSED

    again = subscribers.ask(ANN, ASKED)

    assert again != ann
    confirmed = subscribers.confirm(again, GIVEN, now=NOW, within=WITHIN)
    assert confirmed is Confirmed.CONFIRMED
    assert subscribers.add(ANN, GIVEN) is Standing.UNCHANGED
    assert subscribers.confirm(ann, GIVEN, now=NOW, within=WITHIN) is Confirmed.GONE


@pytest.mark.parametrize("reason", SuppressionReason)
def test_an_erasure_lifts_nothing(database: Database, reason: SuppressionReason) -> None:
    """What only an operator may lift is not exchanged for what everybody may."""
    suppressions = Suppressions(database, hash_of)
    suppressions.add(ANN.normalised, reason, now=NOW)

    Erasure(database, hash_of)(ann_in(database), NOW)

    stays = {SuppressionReason.COMPLAINED, SuppressionReason.MANUAL}
    expected = reason if reason in stays else SuppressionReason.ERASED
    assert suppressions.reason(ANN.normalised) is expected


def test_a_tombstone_cannot_be_changed(database: Database) -> None:
    """Links of somebody erased do nothing, and to erase them again is nothing."""
    ann, subscribers = ann_in(database), Subscribers(database, hash_of)
    Erasure(database, hash_of)(ann, NOW)
    before = list(everything(database))

    assert Erasure(database, hash_of)(ann, NOW) is False
    assert not subscribers.change(ann, now=NOW, name="Ann")
    assert not subscribers.tag(ann, add=("vip",))
    assert not subscribers.set_state(ann, SubscriberState.ACTIVE, GIVEN)
    assert not subscribers.pause(ann, NOW, GIVEN)
    assert subscribers.get(ann) is None
    assert Notices(database).due(NOW) == ()
    assert Disclosure(database)(ann) is None
    assert list(everything(database)) == before


def test_who_is_not_there_cannot_be_erased(database: Database) -> None:
    """A stranger's number is nothing, and rewrites no file."""
    assert Erasure(database, hash_of)(SubscriberId(99), NOW) is False
    assert Erasure(database, hash_of).finish() is False


def test_traces_that_could_not_be_removed_are_removed_later(tmp_path: Path) -> None:
    """Somebody reads meanwhile: the rows are gone at once, the rest when they are done."""
    path = tmp_path / "busy.db"
    with closing(open_database(path, busy_timeout=timedelta(milliseconds=50))) as database:
        Subscribers(database, hash_of).add(ANN, GIVEN)
        erasure, ann = Erasure(database, hash_of), ann_in(database)
        copy = tmp_path / "busy.db.0002.backup"
        copy.mkdir()

        with pytest.raises(StorageError, match="traces may be left"):
            erasure(ann, NOW)

        assert Subscribers(database, hash_of).find(ANN.normalised) is None
        copy.rmdir()
        assert erasure.finish() is True
        assert erasure.finish() is False


def test_everything_that_is_stored_is_disclosed(database: Database) -> None:
    """Each column about people that somebody can write into; a new one has to be told too."""
    fill(database, "a word")
    found = Disclosure(database)(ann_in(database))
    told = json.dumps(found)

    names = {f"{table.name}.{name}" for table, name in texts()} - NOT_TOLD
    names -= {"subscriber.address", "delivery.address", "tag.tag"}
    assert [name for name in sorted(names) if f"a word {name} " not in told] == []
    assert found
    assert found["person"]["address"] == found["messages"][0]["address"] == ADDRESS
    assert [row["entry"] for row in found["messages"]] == ["first", "second"]
    assert found["left_out"] == [{"entry": "third", "reason": "paused"}]
    assert found["subscriptions"][0]["since"] == "2026-05-01T08:00:00+00:00"
    assert found["suppressions"] == []


def test_nobody_else_is_disclosed(database: Database) -> None:
    """What is told to Bob is about Bob."""
    bob = Subscribers(database, hash_of).find("bob@example.net")
    assert bob

    assert ADDRESS.lower() not in json.dumps(Disclosure(database)(bob)).lower()
    assert Disclosure(database)(SubscriberId(99)) is None


def test_deleted_text_is_overwritten(database: Database) -> None:
    """Our connections say so to SQLite, in case that a file cannot be rewritten at once."""
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    with closing(sqlite3.connect(database.path)) as connection_of_others:
        assert connection_of_others.execute("PRAGMA integrity_check").fetchone() == ("ok",)
