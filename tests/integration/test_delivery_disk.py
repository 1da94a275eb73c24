"""`broadsheet send` on a disk that is full, read-only or broken: it stops, and nobody pays for it.

The data folder lies on a small disk of its own. After every fault the same is proven: what the
ledger says is what the mail server saw, row by row, and the same command serves the rest once.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Final

import pytest

from pipeline.delivery.journal_file import SEGMENT
from tests.integration.machine import do_without, need, wait_for
from tests.integration.newsroom import Audit, Newsroom, open_newsroom, sink_process

pytestmark = pytest.mark.integration

READERS: Final = 2000  # more than leave while one commit fails
CONNECTIONS: Final = 10
SYNCS: Final = 20  # beyond what a rehearsal does; the mail is under way by then
SIZE: Final = 16 * SEGMENT
PARTLY_DONE: Final = 5  # docs/commands.md
PAGE: Final = 4096  # bytes; the least a tmpfs gives
SEND: Final = ("send", "001", "--confirm")
STATUSES: Final = (
    *("pending", "sending", "deferred", "accepted"),
    *("refused", "uncertain", "left_out"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballast:
    """A file that takes the room of everybody else."""

    file: Path

    def leave(self, room: int) -> None:
        """Grow until no more than so many bytes are free; what others free later stays free."""
        file = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            while (free := self._free() - room) > 0:
                os.write(file, bytes(min(free, SEGMENT)))
        except OSError as error:  # somebody else took the last page
            if error.errno != ENOSPC:
                raise
        finally:
            os.close(file)

    def drop(self) -> None:
        """Give the room back."""
        self.file.unlink()

    def _free(self) -> int:
        disk = os.statvfs(self.file.parent)
        return disk.f_bavail * disk.f_frsize


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A newsroom with its data on a small disk, and what its mail server wrote down elsewhere."""

    newsroom: Newsroom
    audit: Audit
    ballast: Ballast

    def send(self, people: int = READERS) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return self.newsroom.run(*SEND, str(people))

    def prove(self, *, uncertain: int = 0) -> int:
        """Hold the ledger against the audit, row by row; return how many have their message.

        Args:
            uncertain: how many may be in doubt at most.
        """
        came, ids = self.audit.copies(), self.audit.message_ids()
        expected = self.newsroom.message_ids()
        row = self.newsroom.dispatch()
        assert row is not None
        assert row["balances"]
        assert sum(row[status] for status in STATUSES) == READERS
        assert row["pending"] + row["accepted"] + row["uncertain"] == READERS
        assert row["uncertain"] <= uncertain
        rows = self.newsroom.deliveries()
        assert len(rows) == READERS
        accepted = {one["address"] for one in rows if one["status"] == "accepted"}
        doubtful = {one["address"] for one in rows if one["status"] == "uncertain"}
        assert accepted == set(came) - doubtful
        assert set(came.values()) <= {1}
        assert ids == {address: {expected[address]} for address in came}
        return len(came)

    def finish(self, *, uncertain: int = 0) -> None:
        """Hold that the same command serves everybody who is left, and nobody else."""
        row = self.newsroom.dispatch()
        done = self.send(self.newsroom.still_open() if row and row["started_at"] else READERS)
        row = self.newsroom.dispatch()
        assert row is not None
        assert done.returncode == (PARTLY_DONE if row["uncertain"] else 0), done.stderr
        assert row["accepted"] + row["uncertain"] == READERS
        assert self.prove(uncertain=uncertain) >= READERS - row["uncertain"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a newsroom behind a mail server that takes a moment over each message."""
    folder = tmp_path / "workspace"
    audit = Audit(tmp_path / "audit.jsonl")
    data = folder / "data"
    data.mkdir(parents=True)
    mount(data, f"size={SIZE},mode=0700")
    try:
        with sink_process(audit.file, "--delay", "0.02") as port:
            newsroom = open_newsroom(
                folder, port=port, readers=READERS, options=f"connections = {CONNECTIONS}"
            )
            yield World(newsroom=newsroom, audit=audit, ballast=Ballast(file=data / "ballast"))
    finally:
        # Lazily: this process asked the database there, and may have it open.
        subprocess.run([need("umount", "mount"), "-l", str(data)], check=True)


def mount(place: Path, options: str) -> None:
    """Mount an empty disk in memory, or do without where nobody may."""
    command = need("mount", "mount", root=True)
    done = subprocess.run(
        [command, "-t", "tmpfs", "-o", options, "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        do_without("a small disk cannot be mounted here")


@pytest.mark.parametrize("room", [0, SEGMENT - PAGE], ids=["nothing", "less than a journal"])
def test_without_room_to_begin_nobody_gets_anything(world: World, room: int) -> None:
    """It exits 1 and says what is full and what to do; with room again everybody gets one."""
    world.ballast.leave(room)
    refused = world.send()

    assert refused.returncode == 1
    assert str(world.newsroom.folder / "data") in refused.stderr
    assert "disk" in refused.stderr
    assert "make room" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert world.audit.count() == 0

    world.ballast.drop()
    world.finish()


@pytest.mark.parametrize("arrived", [1, 400])
def test_a_disk_that_fills_up_stops_the_mail(world: World, tmp_path: Path, arrived: int) -> None:
    """The commit fails: no more begins, those under way are kept in the journal's own room."""
    said = tmp_path / "said"
    with started(world.newsroom, said) as send:
        wait_for(lambda: world.audit.count() >= arrived, "the mail is under way")

        def ended() -> bool:
            world.ballast.leave(0)  # again and again: a commit gives back what it needed
            return send.poll() is not None

        wait_for(ended, "it noticed")
    assert_full(send.returncode, said.read_text())
    stopped_at = world.audit.count()
    assert arrived <= stopped_at < READERS

    again = world.send()
    assert_full(again.returncode, again.stderr)
    assert world.audit.count() == stopped_at, "a body left although the ledger cannot be written"

    world.ballast.drop()
    assert world.prove() == stopped_at
    world.finish()


def test_a_disk_that_may_not_be_written_stops_it_before_it_begins(world: World) -> None:
    """Mounted read-only, as Linux does it to a disk that fails: exit 1, and nobody gets it."""
    with read_only(world.ballast.file.parent):
        refused = world.send()

    assert refused.returncode == 1
    assert str(world.newsroom.folder / "data") in refused.stderr
    assert "Read-only file system" in refused.stderr
    assert "check" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert world.audit.count() == 0
    world.finish()


def test_a_disk_that_fails_stops_the_mail(world: World, tmp_path: Path) -> None:
    """No sync works any more, neither the journal's nor SQLite's: who is in doubt is named."""
    strace = need("strace", "strace")
    usual = syncs(strace, world.newsroom.words("send", "001", "--dry-run"), tmp_path / "calls")
    inject = f"inject=fdatasync:error=EIO:when={usual + SYNCS}+"
    done = subprocess.run(
        [
            *(strace, "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e", inject),
            *world.newsroom.words(*SEND, str(READERS)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 1, done.stderr
    assert "check" in done.stderr
    assert "Traceback" not in done.stderr
    assert 0 < world.audit.count() < READERS
    world.prove(uncertain=CONNECTIONS)
    world.finish(uncertain=CONNECTIONS)


def assert_full(code: int, said: str) -> None:
    """Hold that a command ended because of the disk, and told its user the remedy."""
    assert code == 1, said
    assert "the disk is full; make room, then run the same command again" in said
    assert "Traceback" not in said


@contextmanager
def started(newsroom: Newsroom, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start to send, with its complaints in a file; it has ended afterwards."""
    with (
        said.open("wb") as complaints,
        subprocess.Popen(
            newsroom.words(*SEND, str(READERS)), stdout=subprocess.DEVNULL, stderr=complaints
        ) as send,
    ):
        try:
            yield send
        finally:
            if send.poll() is None:
                send.kill()


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Let nobody write to a folder.

    It is mounted over itself: this process has the database open, and Linux would not make the
    disk itself read-only before it is closed.
    """
    command = need("mount", "mount", root=True)
    subprocess.run([command, "--bind", str(place), str(place)], check=True)
    try:
        subprocess.run([command, "-o", "remount,bind,ro", str(place)], check=True)
        yield
    finally:
        subprocess.run([need("umount", "mount"), "-l", str(place)], check=True)


def syncs(strace: str, command: list[str], report: Path) -> int:
    """Count how often a command lets data reach the disk; do without if nobody may look."""
    subprocess.run(
        [strace, "-f", "-qq", "-o", str(report), "-e", "trace=fdatasync", *command],
        capture_output=True,
        check=False,
    )
    if not report.exists():
        do_without("strace is not allowed to trace")
    return report.read_text().count(" fdatasync(")
