"""Files that are there whole or not at all, written through folders that are no symbolic links.

Every file is made under another name in its own folder, synced, then renamed: a crash, a full
disk or a second writer never leaves a torn file. Paths are walked by directory descriptor, so
nobody can swap a folder for a link half-way.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Final, Protocol

from pipeline.errors import OutboxError

LOCK: Final = ".lock"

_UNFINISHED: Final = ".new"
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class System(Protocol):
    """The calls that can fail half-way; `os` is one, a test hands in another."""

    def open(self, path: str, flags: int, mode: int = ..., *, dir_fd: int | None = ...) -> int:
        """Make a file; see `os.open`."""
        ...

    def write(self, fd: int, data: memoryview, /) -> int:
        """Write some bytes; return how many; see `os.write`."""
        ...

    def fsync(self, fd: int) -> None:
        """Wait for the disk; see `os.fsync`."""
        ...

    def rename(
        self, src: str, dst: str, *, src_dir_fd: int | None = ..., dst_dir_fd: int | None = ...
    ) -> None:
        """Give a file its name; see `os.rename`."""
        ...


@contextmanager
def folder(path: str | Path, *, inside: int | None = None, make: bool = False) -> Iterator[int]:
    """Open a folder, made first if asked for, and yield its descriptor.

    Args:
        path: one name when `inside` is given, else any path; its last part is no symbolic link.
        inside: descriptor of the folder it is in.
        make: make it if it is missing, parents too where `inside` is not given.

    Raises:
        OSError: it is missing, a link, or not a folder.
    """
    if make and inside is None:
        Path(path).mkdir(parents=True, exist_ok=True)
    elif make and inside is not None:
        with suppress(FileExistsError):
            os.mkdir(path, dir_fd=inside)
            os.fsync(inside)
    descriptor = os.open(path, _DIRECTORY, dir_fd=inside)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def locked(directory: int, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock of a folder: one writer, or many readers; the kernel frees it on any death.

    It is a file and not the folder itself, because NFS locks only what is open for writing. A
    reader of a folder nobody has ever written to needs no lock, and makes none.
    """
    flags = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
    try:
        descriptor = os.open(LOCK, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=directory)
    except FileNotFoundError:
        if not shared:
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sweep(directory: int) -> None:
    """Remove what a killed writer left under other names; hold the lock of the folder."""
    for name in os.listdir(directory):
        if name.startswith(".") and name.endswith(_UNFINISHED):
            os.unlink(name, dir_fd=directory)


def names(directory: int) -> set[str]:
    """Return the names in a folder, but for hidden ones, as unfinished files are."""
    return {name for name in os.listdir(directory) if not name.startswith(".")}


def read(directory: int, name: str) -> bytes:
    """Read a regular file of a folder; a symbolic link is not followed.

    Raises:
        OSError: it is missing, a link, or not a file.
    """
    # O_NONBLOCK: a named pipe must not make us wait for its writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=directory), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", name)
        return file.read()


def differs(directory: int, name: str, data: bytes) -> bool:
    """Say whether a file is missing or holds other bytes."""
    try:
        return read(directory, name) != data
    except FileNotFoundError:
        return True


def replace(directory: int, files: Mapping[str, bytes], *, system: System = os) -> None:
    """Write files of a folder; the last one seals the others.

    All of them are on the disk under other names before the first is renamed, so a disk that
    fills up changes nothing; the last is renamed when the others are durable.

    Raises:
        OSError: nothing was left under another name; if it was a rename, the last file is old.
    """
    staged: dict[str, str] = {}
    try:
        for name, data in files.items():
            staged[name] = f".{name}.{token_hex(4)}{_UNFINISHED}"
            _stage(directory, staged[name], data, system)
        for number, name in enumerate(files, start=1):
            if number == len(files) > 1:
                system.fsync(directory)
            system.rename(staged[name], name, src_dir_fd=directory, dst_dir_fd=directory)
            del staged[name]
        system.fsync(directory)
    finally:
        for name in staged.values():
            with suppress(OSError):
                os.unlink(name, dir_fd=directory)


def write_if_changed(root: Path, name: str, data: bytes, *, system: System = os) -> bool:
    """Write one file under a folder unless it holds these bytes; return whether it was written.

    Args:
        root: made if it is missing; not a symbolic link.
        name: relative, with `/`; folders in it are made, links in it are refused.
        data: the whole content.
        system: what writes.

    Raises:
        OutboxError: it cannot be written; the file is as it was.
    """
    *folders, last = PurePosixPath(name).parts
    with explained(root / name), ExitStack() as stack:
        if name.startswith("/") or ".." in (*folders, last):
            raise OSError(errno.EINVAL, "leads out of the folder")
        directory = stack.enter_context(folder(root, make=True))
        for each in folders:
            directory = stack.enter_context(folder(each, inside=directory, make=True))
        if not differs(directory, last, data):
            return False
        replace(directory, {last: data}, system=system)
        return True


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError into an OutboxError that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        raise OutboxError(f"{path}: {_explanation(error, path)}") from error


def _stage(directory: int, name: str, data: bytes, system: System) -> None:
    """Write a new file and wait until it is on the disk."""
    descriptor = system.open(name, _NEW_FILE, 0o666, dir_fd=directory)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[system.write(descriptor, rest) :]  # a nearly full disk takes a part
        system.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explanation(error: OSError, path: Path) -> str:
    culprit = "" if error.filename is None else PurePosixPath(str(error.filename)).name
    where = f"{culprit} " if culprit not in {"", path.name} and culprit[0] != "." else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return "the disk is full; free some space and run the command again"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{where}cannot be written or read; look at its owner and permissions"
        case errno.ELOOP | errno.ENOTDIR:
            return f"{where}is a symbolic link or not a folder; put a real one in its place"
        case _:
            return f"{where}{error.strerror or error}"
