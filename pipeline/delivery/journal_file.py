"""A file that is written at its end only, with room reserved ahead; errors are the system's."""

from __future__ import annotations

import os
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from typing import Final, Self

SEGMENT: Final = 2**20  # bytes reserved at a time


class ReservedFile:
    """Zeros follow what is written, as far as `reserved`: a full disk cannot refuse that much."""

    def __init__(self, path: Path, file: int, *, end: int, reserved: int) -> None:
        self.path = path
        self.full = False  # the disk had no room for more; what is reserved can still be written
        self.end = end  # bytes written
        self._reserved = reserved
        self._synced = end
        self._file = file

    @classmethod
    def create(cls, path: Path, beginning: bytes, *, ahead: int) -> Self:
        """Make a file that has its name only once its beginning is on the disk.

        Args:
            path: what it is called; its owner alone can read it (0600).
            beginning: what it holds from the start.
            ahead: bytes to reserve at least.
        """
        partial = path.with_suffix(".partial")
        reserved = len(beginning) + max(ahead, SEGMENT)
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            _zero(file, 0, reserved)
            _write(file, beginning, 0)
            os.fsync(file)
            partial.rename(path)
        except OSError:
            os.close(file)
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        return cls(path, file, end=len(beginning), reserved=reserved)

    def reserve(self, size: int) -> None:
        """See to it that so many bytes are reserved after the end, or that `full` is true."""
        lacking = self.end + size - self._reserved
        if lacking <= 0 or self.full:
            return
        more = max(SEGMENT, lacking)
        try:
            _zero(self._file, self._reserved, more)
        except OSError:  # whatever it is: a disk that fails shows it to the next write
            self.full = True
        else:
            self._reserved += more

    def write(self, data: bytes | bytearray) -> None:
        """Write at the end, with one system call; after an error part of it may be written."""
        _write(self._file, data, self.end)
        self.end += len(data)

    def sync(self) -> None:
        """Let what is written survive a power cut; free if it does already."""
        end = self.end
        if end != self._synced:
            os.fdatasync(self._file)
            self._synced = end

    def close(self) -> None:
        """Close it, once."""
        os.close(self._file)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder survive a power cut."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _zero(file: int, start: int, size: int) -> None:
    """Reserve room and write zeros to it.

    Into room that was only reserved, every sync would have the file system note what is written
    now, and hold up whoever writes meanwhile.
    """
    os.posix_fallocate(file, start, size)
    _write(file, bytes(size), start)


def _write(file: int, data: bytes | bytearray, at: int) -> None:
    if os.pwrite(file, data, at) != len(data):
        raise OSError(ENOSPC, os.strerror(ENOSPC))  # the kernel tells why only the second time
