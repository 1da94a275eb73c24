"""Unsubscribe somebody by the operator's word."""

from __future__ import annotations

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.errors import ConfigError
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, ConsentAction, SubscriberState
from pipeline.operations.look import number
from pipeline.storage.lists import Lists
from pipeline.storage.subscribers import Subscribers


class Withdraw(Struct, frozen=True, kw_only=True):
    """Take a person off lists; they stay on record so that no import brings them back."""

    lists: Lists
    subscribers: Subscribers
    clock: Clock

    def __call__(self, address: str, *, list_: str | None, source: str) -> tuple[str, ...]:
        """Unsubscribe a person; return the names of the lists they are now off, left before or not.

        Args:
            address: theirs.
            list_: its name; None: every list they are on.
            source: why, in the operator's words.

        Raises:
            AddressError: this is no address.
            ConfigError: nobody has it, they were never on that list, or there is no such list.
        """
        found = self.subscribers.find(parse_address(address).normalised)
        if found is None:
            raise ConfigError(f"{address}: nobody has this address")
        names = {id_: name for name, id_ in self.lists.all().items()}
        theirs = {each.list for each in self.subscribers.subscriptions(found)}
        if list_ is not None:
            theirs &= {number(self.lists, list_)}
            if not theirs:
                raise ConfigError(f"{address} was never on the list {list_!r}")
        action = ConsentAction.WITHDRAWN.value
        word = Consent(action=action, method="command", source=source, at=self.clock())
        for each in theirs:
            self.subscribers.on(each).set_state(found, SubscriberState.UNSUBSCRIBED, word)
        return tuple(names[each] for each in sorted(theirs))
