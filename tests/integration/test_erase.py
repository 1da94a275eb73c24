"""A person goes through everything there is, is erased, and is nowhere."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.cli import run
from pipeline.delivery.journal import Journal
from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import FeedbackKind
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import MAIN, SubscriberId, SuppressionReason
from pipeline.settings import load
from pipeline.storage.feedbacks import FeedbackRecord, Feedbacks
from pipeline.storage.standing import Confirmed
from pipeline.testing.plan import Plan, refuse
from pipeline.testing.sink import SmtpSink
from tests.integration.newsroom import ENTRY, Newsroom, open_newsroom
from tests.unit.consent_desk import Desk

pytestmark = pytest.mark.integration

ADA: Final = "Ada.Zz-Unique+tag@Uniquely-Hers.example.org"
REPLY: Final = f"550 5.1.1 <{ADA}>: no such mailbox"
LINK: Final = re.compile(rb"https://news\.example\.org/([cpde])/([A-Za-z0-9_-]{32})")
BOUNCE: Final = f"""\
From: MAILER-DAEMON@example.net
To: quay@example.org
Subject: failed
Content-Type: text/plain; charset=utf-8

{REPLY.lower()}
"""


def open_app(room: Newsroom) -> App:
    """Open the workspace."""
    return App(settings=load(room.folder, {}), root=room.folder, has_workspace=True)


def desk_of(app: App) -> Desk:
    """Return the operations of consent on the database of a workspace."""
    return Desk(
        folder=app.data,
        sender=app.sender(),
        now=datetime.now(UTC),
        keys=app.keys,
        newsletter=app.newsletter,
        settle=lambda: [app.recover()(each.id) for each in app.dispatches.all()],
    )


def command(room: Newsroom, *words: str) -> str:
    """Run a command; return what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert run(["-C", str(room.folder), *words]) == 0, said.getvalue()
    return said.getvalue()


def mailed_link(sink: SmtpSink, letter: bytes) -> str:
    """Return the token of the newest link of a kind that Ada was mailed."""
    hers = [each.data for each in sink.messages if each.recipient.lower() == ADA.lower()]
    unfolded = [data.replace(b"=\r\n", b"") for data in hers]
    found: list[bytes] = [
        token for data in unfolded for kind, token in LINK.findall(data) if kind == letter
    ]
    return found[-1].decode()


def subscribe(desk: Desk, sink: SmtpSink) -> SubscriberId:
    """Let Ada ask, get the mail and confirm."""
    desk.form(ADA, name="Ada Zz-Unique", form="https://news.example.org/subscribe")
    assert desk.send_notices().sent == 1
    assert desk.confirm(mailed_link(sink, b"c")) is Confirmed.CONFIRMED
    desk.send_notices()
    found = desk.subscribers.find(ADA.lower())
    assert found is not None
    return found


def leave_traces(app: App, desk: Desk, ada: SubscriberId) -> None:
    """Put the address where bounces, files, backups and the journals of the dead have it."""
    (delivery,) = (
        each
        for each in app.dispatches.deliveries(DispatchId(1))
        if each.address.lower() == ADA.lower()
    )
    kept = desk.folder / "kept" / "cur"
    kept.mkdir(parents=True)
    (kept / "1.mail").write_bytes(BOUNCE.encode())
    Feedbacks(desk.database).record(
        FeedbackRecord(
            at=desk.now,
            source="mailbox",
            key="k1",
            kind=FeedbackKind.HARD,
            status="5.1.1",
            reply=REPLY,
            detector="dsn",
            proven=True,
            counted=True,
            delivery=delivery.id,
            subscriber=ada,
            list=MAIN,
            dispatch=DispatchId(1),
        )
    )
    unproven = FeedbackRecord(
        at=desk.now,
        source="mailbox",
        key="k2",
        kind=FeedbackKind.UNKNOWN,
        status=None,
        reply=REPLY.lower(),
        detector="words",
        proven=False,
        counted=False,
    )
    Feedbacks(desk.database).record(unproven)
    desk.subscribers.tag(ada, add=["vip"])
    desk.subscribers.change(ada, now=desk.now, fields={"mail": ADA}, zone="Europe/Berlin")
    shutil.copy(desk.folder / "broadsheet.db", desk.folder / "broadsheet.db.0002.backup")
    at = microseconds(desk.now)
    identity = app.ledger.database.identity
    journal = Journal.open(app.recover().journal(DispatchId(1)), DispatchId(1), identity)
    with contextlib.closing(journal) as dead:
        dead.start(DeliveryId(delivery.id), 2, at)
        dead.settle(
            Settled(DeliveryId(delivery.id), 2, DeliveryStatus.REFUSED, at, at, None, 550, REPLY)
        )
        dead.flush()


def spellings() -> set[bytes]:
    """Return what must be nowhere, in lower case."""
    address = ADA.lower()
    local, _, domain = address.partition("@")
    texts = {address, local, quote(address), quote(address, safe=""), domain, "zz-unique"}
    return {text.encode() for text in texts | {address.replace("@", "=40")}}


def rows(file: Path) -> Iterator[tuple[str, str]]:
    """Yield every row of every table, as text, with the name of its table."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield table, repr(row).lower()


def hits(folder: Path) -> list[str]:
    """Return where in a workspace the address still is: files as bytes, the database as rows."""
    wanted = spellings()
    found = [
        f"file {file.relative_to(folder)}"
        for file in folder.rglob("*")
        if file.is_file() and any(each in file.read_bytes().lower() for each in wanted)
    ]
    found += [
        f"table {table}"
        for table, row in rows(folder / "data" / "broadsheet.db")
        if any(each.decode() in row for each in wanted)
    ]
    return found


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    """Give a server that takes Ada's question and welcome, and bounces the issue once."""
    bounce = replace(refuse(ADA, REPLY), skip=2, times=1)
    with SmtpSink(Plan(rules=(bounce,))) as sink:
        yield sink


def test_after_erasure_the_address_is_nowhere(tmp_path: Path, sink: SmtpSink) -> None:
    """No table, no file, no log, no backup has it, and it stays blocked; all counts still sum."""
    folder = tmp_path / "room"
    folder.mkdir()
    room = open_newsroom(folder, port=sink.port, readers=20)
    app = open_app(room)
    desk = desk_of(app)
    ada = subscribe(desk, sink)
    command(room, "send", ENTRY, "--confirm", "21")
    leave_traces(app, desk, ada)
    (desk.folder / "sent").mkdir(exist_ok=True)
    hers = next(each.data for each in sink.messages if each.recipient.lower() == ADA.lower())
    (desk.folder / "sent" / "hers.eml").write_bytes(hers)
    counts = app.dispatches.counts(DispatchId(1))
    assert counts.balances
    assert len(hits(folder)) >= 8, hits(folder)

    desk.erase.ask(desk.token(Action.PREFERENCES, ada))
    assert desk.send_notices().sent == 1
    assert desk.erase(mailed_link(sink, b"e"))

    assert hits(folder) == []
    assert app.dispatches.counts(DispatchId(1)).balances
    assert app.dispatches.counts(DispatchId(1)).by_status == counts.by_status
    assert desk.suppressions.reason(ADA.lower()) is SuppressionReason.ERASED
    people = tmp_path / "people.csv"
    people.write_text(f"email,name\n{ADA},Ada\n", encoding="utf-8")
    command(room, "subscribers", "import", str(people), "--source", "again")
    assert desk.subscribers.find(ADA.lower()) is None
    assert hits(folder) == []
    desk.database.close()
