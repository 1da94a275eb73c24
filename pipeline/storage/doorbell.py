"""A number in a small file that is another one after every change, read without a system call."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final, Self

from pipeline.errors import StorageError

_SIZE: Final = 8  # bytes


class Doorbell:
    """Eight bytes in memory that every process with the same database shares.

    Each ring writes fresh random bytes. To add one would need a lock: two who read the same
    number would write the same one, and who looked in between would miss the second. Two random
    numbers are equal once in 2**64 rings.

    Who is killed between a commit and its ring tells nobody; the next page of claims knows.

    The file may be deleted while nobody has the database open, and never else: who opens it then
    hears only those who come after.
    """

    def __init__(self, path: Path, file: int) -> None:
        self._path = path
        self._file = file
        self._memory = mmap.mmap(file, _SIZE, prot=mmap.PROT_READ)
        self._number = memoryview(self._memory).cast("Q")

    @classmethod
    def open(cls, database: Path) -> Self:
        """Open the doorbell beside a database, made if missing, for its owner only.

        Raises:
            StorageError: it cannot be made or read.
        """
        path = database.with_name(f"{database.name}.doorbell")
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(path, flags, 0o600)
            try:
                # Changes nothing of what is there; a disk that fills up later cannot stop a ring.
                os.posix_fallocate(file, 0, _SIZE)
                return cls(path, file)
            except BaseException:
                os.close(file)
                raise
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StorageError(
                f"{path}: the file that tells of changes cannot be used: {reason};"
                " check the disk, and who owns the folder"
            ) from error

    def ring(self) -> None:
        """Make the number another one, for everybody.

        Raises:
            StorageError: senders that run were not told; the change itself is stored.
        """
        try:
            os.pwrite(self._file, os.urandom(_SIZE), 0)
        except OSError as error:
            raise StorageError(
                f"{self._path}: the change is stored, but senders that run were not told of it:"
                f" {error.strerror}; check the disk, and start them anew"
            ) from error

    def number(self) -> int:
        """Return the number; as it was when nobody rang since."""
        return self._number[0]

    def close(self) -> None:
        """Close it; nobody may listen any more."""
        self._number.release()
        self._memory.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
