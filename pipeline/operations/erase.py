"""Erasure: a person leaves the database and the files, and only their own word brings them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pipeline.audience.address import parse_address
from pipeline.audience.tokens import Action, Ticket
from pipeline.errors import StorageError
from pipeline.feedback.sources.keep import mentions
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import SubscriberId
from pipeline.operations.bearer import Bearers, Mailed, masked
from pipeline.operations.disclose import LINK_WORKS
from pipeline.storage.erasure import Erasure
from pipeline.storage.notices import Notices

_LARGEST: Final = 64 * 1024 * 1024  # bytes; no mail is larger


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseView:
    """What the page shows."""

    address: str  # masked
    expired: bool
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """Take a person out of everything; what remains is that their address is not to be written to.

    Files that the operator made, such as the CSV of an import, are the operator's.
    """

    bearers: Bearers
    notices: Notices
    erasure: Erasure
    mails: Sequence[Path]  # folders of the `eml` sender and of kept feedback: one mail a file
    settle: Callable[[], object]  # brings what journals of dead senders hold into the database
    clock: Clock

    def ask(self, token: str) -> Mailed | None:
        """Let a link be mailed to the bearer of a preferences token, once a day.

        None: it is not a token of ours, or nobody's any more.
        """
        ticket = self.bearers.ticket(token, Action.PREFERENCES)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None:
            return None
        if self.bearers.is_blocked(person):
            return Mailed.BLOCKED
        self.notices.add(NoticeKind.ERASE, ticket.subscriber, ticket.list, self.clock())
        return Mailed.MAILED

    def look(self, token: str) -> EraseView | None:
        """Return what the page of the mailed link shows; None: not a token of ours, or erased."""
        ticket = self._ticket(token)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None:
            return None
        return EraseView(
            address=masked(person),
            expired=not self._works(ticket.subscriber),
            language=person.language,
        )

    def __call__(self, token: str) -> bool:
        """Erase the bearer; False: not a token of ours, older than LINK_WORKS, or used.

        Raises:
            StorageError: they are still there; try again.
        """
        ticket = self._ticket(token)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None or not self._works(ticket.subscriber):
            return False
        self._erase(ticket.subscriber, person.address)
        return True

    def by_address(self, address: str) -> bool:
        """Erase a person by the operator's word; False: nobody has the address.

        Raises:
            AddressError: this is no address.
            StorageError: they are still there; try again.
        """
        parsed = parse_address(address)
        found = self.bearers.subscribers.find(parsed.normalised)
        if found is None:
            return False
        self._erase(found, parsed.given)
        return True

    def finish(self) -> None:
        """Wipe what an erasure could not, as somebody read or wrote just then; ticks call it.

        Raises:
            StorageError: somebody still does; the next tick tries again.
        """
        self.erasure.finish()

    def _erase(self, subscriber: SubscriberId, address: str) -> None:
        # The files first: when the rows are gone, nobody knows any more what to look for.
        self.settle()
        for folder in self.mails:
            _delete_mails(folder, address)
        try:
            self.erasure(subscriber, self.clock())
        except StorageError:
            if self.bearers.subscribers.subscriptions(subscriber):
                raise
            # The rows are gone; `finish` wipes the file when nobody has it open.

    def _ticket(self, token: str) -> Ticket | None:
        return self.bearers.ticket(
            token, Action.ERASE, lambda ticket: self._asked_at(ticket.subscriber)
        )

    def _asked_at(self, subscriber: SubscriberId) -> datetime | None:
        return self.notices.newest(NoticeKind.ERASE, subscriber)

    def _works(self, subscriber: SubscriberId) -> bool:
        asked_at = self._asked_at(subscriber)
        return asked_at is not None and self.clock() <= asked_at + LINK_WORKS


def _delete_mails(folder: Path, address: str) -> None:
    """Delete each mail in a folder, and in those inside it, that holds an address.

    Raises:
        StorageError: one cannot be read or deleted.
    """
    for file in sorted(folder.rglob("*")):
        try:
            if file.is_symlink() or not file.is_file():
                continue
            with file.open("rb") as stream:
                found = mentions(stream.read(_LARGEST), address)
            if found:
                file.unlink()
        except FileNotFoundError:
            continue  # somebody else tidied it up
        except OSError as error:
            raise StorageError(f"{file}: cannot be erased: {error.strerror}") from error
