"""Mail that came back is fetched from where it waits, and heard or kept for a person."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Final

from msgspec import Struct

from pipeline.errors import StorageError
from pipeline.feedback.sources.keep import Kept, Unread
from pipeline.feedback.sources.port import Source, SourceUnavailable
from pipeline.model.ports import Clock
from pipeline.operations.hear import Hear

_FIRST_WAIT_S: Final = 15.0
_LONGEST_WAIT_S: Final = 600.0  # a server that refuses a login may lock the account

_log = logging.getLogger("broadsheet")


class Receive(Struct, frozen=True, kw_only=True):
    """Take in one mail: it is heard, or kept because nobody can read it; never lost."""

    hear: Hear
    unread: Unread
    clock: Clock

    def __call__(self, raw: bytes, *, source: str) -> bool:
        """Return whether it was heard; otherwise it is kept now.

        Raises:
            StorageError: neither happened; the mail must come again.
        """
        try:
            heard = not self.hear(raw, source=source).unread
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - one mail must not hold up those behind it
            # Its type only: the message may quote the mail.
            _log.warning("feedback: a mail broke its reader (%s); kept", type(error).__name__)
            heard = False
        if not heard:
            self.unread.keep(raw, self.clock())
        return heard


@dataclass(slots=True, kw_only=True)
class Collected:
    """What a collection found."""

    heard: int = 0
    unread: int = 0  # kept for a person


class Collect(Struct, frozen=True, kw_only=True):
    """Hear everything new in the mailbox of the settings."""

    source: Source
    receive: Receive
    keep: timedelta  # how long unread mail waits for a person
    clock: Clock
    waits_s: tuple[float, float] = field(default=(_FIRST_WAIT_S, _LONGEST_WAIT_S))

    def __call__(self, *, stop: Callable[[], bool] = lambda: False) -> Collected:
        """Collect once, and delete what waited for a person too long.

        Raises:
            SourceUnavailable: the mailbox cannot be reached; what was heard stays heard.
            StorageError: the mail in hand was not heard, and stays new.
        """
        found = Collected()

        def listen(raw: bytes) -> None:
            if self.receive(raw, source=self.source.name):
                found.heard += 1
            else:
                found.unread += 1

        self.source.drain(listen, stop=stop)
        self.receive.unread.expire(self.clock(), self.keep)
        return found

    def follow(self, stop: Event, *, every_s: float, say: Callable[[Collected], None]) -> None:
        """Collect again and again, as soon as the mailbox says or after `every_s`, until `stop`.

        An outage, and a mistake of ours, is logged once and waited for longer and longer.
        """
        first_s, longest_s = self.waits_s
        wait_s, said = first_s, ""
        while not stop.is_set():
            try:
                found = self(stop=stop.is_set)
                wait_s, said = first_s, ""
                if found.heard or found.unread:
                    say(found)
                self.source.wait(stop, every_s)
            except Exception as error:  # noqa: BLE001 - who is not heard for days is written to
                why = _explained(error)
                if why != said:
                    said = why
                    _log.warning("feedback: %s", said)
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, longest_s)


def _explained(error: Exception) -> str:
    if isinstance(error, SourceUnavailable | StorageError):
        return str(error)
    # Its type only: the message may quote a mail.
    return f"this round broke ({type(error).__name__}); it is tried again"


class Replay(Struct, frozen=True, kw_only=True):
    """Hear kept mail once more, as after an update that reads more."""

    receive: Receive

    def __call__(self, kept: Sequence[Kept]) -> Collected:
        """Hear each; who is heard now is not kept any more."""
        found = Collected()
        unread = self.receive.unread
        for each in kept:
            if each.kind != "mail":
                continue
            if self.receive(unread.read(each), source="replay"):
                unread.delete(each.id)
                found.heard += 1
            else:
                found.unread += 1
        return found
