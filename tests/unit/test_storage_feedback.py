from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled, Verdict
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.feedback import FeedbackKind
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import (
    MAIN,
    Consent,
    ListId,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.feedbacks import FeedbackRecord, Feedbacks
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.lists import Lists
from pipeline.storage.notices import ONE_A, Notice, Notices
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
GIVEN = Consent(action="given", method="web", source="/subscribe", at=NOW)
ANN = SubscriberId(1)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a database in which Ann was sent five issues, a day apart."""
    opened = open_database(tmp_path_factory.mktemp("sent") / "broadsheet.db")
    Subscribers(opened, str.upper).add(
        NewSubscriber(address="ann@example.org", normalised="ann", language="de"), GIVEN
    )
    Lists(opened).ensure(["products"])
    for day in range(5):
        dispatches = Dispatches(opened)
        at = NOW + day * DAY
        id_ = dispatches.create(entry=EntryId(f"no-{day}"), digest="d", due_at=at, now=at).id
        dispatches.prepare(id_, at)
        [claim] = SqlLedger(opened).due(id_, now=at, after=DeliveryId(0), limit=1)
        status = DeliveryStatus.REFUSED if day == 3 else DeliveryStatus.ACCEPTED
        moment = microseconds(at)
        settled = Settled(claim.delivery, 1, status, moment, moment, None, 250, "ok")
        SqlLedger(opened).settle(id_, [settled])
    opened.close()
    return opened.path


@pytest.fixture
def database(sent: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a copy of that database."""
    opened = open_database(Path(shutil.copy(sent, tmp_path)))
    yield opened
    opened.close()


def heard(key: str, kind: FeedbackKind, issue: int | None, **changes: object) -> FeedbackRecord:
    """Return a counted verdict about Ann that came an hour after an issue."""
    record = FeedbackRecord(
        at=NOW + (issue or 0) * DAY + timedelta(hours=1),
        source="maildir",
        key=key,
        kind=kind,
        status="5.1.1",
        reply="so they say",
        detector="dsn",
        proven=True,
        counted=True,
        delivery=None if issue is None else DeliveryId(issue + 1),
        subscriber=ANN,
        list=MAIN,
        dispatch=None if issue is None else DispatchId(issue + 1),
    )
    return replace(record, **changes)


def fates(database: Database) -> list[tuple[int | None, FeedbackKind | None]]:
    """Return what became of each issue to Ann."""
    history = Feedbacks(database).history(ANN, MAIN)
    return [(fate.dispatch, fate.kind) for fate in history]


def test_the_same_verdict_is_heard_once(database: Database) -> None:
    """A mailbox that is read again adds nothing; the key is kept as a digest only."""
    feedbacks = Feedbacks(database)
    first = heard("ann@example.org 7", FeedbackKind.HARD, 0)
    assert not feedbacks.known(first.key)

    assert feedbacks.record(first) is True
    assert feedbacks.record(replace(first, kind=FeedbackKind.COMPLAINT)) is False

    assert feedbacks.known(first.key)
    [found] = feedbacks.of(ANN)
    assert replace(found, key=first.key) == first
    assert "ann" not in found.key


def test_what_was_unproven_may_become_proven_once(database: Database) -> None:
    """When and where it came from stay; never the other way, and never twice."""
    feedbacks = Feedbacks(database)
    proven = heard("k", FeedbackKind.HARD, 0)
    guess = replace(
        proven,
        proven=False,
        counted=False,
        delivery=None,
        subscriber=None,
        list=None,
        dispatch=None,
    )
    assert feedbacks.record(guess) is True
    assert (feedbacks.known("k"), feedbacks.known("k", proven=True)) == (True, False)
    assert feedbacks.record(guess) is False

    assert feedbacks.record(replace(proven, at=NOW + 9 * DAY, source="replay")) is True
    assert feedbacks.known("k", proven=True)
    assert feedbacks.record(guess) is False
    assert feedbacks.record(replace(proven, reply="other")) is False

    [found] = feedbacks.of(ANN)
    assert replace(found, key="k") == proven


def test_attempts_are_counted_by_domain(database: Database) -> None:
    """In lower case, and only what was tried."""
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE delivery SET address = 'a@Example.NET' WHERE id = 1")
    feedbacks = Feedbacks(database)

    assert dict(feedbacks.attempted(DispatchId(1))) == {"example.net": 1}
    assert dict(feedbacks.attempted(DispatchId(4))) == {"example.org": 1}
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE delivery SET attempts = 0")
    assert dict(feedbacks.attempted(DispatchId(4))) == {}


def test_an_issue_that_was_accepted_and_did_not_come_back_arrived(database: Database) -> None:
    """One that was refused is there once somebody has judged the refusal."""
    assert fates(database) == [(1, None), (2, None), (3, None), (5, None)]
    assert Feedbacks(database).history(ANN, ListId(1)) == ()

    Feedbacks(database).record(heard("k", FeedbackKind.HARD, 3))

    assert fates(database) == [(1, None), (2, None), (3, None), (4, FeedbackKind.HARD), (5, None)]


def test_the_gravest_thing_that_counts_is_the_fate_of_an_issue(database: Database) -> None:
    """What was not counted, or is about nobody, changes no fate; the order is that of time."""
    feedbacks = Feedbacks(database)
    for number, record in enumerate(
        (
            heard("a", FeedbackKind.HARD, 0),
            heard("b", FeedbackKind.TRANSIENT, 0),
            heard("c", FeedbackKind.MAILBOX, 1),
            heard("d", FeedbackKind.COMPLAINT, 1),
            heard("e", FeedbackKind.HARD, 2, counted=False),
            heard("f", FeedbackKind.HARD, 4, subscriber=None, proven=False),
            heard("g", FeedbackKind.UNKNOWN, None, at=NOW + 9 * DAY),
        )
    ):
        assert feedbacks.record(record), number

    assert fates(database) == [
        (1, FeedbackKind.HARD),
        (2, FeedbackKind.COMPLAINT),
        (3, None),
        (5, None),
        (None, FeedbackKind.UNKNOWN),
    ]
    history = feedbacks.history(ANN, MAIN)
    assert history[0].at == NOW + timedelta(hours=1)
    assert history[2].at == NOW + 2 * DAY


def test_a_dispatch_says_what_came_back_of_it(database: Database) -> None:
    """By kind, and only what is proven: anybody can write a bounce."""
    feedbacks = Feedbacks(database)
    for key, kind in (("a", FeedbackKind.HARD), ("b", FeedbackKind.HARD)):
        feedbacks.record(heard(key, kind, 0))
    feedbacks.record(heard("c", FeedbackKind.COMPLAINT, 0, proven=False))
    feedbacks.record(heard("d", FeedbackKind.COMPLAINT, 1))

    assert feedbacks.counts(DispatchId(1)) == {FeedbackKind.HARD: 2}
    assert feedbacks.counts(DispatchId(3)) == {}


def test_a_delivery_says_whom_it_was_for(database: Database) -> None:
    """That is what a return path proves; an invented number proves nothing."""
    found = Feedbacks(database).about(DeliveryId(2))

    assert found
    assert (found.subscriber, found.list, found.dispatch) == (ANN, MAIN, DispatchId(2))
    assert found.address == "ann@example.org"
    assert Feedbacks(database).about(DeliveryId(99)) is None


def due(database: Database, now: datetime = NOW) -> list[Notice]:
    """Return the notices that are to be tried."""
    return list(Notices(database).due(now))


def test_a_person_gets_one_notice_of_a_kind_a_day(database: Database) -> None:
    """Whatever list a stranger names; another kind is another matter."""
    notices = Notices(database)

    assert notices.add("confirm", ANN, MAIN, NOW)
    assert not notices.add("confirm", ANN, ListId(1), NOW + ONE_A - timedelta(seconds=1))
    assert notices.add("welcome", ANN, MAIN, NOW)
    assert notices.add("confirm", ANN, MAIN, NOW + ONE_A)

    assert notices.newest("confirm", ANN) == NOW + ONE_A
    assert notices.newest("goodbye", ANN) is None
    assert notices.count("confirm", ANN, since=NOW) == 2
    assert notices.count("confirm", ANN, since=NOW + ONE_A) == 1


def test_a_notice_says_all_that_decides_whether_it_is_sent(database: Database) -> None:
    """As it is now: the address, the state and a suppression are read when it is due."""
    notices = Notices(database)
    notices.add("confirm", ANN, MAIN, NOW)
    [first] = due(database)
    Subscribers(database, str.upper).set_state(ANN, SubscriberState.UNSUBSCRIBED, GIVEN)
    Suppressions(database, str.upper).add("ann", SuppressionReason.BOUNCED, now=NOW)
    [again] = due(database)

    assert (first.address, first.language, first.list_name) == ("ann@example.org", "de", "main")
    assert (first.state, first.suppressed) == (SubscriberState.ACTIVE, None)
    assert (first.attempt, first.dated_at, first.created_at) == (1, None, NOW)
    assert again.state is SubscriberState.UNSUBSCRIBED
    assert again.suppressed is SuppressionReason.BOUNCED
    assert due(database, NOW - DAY) == []


def test_a_notice_is_tried_until_it_is_over(database: Database) -> None:
    """A deferred one comes again when it is due, with the date of its first attempt."""
    notices = Notices(database)
    notices.add("confirm", ANN, MAIN, NOW)
    [notice] = due(database)
    later = NOW + timedelta(minutes=5)
    deferred = Verdict(status=DeliveryStatus.DEFERRED, due_at=later, code=451, reply="later")
    notices.settle(notice.id, deferred, NOW)

    assert due(database) == []
    [again] = due(database, later)
    assert (again.attempt, again.dated_at) == (2, NOW)
    notices.settle(notice.id, Verdict(status=DeliveryStatus.ACCEPTED), later)
    assert due(database, later + DAY) == []
    notices.settle(notice.id, deferred, later)
    notices.drop(notice.id, "too late", later)
    with database.reading() as connection:
        row = connection.exec_driver_sql("SELECT status, attempts, reply FROM notice").one()
    assert tuple(row) == ("accepted", 2, "")


def test_a_notice_that_may_not_be_sent_is_dropped(database: Database) -> None:
    """The reason is kept, and it does not come again."""
    notices = Notices(database)
    notices.add("goodbye", ANN, MAIN, NOW)
    [notice] = due(database)

    notices.drop(notice.id, "suppressed", NOW)

    assert due(database) == []
    with database.reading() as connection:
        row = connection.exec_driver_sql("SELECT status, attempts, reply FROM notice").one()
    assert tuple(row) == ("dropped", 0, "suppressed")
