"""Asking the DNS. dnspython is an extra, broadsheet[doctor]; it is imported when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final, Protocol

from pipeline.doctor.rule import Outage
from pipeline.errors import ConfigError

DEADLINE: Final = 5.0  # seconds for one question, all servers and repetitions together


class Resolver(Protocol):
    """What rules ask; a name that is not there, or has no such record, has none.

    Every method raises Outage when nobody answers in time.
    """

    def txt(self, name: str) -> tuple[str, ...]:
        """Return TXT records, the strings of each joined."""
        ...

    def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """Return preference and host of MX records, best first; "" is the null MX (RFC 7505)."""
        ...

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return IPv4 and IPv6 addresses."""
        ...

    def names(self, address: str) -> tuple[str, ...]:
        """Return the names of an IP address (PTR)."""
        ...


class Dns:
    """The DNS as this machine is told to ask it; answers are remembered."""

    def __init__(self, servers: Sequence[str] = (), port: int = 53) -> None:
        """Take name servers other than the machine's.

        Args:
            servers: IP addresses; nothing: those of the machine.
            port: of theirs.

        Raises:
            ConfigError: dnspython is not installed, or the machine knows no name server.
        """
        if find_spec("dns") is None:
            raise ConfigError("asking the DNS needs a package; install broadsheet[doctor]")
        from dns.resolver import NoResolverConfiguration, Resolver

        try:
            self._resolver = Resolver(configure=not servers)
        except NoResolverConfiguration as error:
            raise ConfigError(
                "this machine knows no name server; name one with --name-server"
            ) from error
        if servers:
            self._resolver.nameservers = list(servers)
            self._resolver.port = port
        self._resolver.lifetime = DEADLINE
        self._known: dict[tuple[str, str], tuple[Any, ...] | Outage] = {}

    def txt(self, name: str) -> tuple[str, ...]:
        """Return TXT records; see `Resolver.txt`."""
        found = self._records(name, "TXT")
        return tuple(b"".join(record.strings).decode("latin-1") for record in found)

    def mx(self, name: str) -> tuple[tuple[int, str], ...]:
        """Return MX records; see `Resolver.mx`."""
        found = self._records(name, "MX")
        return tuple(sorted((each.preference, _plain(each.exchange)) for each in found))

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return addresses; see `Resolver.addresses`."""
        return tuple(each.address for kind in ("A", "AAAA") for each in self._records(name, kind))

    def names(self, address: str) -> tuple[str, ...]:
        """Return names; see `Resolver.names`."""
        from dns.reversename import from_address

        reverse = from_address(address).to_text()
        return tuple(_plain(each.target) for each in self._records(reverse, "PTR"))

    def _records(self, name: str, kind: str) -> tuple[Any, ...]:
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN

        key = (name.lower().rstrip("."), kind)
        if key not in self._known:
            try:
                answer = self._resolver.resolve(
                    key[0], kind, raise_on_no_answer=False, search=False
                )
                self._known[key] = tuple(answer.rrset or ())
            except NXDOMAIN:
                self._known[key] = ()
            except (DNSException, OSError, UnicodeError) as error:
                self._known[key] = Outage(
                    f"the DNS does not say what {kind} {name} has: {type(error).__name__}",
                    "look again later, or name another name server with --name-server",
                )
        known = self._known[key]
        if isinstance(known, Outage):  # remembered, too: each would cost DEADLINE again
            raise known
        return known


def _plain(name: object) -> str:
    return str(name).rstrip(".").lower()
