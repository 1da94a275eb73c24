"""One sender for a dispatch: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.errors import Locked, StorageError


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class DispatchLock:
    """An exclusive `flock` on a file; the kernel frees it, even after kill -9.

    The file stays: deleting it would let two processes lock two files of the same name.
    """

    path: Path
    clock: Callable[[], datetime] = _utc_now
    _file: int | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            Locked: somebody has it; the message says who, and since when.
            StorageError: the file cannot be opened.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            held_by = _holder(file)
            os.close(file)
            raise Locked(f"{held_by} is sending already ({self.path})") from error
        self._file = file
        self._sign(file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lock."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _sign(self, file: int) -> None:
        # For people only: a full disk must not stop a sender that holds the lock.
        line = json.dumps({"pid": os.getpid(), "since": self.clock().isoformat()}) + "\n"
        try:
            os.ftruncate(file, 0)
            os.pwrite(file, line.encode(), 0)
        except OSError:
            return


def _holder(file: int) -> str:
    try:
        facts = json.loads(os.pread(file, 1000, 0))
        return f"process {facts['pid']}, since {facts['since']},"
    except (OSError, ValueError, KeyError, TypeError):  # it has not signed yet
        return "another process"
