"""What every source of returned mail promises."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Final, Protocol

from pipeline.errors import BroadsheetError

LARGEST: Final = 1 << 20  # bytes of a mail that anybody looks at; the rest of it is not read

Listener = Callable[[bytes], None]  # returns when the mail is heard; raises if it must come again


class SourceUnavailable(BroadsheetError):
    """The place where returned mail waits cannot be reached; nothing in it was marked as heard."""

    exit_code = 75  # EX_TEMPFAIL (sysexits.h)


class Source(Protocol):
    """A place where returned mail waits."""

    @property
    def name(self) -> str:
        """What people call it, such as `maildir`; no path, no address."""
        ...

    def drain(self, listen: Listener, *, stop: Callable[[], bool]) -> int:
        """Give every new mail to `listen`; return how many it took.

        A mail counts as heard when `listen` has returned, not before. A crash in between makes it
        come again: listening is idempotent.

        Args:
            listen: what hears; an error of its own passes through and leaves that mail new.
            stop: asked before each mail; True leaves the rest for the next time.

        Raises:
            SourceUnavailable: it cannot be reached; what was heard stays heard.
        """
        ...

    def wait(self, stop: Event, limit_s: float) -> None:
        """Return when there may be new mail: at the latest after `limit_s`, or once `stop` is set.

        Raises:
            SourceUnavailable: it cannot be reached.
        """
        ...
