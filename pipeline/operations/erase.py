"""Erasure: a person leaves the database and the files, and only their own word brings them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pipeline.audience.address import parse_address
from pipeline.audience.tokens import Action
from pipeline.errors import StorageError
from pipeline.feedback.sources.keep import mentions
from pipeline.model.notice import NoticeKind
from pipeline.model.subscriber import SubscriberId
from pipeline.operations.mailed_link import MailedLink
from pipeline.storage.erasure import Erasure

_LARGEST: Final = 64 * 1024 * 1024  # bytes; no mail is larger


class Erase(MailedLink, frozen=True, kw_only=True):
    """Take a person out of everything; what remains is that their address is not to be written to.

    Files that the operator made, such as the CSV of an import, are the operator's.
    """

    notice = NoticeKind.ERASE
    action = Action.ERASE

    erasure: Erasure
    mails: Sequence[Path]  # folders of the `eml` sender and of kept feedback: one mail a file
    settle: Callable[[], object]  # brings what journals of dead senders hold into the database

    def __call__(self, token: str) -> bool:
        """Erase the bearer; False: see `bearer`.

        Raises:
            StorageError: they are still there; try again.
        """
        person = self.bearer(token)
        if person is None:
            return False
        self._erase(person.id, person.address)
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
