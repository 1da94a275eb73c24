"""A page that opens through a mail only, as preferences links get forwarded with theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final

from msgspec import Struct

from pipeline.audience.tokens import Action, Ticket
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Subscriber, SubscriberId
from pipeline.operations.bearer import Bearers, Mailed, masked
from pipeline.storage.notices import Notices

LINK_WORKS: Final = timedelta(hours=24)  # since its mail was asked for


class LinkView(Struct, frozen=True, kw_only=True):
    """What the page of a mailed link shows."""

    address: str  # masked
    expired: bool
    language: str | None


class MailedLink(Struct, frozen=True, kw_only=True):
    """Two steps: who has a preferences link asks for a mail, and the link in that mail acts."""

    notice: ClassVar[NoticeKind]  # the mail that carries the link
    action: ClassVar[Action]  # what the link may do

    bearers: Bearers
    notices: Notices
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
        self.notices.add(self.notice, ticket.subscriber, ticket.list, self.clock())
        return Mailed.MAILED

    def look(self, token: str) -> LinkView | None:
        """Return what the page shows; None: not a token of ours, or of somebody erased."""
        ticket = self._ticket(token)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None:
            return None
        return LinkView(
            address=masked(person),
            expired=not self._works(ticket.subscriber),
            language=person.language,
        )

    def bearer(self, token: str) -> Subscriber | None:
        """Return who may act with a token now; None: it is not ours, older than LINK_WORKS, used."""
        ticket = self._ticket(token)
        if ticket is None or not self._works(ticket.subscriber):
            return None
        return self.bearers.person(ticket)

    def _ticket(self, token: str) -> Ticket | None:
        return self.bearers.ticket(
            token, self.action, lambda ticket: self._asked_at(ticket.subscriber)
        )

    def _asked_at(self, subscriber: SubscriberId) -> datetime | None:
        return self.notices.newest(self.notice, subscriber)

    def _works(self, subscriber: SubscriberId) -> bool:
        asked_at = self._asked_at(subscriber)
        return asked_at is not None and self.clock() <= asked_at + LINK_WORKS
