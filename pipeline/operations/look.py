"""Look at people: those whom a rule picks, one of them whole, and how many there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.errors import ConfigError
from pipeline.model.audience import Audience
from pipeline.model.ports import Clock
from pipeline.model.subscriber import ListId, Subscriber, SubscriberState, SuppressionReason
from pipeline.operations.picking import condition
from pipeline.storage.disclosure import Disclosure
from pipeline.storage.lists import Lists
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions


class Look(Struct, frozen=True, kw_only=True):
    """Everything an operator may ask about people; changes nothing."""

    lists: Lists
    subscribers: Subscribers
    suppressions: Suppressions
    disclosure: Disclosure
    clock: Clock

    def at(
        self,
        audience: Audience,
        *,
        state: SubscriberState | None = None,
        tag: str | None = None,
    ) -> Iterator[Subscriber]:
        """Return people of an audience in the order they came, whatever their state.

        Args:
            audience: a list and a rule.
            state: only those who stand so with the list.
            tag: only those who have it.

        Raises:
            ConfigError: there is no such list.
            RuleError: the rule cannot be read.
        """
        where = condition(audience, self.clock())
        return self.on(audience.list).all(state, tag=tag, where=where)

    def on(self, list_: str) -> Subscribers:
        """Return the subscribers of a list.

        Raises:
            ConfigError: there is none of that name.
        """
        return self.subscribers.on(number(self.lists, list_))

    def one(self, address: str) -> Mapping[str, Any] | None:
        """Return everything about the person with an address, ready for JSON.

        Somebody who is not stored may still be suppressed; None: there is nothing at all.

        Raises:
            AddressError: this is no address.
        """
        parsed = parse_address(address)
        found = self.subscribers.find(parsed.normalised)
        if found is not None:
            return self.disclosure(found)
        reason = self.suppressions.reason(parsed.normalised)
        return {"suppressions": [{"reason": reason.value}]} if reason else None

    def count(self) -> dict[str, dict[SubscriberState, int]]:
        """Return how many people of each state every list has, zeros included."""
        return {
            name: self.subscribers.on(list_).count() for name, list_ in self.lists.all().items()
        }

    def suppressed(self) -> dict[SuppressionReason, int]:
        """Return how many addresses are suppressed for each reason, zeros included."""
        return self.suppressions.count()


def number(lists: Lists, name: str) -> ListId:
    """Return the number of a list.

    Raises:
        ConfigError: there is none of that name, and which there are.
    """
    known = lists.all()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(known)}"
    raise ConfigError(f"there is no list called {name!r}; {hint}")
