"""Maildir and mbox: mail is heard once, marked when it was heard, and never written by us."""

from __future__ import annotations

import mailbox
import os
import subprocess
import sys
from email.message import Message
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.feedback.sources import open_source
from pipeline.feedback.sources.imap import Imap, ImapAccount
from pipeline.feedback.sources.maildir import Maildir
from pipeline.feedback.sources.mbox import Mbox
from pipeline.feedback.sources.port import LARGEST, Listener, Source, SourceUnavailable

FROM_LINE = b"From MAILER-DAEMON Sat Nov 21 10:00:00 2026\n"
LOCKER = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked", flush=True)
    sys.stdin.read()
"""


class OutageError(Exception):
    """What hears cannot hear now."""


def never() -> bool:
    """Do not stop."""
    return False


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """Give an empty Maildir."""
    for name in ("tmp", "new", "cur"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    return tmp_path / "Maildir"


@pytest.fixture
def mbox(tmp_path: Path) -> Mbox:
    """Give an mbox whose file does not exist yet."""
    return Mbox(file=tmp_path / "inbox", memory=tmp_path / "data" / "mbox.json", patience_s=0.1)


def names(folder: Path) -> list[str]:
    """Return the names in new/ and cur/."""
    return sorted(
        f"{place}/{f.name}" for place in ("new", "cur") for f in (folder / place).iterdir()
    )


def drained(source: Maildir | Mbox) -> list[bytes]:
    """Return what a source has."""
    found: list[bytes] = []
    assert source.drain(found.append, stop=never) == len(found)
    return found


def broken_at(bad: bytes, heard: list[bytes]) -> Listener:
    """Return a listener that cannot hear one of the mails."""

    def listen(raw: bytes) -> None:
        if raw == bad:
            raise OutageError
        heard.append(raw)

    return listen


def test_a_maildir_is_heard_once_in_the_order_it_came(maildir: Path) -> None:
    """Heard mail lies in cur/ with the flag S, and does not come again."""
    for name in ("2.b.host", "1.a.host"):
        (maildir / "new" / name).write_bytes(name.encode())

    assert drained(Maildir(maildir)) == [b"1.a.host", b"2.b.host"]
    assert names(maildir) == ["cur/1.a.host:2,S", "cur/2.b.host:2,S"]
    assert drained(Maildir(maildir)) == []


def test_mail_that_somebody_moved_to_cur_is_new_until_it_is_seen(maildir: Path) -> None:
    """Another program may move mail without anybody having heard it; its flags stay."""
    (maildir / "cur" / "1.a:2,FT").write_bytes(b"mail")
    (maildir / "cur" / "2.a:2,S").write_bytes(b"seen")

    assert drained(Maildir(maildir)) == [b"mail"]
    assert names(maildir) == ["cur/1.a:2,FST", "cur/2.a:2,S"]


def test_mail_of_a_maildir_is_marked_only_when_it_was_heard(maildir: Path) -> None:
    """An outage leaves the mail in hand and all behind it new, and passes through."""
    for name in ("1", "2", "3"):
        (maildir / "new" / name).write_bytes(name.encode())
    heard: list[bytes] = []

    with pytest.raises(OutageError):
        Maildir(maildir).drain(broken_at(b"2", heard), stop=never)

    assert names(maildir) == ["cur/1:2,S", "new/2", "new/3"]
    assert drained(Maildir(maildir)) == [b"2", b"3"]


def test_what_is_no_readable_file_does_not_hold_up_the_others(
    maildir: Path, tmp_path: Path
) -> None:
    """A link is not followed, a pipe is not waited for, and both are complained of at the end."""
    (tmp_path / "secret").write_bytes(b"secret")
    (maildir / "new" / "1").symlink_to(tmp_path / "secret")
    os.mkfifo(maildir / "new" / "2")
    (maildir / "new" / "3").write_bytes(b"mail")
    heard: list[bytes] = []

    with pytest.raises(SourceUnavailable, match="new/1"):
        Maildir(maildir).drain(heard.append, stop=never)

    assert heard == [b"mail"]


def test_two_collectors_may_meet_in_a_maildir(maildir: Path) -> None:
    """Who comes second finds the mail gone, and that is all."""
    for name in ("1", "2"):
        (maildir / "new" / name).write_bytes(name.encode())
    heard: list[bytes] = []

    def listen(raw: bytes) -> None:
        heard.append(raw)
        drained(Maildir(maildir))

    assert Maildir(maildir).drain(listen, stop=never) == 1
    assert heard == [b"1"]
    assert names(maildir) == ["cur/1:2,S", "cur/2:2,S"]


def test_stopping_leaves_the_rest_for_the_next_time(maildir: Path, mbox: Mbox) -> None:
    """Between two mails anybody may stop."""
    mbox.file.write_bytes((FROM_LINE + b"mail\n\n") * 3)
    for name in ("1", "2", "3"):
        (maildir / "new" / name).write_bytes(name.encode())

    for source in (Maildir(maildir), mbox):
        heard: list[bytes] = []
        source.drain(heard.append, stop=lambda heard=heard: len(heard) == 1)  # type: ignore[misc]
        assert len(heard) == 1
        assert len(drained(source)) == 2


def test_a_mail_is_read_up_to_a_limit(maildir: Path, mbox: Mbox) -> None:
    """A mail of any size costs LARGEST bytes of memory at most, and those behind it come whole."""
    (maildir / "new" / "1").write_bytes(b"x" * (LARGEST + 10))
    mbox.file.write_bytes(
        FROM_LINE + (b"x" * 99 + b"\n") * (LARGEST // 50) + b"\n" + FROM_LINE + b"next\n"
    )

    assert [len(raw) for raw in drained(Maildir(maildir))] == [LARGEST]
    long, following = drained(mbox)
    assert LARGEST <= len(long) < LARGEST + 100  # whole lines
    assert following == b"next\n"


def test_a_missing_mailbox_is_an_outage_that_names_it(tmp_path: Path, mbox: Mbox) -> None:
    """A wrong path is told; an mbox that no mail has made yet is empty."""
    with pytest.raises(SourceUnavailable, match="nowhere"):
        Maildir(tmp_path / "nowhere").drain(print, stop=never)
    with pytest.raises(SourceUnavailable, match="nowhere"):
        Mbox(file=tmp_path / "nowhere" / "x", memory=mbox.memory).drain(print, stop=never)
    assert drained(mbox) == []


def test_an_mbox_is_heard_from_where_it_was_left(mbox: Mbox) -> None:
    """What was appended comes, nothing comes twice, and the file is not touched."""
    mbox.file.write_bytes(FROM_LINE + b"one\n\n" + FROM_LINE + b"two\n\n")
    before = mbox.file.stat()

    assert drained(mbox) == [b"one\n\n", b"two\n\n"]
    after = mbox.file.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    assert mbox.memory.stat().st_mode & 0o777 == 0o600
    with mbox.file.open("ab") as file:
        file.write(FROM_LINE + b"three\n\n")
    assert drained(mbox) == [b"three\n\n"]


def test_an_mbox_that_was_emptied_is_read_from_its_beginning(mbox: Mbox) -> None:
    """Somebody's cleaning up must not hide what comes after it, however long it is."""
    mbox.file.write_bytes(FROM_LINE + b"one\n\n")
    drained(mbox)

    mbox.file.write_bytes(FROM_LINE + b"another, and a longer one\n\n")

    assert drained(mbox) == [b"another, and a longer one\n\n"]


def test_an_mbox_remembers_each_mail_it_heard(mbox: Mbox) -> None:
    """An outage makes the mail in hand come again, and none before it."""
    mbox.file.write_bytes(b"".join(FROM_LINE + name + b"\n\n" for name in (b"1", b"2", b"3")))
    heard: list[bytes] = []

    with pytest.raises(OutageError):
        mbox.drain(broken_at(b"2\n\n", heard), stop=never)

    assert heard == [b"1\n\n"]
    assert drained(mbox) == [b"2\n\n", b"3\n\n"]


def test_a_body_may_speak_of_from(mbox: Mbox) -> None:
    """Only a From_ line with a date behind an empty one begins a mail; quoted ones are unquoted."""
    body = b"x\n\nFrom now on we meet at noon.\n" + FROM_LINE + b">From here\n"
    mbox.file.write_bytes(FROM_LINE + body)

    assert drained(mbox) == [body.replace(b">From", b"From")]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"offset": -1}', b'{"offset": "x"}'])
def test_a_damaged_memory_costs_only_a_second_hearing(mbox: Mbox, damage: bytes) -> None:
    """Whatever the position says, no mail is lost."""
    mbox.file.write_bytes(FROM_LINE + b"one\n\n")
    drained(mbox)

    mbox.memory.write_bytes(damage)

    assert drained(mbox) == [b"one\n\n"]


def test_an_mbox_is_not_read_while_somebody_appends(mbox: Mbox) -> None:
    """Half a mail is never heard: the lock of a mail server is respected."""
    mbox.file.write_bytes(FROM_LINE + b"ha")
    with subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(mbox.file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"locked\n"
        with pytest.raises(SourceUnavailable, match="locked"):
            mbox.drain(print, stop=never)
        with mbox.file.open("ab") as file:
            file.write(b"lf\n\n")
        server.communicate()

    assert drained(mbox) == [b"half\n\n"]


@given(bodies=st.lists(st.text("aF rom>\n:0", max_size=60), min_size=1, max_size=5))
def test_what_another_program_writes_to_an_mbox_comes_out(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str]
) -> None:
    """The mails that the standard library stores are the mails we hear, one by one."""
    folder = tmp_path_factory.mktemp("mbox")
    store = mailbox.mbox(folder / "inbox")
    for number, body in enumerate(bodies):
        mail = Message()
        mail["Subject"] = str(number)
        mail.set_payload(body)
        store.add(mail)
    store.close()

    heard = drained(Mbox(file=folder / "inbox", memory=folder / "memory"))

    assert [raw.partition(b"\n")[0] for raw in heard] == [
        b"Subject: %d" % number for number in range(len(bodies))
    ]


def test_a_source_without_news_waits_until_it_shall_stop(maildir: Path, mbox: Mbox) -> None:
    """A wait ends with the time, or at once when somebody asks to stop."""
    stop = Event()
    Maildir(maildir).wait(stop, 0.01)
    stop.set()
    for source in (Maildir(maildir), mbox):
        source.wait(stop, 3600)


def test_a_setting_names_a_source(tmp_path: Path) -> None:
    """Relative paths start at the workspace; what names none is told what there is."""
    account = ImapAccount(host="mail.example.org", user="news", password="hunter2")

    def open_(text: str) -> Source:
        return open_source(text, root=tmp_path, state=tmp_path, account=account)

    assert open_("maildir:in/Maildir") == Maildir(tmp_path / "in" / "Maildir")
    assert open_("mbox:/var/mail/news").name == "mbox"
    assert isinstance(open_("imap"), Imap)
    for wrong in ("", "maildir", "maildir:", "pop3", "imap:x"):
        with pytest.raises(ConfigError, match="maildir:PATH"):
            open_(wrong)
    with pytest.raises(ConfigError, match="password_file"):
        open_source("imap", root=tmp_path, state=tmp_path, account=None)


def test_an_account_keeps_its_password_and_its_commands_to_itself() -> None:
    """No repr shows the password, and no setting breaks out of an IMAP command."""
    account = ImapAccount(host="mail.example.org", user="news", password="hunter2")

    assert "hunter2" not in repr(account)
    for key in ("folder", "move_to", "user", "password"):
        with pytest.raises(ConfigError):
            ImapAccount(**{"host": "h", "user": "u", "password": "p", key: 'x"\r\nA1 DELETE y'})  # type: ignore[arg-type]
