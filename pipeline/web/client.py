"""Who asks: the network of a client, and what is kept of it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from pipeline.audience.secrets import Keys

# What one household or one attacker has without effort.
_V4_PREFIX: Final = 24
_V6_PREFIX: Final = 64


def network(host: str | None) -> str:
    """Return the network an address is in, such as "192.0.2.0/24" or "2001:db8::/64".

    Whatever is no address is one network: a proxy that says nothing must not lift every limit.
    """
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address.packed, _V6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(ip_network((address.packed, _V4_PREFIX), strict=False))


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a consent record has of a client: enough to see that two of a day were one."""

    keys: Keys

    def __call__(self, host: str | None, day: date) -> str:
        """Return the keyed hash of a client's network: 16 hexadecimal digits, others tomorrow."""
        key = self.keys.derive(f"client {day.isoformat()}", self.keys.newest)
        return hmac.digest(key, network(host).encode(), "sha256")[:8].hex()
