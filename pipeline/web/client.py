"""Who asks: the network of a client, and what is kept of it."""

from __future__ import annotations

import hmac
from datetime import date
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from msgspec import Struct

from pipeline.audience.secrets import Keys

# What one household or one attacker has without effort.
_V4_PREFIX: Final = 24
_V6_PREFIX: Final = 64
# What one customer of a provider may have, cut into as many of the above as they like.
_V4_WIDE_PREFIX: Final = 16
_V6_WIDE_PREFIX: Final = 48


def network(host: str | None, *, wide: bool = False) -> str:
    """Return the network an address is in, such as "192.0.2.0/24" or "2001:db8::/64".

    Whatever is no address is one network: a proxy that says nothing must not lift every limit.

    Args:
        host: an address.
        wide: the /16 or the /48 around it.
    """
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            prefix = _V6_WIDE_PREFIX if wide else _V6_PREFIX
            return str(ip_network((address.packed, prefix), strict=False))
        address = address.ipv4_mapped
    prefix = _V4_WIDE_PREFIX if wide else _V4_PREFIX
    return str(ip_network((address.packed, prefix), strict=False))


def loopback(host: str | None) -> bool:
    """Whether a connection from there comes from this machine."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


class ClientKeys(Struct, frozen=True):
    """What a consent record has of a client: enough to see that two of a day were one."""

    keys: Keys

    def __call__(self, host: str | None, day: date) -> str:
        """Return the keyed hash of a client's network: 16 hexadecimal digits, others tomorrow."""
        key = self.keys.derive(f"client {day.isoformat()}", self.keys.newest)
        return hmac.digest(key, network(host).encode(), "sha256")[:8].hex()
