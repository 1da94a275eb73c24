"""The outbox among real processes: killed, racing, and out of disk."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.errors import OutboxError
from pipeline.model.entry import Counts, EntryId
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox import files
from pipeline.outbox.folder import Outbox, Written

pytestmark = pytest.mark.integration

ENTRY = EntryId("091")
FORK = multiprocessing.get_context("fork")


class Killing:
    """The real calls; the process dies at the nth one, before it is made."""

    def __init__(self, dies_at: int) -> None:
        self.left = dies_at

    def _called(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """Make a file."""
        self._called()
        return os.open(path, flags, mode, dir_fd=dir_fd)

    def write(self, fd: int, data: memoryview, /) -> int:
        """Write some bytes."""
        self._called()
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """Wait for the disk."""
        self._called()
        os.fsync(fd)

    def rename(
        self, src: str, dst: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        """Give a file its name."""
        self._called()
        os.rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def put(root: Path, words: str, *, system: files.System = os) -> Written:
    """Freeze an entry all parts of which hold the words."""
    return Outbox(root, system).put(
        ENTRY,
        issue_json=words.encode(),
        rendered=RenderedIssue(subject=words, preheader=words, mjml=words, html=words, text=words),
        message=words.encode(),
        check=(),
        tag=f"tag:example.org,2026:{words}",
        counts=Counts(sections=1, stories=1, words=1, minutes=1),
        number=None,
        date=None,
        title=words,
    )


def hidden(folder: Path) -> list[str]:
    """Return the names of hidden files, as unfinished ones are."""
    return [file.name for file in folder.iterdir() if file.name.startswith(".")]


def exit_code(target: Callable[[], object]) -> int | None:
    """Run a function in a child process; negative: killed by that signal."""
    child = FORK.Process(target=target)
    child.start()
    child.join(60)
    return child.exitcode


def test_a_build_killed_anywhere_is_whole_or_says_that_it_is_not(tmp_path: Path) -> None:
    """At every call: the old entry, the new one, or an error; the next build repairs it."""
    put(tmp_path, "old")
    dies_at = 0
    code: int | None = -signal.SIGKILL
    while code == -signal.SIGKILL:
        dies_at += 1
        system = Killing(dies_at)
        code = exit_code(partial(put, tmp_path, "new", system=system))

        try:
            entry = Outbox(tmp_path).get(ENTRY)
        except OutboxError as error:
            assert "build the issue again" in str(error)  # noqa: PT017 - either outcome is right
        else:
            assert entry.subject in {"old", "new"}
        put(tmp_path, "old")
        assert Outbox(tmp_path).get(ENTRY).subject == "old"
        assert Outbox(tmp_path).get(ENTRY).tag == "tag:example.org,2026:old"
        assert not hidden(tmp_path / ENTRY)

    assert code == 0
    assert dies_at == 27  # six changed files of three calls, six renames, two syncs of the folder


def test_readers_never_see_two_builds_mixed(tmp_path: Path) -> None:
    """While two processes build the same entry over and over, every read is one of theirs."""
    put(tmp_path, "start")

    def build(words: str) -> None:
        for number in range(40):
            put(tmp_path, f"{words} {number}")

    children = [FORK.Process(target=build, args=(words,)) for words in ("one", "two")]
    for child in children:
        child.start()
    while any(child.is_alive() for child in children):
        rendered = Outbox(tmp_path).rendered(ENTRY)
        assert {rendered.subject} == {rendered.html, rendered.text, rendered.mjml}
    for child in children:
        child.join()

    assert [child.exitcode for child in children] == [0, 0]


def test_a_disk_that_is_really_full_loses_nothing(tmp_path: Path) -> None:
    """The kernel itself refuses to write on: the old entry stays, the message says why."""
    put(tmp_path, "old")
    said = tmp_path / "said"

    def build() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            put(tmp_path, "x" * 100_000)
        except OutboxError as error:
            said.write_text(str(error), encoding="utf-8")
            sys.exit(3)

    assert exit_code(build) == 3
    assert "091: the disk is full" in said.read_text(encoding="utf-8")
    assert Outbox(tmp_path).get(ENTRY).subject == "old"
    assert not hidden(tmp_path / ENTRY)
