"""Reading SPF (RFC 7208): how many questions a record costs, and whether it lets an address send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final

from msgspec import Struct

from pipeline.doctor.resolver import Resolver

MOST_LOOKUPS: Final = 10  # RFC 7208 4.6.4
MOST_VOID: Final = 2  # of them may find nothing
MOST_RECORDS: Final = 30  # where we stop reading: receivers gave up long before

_ASKS: Final = {"a", "mx", "ptr", "exists", "include", "redirect"}
_RESULTS: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class Term(Struct, frozen=True):
    """One word of a record."""

    qualifier: str  # one of + - ~ ?
    name: str  # of the mechanism or modifier, lower case
    value: str  # after : or =, with the length of a network still in it

    @property
    def target(self) -> str:
        """The value without the length of a network."""
        return self.value.partition("/")[0]


@dataclass(slots=True)
class Cost:
    """What a receiver has to ask."""

    lookups: int = 0
    void: int = 0
    unread: list[str] = field(default_factory=list)  # names that have no record of their own


def spf_records(resolver: Resolver, domain: str) -> tuple[str, ...]:
    """Return the SPF records of a domain; more than one is as good as none (RFC 7208 4.5)."""
    return tuple(
        text for text in resolver.txt(domain) if text.lower().split(" ", 1)[0] == "v=spf1"
    )


def terms(record: str) -> tuple[Term, ...]:
    """Return the terms of a record, in order."""
    return tuple(_term(word) for word in record.split()[1:])


def cost(resolver: Resolver, domain: str) -> Cost:
    """Count the questions of a domain's record and of all that it includes.

    Raises:
        Outage: the DNS does not answer.
    """
    found = Cost()
    _count(resolver, domain, found, seen=[])
    return found


def verdict(resolver: Resolver, domain: str, address: str) -> str:
    """Return what SPF says of an IP address: pass, fail, softfail, neutral, none or permerror.

    Macros are not expanded: a term that has one does not match.

    Raises:
        Outage: the DNS does not answer.
    """
    return _Verdict(resolver, address).of(domain)


@dataclass(slots=True)
class _Verdict:
    """One address held against a record and those it includes."""

    resolver: Resolver
    address: str
    read: int = 0  # records so far

    def of(self, domain: str) -> str:
        self.read += 1
        records = spf_records(self.resolver, domain)
        if len(records) != 1 or self.read > MOST_RECORDS:
            return "permerror" if records else "none"
        redirect = ""
        for term in terms(records[0]):
            if term.name == "redirect":
                redirect = term.target
            elif self._matches(domain, term):
                return _RESULTS[term.qualifier]
        return self.of(redirect) if redirect else "neutral"

    def _matches(self, domain: str, term: Term) -> bool:
        match term.name:
            case "all":
                return True
            case "ip4" | "ip6":
                return _within(self.address, term.value)
            case "include":
                return self.of(term.target) == "pass"
            case "a":
                hosts = [term.target or domain]
            case "mx":
                hosts = [host for _, host in self.resolver.mx(term.target or domain) if host]
            case _:
                return False
        length = term.value.partition("/")[2].partition("/")[0]
        return any(
            _within(self.address, f"{each}/{length}" if length and ":" not in each else each)
            for each in _addresses(self.resolver, hosts)
        )


def _count(resolver: Resolver, domain: str, found: Cost, seen: list[str]) -> None:
    records = spf_records(resolver, domain)
    if not records and seen:
        found.unread.append(domain)
    seen.append(domain)
    for term in (term for record in records[:1] for term in terms(record)):
        if term.name not in _ASKS:
            continue
        found.lookups += 1
        if "%" in term.value or len(seen) >= MOST_RECORDS:
            continue
        name = term.target or domain
        if term.name in {"include", "redirect"}:
            _count(resolver, name, found, seen)
        elif _finds_nothing(resolver, name, term.name):
            found.void += 1


def _finds_nothing(resolver: Resolver, name: str, mechanism: str) -> bool:
    if mechanism == "mx":
        return not resolver.mx(name)
    return mechanism in {"a", "exists"} and not resolver.addresses(name)


def _addresses(resolver: Resolver, hosts: list[str]) -> Iterator[str]:
    for host in hosts[:MOST_LOOKUPS]:
        if "%" not in host:
            yield from resolver.addresses(host)


def _within(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


def _term(word: str) -> Term:
    qualifier = word[0] if word[0] in _RESULTS else "+"
    rest = word.removeprefix(qualifier) if word[0] in _RESULTS else word
    for at, character in enumerate(rest):
        if character in ":=/":
            value = rest[at:] if character == "/" else rest[at + 1 :]
            return Term(qualifier, rest[:at].lower(), value)
    return Term(qualifier, rest.lower(), "")
