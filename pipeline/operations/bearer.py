"""Whoever has a link that only one mailbox was sent: what it lets them do, and see of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.audience.tokens import Action, Ticket, TokenError, Tokens
from pipeline.model.audience import MailingList
from pipeline.model.newsletter import Newsletter
from pipeline.model.subscriber import (
    ConsentAction,
    ListId,
    Subscriber,
    SubscriberId,
    Subscription,
)
from pipeline.storage.consenting import LIFTED
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

_SHOWN: Final = 1  # characters of a local part: enough for who knows it, too few for who does not


class Mailed(StrEnum):
    """The answer to a bearer who asks for a mail."""

    MAILED = "mailed"  # or it is on its way; one a day
    BLOCKED = "blocked"  # only an operator can let mail go to them again


class Bearers(Struct, frozen=True, kw_only=True):
    """Reads links. No operation tells a forged one from one that is for something else."""

    subscribers: Subscribers
    tokens: Tokens
    lists: Mapping[ListId, MailingList]  # those of the settings
    newsletter: Newsletter

    def ticket(
        self,
        token: str,
        action: Action,
        moment_of: Callable[[Ticket], datetime | None] | None = None,
    ) -> Ticket | None:
        """Return what a token says; None: it is not one of ours, or not for `action`.

        Args:
            token: as it came.
            action: what it has to be for.
            moment_of: of the question that it has to answer; see `Tokens.read`.
        """
        try:
            ticket = self.tokens.read(token, moment_of=moment_of)
        except TokenError:
            return None
        return ticket if ticket.action is action else None

    def person(self, ticket: Ticket) -> Subscriber | None:
        """Return who a ticket was written for; None: they are erased, or never confirmed."""
        return self.subscribers.on(ticket.list).get(ticket.subscriber)

    def asked_at(self, subscriber: SubscriberId, list_: ListId) -> datetime | None:
        """Return when somebody last asked for a list in a person's name; None: never."""
        words = self.subscribers.on(list_).consents(subscriber)
        return max((w.at for w in words if w.action == ConsentAction.ASKED), default=None)

    def is_blocked(self, person: Subscriber) -> bool:
        """Tell whether only an operator can let mail go to somebody again."""
        suppressions = Suppressions(self.subscribers.database, self.subscribers.hasher)
        reason = suppressions.reason(parse_address(person.address).normalised)
        return reason is not None and reason not in LIFTED

    def title(self, list_: ListId) -> str:
        """Return what readers call a list."""
        found = self.lists.get(list_)
        return (found.title if found else "") or self.newsletter.name

    def titles(self, subscriptions: Iterable[Subscription]) -> tuple[str, ...]:
        """Return what readers call the lists of some subscriptions, none twice."""
        return tuple(dict.fromkeys(self.title(each.list) for each in subscriptions))

    def together(self, subscriber: SubscriberId, list_: ListId) -> tuple[Subscription, ...]:
        """Return a person's subscription to a list, and those that the same word changed.

        A form names several lists and one mail asks about all of them. What a stranger asks for
        later has another moment, so no old link says yes to it.
        """
        found = self.subscribers.subscriptions(subscriber)
        first = next((each for each in found if each.list == list_), None)
        if first is None:
            return ()
        others = (
            each
            for each in found
            if each.list != list_ and (each.state, each.since) == (first.state, first.since)
        )
        return (first, *others)


def masked(person: Subscriber | None) -> str:
    """Return an address as a page may show it: "f…@example.org"; nothing of nobody."""
    if person is None:
        return ""
    local, _, domain = person.address.rpartition("@")
    return f"{local[:_SHOWN]}…@{domain}"
