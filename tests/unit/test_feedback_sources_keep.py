"""Mail that nobody can read is kept for a person, privately, for a while."""

from __future__ import annotations

import quopri
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from pipeline.cli.feedback import feedback
from pipeline.cli.place import Place
from pipeline.errors import ConfigError, StorageError
from pipeline.feedback.sources.keep import Unread, mentions
from pipeline.feedback.sources.maildir import Maildir
from pipeline.feedback.sources.pipe import read_mail
from pipeline.feedback.sources.port import LARGEST, Listener, SourceUnavailable
from pipeline.operations.collect import Collect, Collected, Receive, Replay
from tests.unit.returned_mail import NOW, UNREADABLE, bounce, database, receiving, recorded

DAY = timedelta(days=1)
READER = "Unique.Reader+x@example.org"
HEAD = b"Subject: hello\r\nContent-Transfer-Encoding: base64\r\n\r\n"

ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda a: b"Dear " + a + b",",
    "upper": lambda a: a.upper(),
    "percent": lambda a: (
        b"https://example.net/?q=" + a.replace(b"@", b"%40").replace(b"+", b"%2B")
    ),
    "quoted": lambda a: quopri.encodestring(b"=" * 60 + a),
    "soft break": lambda a: a[:9] + b"=\r\n" + a[9:],
    "q word": lambda a: b"=?utf-8?q?=3C" + a.replace(b"@", b"=40") + b"=3E?=",
    "b word": lambda a: b"=?utf-8?B?" + b64encode(b"<" + a + b">") + b"?=",
    "base64": lambda a: HEAD + b64encode(b"x" * 100 + a + b"y"),
    "base64 in lines": lambda a: (
        HEAD
        + b"\r\n".join(b64encode(b"To: " + a + b"y" * 50)[n : n + 20] for n in range(0, 120, 20))
    ),
    "return path": lambda a: b"<list-bounce+" + a.replace(b"@", b"=") + b"@lists.example.net>",
    "json": lambda a: b'{"to": "' + a.replace(b"@", b"\\u0040") + b'"}',
}


@pytest.fixture
def unread(tmp_path: Path) -> Unread:
    """Give an empty folder."""
    return Unread(tmp_path / "feedback" / "unread")


def test_what_is_kept_is_for_its_owner_only(unread: Unread) -> None:
    """A private file in a private folder, named by its digest; the same again changes nothing."""
    id_ = unread.keep(UNREADABLE, NOW)
    assert unread.keep(UNREADABLE, NOW + DAY) == id_ == sha256(UNREADABLE).hexdigest()

    (file,) = unread.folder.iterdir()
    assert file.name == f"{id_}.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert unread.folder.stat().st_mode & 0o777 == 0o700
    (kept,) = unread.all()
    assert (kept.id, kept.at, kept.size) == (id_, NOW, len(UNREADABLE))
    assert kept.subject == "lunch"
    assert unread.read(kept) == UNREADABLE


def test_a_subject_cannot_speak_to_a_terminal(unread: Unread) -> None:
    """What a stranger wrote is shown as printable ASCII, and not all of it."""
    unread.keep(b"Subject: \x1b[2J\xc3\xa9" + b"x" * 500 + b"\n\n", NOW)

    (kept,) = unread.all()
    assert kept.subject.startswith("?[2J")
    assert len(kept.subject) == 80
    assert kept.subject.isascii()
    assert kept.subject.isprintable()


def test_kept_mail_is_found_by_the_start_of_its_id(unread: Unread) -> None:
    """One is found, none and several are told apart."""
    ids = [unread.keep(b"%d" % number, NOW) for number in range(20)]  # two share their first digit

    assert unread.find(ids[0][:20]).id == ids[0]
    with pytest.raises(ConfigError, match="nothing kept"):
        unread.find("xyz")
    with pytest.raises(ConfigError, match="kept mails have"):
        unread.find("")


def test_kept_mail_expires(unread: Unread) -> None:
    """Nothing waits for a person for longer than the settings say."""
    unread.keep(b"old", NOW - 31 * DAY)
    young = unread.keep(b"young", NOW - 29 * DAY)

    assert unread.expire(NOW, 30 * DAY) == 1
    assert [kept.id for kept in unread.all()] == [young]


def test_a_flood_does_not_fill_the_disk(tmp_path: Path) -> None:
    """Of too many, the newest are kept."""
    unread = Unread(tmp_path, most=3)
    ids = [unread.keep(b"%d" % n, NOW + n * timedelta(minutes=1)) for n in range(5)]

    assert [kept.id for kept in unread.all()] == ids[2:]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_erased_person_is_in_no_kept_mail(unread: Unread, encoding: str) -> None:
    """A mail that holds the address goes, however it is written; that of somebody else stays."""
    unread.keep(ENCODINGS[encoding](READER.encode()), NOW)
    other = unread.keep(ENCODINGS[encoding](b"other@example.org"), NOW)

    assert unread.forget(READER.lower()) == 1
    assert [kept.id for kept in unread.all()] == [other]


def test_forgetting_nobody_is_a_mistake(unread: Unread) -> None:
    """The empty address of an erased person would be in every mail."""
    unread.keep(UNREADABLE, NOW)

    with pytest.raises(ValueError, match="@"):
        unread.forget("")

    assert len(unread.all()) == 1


def test_looking_for_an_address_is_bounded() -> None:
    """A mail made to be slow to search is searched in an instant."""
    for unit in (b"A", b"=\r\n", b"%4", b"A\n", b"AAAA=\n"):
        raw = unit * (LARGEST // 4 // len(unit))
        assert not mentions(raw, READER)


def test_a_folder_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    """What could not be kept is not called kept."""
    (tmp_path / "feedback").write_bytes(b"a file is in the way")

    with pytest.raises(StorageError, match="feedback"):
        Unread(tmp_path / "feedback").keep(UNREADABLE, NOW)


def test_a_mail_on_a_pipe_is_taken_whole() -> None:
    """Without the From_ line of the server, cut off, and with nothing left to write."""
    assert read_mail(BytesIO(b"From x Sat Nov 21\nSubject: y\n\n")) == b"Subject: y\n\n"
    long = BytesIO(b"x" * (3 * LARGEST + 1))
    assert len(read_mail(long)) == LARGEST
    assert long.read() == b""


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    """Give a Maildir with a bounce, a mail nobody can read, and another bounce."""
    for name in ("new", "cur"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    for number, raw in enumerate((bounce(), UNREADABLE, bounce("bob@example.org"))):
        (tmp_path / "Maildir" / "new" / str(number)).write_bytes(raw)
    return tmp_path / "Maildir"


def collecting(mailbox: Path, receive: Receive) -> Collect:
    """Return what collects from a Maildir."""
    return Collect(
        source=Maildir(mailbox),
        receive=receive,
        keep=30 * DAY,
        clock=lambda: NOW,
        waits_s=(0.01, 0.02),
    )


def test_collecting_hears_or_keeps_every_mail(tmp_path: Path, mailbox: Path) -> None:
    """What can be read is on record, what cannot waits for a person; expired mail goes."""
    opened = database(tmp_path)
    receive = receiving(tmp_path, opened)
    receive.unread.keep(b"forgotten", NOW - 31 * DAY)

    assert collecting(mailbox, receive)() == Collected(heard=2, unread=1)
    assert recorded(opened) == 2
    assert [receive.unread.read(kept) for kept in receive.unread.all()] == [UNREADABLE]
    assert collecting(mailbox, receive)() == Collected()


def test_a_crash_before_the_mark_changes_nothing(tmp_path: Path, mailbox: Path) -> None:
    """Mail that was heard and not moved is heard again, and is on record once."""
    opened = database(tmp_path)
    receive = receiving(tmp_path, opened)
    collecting(mailbox, receive)()
    for file in (mailbox / "cur").iterdir():
        file.rename(mailbox / "new" / file.name.partition(":")[0])

    collecting(mailbox, receive)()

    assert recorded(opened) == 2
    assert len(receive.unread.all()) == 1


def test_a_mail_that_breaks_its_reader_does_not_hold_up_the_others(
    tmp_path: Path, mailbox: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is kept for a person, and the log names neither it nor anybody in it."""
    times = [NOW]

    # The first mail is heard, and then the clock is broken.
    receive = receiving(tmp_path, database(tmp_path), clock=times.pop)

    assert collecting(mailbox, receive)() == Collected(heard=1, unread=2)
    assert "IndexError" in caplog.text
    assert "example.org" not in caplog.text


def test_an_outage_of_the_database_leaves_mail_where_it_was(tmp_path: Path, mailbox: Path) -> None:
    """Nothing is marked and nothing is kept: all of it comes again."""
    opened = database(tmp_path)
    with opened.writing() as connection:
        connection.exec_driver_sql("DROP TABLE feedback")
    receive = receiving(tmp_path, opened)

    with pytest.raises(StorageError):
        collecting(mailbox, receive)()

    assert len(list((mailbox / "new").iterdir())) == 3
    assert receive.unread.all() == ()


class OftenAway:
    """A mailbox that cannot be reached three times, and then has a mail."""

    name = "often away"
    drains = 0

    def drain(self, listen: Listener, *, stop: Callable[[], bool]) -> int:
        """Fail, or give the mail."""
        assert not stop()
        self.drains += 1
        if self.drains <= 3:
            raise SourceUnavailable("mail.example.org:993: nobody answers")
        listen(bounce())
        return 1

    def wait(self, stop: Event, limit_s: float) -> None:
        """Wait for nothing."""
        stop.wait(limit_s)


def test_following_outlives_an_outage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A mailbox that comes back is heard; that it was away is logged once."""
    stop, said = Event(), list[Collected]()
    receive = receiving(tmp_path, database(tmp_path))
    collect = replace(collecting(tmp_path, receive), source=OftenAway())

    def say(found: Collected) -> None:
        said.append(found)
        stop.set()

    collect.follow(stop, every_s=3600, say=say)

    assert said == [Collected(heard=1)]
    assert [record.getMessage() for record in caplog.records] == [
        "feedback: mail.example.org:993: nobody answers"
    ]


class Broken(OftenAway):
    """A mailbox whose reader breaks, in a way that nobody foresaw, and then does not."""

    def drain(self, listen: Listener, *, stop: Callable[[], bool]) -> int:
        """Fail, or give the mail."""
        try:
            return super().drain(listen, stop=stop)
        except SourceUnavailable as error:
            raise KeyError("ann@example.org") from error


def test_following_outlives_a_mistake_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks, the next round is tried; the log has its type and nobody's name."""
    stop, said = Event(), list[Collected]()
    receive = receiving(tmp_path, database(tmp_path))
    collect = replace(collecting(tmp_path, receive), source=Broken())

    def say(found: Collected) -> None:
        said.append(found)
        stop.set()

    collect.follow(stop, every_s=3600, say=say)

    assert said == [Collected(heard=1)]
    assert [record.getMessage() for record in caplog.records] == [
        "feedback: this round broke (KeyError); it is tried again"
    ]


def test_a_folder_among_kept_mail_is_none(unread: Unread) -> None:
    """Somebody made it: it is no mail, and keeping and expiring go on beside it."""
    (unread.folder / f"{'a' * 64}.eml").mkdir(parents=True)
    id_ = unread.keep(UNREADABLE, NOW)

    assert unread.expire(NOW, 30 * DAY) == 0
    assert [kept.id for kept in unread.all()] == [id_]


def test_replaying_hears_what_can_be_read_now(tmp_path: Path) -> None:
    """What is heard is not kept any longer; what is not, and webhooks, go on waiting."""
    opened = database(tmp_path)
    receive = receiving(tmp_path, opened)
    for raw in (bounce(), UNREADABLE):
        receive.unread.keep(raw, NOW)
    receive.unread.keep(b"{}", NOW, webhook=True)

    assert Replay(receive=receive)(receive.unread.all()) == Collected(heard=1, unread=1)
    assert sorted(kept.kind for kept in receive.unread.all()) == ["mail", "webhook"]
    assert recorded(opened) == 1


class OtherPlace(Place, frozen=True):
    """A workspace that has what takes in mail, or does not open."""

    workspace: str | None = None
    no_input: bool = True
    receive: Receive | None = None

    def app(self, *, required: bool = True) -> Any:
        """Open it."""
        assert required
        if self.receive is None:
            raise ConfigError("newsletter.toml:3: name is missing")
        receive = self.receive
        return SimpleNamespace(
            receive=lambda: receive,
            replay=lambda: Replay(receive=receive),
            unread=receive.unread,
            feedbacks=receive.hear.feedbacks,
            dispatches=receive.hear.dispatches,
        )


def command(receive: Receive, *arguments: str) -> str:
    """Run `broadsheet feedback ...`; return what it wrote to stdout."""
    result = CliRunner().invoke(
        feedback, arguments, obj=OtherPlace(receive=receive), standalone_mode=False
    )
    assert result.exception is None
    return result.stdout_bytes.decode()


def test_a_person_looks_at_kept_mail_and_hears_it_again(tmp_path: Path) -> None:
    """It is listed, shown byte for byte, and gone once it is heard."""
    receive = receiving(tmp_path, database(tmp_path))
    id_ = receive.unread.keep(UNREADABLE, NOW)
    receive.unread.keep(bounce(), NOW + DAY)

    listed = command(receive, "list", "--unread", "--output", "tsv").splitlines()
    assert listed[1].split("\t") == [
        *(id_[:12], "2026-11-22 09:00 UTC", "mail", str(len(UNREADABLE)), "lunch")
    ]
    assert command(receive, "show", id_[:6]).encode() == UNREADABLE
    assert command(receive, "replay") == "heard\t1\nunread\t1\n"
    assert command(receive, "replay", id_[:6]) == "heard\t0\nunread\t1\n"
    assert [kept.id for kept in receive.unread.all()] == [id_]
    assert command(receive, "list", "--output", "tsv") == "dispatch\tentry\tkind\tcount\n"


def piped(receive: Receive | None, raw: bytes) -> tuple[int, str]:
    """Run `broadsheet feedback pipe`; return its exit code and what it printed."""
    result = CliRunner().invoke(
        feedback, ["pipe"], obj=OtherPlace(receive=receive), input=raw, standalone_mode=False
    )
    assert result.exception is None
    return int(result.return_value or 0), result.output


@pytest.mark.parametrize("raw", [bounce(), UNREADABLE, b"", b"\xff\x00((((" * 1000])
def test_a_server_hears_that_a_piped_mail_was_taken(tmp_path: Path, raw: bytes) -> None:
    """Whatever the mail is: heard or kept, the code is 0."""
    assert piped(receiving(tmp_path, database(tmp_path)), raw) == (0, "")


def test_a_server_tries_again_while_something_is_broken(tmp_path: Path) -> None:
    """Wrong settings, a broken database, a broken disk: the code is 75, and the mail stays."""
    opened = database(tmp_path)
    with opened.writing() as connection:
        connection.exec_driver_sql("DROP TABLE feedback")
    receive = receiving(tmp_path, opened)
    (tmp_path / "feedback").write_bytes(b"a file is in the way")

    for broken in (None, receive):
        for raw in (bounce(), UNREADABLE):
            code, said = piped(broken, raw)
            assert code == 75
            assert "ann@example.org" not in said


def test_a_server_tries_again_after_a_mistake_of_ours(tmp_path: Path) -> None:
    """An error that nobody foresaw costs no mail, and its words stay out of the server's log."""

    def broken() -> Any:
        raise RuntimeError("ann@example.org")

    receive = replace(receiving(tmp_path, database(tmp_path)), clock=broken)

    assert piped(receive, UNREADABLE) == (75, "try again later: RuntimeError\n")


def test_an_unreachable_mailbox_says_so(tmp_path: Path) -> None:
    """Collecting once fails with the code for trying again."""
    receive = receiving(tmp_path, database(tmp_path))

    with pytest.raises(SourceUnavailable) as caught:
        collecting(tmp_path / "nowhere", receive)()

    assert caught.value.exit_code == 75
