"""The door while somebody else has the database: nobody learns anything, no word is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter, sleep

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.errors import StorageError
from pipeline.model.subscriber import MAIN, SubscriberState, SuppressionReason
from pipeline.operations.ask import Ask
from pipeline.operations.unsubscribe import Unsubscribe
from pipeline.web import questions
from pipeline.web.rates import Limit, Rule
from tests.integration.web_door import (
    SOON_S,
    START,
    Hands,
    door,
    link,
    patient,
    stamp,
    states,
    subscribe,
    workspace,
)

pytestmark = pytest.mark.integration

WITHIN_S = 30.0  # for what takes a moment on a machine with time
UNLIMITED = dict.fromkeys(Rule, Limit(10**6, 1))


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A workspace whose database is there already."""
    app = patient(workspace(tmp_path, Hands()))
    subscribe(app, "active@example.org")
    return app


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """A browser that no limit stops, and that has seen all pages once."""
    with door(app, limits=UNLIMITED) as client:
        client.get("/subscribe")
        yield client


@pytest.fixture
def other(app: App) -> Iterator[sqlite3.Connection]:
    """Another process with the same database; it ends what it holds."""
    opened = sqlite3.connect(app.database.path, isolation_level=None, check_same_thread=False)
    yield opened
    if opened.in_transaction:
        opened.execute("ROLLBACK")
    opened.close()


def ask(app: App, client: TestClient, address: str) -> Response:
    """Fill in the form and send it."""
    shown = stamp(client.get("/subscribe").text)
    assert isinstance(app.clock, Hands)
    app.clock.turn(timedelta(seconds=3))
    return client.post("/subscribe", data={"address": address, "list": "main", "shown": shown})


def found(app: App, address: str) -> bool:
    """Whether somebody is written down in time."""
    end = perf_counter() + WITHIN_S
    while app.subscribers.find(address) is None:
        if perf_counter() > end:
            return False
        sleep(0.02)
    return True


@pytest.mark.parametrize("held", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_busy_database_tells_nobody_who_is_known(
    app: App, client: TestClient, other: sqlite3.Connection, held: str
) -> None:
    """Known, suppressed, new: one answer, at once; what was asked is asked when there is time."""
    app.suppressions.add("complained@example.org", SuppressionReason.COMPLAINED, now=START)
    other.execute(f"BEGIN {held}")
    begun = perf_counter()
    answers = [
        ask(app, client, f"{who}@example.org") for who in ("active", "complained", "new", "other")
    ]
    took_s = perf_counter() - begun
    other.execute("ROLLBACK")

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert took_s < SOON_S
    assert found(app, "new@example.org")
    assert found(app, "other@example.org")


def test_when_no_more_can_wait_everybody_is_told_alike(
    app: App, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A polite 503 for the known and for the new, before either is looked for."""
    monkeypatch.setattr(questions, "MOST", 3)
    with door(app, limits=UNLIMITED) as client:
        other.execute("BEGIN EXCLUSIVE")
        for number in range(3 + 1):  # one is being asked
            assert ask(app, client, f"n{number}@example.org").status_code == 200
            sleep(0.1)
        answers = [ask(app, client, f"{who}@example.org") for who in ("active", "new")]
        other.execute("ROLLBACK")

        assert {answer.status_code for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} == {"10"}
        assert len({answer.content for answer in answers}) == 1
        assert found(app, "n3@example.org")
        assert ask(app, client, "new@example.org").status_code == 200
        assert found(app, "new@example.org")


@pytest.mark.parametrize("error", [StorageError("never"), ZeroDivisionError("n0@example.org")])
def test_one_question_that_cannot_be_asked_holds_up_no_other(
    app: App,
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Whatever is the matter with it; and no log says whose it was."""
    asked = Ask.__call__

    def choosy(self: Ask, address: str, **words: object) -> None:
        if address == "n0@example.org":
            raise error
        asked(self, address, **words)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(Ask, "__call__", choosy)
    for number in range(3):
        assert ask(app, client, f"n{number}@example.org").status_code == 200

    assert found(app, "n2@example.org")
    assert app.subscribers.find("n0@example.org") is None
    ours = [record.getMessage() for record in caplog.records if record.name == "broadsheet"]
    assert ours
    assert not any("n0@" in message for message in ours)


def test_what_waited_is_asked_in_one_commit(
    app: App, client: TestClient, other: sqlite3.Connection
) -> None:
    """So many forms as come while the database is busy cost it no more than one."""
    ask(app, client, "first@example.org")
    assert found(app, "first@example.org")
    other.execute("BEGIN IMMEDIATE")
    for number in range(30):
        ask(app, client, f"n{number}@example.org")
    sleep(0.2)  # the first of them is being asked by itself
    before = changes(other)
    other.execute("ROLLBACK")

    assert all(found(app, f"n{number}@example.org") for number in range(30))
    assert changes(other) - before <= 3


def changes(other: sqlite3.Connection) -> int:
    """Return the database's own count of commits (SQLite file format 1.3.7)."""
    (path,) = [file for _, name, file in other.execute("PRAGMA database_list") if name == "main"]
    with Path(path).open("rb") as file:
        file.seek(24)
        return int.from_bytes(file.read(4), "big")


def test_what_waits_is_asked_before_the_door_closes(app: App) -> None:
    """Stopping the server loses no question that the database has time for."""
    with door(app, limits=UNLIMITED) as client:
        for number in range(20):
            ask(app, client, f"n{number}@example.org")

    assert all(app.subscribers.find(f"n{number}@example.org") for number in range(20))


def test_a_word_that_was_taken_is_answered_so(
    app: App, client: TestClient, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider hears 200 although the database has no time for the page that says more."""
    leave = Unsubscribe.__call__

    def then_locked(self: Unsubscribe, token: str, **how: object) -> bool:
        left = leave(self, token, **how)  # type: ignore[arg-type] # passed on as they came
        other.execute("BEGIN EXCLUSIVE")
        return left

    monkeypatch.setattr(Unsubscribe, "__call__", then_locked)
    person = app.subscribers.find("active@example.org")
    assert person is not None
    begun = perf_counter()
    answer = client.post(
        link(app, Action.UNSUBSCRIBE, person), data={"List-Unsubscribe": "One-Click"}
    )
    took_s = perf_counter() - begun
    other.execute("ROLLBACK")

    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert took_s < SOON_S
    assert states(app, person)[MAIN] is SubscriberState.UNSUBSCRIBED


def test_the_button_is_there_while_the_database_is_busy(
    app: App, client: TestClient, other: sqlite3.Connection
) -> None:
    """It says of which list, not to whom; a forged link is a forged link all the same."""
    person = app.subscribers.find("active@example.org")
    assert person is not None
    path = link(app, Action.UNSUBSCRIBE, person)
    no_links = ["A" * 32, path[3:-1], link(app, Action.PREFERENCES, person)[3:]]
    other.execute("BEGIN EXCLUSIVE")
    begun = perf_counter()
    page = client.get(path)
    took_s = perf_counter() - begun
    forged = [client.get(f"/u/{token}").status_code for token in no_links]

    assert page.status_code == 200
    assert "The &lt;Quay&gt; will no longer come to …@…" in page.text
    assert '<form method="post"><button type="submit">' in page.text
    assert took_s < SOON_S
    assert forged == [404, 404, 404]
    assert client.post(path).status_code == 200
