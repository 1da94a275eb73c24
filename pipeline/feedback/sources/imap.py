"""A mailbox on an IMAP server, read from the last UID we heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Final

from msgspec import Struct

from pipeline.feedback.sources.files import read_position, write_position
from pipeline.feedback.sources.imap_session import ImapAccount, ImapSession
from pipeline.feedback.sources.port import Listener

__all__ = ["Imap", "ImapAccount"]

# Servers hang up on whoever is idle for half an hour (RFC 2177).
_LONGEST_IDLE_S: Final = 29 * 60.0


class Imap(Struct, frozen=True, kw_only=True):
    """A mailbox for our use alone; other programs may look, and move nothing.

    Which mail is new is known from the highest UID that was heard. When the server says that its
    UIDs are others now (UIDVALIDITY), everything in the folder is heard again.
    """

    account: ImapAccount
    memory: Path  # the position
    name: str = "imap"

    def drain(self, listen: Listener, *, stop: Callable[[], bool]) -> int:
        """Hear what is above the last UID; see `port.Source.drain`."""
        heard = 0
        with ImapSession(self.account) as session:
            for uid in session.after(self._last(session.validity)):
                if stop():
                    break
                raw = session.read(uid)
                if raw is not None:
                    listen(raw)
                    session.mark(uid)
                    heard += 1
                write_position(self.memory, self._position(session.validity, uid))
        return heard

    def wait(self, stop: Event, limit_s: float) -> None:
        """Wait in IDLE where the server can; see `port.Source.wait`."""
        with ImapSession(self.account) as session:
            # What came since the last drain is not announced again.
            if not session.after(self._last(session.validity)):
                session.idle(stop, min(limit_s, _LONGEST_IDLE_S))

    def _last(self, validity: int) -> int:
        known = read_position(self.memory)
        last = known.pop("uid", None)
        same = known == {"mailbox": self._mailbox, "validity": validity}
        return last if same and isinstance(last, int) else 0

    def _position(self, validity: int, uid: int) -> dict[str, int | str]:
        return {"mailbox": self._mailbox, "validity": validity, "uid": uid}

    @property
    def _mailbox(self) -> str:
        # A setting that names another mailbox must not go on at a number of this one.
        account = self.account
        return f"{account.host}:{account.port}/{account.folder}"
