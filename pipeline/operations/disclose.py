"""Everything that is stored of a person, for that person: asked on a page, got through a mail."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pipeline.audience.tokens import Action, Ticket
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import SubscriberId
from pipeline.operations.bearer import Bearers, Mailed, masked
from pipeline.storage.disclosure import Disclosure
from pipeline.storage.notices import Notices

LINK_WORKS: Final = timedelta(hours=24)  # since its mail was asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscloseView:
    """What the page shows."""

    address: str  # masked
    expired: bool
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclose:
    """Two steps, as preferences links get forwarded with the mail they stand in."""

    bearers: Bearers
    notices: Notices
    disclosure: Disclosure
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
        self.notices.add(NoticeKind.DISCLOSE, ticket.subscriber, ticket.list, self.clock())
        return Mailed.MAILED

    def look(self, token: str) -> DiscloseView | None:
        """Return what the page of the mailed link shows; None: not a token of ours."""
        ticket = self._ticket(token)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None:
            return None
        return DiscloseView(
            address=masked(person),
            expired=not self._works(ticket.subscriber),
            language=person.language,
        )

    def read(self, token: str) -> bytes | None:
        """Return everything as JSON; None: not a token of ours, or older than LINK_WORKS."""
        ticket = self._ticket(token)
        if ticket is None or not self._works(ticket.subscriber):
            return None
        found = self.disclosure(ticket.subscriber)
        return json.dumps(found, ensure_ascii=False, indent=2).encode() if found else None

    def _ticket(self, token: str) -> Ticket | None:
        return self.bearers.ticket(
            token, Action.DISCLOSE, lambda ticket: self._asked_at(ticket.subscriber)
        )

    def _asked_at(self, subscriber: SubscriberId) -> datetime | None:
        return self.notices.newest(NoticeKind.DISCLOSE, subscriber)

    def _works(self, subscriber: SubscriberId) -> bool:
        asked_at = self._asked_at(subscriber)
        return asked_at is not None and self.clock() <= asked_at + LINK_WORKS
