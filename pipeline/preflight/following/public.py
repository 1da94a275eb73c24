"""Which IP addresses are of the public network, whatever clothes they come in."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_UNICAST: Final = IPv6Network("2000::/3")  # all that is given out for the public network
# Outside of what Python calls private, and nobody's web site all the same.
_CLOSED: Final = (
    IPv4Network("168.63.129.16/32"),  # where a virtual machine at Azure asks its host
    IPv4Network("192.0.0.0/24"),  # for protocols (RFC 6890); one cloud tells secrets there
    IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public network.

    Private, loopback, link-local, multicast, reserved, shared (100.64.0.0/10) and documentation
    addresses are not; nor is IPv4 in the clothes of IPv6 (mapped, 6to4, Teredo, NAT64).
    """
    try:
        ip = ip_address(address)  # one with a zone (%eth0) is link-local, too
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and (ip not in _UNICAST or ip.sixtofour or ip.teredo):
        return False
    if any(ip in network for network in _CLOSED):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)
