"""Files that are there whole or not at all, whatever fails."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.errors import OutboxError
from pipeline.outbox import files
from pipeline.outbox.files import write_if_changed


@dataclass
class FailingSystem:
    """The real calls, counted; the nth one fails, or writes only a byte at a time."""

    fails_at: int = 0
    error: int = errno.ENOSPC
    most_bytes: int | None = None
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fails_at:
            raise OSError(self.error, os.strerror(self.error))

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """Make a file."""
        self._called("open")
        return os.open(path, flags, mode, dir_fd=dir_fd)

    def write(self, fd: int, data: memoryview, /) -> int:
        """Write some bytes."""
        self._called("write")
        return os.write(fd, data[: self.most_bytes])

    def fsync(self, fd: int) -> None:
        """Wait for the disk."""
        self._called("fsync")
        os.fsync(fd)

    def rename(
        self, src: str, dst: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        """Give a file its name."""
        self._called("rename")
        os.rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def tree(root: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    """Folders are made on the way; nothing else is left behind."""
    assert write_if_changed(tmp_path / "site", "issues/91/index.html", b"hello")

    assert tree(tmp_path) == {"site/issues/91/index.html": b"hello"}


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    """Not even its modification time, so nobody copies or uploads it again."""
    write_if_changed(tmp_path, "a.txt", b"hello")
    os.utime(tmp_path / "a.txt", ns=(1, 1))

    assert not write_if_changed(tmp_path, "a.txt", b"hello")
    assert (tmp_path / "a.txt").stat().st_mtime_ns == 1
    assert write_if_changed(tmp_path, "a.txt", b"other")


def test_data_is_on_the_disk_before_the_name(tmp_path: Path) -> None:
    """Write, sync the file, rename, sync the folder: in this order, or a crash loses both."""
    system = FailingSystem()

    write_if_changed(tmp_path, "a.txt", b"hello", system=system)

    assert system.calls == ["open", "write", "fsync", "rename", "fsync"]


def test_the_last_file_seals_the_others(tmp_path: Path) -> None:
    """Every file is on the disk before the first is renamed, all names before the last one."""
    system = FailingSystem()

    with files.folder(tmp_path) as directory:
        files.replace(directory, {"a": b"1", "b": b"2", "seal": b"3"}, system=system)

    written = ["open", "write", "fsync"] * 3
    assert system.calls == [*written, "rename", "rename", "fsync", "rename", "fsync"]


def test_short_writes_are_completed(tmp_path: Path) -> None:
    """A disk that takes a byte at a time gets all of them."""
    write_if_changed(tmp_path, "a.txt", b"hello world", system=FailingSystem(most_bytes=1))

    assert tree(tmp_path) == {"a.txt": b"hello world"}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
def test_a_failure_leaves_the_old_file_and_no_other(
    tmp_path: Path, fails_at: int, error: int
) -> None:
    """Whichever call fails before the rename, readers see what was there."""
    write_if_changed(tmp_path, "a.txt", b"old")

    with pytest.raises(OutboxError, match=r"a\.txt"):
        write_if_changed(
            tmp_path, "a.txt", b"new", system=FailingSystem(fails_at=fails_at, error=error)
        )

    assert tree(tmp_path) == {"a.txt": b"old"}


def test_a_full_disk_is_named_with_its_remedy(tmp_path: Path) -> None:
    """The operator reads what to do, not an error number."""
    with pytest.raises(OutboxError, match=r"a\.txt: the disk is full; free some space"):
        write_if_changed(tmp_path, "a.txt", b"new", system=FailingSystem(fails_at=2))


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    """Nothing is written through it, whoever put it there."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "issues").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OutboxError, match="symbolic link"):
        write_if_changed(tmp_path / "site", "issues/index.html", b"x")

    assert tree(tmp_path / "elsewhere") == {}


def test_a_link_in_the_place_of_the_root_is_refused(tmp_path: Path) -> None:
    """The folder that settings name must be a real one."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OutboxError, match="symbolic link"):
        write_if_changed(tmp_path / "site", "index.html", b"x")

    assert tree(tmp_path / "elsewhere") == {}


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    """What it points to is neither read nor written."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a.txt").symlink_to(tmp_path / "secret")

    with pytest.raises(OutboxError, match="symbolic link"):
        write_if_changed(tmp_path, "a.txt", b"x")

    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_a_named_pipe_does_not_make_us_wait(tmp_path: Path) -> None:
    """What is no regular file is refused at once."""
    os.mkfifo(tmp_path / "a.txt")

    with pytest.raises(OutboxError, match="not a regular file"):
        write_if_changed(tmp_path, "a.txt", b"x")


@pytest.mark.parametrize("name", ["../a.txt", "a/../../b", "/etc/passwd"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """Names are relative and stay below the root."""
    with pytest.raises(OutboxError, match="leads out"):
        write_if_changed(tmp_path / "root", name, b"x")

    assert tree(tmp_path) == {}


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    """The message says which path is in the way."""
    (tmp_path / "site").write_bytes(b"")

    with pytest.raises(OutboxError, match="site"):
        write_if_changed(tmp_path / "site", "index.html", b"x")


def test_sweeping_removes_only_what_a_killed_writer_left(tmp_path: Path) -> None:
    """Other hidden files stay."""
    for name in (".a.txt.0badf00d.new", ".lock", "b.new", ".gitkeep"):
        (tmp_path / name).touch()

    with files.folder(tmp_path) as directory:
        files.sweep(directory)

    assert sorted(tree(tmp_path)) == [".gitkeep", ".lock", "b.new"]
