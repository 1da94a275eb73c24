"""An mbox file that a mail server appends to: read from where we stopped, never written by us."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final

from msgspec import Struct

from pipeline.feedback.sources.files import read_position, write_position
from pipeline.feedback.sources.port import LARGEST, Listener, SourceUnavailable

# A body may have a line that starts with "From "; one that goes on like this begins a mail.
_BEGINS: Final = re.compile(rb"From \S.{0,300}\d\d?:\d\d.{0,40} \d{4}\b")
_QUOTED: Final = re.compile(rb">+From ")
_LOOKED_BACK: Final = 512  # bytes before the position that must still be the same
_LOOK_S: Final = 0.05


class Mbox(Struct, frozen=True, kw_only=True):
    """A mailbox in one file.

    It is locked (fcntl, as mail servers do) while its length is taken, and what was there then is
    read: servers append whole mails. The position is remembered with a digest of what is before
    it, so that a file that was emptied or rewritten is read from its beginning.
    """

    file: Path
    memory: Path  # the position
    patience_s: float = 5.0  # with who holds the lock
    name: str = "mbox"

    def drain(self, listen: Listener, *, stop: Callable[[], bool]) -> int:
        """Hear what was appended; see `port.Source.drain`."""
        heard = 0
        with self._opened() as stream:
            if stream is None:
                return 0
            end = self._settled_length(stream)
            for raw, after in _mails(stream, self._resume(stream, end), end):
                if stop():
                    break
                listen(raw)
                write_position(
                    self.memory, {"offset": after, "before": _digest(stream.fileno(), after)}
                )
                heard += 1
        return heard

    def wait(self, stop: Event, limit_s: float) -> None:
        """Wait; see `port.Source.wait`."""
        stop.wait(limit_s)

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO | None]:
        """Open the file; None if there was no mail yet that would have made it."""
        if not self.file.exists() and self.file.parent.is_dir():
            yield None
            return
        try:
            stream = self.file.open("rb")
        except OSError as error:
            raise SourceUnavailable(
                f"{self.file}: {error.strerror}; feedback.mailbox needs a file our user may read"
            ) from error
        with stream:
            yield stream

    def _settled_length(self, stream: BinaryIO) -> int:
        """Return the length at a moment at which nobody appends."""
        for _ in range(1 + int(self.patience_s / _LOOK_S)):
            try:
                fcntl.lockf(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):  # POSIX allows both answers
                time.sleep(_LOOK_S)
                continue
            length = os.fstat(stream.fileno()).st_size
            fcntl.lockf(stream, fcntl.LOCK_UN)
            return length
        raise SourceUnavailable(
            f"{self.file}: somebody has locked it for {self.patience_s:g} s; try again later"
        )

    def _resume(self, stream: BinaryIO, end: int) -> int:
        known = read_position(self.memory)
        offset = known.get("offset")
        if not isinstance(offset, int) or not 0 <= offset <= end:
            return 0
        return offset if _digest(stream.fileno(), offset) == known.get("before") else 0


def _mails(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield each mail without its From_ line, and the offset behind it."""
    stream.seek(start)
    offset, lines, length, blank = start, list[bytes](), -1, True
    # -1: not inside a mail, as at the start and where a file was damaged.
    while offset < end and (line := stream.readline(min(LARGEST, end - offset))):
        if blank and _BEGINS.match(line[:400]):
            if length >= 0:
                yield b"".join(lines), offset
            lines, length = [], 0
        elif 0 <= length < LARGEST:
            lines.append(line[1:] if _QUOTED.match(line) else line)
            length += len(line)
        offset += len(line)
        blank = line in {b"\n", b"\r\n"}
    if length >= 0:
        yield b"".join(lines), offset


def _digest(descriptor: int, offset: int) -> str:
    start = max(0, offset - _LOOKED_BACK)
    return sha256(os.pread(descriptor, offset - start, start)).hexdigest()
