"""A mailbox on a real IMAP server is heard once, over verified TLS, and in deadlines."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from msgspec.structs import replace

from pipeline.errors import StorageError
from pipeline.feedback.sources.imap import Imap, ImapAccount
from pipeline.feedback.sources.port import LARGEST, SourceUnavailable
from tests.integration.dovecot import (
    ASCII_PASSWORD,
    ASCII_USER,
    HOST,
    PASSWORD,
    USER,
    Dovecot,
    certify,
    running_dovecot,
)
from tests.integration.machine import need

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def shared() -> Iterator[Dovecot]:
    """Give a running server."""
    with running_dovecot() as instance:
        yield instance


@pytest.fixture
def server(shared: Dovecot) -> Dovecot:
    """Give the server with an empty mailbox."""
    shared.doveadm("expunge", "-u", USER, "mailbox", "INBOX", "all")
    return shared


@pytest.fixture
def imap(server: Dovecot, tmp_path: Path) -> Imap:
    """Give the mailbox as the settings name it."""
    account = ImapAccount(
        host=HOST,
        port=server.port,
        user=USER,
        password=PASSWORD,
        ca_file=server.ca_file,
        deadline_s=20,
    )
    return Imap(account=account, memory=tmp_path / "imap.json")


def drained(imap: Imap) -> list[bytes]:
    """Return what the mailbox has."""
    heard: list[bytes] = []
    assert imap.drain(heard.append, stop=lambda: False) == len(heard)
    return heard


def mail(number: int) -> bytes:
    """Return a mail."""
    return b"Subject: %d\r\n\r\nHello (%d) {5}\r\n" % (number, number)


def test_mail_is_heard_once_and_marked(server: Dovecot, imap: Imap) -> None:
    """What is heard is marked as seen and stays; what comes later is new."""
    assert drained(imap) == []
    server.deliver(mail(1), mail(2))

    assert drained(imap) == [mail(1), mail(2)]
    assert server.seen() == [True, True]
    assert drained(imap) == []
    server.deliver(mail(3))
    assert drained(imap) == [mail(3)]


def test_mail_is_marked_only_when_it_was_heard(server: Dovecot, imap: Imap) -> None:
    """An outage of ours leaves the mail in hand unseen, and passes through."""
    server.deliver(mail(1), mail(2), mail(3))
    heard: list[bytes] = []

    def listen(raw: bytes) -> None:
        if raw == mail(2):
            raise StorageError("the disk is full")
        heard.append(raw)

    with pytest.raises(StorageError):
        imap.drain(listen, stop=lambda: False)

    assert heard == [mail(1)]
    assert sorted(server.seen()) == [False, False, True]
    assert drained(imap) == [mail(2), mail(3)]


def test_mail_is_moved_where_the_settings_say(server: Dovecot, imap: Imap) -> None:
    """Heard mail leaves INBOX; a folder that is not there is an outage, and the mail stays."""
    server.doveadm("mailbox", "create", "-u", USER, "Heard ones")
    server.deliver(mail(1))
    away = replace(imap, account=dataclasses.replace(imap.account, move_to="Heard ones"))

    assert drained(away) == [mail(1)]
    assert server.seen() == []
    server.deliver(mail(2))
    lost = replace(imap, account=dataclasses.replace(imap.account, move_to="Nowhere"))
    with pytest.raises(SourceUnavailable, match="MOVE"):
        drained(lost)
    assert drained(imap) == [mail(2)]  # heard twice rather than never


def test_another_numbering_makes_everything_new(server: Dovecot, imap: Imap) -> None:
    """A mailbox that was made anew is not read from a UID of the old one."""
    server.deliver(mail(1), mail(2))
    drained(imap)

    imap.memory.write_text(imap.memory.read_text().replace('"validity": ', '"validity": 1'))

    assert drained(imap) == [mail(1), mail(2)]


def test_a_mail_is_fetched_up_to_a_limit(server: Dovecot, imap: Imap) -> None:
    """A huge mail costs LARGEST bytes."""
    server.deliver(b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n" * LARGEST)

    assert [len(raw) for raw in drained(imap)] == [LARGEST]


def test_many_mails_are_listed(server: Dovecot, imap: Imap) -> None:
    """Stopping half-way goes on there."""
    server.deliver(*(mail(number) for number in range(300)))
    heard: list[bytes] = []
    imap.drain(heard.append, stop=lambda: len(heard) == 120)

    assert heard + drained(imap) == [mail(number) for number in range(300)]


def test_waiting_ends_when_mail_comes(server: Dovecot, imap: Imap) -> None:
    """The server announces it (IDLE); what came before the waiting ends it at once."""
    drained(imap)
    back = Event()

    def wait() -> None:
        imap.wait(Event(), 3600)
        back.set()

    threading.Thread(target=wait, daemon=True).start()
    for number in range(100):  # until the waiting has begun, and one mail is announced
        server.deliver(mail(number))
        if back.wait(0.5):
            break

    assert back.is_set()
    started = time.monotonic()
    imap.wait(Event(), 3600)  # nobody drained
    assert time.monotonic() - started < 20


def test_waiting_ends_when_it_shall(imap: Imap) -> None:
    """The time is over, or somebody asks to stop."""
    drained(imap)
    imap.wait(Event(), 0.1)
    stop = Event()
    stop.set()
    imap.wait(stop, 3600)


def test_starttls_is_as_good(server: Dovecot, imap: Imap) -> None:
    """The other port begins in the clear, and nothing of ours is said before it is safe."""
    server.deliver(mail(1))
    account = dataclasses.replace(imap.account, tls="starttls", port=server.plain_port)

    assert drained(replace(imap, account=account)) == [mail(1)]


def test_a_server_without_a_trusted_certificate_hears_no_password(
    server: Dovecot, imap: Imap, tmp_path: Path
) -> None:
    """An unknown authority is an outage that says what to set, by both ways to TLS."""
    certify(tmp_path / "tls", need("openssl", "openssl"))
    for other in (None, tmp_path / "tls" / "ca.pem"):
        for tls, port in (("implicit", server.port), ("starttls", server.plain_port)):
            account = dataclasses.replace(imap.account, ca_file=other, tls=tls, port=port)  # type: ignore[arg-type]
            with pytest.raises(SourceUnavailable, match="ca_file"):
                drained(replace(imap, account=account))


def test_a_wrong_password_is_not_repeated_to_anybody(imap: Imap) -> None:
    """The refusal names the settings to look at, and no secret."""
    account = dataclasses.replace(imap.account, password="wrong-and-secret")

    with pytest.raises(SourceUnavailable, match="password_file") as caught:
        drained(replace(imap, account=account))

    assert "secret" not in str(caught.value).replace("password_file", "")
    assert drained(imap) == []


def test_any_password_logs_in(server: Dovecot, imap: Imap) -> None:
    """Quotes, backslashes and letters beyond ASCII arrive as they are."""
    server.deliver(mail(1))
    ascii_ = dataclasses.replace(imap.account, user=ASCII_USER, password=ASCII_PASSWORD)

    assert drained(replace(imap, account=ascii_)) == [mail(1)]
    imap.memory.unlink()
    assert drained(imap) == [mail(1)]


def test_a_missing_folder_is_named(imap: Imap) -> None:
    """The server's own words say what is wrong."""
    with pytest.raises(SourceUnavailable, match="SELECT"):
        drained(replace(imap, account=dataclasses.replace(imap.account, folder="No such folder")))


@contextmanager
def listening(*said: bytes) -> Iterator[int]:
    """Run a server in the clear that says something and then nothing; give its port."""
    with socket.create_server((HOST, 0)) as door:
        lines: list[socket.socket] = []

        def serve() -> None:
            line, _ = door.accept()
            lines.append(line)
            for words in said:
                line.sendall(words)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        thread.join(5)
        for line in lines:
            line.close()


@pytest.mark.parametrize(
    "said",
    [
        (),
        (b"* OK hello\r\n",),
        (b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] no STARTTLS\r\n",),
        (b"* BYE go away\r\n",),
        (b"\x00\xff\r\n",),
    ],
)
def test_a_server_that_does_not_speak_is_an_outage_in_time(
    tmp_path: Path, said: tuple[bytes, ...]
) -> None:
    """Silence, nonsense and a stripped STARTTLS end within the deadline, without a password."""
    with listening(*said) as port:
        account = ImapAccount(
            host=HOST, port=port, user=USER, password=PASSWORD, tls="starttls", deadline_s=1
        )
        started = time.monotonic()
        with pytest.raises(SourceUnavailable):
            drained(Imap(account=account, memory=tmp_path / "imap.json"))
        assert time.monotonic() - started < 20


@pytest.mark.parametrize("able", [b"", b" STARTTLS"], ids=["stripped", "refused"])
def test_nothing_is_said_in_the_clear(tmp_path: Path, able: bytes) -> None:
    """A STARTTLS that is not offered, or refused, ends it before the login."""
    heard: list[bytes] = []

    def converse(line: socket.socket) -> None:
        line.sendall(b"* OK ready\r\n")
        with line, line.makefile("rb") as words:
            for said in words:
                heard.append(said)
                tag, command = said.split()[:2]
                if command == b"CAPABILITY":
                    line.sendall(b"* CAPABILITY IMAP4rev1" + able + b"\r\n")
                answer = b" NO not today\r\n" if command == b"STARTTLS" else b" OK done\r\n"
                line.sendall(tag + answer)

    with socket.create_server((HOST, 0)) as door:
        thread = threading.Thread(target=lambda: converse(door.accept()[0]), daemon=True)
        thread.start()
        account = ImapAccount(
            host=HOST,
            port=door.getsockname()[1],
            user=ASCII_USER,
            password=ASCII_PASSWORD,
            tls="starttls",
            deadline_s=5,
        )
        with pytest.raises(SourceUnavailable):
            drained(Imap(account=account, memory=tmp_path / "imap.json"))
        thread.join(10)

    commands = [said.split()[1] for said in heard]
    assert set(commands) <= {b"CAPABILITY", b"STARTTLS", b"LOGOUT"}


def test_a_server_that_is_away_is_an_outage(tmp_path: Path) -> None:
    """Nobody listens: the place is named, and nothing is remembered."""
    with socket.create_server((HOST, 0)) as door:
        port = door.getsockname()[1]
    account = ImapAccount(host=HOST, port=port, user=USER, password=PASSWORD)
    source = Imap(account=account, memory=tmp_path / "imap.json")

    with pytest.raises(SourceUnavailable, match=f"{HOST}:{port}"):
        drained(source)

    assert not source.memory.exists()
