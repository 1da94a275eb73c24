"""Give people tags, and take tags away."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberId
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.turns import Turns


class Label(Struct, frozen=True, kw_only=True):
    """Change the tags of people; a tag belongs to the person, on every list."""

    subscribers: Subscribers

    def __call__(
        self, people: Iterable[SubscriberId], *, add: frozenset[str], remove: frozenset[str]
    ) -> int:
        """Change the tags of people, some thousands in a commit; return how many are there."""
        rest, turns, changed = iter(people), Turns(), 0
        while some := list(islice(rest, turns.rows)):
            with turns.turn():
                changed += self.subscribers.tag_all(some, add=add, remove=remove)
        return changed

    def named(self, addresses: Iterable[str]) -> list[SubscriberId]:
        """Return who has these addresses.

        Raises:
            AddressError: one is no address.
            ConfigError: nobody has one of them; nothing was changed.
        """
        return [self._find(address) for address in addresses]

    def _find(self, address: str) -> SubscriberId:
        found = self.subscribers.find(parse_address(address).normalised)
        if found is None:
            raise ConfigError(f"{address}: nobody has this address")
        return found
