"""From the form to the last mail: asking, confirming, reading, leaving, coming back."""

from __future__ import annotations

import contextlib
import email
import email.policy
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.cli import run
from pipeline.delivery.report import Stop
from pipeline.model.subscriber import ListId, SubscriberState
from pipeline.operations.prefer import Changes, Pause
from pipeline.outbox.dkim import DkimSigner
from pipeline.outbox.dkim_key import dns_record, load_key, make_key
from pipeline.settings import load
from pipeline.storage.standing import Confirmed
from pipeline.testing.sink import SmtpSink
from tests.integration.newsroom import ENTRY, ISSUE, Newsroom, open_newsroom
from tests.integration.test_dkim_verifiers import by_dkimpy
from tests.unit.consent_desk import ADA, ADA_NORMALISED, Desk

pytestmark = pytest.mark.integration

LINK: Final = re.compile(r"https://news\.example\.org/([cupde])/([A-Za-z0-9_-]{32})")
HARBOUR: Final = ListId(1)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    """Give a server that takes everything."""
    with SmtpSink() as sink:
        yield sink


@pytest.fixture
def room(tmp_path: Path, sink: SmtpSink) -> Newsroom:
    """Give a workspace with three readers."""
    return open_newsroom(tmp_path, port=sink.port, readers=3)


@pytest.fixture
def desk(room: Newsroom) -> Iterator[Desk]:
    """Give the operations of consent on its database."""
    app = App(settings=load(room.folder, {}), root=room.folder, has_workspace=True)
    desk = Desk(
        folder=app.data,
        sender=app.sender(),
        now=datetime.now(UTC),
        keys=app.keys,
        newsletter=app.newsletter,
    )
    yield desk
    desk.database.close()


def command(room: Newsroom, *words: str) -> None:
    """Run a command that works."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert run(["-C", str(room.folder), *words]) == 0, said.getvalue()


def publish(room: Newsroom, entry: str, *, readers: int) -> None:
    """Write another issue and send it; fail if it is not for so many."""
    file = room.folder / "issues" / f"{entry}.md"
    file.write_text(ISSUE.replace("number: 1", f"number: {int(entry)}"), encoding="utf-8")
    command(room, "build", str(file))
    command(room, "approve", entry)
    command(room, "send", entry, "--confirm", str(readers))


def to_ada(sink: SmtpSink) -> list[EmailMessage]:
    """Return what Ada was sent, in order."""
    return [
        email.message_from_bytes(each.data, policy=email.policy.default)
        for each in sink.messages
        if each.recipient == ADA
    ]


def links(mail: EmailMessage) -> dict[str, str]:
    """Return the tokens of a mail by the letter of their page, those of its header included."""
    body = mail.get_body(("plain",))
    assert body is not None
    return dict(LINK.findall(f"{body.get_content()} {mail['List-Unsubscribe']}"))


def test_the_whole_way(room: Newsroom, desk: Desk, sink: SmtpSink) -> None:
    """A question, a welcome, an issue; leaving by its header, undo, a pause: each is obeyed."""
    desk.form()
    publish(room, "002", readers=3)  # nobody is written to for having been named in a form
    desk.send_notices()
    assert desk.confirm(links(to_ada(sink)[-1])["c"]) is Confirmed.CONFIRMED
    desk.send_notices()
    welcome = links(to_ada(sink)[-1])
    command(room, "send", ENTRY, "--confirm", "4")
    issue = to_ada(sink)[-1]
    assert issue["List-Unsubscribe-Post"]
    assert len(to_ada(sink)) == 3

    assert desk.unsubscribe(links(issue)["u"])
    publish(room, "003", readers=3)
    assert desk.unsubscribe.undo(links(issue)["u"])
    publish(room, "004", readers=4)
    assert desk.prefer(welcome["p"], Changes(pause=Pause.ONE_MONTH))
    publish(room, "005", readers=3)

    assert [mail["Subject"] for mail in to_ada(sink)[3:]] == ["A Title That Is Long Enough"]


def test_a_scanner_changes_nothing(desk: Desk, sink: SmtpSink) -> None:
    """Whoever opens every link of every mail ten times leaves everything as it was."""
    desk.form()
    desk.send_notices()
    desk.confirm(links(to_ada(sink)[-1])["c"])
    desk.send_notices()
    id_ = desk.subscribers.find(ADA_NORMALISED)
    assert id_ is not None
    desk.disclose.ask(desk.token(Action.PREFERENCES, id_))
    desk.erase.ask(desk.token(Action.PREFERENCES, id_))
    desk.send_notices()
    looks = {
        "c": desk.confirm.look,
        "u": desk.unsubscribe.look,
        "p": desk.prefer.look,
        "d": desk.disclose.look,
        "e": desk.erase.look,
    }
    found = {letter: token for mail in to_ada(sink) for letter, token in links(mail).items()}
    assert found.keys() == looks.keys()
    before = desk.rows()

    for _ in range(10):
        for letter, token in found.items():
            assert looks[letter](token) is not None

    assert desk.rows() == before


def test_a_bombed_mailbox_gets_one_mail(desk: Desk, sink: SmtpSink) -> None:
    """A thousand posts for one victim, eight at a time."""
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda _: desk.form(), range(1000)))

    for _ in range(3):
        desk.send_notices()

    assert len(to_ada(sink)) == 1


def test_a_confirmation_that_meets_a_departure_is_one_or_the_other(desk: Desk) -> None:
    """Pressed twice at once, or against "unsubscribe": a state and a history that agree."""
    for turn in range(30):
        address = f"reader-{turn}@example.net"
        desk.form(address)
        id_ = desk.subscribers.find(address)
        assert id_ is not None
        confirm, leave = desk.token(Action.CONFIRM, id_), desk.token(Action.UNSUBSCRIBE, id_)
        with ThreadPoolExecutor(3) as crowd:
            said = [crowd.submit(desk.confirm, confirm) for _ in range(2)]
            left = crowd.submit(desk.unsubscribe, leave)
        assert left.result()
        answers = [each.result() for each in said]

        assert answers.count(Confirmed.CONFIRMED) <= 1
        words = [word.action for word in desk.subscribers.consents(id_)]
        state = desk.state(id_)
        assert words[-1] == ("given" if state is SubscriberState.ACTIVE else "withdrawn")


def test_notices_are_signed_and_strictly_written(
    desk: Desk, sink: SmtpSink, tmp_path: Path
) -> None:
    """A verifier that is not ours believes them; lines, line ends and headers are in order."""
    make_key(tmp_path / "s1.pem")
    key = load_key(tmp_path / "s1.pem", "s1")
    signer = DkimSigner([key], "example.org")
    record = dns_record(key, "example.org")
    desk.form(ADA, "main", "harbour")
    replace(desk.notify, sign=signer.sign)(lambda: Stop.NO, desk.now)

    (received,) = (each for each in sink.messages if each.recipient == ADA)
    (mail,) = to_ada(sink)
    assert by_dkimpy(received.data, {record.name: record.value})[0]
    assert received.bare_line_ends == 0
    assert max(map(len, received.data.split(b"\r\n"))) <= 78
    assert received.data.isascii()
    assert not mail.defects
    names = [name.lower() for name in mail]
    assert len(names) == len(set(names))
    assert received.sender == "quay@example.org"
