"""What an unsubscribe link does: it takes a word back at once, and can give it back for a day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final, Literal

from msgspec import Struct

from pipeline.audience.tokens import Action, Ticket
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    ListId,
    SubscriberState,
)
from pipeline.operations.bearer import Bearers, masked
from pipeline.storage.notices import Notices

UNDO_WITHIN: Final = timedelta(hours=24)

Method = Literal["one-click", "page", "mail"]


class UnsubscribeView(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    address: str  # masked; empty: nothing is known of them any more
    list: str  # title
    subscribed: bool
    elsewhere: bool  # they are on other lists, too
    undoable: bool
    language: str | None


class Unsubscribe(Struct, frozen=True, kw_only=True):
    """Take a reader's word back by a signed token; idempotent, and valid for ever."""

    bearers: Bearers
    notices: Notices
    clock: Clock
    goodbye: bool = False

    def look(self, token: str) -> UnsubscribeView | None:
        """Return what the page shows; changes nothing. None: it is not a token of ours."""
        ticket = self.bearers.ticket(token, Action.UNSUBSCRIBE)
        if ticket is None:
            return None
        person = self.bearers.person(ticket)
        subscriptions = self.bearers.subscribers.subscriptions(ticket.subscriber)
        on = {each.list for each in subscriptions if each.state is SubscriberState.ACTIVE}
        return UnsubscribeView(
            address=masked(person),
            list=self.bearers.title(ticket.list),
            subscribed=ticket.list in on,
            elsewhere=bool(on - {ticket.list}),
            undoable=bool(self._left(ticket, self.clock())),
            language=person.language if person else None,
        )

    def __call__(
        self, token: str, *, everything: bool = False, method: Method = "one-click"
    ) -> bool:
        """Unsubscribe the bearer from the list of the mail; False: it is not a token of ours.

        Every word is stored when this returns, and a dispatch that is under way starts no message
        to them any more.

        Args:
            token: of the link.
            everything: from all other lists, too.
            method: how they said it.
        """
        ticket = self.bearers.ticket(token, Action.UNSUBSCRIBE)
        if ticket is None:
            return False
        now = self.clock()
        word = Consent(
            action=ConsentAction.WITHDRAWN,
            method="web" if method == "page" else method,
            source="link",
            at=now,
        )
        lists = [ticket.list]
        if everything:
            found = self.bearers.subscribers.subscriptions(ticket.subscriber)
            lists += [each.list for each in found if each.list != ticket.list]
        left = [
            self.bearers.subscribers.on(list_).set_state(
                ticket.subscriber, SubscriberState.UNSUBSCRIBED, word
            )
            for list_ in lists
        ]
        if self.goodbye and any(left):
            self.notices.add(NoticeKind.GOODBYE, ticket.subscriber, ticket.list, now)
        return True

    def undo(self, token: str) -> bool:
        """Give the word back that was taken within UNDO_WITHIN; False: there is none.

        Only what was given before comes back: whoever had merely been asked is not subscribed by
        a slip.
        """
        ticket = self.bearers.ticket(token, Action.UNSUBSCRIBE)
        if ticket is None:
            return False
        now = self.clock()
        word = Consent(action=ConsentAction.GIVEN, method="web", source="undo", at=now)
        back = [
            self.bearers.subscribers.on(list_).set_state(
                ticket.subscriber, SubscriberState.ACTIVE, word
            )
            for list_ in self._left(ticket, now)
        ]
        return any(back)

    def _left(self, ticket: Ticket, now: datetime) -> list[ListId]:
        """Return what they left with one word, the list of the link among it, and may return to."""
        words = {
            each.list: self.bearers.subscribers.on(each.list).consents(ticket.subscriber)
            for each in self.bearers.subscribers.subscriptions(ticket.subscriber)
            if each.state is not SubscriberState.ACTIVE
        }
        this = leaving(words.get(ticket.list, ()))
        return [
            list_
            for list_, said in words.items()
            if this and leaving(said)[:1] == this[:1] and may_return(said, now)
        ]


def leaving(words: Sequence[Consent]) -> tuple[Consent, ...]:
    """Return with what somebody took back the last word they gave, oldest first.

    Pure: no clock, no randomness, no storage.

    Args:
        words: of a person about one list, oldest first; what was only asked in their name, and
            anybody may have asked, says nothing.
    """
    told = [word for word in words if word.action != ConsentAction.ASKED]
    taken = takewhile(lambda word: word.action == ConsentAction.WITHDRAWN, reversed(told))
    return tuple(taken)[::-1]


def may_return(words: Sequence[Consent], now: datetime) -> bool:
    """Tell whether somebody who left may be back without being asked.

    They had given their word, and took it back themselves within UNDO_WITHIN: whom an operator
    removed, only an operator or a new confirmation brings back.

    Pure: no clock, no randomness, no storage.
    """
    left = leaving(words)
    return (
        bool(left)
        and any(word.action == ConsentAction.GIVEN for word in words)
        and all(word.method != "command" for word in left)
        and left[0].at >= now - UNDO_WITHIN
    )
