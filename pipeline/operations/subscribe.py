"""Write one person down, or take their word back."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.audience.address import clean_name, parse_address
from pipeline.errors import ConfigError
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, Subscriber, SubscriberState, SuppressionReason
from pipeline.storage.standing import NewSubscriber, Standing
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Changes to one subscriber, by the operator's word."""

    subscribers: Subscribers
    suppressions: Suppressions
    clock: Clock

    def add(self, address: str, *, name: str, source: str) -> Standing:
        """Write down a person who agreed.

        Raises:
            AddressError: this is no address.
        """
        parsed = parse_address(address)
        return self.subscribers.add(
            NewSubscriber(
                address=parsed.given, normalised=parsed.normalised, name=clean_name(name)
            ),
            Consent(action="given", method="command", source=source, at=self.clock()),
        )

    def remove(self, address: str, *, source: str) -> Subscriber:
        """Unsubscribe a person; they stay on record so that no import brings them back.

        Raises:
            AddressError: this is no address.
            ConfigError: nobody has it.
        """
        found = self.subscribers.by_address(parse_address(address).normalised)
        if found is None:
            raise ConfigError(f"{address}: nobody has this address")
        word = Consent(action="withdrawn", method="command", source=source, at=self.clock())
        self.subscribers.set_state(found.id, SubscriberState.UNSUBSCRIBED, word)
        return found

    def suppress(self, address: str, reason: SuppressionReason) -> None:
        """Never write to an address again, whoever asks.

        Raises:
            AddressError: this is no address.
        """
        self.suppressions.add(parse_address(address).normalised, reason, now=self.clock())
