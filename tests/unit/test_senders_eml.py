from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Envelope
from pipeline.senders.eml import Eml

ENVELOPE = Envelope("bounces@news.example.org", "ada@example.org")
MESSAGE = b"Subject: hello\r\nMessage-ID: <1@news.example.org>\r\n\r\nGood morning.\r\n"


def send(folder: Path, *messages: bytes) -> list[str]:
    """Send messages into a folder; return the names of their files."""
    names = []
    with Eml(folder).open() as session:
        for message in messages:
            outcome = session.send(ENVELOPE, message)
            assert isinstance(outcome, Accepted)
            names.append(outcome.reply)
    return names


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the kernel refuse to write longer files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_second_attempt_finds_the_first(tmp_path: Path) -> None:
    """The same message is one file, however often it is sent."""
    first, again = send(tmp_path, MESSAGE, MESSAGE)

    assert first == again
    assert [file.name for file in tmp_path.iterdir()] == [first]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Another message under the same Message-ID gets a file of its own."""
    other = MESSAGE + b"And good night.\r\n"
    names = send(tmp_path, MESSAGE, other, MESSAGE, other)

    assert names[:2] == names[2:]
    assert (tmp_path / names[0]).read_bytes() == MESSAGE
    assert (tmp_path / names[1]).read_bytes() == other


def test_a_message_without_an_id_has_a_name_too(tmp_path: Path) -> None:
    """A Message-ID in the body does not count, and two messages do not meet."""
    bodies = (b"Subject: a\r\n\r\nMessage-ID: <1@b.example>\r\n", b"Subject: a\r\n\r\n")

    assert len(set(send(tmp_path, *bodies))) == 2


def test_only_the_owner_reads_the_mail(tmp_path: Path) -> None:
    """Files and the folder made for them are private."""
    folder = tmp_path / "new" / "mail"
    (name,) = send(folder, MESSAGE)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """The way out is closed, nobody is blamed, and the next try starts afresh."""
    message = MESSAGE + b"x" * 100_000
    with Eml(tmp_path).open() as session, files_of_at_most(50_000):
        with pytest.raises(SenderUnavailable, match="File too large"):
            session.send(ENVELOPE, message)
        assert list(tmp_path.iterdir()) == []
    (name,) = send(tmp_path, message)

    assert (tmp_path / name).read_bytes() == message


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link under the name of a message leads nowhere."""
    folder, victim = tmp_path / "mail", tmp_path / "victim"
    victim.write_bytes(b"mine")
    (name,) = send(folder, MESSAGE)
    (folder / name).unlink()
    (folder / name).symlink_to(victim)

    with pytest.raises(SenderUnavailable), Eml(folder).open() as session:
        session.send(ENVELOPE, MESSAGE)
    assert victim.read_bytes() == b"mine"
    assert [file.name for file in folder.iterdir()] == [name]


def test_what_a_killed_sender_left_does_not_stop_the_next(tmp_path: Path) -> None:
    """A temporary file of an earlier process with our number is in nobody's way."""
    (tmp_path / f".{os.getpid()}.tmp").write_bytes(b"half a mes")
    (name,) = send(tmp_path, MESSAGE)

    assert [file.name for file in tmp_path.iterdir()] == [name]
