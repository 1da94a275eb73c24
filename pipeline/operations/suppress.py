"""Addresses that must not be written to, by the operator's word."""

from __future__ import annotations

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.model.ports import Clock
from pipeline.model.subscriber import SuppressionReason
from pipeline.storage.suppressions import Suppressions


class Suppress(Struct, frozen=True, kw_only=True):
    """Suppress addresses, and lift what readers cannot lift themselves."""

    suppressions: Suppressions
    clock: Clock

    def __call__(self, address: str, reason: SuppressionReason) -> None:
        """Never write to an address again, whoever asks.

        Raises:
            AddressError: this is no address.
        """
        self.suppressions.add(parse_address(address).normalised, reason, now=self.clock())

    def lift(self, address: str) -> bool:
        """Let an address be written to again if its owner agreed; False: it was not suppressed.

        Raises:
            AddressError: this is no address.
        """
        return self.suppressions.remove(parse_address(address).normalised)
