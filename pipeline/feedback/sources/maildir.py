"""A Maildir that a mail server fills: heard mail moves from new/ to cur/ and is marked as seen."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

from msgspec import Struct

from pipeline.feedback.sources.port import LARGEST, Listener, SourceUnavailable

_INFO: Final = ":2,"  # what follows are flags, in ASCII order


class Maildir(Struct, frozen=True):
    """A Maildir for our use alone. New is what is in new/, or lies in cur/ without the flag S."""

    folder: Path
    name: str = "maildir"

    def drain(self, listen: Listener, *, stop: Callable[[], bool]) -> int:
        """Hear what is new, oldest names first; see `port.Source.drain`.

        A file that cannot be read does not hold up the others: it is complained of at the end.
        """
        heard, unreadable = 0, ""
        for place, name in self._waiting():
            if stop():
                break
            try:
                raw = _read(self.folder / place / name)
            except FileNotFoundError:
                continue  # another collector was faster
            except OSError as error:
                unreadable = unreadable or f"{place}/{name}: {error.strerror}"
                continue
            listen(raw)
            self._mark(place, name)
            heard += 1
        if unreadable:
            raise SourceUnavailable(
                f"{self.folder}: {unreadable}; let our user read it, or move it away"
            )
        return heard

    def wait(self, stop: Event, limit_s: float) -> None:
        """Wait; see `port.Source.wait`."""
        stop.wait(limit_s)

    def _waiting(self) -> list[tuple[str, str]]:
        try:
            found = [
                (place, file.name)
                for place in ("new", "cur")
                for file in (self.folder / place).iterdir()
            ]
        except OSError as error:
            raise SourceUnavailable(
                f"{self.folder}: {error.strerror}; feedback.mailbox needs a Maildir with new/ and"
                " cur/ that our user may read and write"
            ) from error
        return sorted((each for each in found if _is_new(*each)), key=lambda each: each[1])

    def _mark(self, place: str, name: str) -> None:
        stem, _, flags = name.partition(_INFO)
        seen = f"{stem}{_INFO}{''.join(sorted({*flags, 'S'}))}"
        try:
            (self.folder / place / name).rename(self.folder / "cur" / seen)
        except FileNotFoundError:
            return  # another collector was faster; it heard the same
        except OSError as error:
            raise SourceUnavailable(
                f"{self.folder}: heard mail cannot be moved to cur/: {error.strerror}"
            ) from error


def _is_new(place: str, name: str) -> bool:
    unseen = place == "new" or "S" not in name.partition(_INFO)[2]
    return unseen and not name.startswith(".")


def _read(file: Path) -> bytes:
    # O_NONBLOCK: a named pipe must not make us wait for its writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return stream.read(LARGEST)
