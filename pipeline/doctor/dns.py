"""D9: what the DNS says of the sender."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pipeline.doctor.domains import aligned, parents
from pipeline.doctor.resolver import Resolver
from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said
from pipeline.doctor.spf import MOST_LOOKUPS, MOST_VOID, cost, spf_records, terms, verdict

MOST_PARENTS: Final = 8  # questions of the tree walk (RFC 9989)
_NO_SPF: Final = "there is no single SPF record to look at"


class Published(Struct, frozen=True):
    """The record that a key of ours needs."""

    name: str
    value: str


class Names(Struct, frozen=True, kw_only=True):
    """The sender's names, and whom to ask about them."""

    resolver: Resolver
    from_domain: str
    envelope_domain: str  # of the address that bounces go to
    signing_domain: str  # empty: the relay signs
    records: tuple[Published, ...]  # of our DKIM keys
    address: str | None  # the IP address that mail leaves from


def answers_reach_us(names: Names) -> Iterator[Finding]:
    """D901."""
    for domain in _domains(names):
        if not names.resolver.mx(domain) and not names.resolver.addresses(domain):
            yield Finding(f"{domain} has neither an MX nor an address record")


def no_null_mx(names: Names) -> Iterator[Finding]:
    """D902."""
    for domain in _domains(names):
        if any(not host for _, host in names.resolver.mx(domain)):
            yield Finding(f"{domain} says that it takes no mail at all (null MX)")


def one_spf_record(names: Names) -> Iterator[Finding]:
    """D903."""
    found = spf_records(names.resolver, names.envelope_domain)
    if len(found) != 1:
        yield Finding(f"{names.envelope_domain} has {len(found)} SPF records")


def spf_ends(names: Names) -> Iterator[Said]:
    """D904."""
    found = spf_records(names.resolver, names.envelope_domain)
    if len(found) != 1:
        yield NotChecked(_NO_SPF)
        return
    last = [term for term in terms(found[0]) if term.name in {"all", "redirect"}]
    closed = any(term.name == "redirect" or term.qualifier in "-~" for term in last)
    if not closed:
        yield Finding(f"the SPF record of {names.envelope_domain} ends neither in -all nor ~all")


def spf_cost(names: Names) -> Iterator[Said]:
    """D905."""
    if len(spf_records(names.resolver, names.envelope_domain)) != 1:
        yield NotChecked(_NO_SPF)
        return
    found = cost(names.resolver, names.envelope_domain)
    if found.lookups > MOST_LOOKUPS:
        yield Finding(f"the SPF record costs {found.lookups} questions")
    if found.void > MOST_VOID:
        yield Finding(f"{found.void} names in the SPF record do not exist")
    for name in found.unread:
        yield Finding(f"the SPF record includes {name}, which has none")


def spf_lets_send(names: Names) -> Iterator[Said]:
    """D906."""
    if names.address is None:
        yield NotChecked("name the address that mail leaves from with --address")
        return
    said = verdict(names.resolver, names.envelope_domain, names.address)
    if said != "pass":
        yield Finding(f"SPF of {names.envelope_domain} says {said} to {names.address}")


def dkim_records(names: Names) -> Iterator[Said]:
    """D907."""
    if not names.records:
        yield NotChecked("[dkim] names no key: the relay has to sign")
    for record in names.records:
        found = [text for text in names.resolver.txt(record.name) if "p=" in text]
        if not found:
            yield Finding(f"{record.name} has no key", _publish(record))
        elif len(found) > 1:
            yield Finding(f"{record.name} has {len(found)} keys", _publish(record))
        elif (key := _tags(found[0]).get("p", "")) != _tags(record.value)["p"]:
            said = "another key than ours" if key else "a key that was taken back (p= is empty)"
            yield Finding(f"{record.name} has {said}", _publish(record))


def dmarc_record(names: Names) -> Iterator[Finding]:
    """D908."""
    _, records = _dmarc(names)
    if len(records) != 1:
        yield Finding(f"{names.from_domain} and those above it have {len(records)} DMARC records")
        return
    tags = _tags(records[0])
    if tags.get("p", "").lower() not in {"none", "quarantine", "reject"}:
        yield Finding(f"the DMARC policy is {tags.get('p') or 'not there'} (p=)")
    for name in ("adkim", "aspf"):
        if tags.get(name, "r").lower() not in {"r", "s"}:
            yield Finding(f"the DMARC record says {name}={tags[name]}")
    for uri in filter(None, tags.get("rua", "").split(",")):
        if not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+", uri):
            yield Finding(f"DMARC reports would go to {uri[:60]!a}")


def dmarc_alignment(names: Names) -> Iterator[Said]:
    """D909: one of both is enough, but forwarding breaks SPF."""
    _, records = _dmarc(names)
    if len(records) != 1:
        yield NotChecked("there is no single DMARC record to look at")
        return
    tags = _tags(records[0])
    by_dkim = aligned(names.signing_domain, names.from_domain, strict=_strict(tags, "adkim"))
    by_spf = aligned(names.envelope_domain, names.from_domain, strict=_strict(tags, "aspf"))
    if names.signing_domain and not by_dkim:
        yield Finding(f"signatures are for {names.signing_domain}, From is {names.from_domain}")
    if not names.signing_domain and not by_spf:
        yield Finding(f"bounces go to {names.envelope_domain}, From is {names.from_domain}")


def reverse(names: Names) -> Iterator[Said]:
    """D910."""
    if names.address is None:
        yield NotChecked("name the address that mail leaves from with --address")
        return
    found = names.resolver.names(names.address)
    if not found:
        yield Finding(f"{names.address} has no name")
    elif not any(names.address in names.resolver.addresses(name) for name in found):
        yield Finding(f"{names.address} is called {found[0]}, which is at another address")


def _domains(names: Names) -> tuple[str, ...]:
    return tuple(dict.fromkeys((names.from_domain, names.envelope_domain)))


def _dmarc(names: Names) -> tuple[str, tuple[str, ...]]:
    """Return the domain that has the DMARC records of From, and those: the tree walk."""
    for domain in parents(names.from_domain)[:MOST_PARENTS]:
        found = tuple(
            text
            for text in names.resolver.txt(f"_dmarc.{domain}")
            if re.match(r"v\s*=\s*DMARC1\s*(;|$)", text)
        )
        if found:
            return domain, found
    return names.from_domain, ()


def _strict(tags: dict[str, str], name: str) -> bool:
    return tags.get(name, "r").lower() == "s"


def _tags(record: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in record.split(";"))
    return {name.strip().lower(): re.sub(r"\s+", "", value) for name, _, value in pairs}


def _publish(record: Published) -> str:
    return f"publish this TXT record: {record.name} = {record.value}"


_SPF: Final = "publish one TXT record, v=spf1 with your relay's include, ending in ~all"

DNS: Final = Family(
    name="DNS",
    about="What receivers ask the DNS before they believe a message; with --dns.",
    rules=(
        Rule(
            code="D901",
            title="The domains of From and of bounces can be written to",
            level=Level.MUST,
            source="RFC 5321 5.1; Yahoo sender guidelines",
            remedy="publish an MX record for it",
            check=answers_reach_us,
        ),
        Rule(
            code="D902",
            title="Neither the domain of From nor that of bounces says that it takes no mail",
            level=Level.MUST,
            source="RFC 7505 4.2",
            remedy="take the null MX away, or send from another domain",
            check=no_null_mx,
        ),
        Rule(
            code="D903",
            title="The domain of bounces has one SPF record",
            level=Level.PROVIDER,
            source="RFC 7208 4.5; Gmail, Yahoo and Microsoft sender guidelines",
            remedy=_SPF,
            check=one_spf_record,
        ),
        Rule(
            code="D904",
            title="The SPF record ends in -all or ~all",
            level=Level.SHOULD,
            source="RFC 7208 5.1",
            remedy=_SPF,
            check=spf_ends,
        ),
        Rule(
            code="D905",
            title="The SPF record costs at most 10 questions, of which 2 may find nothing",
            level=Level.MUST,
            source="RFC 7208 4.6.4",
            remedy="take includes out that nobody sends from any more",
            check=spf_cost,
        ),
        Rule(
            code="D906",
            title="SPF lets the address send that mail leaves from",
            level=Level.PROVIDER,
            source="RFC 7208 2.6; Gmail, Yahoo and Microsoft sender guidelines",
            remedy="add the address, or the relay's include, to the SPF record",
            check=spf_lets_send,
        ),
        Rule(
            code="D907",
            title="The DNS has the public half of each DKIM key",
            level=Level.MUST,
            source="RFC 6376 3.6.2",
            remedy="publish what `broadsheet dkim record` prints",
            check=dkim_records,
        ),
        Rule(
            code="D908",
            title="The domain of From, or one above it, has a DMARC record that can be read",
            level=Level.PROVIDER,
            source="RFC 9989; Gmail, Yahoo and Microsoft sender guidelines",
            remedy='publish a TXT record at _dmarc under the domain, at least "v=DMARC1; p=none"',
            check=dmarc_record,
        ),
        Rule(
            code="D909",
            title="What is signed, or what takes bounces, is aligned with From",
            level=Level.PROVIDER,
            source="RFC 9989; Gmail, Yahoo and Microsoft sender guidelines",
            remedy="set dkim.domain, or the return path, to the domain of newsletter.from",
            check=dmarc_alignment,
        ),
        Rule(
            code="D910",
            title="The address that mail leaves from has a name that leads back to it",
            level=Level.PROVIDER,
            source="RFC 1912 2.1; Gmail sender guidelines",
            remedy="ask whoever gave you the address to set its PTR record",
            check=reverse,
        ),
    ),
)
