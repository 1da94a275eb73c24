from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.delivery.lock import DispatchLock
from pipeline.errors import Locked, StorageError

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
HOLD = """
import sys
from pathlib import Path
from pipeline.delivery.lock import DispatchLock
with DispatchLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_sender_is_told_who_was_first(tmp_path: Path) -> None:
    """The message names the process and the time."""
    file = tmp_path / "locks" / "dispatch-1.lock"
    with (
        DispatchLock(file, clock=lambda: NOW),
        pytest.raises(Locked, match=rf"process {os.getpid()}, since 2026-11-20T08:00:00"),
        DispatchLock(file),
    ):
        pass


def test_a_lock_is_free_again_afterwards(tmp_path: Path) -> None:
    """One sender follows another, and the loser of a race has not spoilt the signature."""
    file = tmp_path / "dispatch-1.lock"
    for _ in range(2):
        with DispatchLock(file):
            with pytest.raises(Locked, match=f"process {os.getpid()}"), DispatchLock(file):
                pass
            with pytest.raises(Locked, match=f"process {os.getpid()}"), DispatchLock(file):
                pass


def test_a_killed_sender_leaves_no_lock(tmp_path: Path) -> None:
    """The kernel frees what kill -9 leaves behind."""
    file = tmp_path / "dispatch-1.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match=f"process {holder.pid}"), DispatchLock(file):
            pass
        holder.kill()
        holder.wait()
        with DispatchLock(file):
            pass


def test_a_holder_that_has_not_signed_is_nameless(tmp_path: Path) -> None:
    """Between locking and signing, or on a full disk, a file says nothing useful."""
    file = tmp_path / "dispatch-1.lock"
    with DispatchLock(file):
        file.write_text("half a li")
        with pytest.raises(Locked, match="another process is sending"), DispatchLock(file):
            pass


def test_a_lock_that_cannot_be_made_is_the_operators(tmp_path: Path) -> None:
    """A file where the folder should be is named, and so is a symbolic link."""
    (tmp_path / "locks").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for path in (tmp_path / "locks" / "1.lock", tmp_path / "link"):
        with pytest.raises(StorageError, match=str(path)), DispatchLock(path):
            pass
