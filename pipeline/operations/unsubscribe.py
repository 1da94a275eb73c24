"""What an unsubscribe link does: it takes a word back at once, and can give it back for a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pipeline.audience.tokens import Action
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    SubscriberId,
    SubscriberState,
    Subscription,
)
from pipeline.operations.bearer import Bearers, masked
from pipeline.storage.notices import Notices

UNDO_WITHIN: Final = timedelta(hours=24)

Method = Literal["one-click", "page", "mail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeView:
    """What the page shows."""

    address: str  # masked; empty: nothing is known of them any more
    list: str  # title
    subscribed: bool
    elsewhere: bool  # they are on other lists, too
    undoable: bool
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
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
            undoable=any(
                self._may_return(ticket.subscriber, each, self.clock())
                for each in self.bearers.together(ticket.subscriber, ticket.list)
            ),
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
            self.bearers.subscribers.on(each.list).set_state(
                ticket.subscriber, SubscriberState.ACTIVE, word
            )
            for each in self.bearers.together(ticket.subscriber, ticket.list)
            if self._may_return(ticket.subscriber, each, now)
        ]
        return any(back)

    def _may_return(
        self, subscriber: SubscriberId, subscription: Subscription, now: datetime
    ) -> bool:
        if subscription.state is not SubscriberState.UNSUBSCRIBED:
            return False
        words = self.bearers.subscribers.on(subscription.list).consents(subscriber)
        actions = [word.action for word in words[-2:]]
        return (
            actions == [ConsentAction.GIVEN, ConsentAction.WITHDRAWN]
            and words[-1].method != "command"  # what an operator did, an operator undoes
            and words[-1].at >= now - UNDO_WITHIN
        )
