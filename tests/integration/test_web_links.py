"""The links of a mail: scanners change nothing, readers do, and nobody else."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.errors import StorageError
from pipeline.feedback.webhooks import WebhookRefused
from pipeline.model.notice import NoticeKind
from pipeline.model.subscriber import MAIN, Consent, ListId, SubscriberId, SubscriberState
from pipeline.operations.prefer import UNTIL_THEY_RETURN
from pipeline.storage.standing import NewSubscriber
from tests.integration.web_door import (
    SOON_S,
    Hands,
    door,
    everything,
    link,
    patient,
    states,
    subscribe,
    workspace,
)

pytestmark = pytest.mark.integration

TIDES = ListId(1)
ACTIVE, LEFT = SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED


@pytest.fixture
def clock() -> Hands:
    """A clock to turn."""
    return Hands()


@pytest.fixture
def app(tmp_path: Path, clock: Hands) -> App:
    """A workspace with two lists."""
    return patient(workspace(tmp_path, clock))


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """A browser somewhere."""
    with door(app) as client:
        yield client


@pytest.fixture
def reader(app: App) -> SubscriberId:
    """Somebody on both lists, who asked for both secret links."""
    assert app.lists  # the second list has to exist before somebody is on it
    found = subscribe(app, "robin@example.org", MAIN, TIDES)
    for kind in (NoticeKind.DISCLOSE, NoticeKind.ERASE):
        app.notices.add(kind, found, MAIN, app.clock())
    return found


@pytest.mark.parametrize("action", Action)
def test_a_scanner_changes_nothing(
    app: App, client: TestClient, reader: SubscriberId, action: Action
) -> None:
    """Ten looks with every harmless method at a link and all that hangs on it."""
    asked = Consent(action="asked", method="web", source="test", at=app.clock())
    app.subscribers.ask(NewSubscriber("robin@example.org", "robin@example.org"), asked)
    path = link(app, action, reader)
    before = everything(app)

    for _ in range(10):
        assert client.get(path).status_code in {200, 410}
        for method in ("HEAD", "OPTIONS"):
            client.request(method, path)
        for deed in ("undo", "all", "disclose", "erase"):
            assert client.get(f"{path}/{deed}").status_code in {404, 405}

    assert everything(app) == before


@pytest.mark.parametrize("action", Action)
def test_no_bit_of_a_link_may_differ(
    app: App, client: TestClient, reader: SubscriberId, action: Action
) -> None:
    """Flipped, cut, of another purpose or another list: one page, no change."""
    path = link(app, action, reader)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    root, token = path[:3], path[3:]
    flipped = [
        token[:place] + letters[letters.index(token[place]) ^ 1] + token[place + 1 :]
        for place in range(len(token))
    ]
    others = [link(app, other, reader)[3:] for other in Action if other is not action]
    before = everything(app)

    answers = [
        client.post(root + forged)
        for forged in (*flipped, *others, token[:-1], token + "A", "A" * 32, token.swapcase())
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert everything(app) == before


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"\xff\xfe" * 100},
        {},
    ],
    ids=["urlencoded", "multipart", "nonsense", "nothing"],
)
def test_one_click_leaves_the_list_of_the_mail(
    app: App, client: TestClient, reader: SubscriberId, body: dict[str, Any]
) -> None:
    """RFC 8058: either encoding, from anywhere, 200, no cookie, no redirect, and idempotent."""
    headers = {"Origin": "https://mail.example.net", "Sec-Fetch-Site": "cross-site"}
    for _ in range(2):
        answer = client.post(
            link(app, Action.UNSUBSCRIBE, reader), headers=headers, follow_redirects=False, **body
        )

        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert states(app, reader) == {MAIN: LEFT, TIDES: ACTIVE}
    given, withdrawn = app.subscribers.consents(reader)
    assert (given.action, withdrawn.action) == ("given", "withdrawn")
    assert withdrawn.method == ("one-click" if "data" in body or "files" in body else "web")


def test_one_click_has_no_limit(app: App, client: TestClient, reader: SubscriberId) -> None:
    """A provider's network sends as many as its people press."""
    path = link(app, Action.UNSUBSCRIBE, reader)

    assert {client.post(path).status_code for _ in range(300)} == {200}


def test_leaving_can_be_taken_back_for_a_day(
    app: App, client: TestClient, reader: SubscriberId, clock: Hands
) -> None:
    """The page offers it, doing it twice is doing it once, and tomorrow it is too late."""
    path = link(app, Action.UNSUBSCRIBE, reader)
    assert f"{path}/undo" in client.post(path).text
    assert f"{path}/undo" in client.get(path).text

    for _ in range(2):
        assert client.post(f"{path}/undo").status_code == 200
    assert states(app, reader)[MAIN] is ACTIVE

    client.post(path)
    clock.turn(timedelta(hours=25))
    assert client.post(f"{path}/undo").status_code == 410
    assert "undo" not in client.get(path).text
    assert states(app, reader)[MAIN] is LEFT


def test_one_may_leave_everything(app: App, client: TestClient, reader: SubscriberId) -> None:
    """The page after leaving one list has a button for all."""
    path = link(app, Action.UNSUBSCRIBE, reader)
    assert f"{path}/all" in client.post(path).text

    answer = client.post(f"{path}/all")

    assert answer.status_code == 200
    assert set(states(app, reader).values()) == {LEFT}


@pytest.fixture
def busy(app: App, reader: SubscriberId) -> Iterator[sqlite3.Connection]:
    """Somebody who has the database for themselves, as an import or a migration has."""
    assert reader
    other = sqlite3.connect(app.database.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield other
    if other.in_transaction:
        other.execute("ROLLBACK")
    other.close()


def test_one_click_is_answered_while_the_database_is_busy(
    app: App, client: TestClient, reader: SubscriberId, busy: sqlite3.Connection, clock: Hands
) -> None:
    """In about a second, by a word on disk without an address; it counts when there is time."""
    path = link(app, Action.UNSUBSCRIBE, reader)
    begun = perf_counter()
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    took_s = perf_counter() - begun
    (word,) = (app.data / "words").iterdir()

    assert answer.status_code == 200
    assert took_s < SOON_S
    assert word.stat().st_mode & 0o777 == 0o600
    assert b"robin" not in word.read_bytes()
    busy.execute("ROLLBACK")
    clock.turn(timedelta(minutes=1))
    app.keep_word().carry_out()
    assert states(app, reader)[MAIN] is LEFT
    assert app.subscribers.consents(reader)[-1].method == "one-click"
    assert list((app.data / "words").iterdir()) == []


def test_words_survive_a_restart(app: App, reader: SubscriberId, clock: Hands) -> None:
    """What was promised is carried out by whoever opens the door next."""
    token = link(app, Action.UNSUBSCRIBE, reader)[3:]
    assert app.keep_word()(token, method="one-click")
    assert not app.keep_word()("A" * 32)
    clock.turn(timedelta(minutes=1))

    with door(app) as client:
        client.get("/healthz")
        end = perf_counter() + 10
        while any((app.data / "words").iterdir()) and perf_counter() < end:
            client.get("/healthz")

    assert states(app, reader)[MAIN] is LEFT


def test_a_word_is_not_carried_out_over_an_undo(
    app: App, client: TestClient, reader: SubscriberId, busy: sqlite3.Connection, clock: Hands
) -> None:
    """If the database takes it in the end, the kept word is dropped; what comes later holds."""
    path = link(app, Action.UNSUBSCRIBE, reader)
    client.post(path)
    busy.execute("ROLLBACK")
    end = perf_counter() + 10
    while any((app.data / "words").iterdir()) and perf_counter() < end:
        client.get("/healthz")
    assert states(app, reader)[MAIN] is LEFT

    client.post(f"{path}/undo")
    clock.turn(timedelta(minutes=1))
    app.keep_word().carry_out()

    assert states(app, reader)[MAIN] is ACTIVE


def test_other_pages_say_that_they_are_busy(app: App, client: TestClient, clock: Hands) -> None:
    """A polite 503, no traceback, and when to come back."""
    app.database.close()
    app.database.path.chmod(0o400)
    damaged = app.database.path.read_bytes()
    app.database.path.chmod(0o600)
    app.database.path.write_bytes(b"not a database, " * 4096)
    try:
        answer = client.get("/p/" + link(app, Action.PREFERENCES, SubscriberId(1))[3:])
    finally:
        app.database.path.write_bytes(damaged)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "10"
    assert "Traceback" not in answer.text
    assert clock


def test_preferences_are_shown_and_kept(
    app: App, client: TestClient, reader: SubscriberId
) -> None:
    """Lists, pause, name, language and zone; the page afterwards shows what is so, in that language."""
    path = link(app, Action.PREFERENCES, reader)
    page = client.get(path).text
    assert "r…@example.org" in page
    assert "robin@example.org" not in page

    answer = client.post(
        path,
        data={
            "lists": "shown",
            "list": ["tides"],
            "pause": "open",
            "name": "Röbin",
            "language": "pl",
            "zone": "Europe/Warsaw",
        },
    )

    person = app.subscribers.get(reader)
    assert person is not None
    assert (person.name, person.language, person.zone) == ("Röbin", "pl", "Europe/Warsaw")
    assert states(app, reader) == {MAIN: LEFT, TIDES: ACTIVE}
    pauses = {each.list: each.paused_until for each in app.subscribers.subscriptions(reader)}
    assert pauses[TIDES] == UNTIL_THEY_RETURN
    assert '<html lang="pl"' in answer.text
    assert "Zapisano." in answer.text


def test_a_pause_stays_as_it_is_unless_it_is_chosen(
    app: App, client: TestClient, reader: SubscriberId, clock: Hands
) -> None:
    """Saving another field neither ends nor prolongs a pause; choosing "no break" ends it."""
    path = link(app, Action.PREFERENCES, reader)
    boxes = {"lists": "shown", "list": ["main", "tides"]}
    client.post(path, data={**boxes, "pause": "2"})
    until = {each.paused_until for each in app.subscribers.subscriptions(reader)}
    assert until == {clock() + timedelta(days=60)}

    clock.turn(timedelta(days=1))
    page = client.post(path, data={**boxes, "pause": "keep", "name": "R"}).text
    assert {each.paused_until for each in app.subscribers.subscriptions(reader)} == until
    assert "21 January 2027" in page
    client.post(path, data={**boxes, "pause": "none"})
    assert {each.paused_until for each in app.subscribers.subscriptions(reader)} == {None}


def test_a_form_without_boxes_leaves_every_list_and_nonsense_none(
    app: App, client: TestClient, reader: SubscriberId
) -> None:
    """No tick is a word; a body that is not our form is not."""
    path = link(app, Action.PREFERENCES, reader)
    before = everything(app)
    client.post(path, content=b"{}", headers={"Content-Type": "application/json"})
    client.post(path, data={"pause": "100", "zone": "../etc", "language": "../x", "foo": "bar"})
    assert everything(app) == before

    client.post(path, data={"lists": "shown"})
    assert set(states(app, reader).values()) == {LEFT}


@pytest.mark.parametrize(
    ("kind", "action"),
    [(NoticeKind.DISCLOSE, Action.DISCLOSE), (NoticeKind.ERASE, Action.ERASE)],
)
def test_what_only_the_mailbox_may_do_goes_through_it(
    app: App, client: TestClient, clock: Hands, kind: NoticeKind, action: Action
) -> None:
    """The preferences page only lets a mail be sent; the link in it works for a day."""
    person = subscribe(app, "robin@example.org")
    early = link(app, action, person)
    assert client.get(early).status_code == 404
    assert client.post(early).status_code == 404

    answer = client.post(f"{link(app, Action.PREFERENCES, person)}/{kind}")

    assert answer.status_code == 200
    assert [each.kind for each in app.notices.due(app.clock())] == [kind]
    secret = link(app, action, person)
    assert client.get(early).status_code == 404
    assert client.get(secret).status_code == 200
    clock.turn(timedelta(hours=25))
    assert client.get(secret).status_code == 410
    assert client.post(secret).status_code == 410
    assert app.subscribers.get(person) is not None


def test_my_data_are_a_file(app: App, client: TestClient, reader: SubscriberId) -> None:
    """JSON to keep, which nobody on the way keeps."""
    answer = client.post(link(app, Action.DISCLOSE, reader))

    assert "robin@example.org" in json.dumps(answer.json())
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"


def test_erased_is_erased(app: App, client: TestClient, reader: SubscriberId) -> None:
    """Afterwards the same link leads nowhere, and so do the others; none is an error of ours."""
    path = link(app, Action.ERASE, reader)

    assert "You are erased" in client.post(path).text

    assert "robin" not in everything(app)
    for action in Action:
        for answer in (
            client.get(link(app, action, reader)),
            client.post(link(app, action, reader)),
        ):
            assert answer.status_code in {200, 404, 410}
    assert client.post(path).status_code == 404
    assert app.subscribers.find("robin@example.org") is None


def test_changes_have_a_limit_that_people_do_not_meet(
    app: App, client: TestClient, reader: SubscriberId
) -> None:
    """The hundred and twenty-first change within a minute waits; leaving never does."""
    path = link(app, Action.PREFERENCES, reader)

    statuses = [client.post(path).status_code for _ in range(121)]

    assert statuses == [200] * 120 + [429]
    assert client.post(link(app, Action.UNSUBSCRIBE, reader)).status_code == 200


def test_pages_with_tokens_are_private(app: App, client: TestClient, reader: SubscriberId) -> None:
    """Every answer to a link, good or bad, is neither stored, listed, framed nor referred to."""
    paths = [link(app, action, reader) for action in Action]
    answers = [
        client.request(method, path)
        for path in [*paths, "/u/" + "A" * 32]
        for method in ("GET", "POST", "PUT")
    ]

    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"].startswith("noindex")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "location" not in answer.headers
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy or answer.headers["content-type"].endswith("json")
        assert "frame-ancestors 'none'" in policy


def test_nobody_is_redirected_anywhere(app: App, client: TestClient, reader: SubscriberId) -> None:
    """No parameter names a place to go to."""
    path = link(app, Action.UNSUBSCRIBE, reader)
    for target in ("//evil.example.net", "/\\evil.example.net", "https:evil.example.net"):
        for name in ("next", "url", "return", "lang"):
            for answer in (
                client.get(path, params={name: target}, follow_redirects=False),
                client.post(path, params={name: target}, follow_redirects=False),
            ):
                assert answer.status_code == 200
                assert "evil" not in answer.text


def test_a_log_names_no_token_and_no_address(
    app: App,
    client: TestClient,
    reader: SubscriberId,
    busy: sqlite3.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not while all is well, not when the database is busy, not when a token is forged."""
    path = link(app, Action.UNSUBSCRIBE, reader)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpx2").setLevel(logging.CRITICAL)
        client.post(path)
        client.post(path + "x")
        busy.execute("ROLLBACK")
        client.get(path)

    text = "\n".join(record.getMessage() for record in caplog.records if record.name != "httpx2")
    assert "database is busy" in text
    assert path[3:] not in text
    assert "robin" not in text


def test_a_webhook_gets_the_bytes_that_were_signed(tmp_path: Path, clock: Hands) -> None:
    """Headers in lower case and the body as it came; the answer is empty, whatever became of it."""
    heard: list[tuple[Mapping[str, str], bytes]] = []

    def hear(headers: Mapping[str, str], body: bytes) -> None:
        heard.append((headers, body))
        match body:
            case b"forged":
                raise WebhookRefused("the signature is wrong", forged=True)
            case b"old":
                raise WebhookRefused("it is an hour old")
            case b"busy":
                raise StorageError("locked")
            case _:
                pass

    class Hooked(App, frozen=True):
        def webhook(self, name: str) -> Any:
            return hear if name == "ses" else None

    plain = workspace(tmp_path, clock)
    app = Hooked(settings=plain.settings, root=tmp_path, has_workspace=True, clock=clock)
    body = b'{ "a" :  1, "\xc3\xbc": "\\u00fc" }\r\n'
    with door(app) as client:
        statuses = [
            client.post("/hooks/ses", content=each, headers={"X-Sig": "S"}).status_code
            for each in (body, b"forged", b"old", b"busy")
        ]
        other = client.post("/hooks/other", content=body).status_code
        large = client.post("/hooks/ses", content=b"x" * (1 << 20) + b"x").status_code
        looked = client.get("/hooks/ses").status_code

    assert statuses == [204, 401, 400, 503]
    assert (other, large, looked) == (404, 413, 404)
    assert heard[0][1] == body
    assert heard[0][0]["x-sig"] == "S"
