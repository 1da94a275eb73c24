"""D5: the settings that decide whether mail is taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said
from pipeline.model.newsletter import Newsletter

LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}
# They publish DMARC policies under which nobody else may send in their name.
FREE: Final = frozenset(
    {
        *("gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "aol.com", "outlook.com"),
        *("hotmail.com", "live.com", "msn.com", "icloud.com", "me.com", "mac.com", "gmx.de"),
        *("gmx.net", "web.de", "mail.ru", "yandex.ru", "proton.me", "protonmail.com", "qq.com"),
    }
)


class Configuration(Struct, frozen=True, kw_only=True):
    """What the settings say of the newsletter and of the way out."""

    newsletter: Newsletter
    sender_kind: str  # smtp, eml, console, or a plug-in
    sender_options: Mapping[str, Any]  # as [sender] has them, without the password
    signs: bool  # whether [dkim] names a key
    key_problem: str = ""  # why a key cannot be used; empty if all can


def postal_address(found: Configuration) -> Iterator[Finding]:
    """D501."""
    if not found.newsletter.postal_address.strip():
        yield Finding("newsletter.postal_address is empty")


def site(found: Configuration) -> Iterator[Finding]:
    """D502."""
    parts = urlsplit(found.newsletter.site_url)
    if parts.scheme != "https":
        yield Finding(f"newsletter.site_url is {found.newsletter.site_url}")
    if parts.hostname in LOOPBACK:
        yield Finding(f"newsletter.site_url is on {parts.hostname}, where only you can reach it")


def way_out(found: Configuration) -> Iterator[Said]:
    """D503."""
    if found.sender_kind != "smtp":
        yield NotChecked(f'sender.kind is "{found.sender_kind}": no relay of ours is used')
        return
    for relay in _relays(found.sender_options):
        host = str(relay.get("host", ""))
        if relay.get("tls") == "off" and host not in LOOPBACK:
            yield Finding(f"mail goes to {host or 'the relay'} without encryption")


def key(found: Configuration) -> Iterator[Said]:
    """D504."""
    if found.key_problem:
        yield Finding(found.key_problem)
    elif not found.signs:
        yield NotChecked("[dkim] names no key: the relay has to sign")


def own_domain(found: Configuration) -> Iterator[Finding]:
    """D505."""
    if found.newsletter.mail_domain.lower() in FREE:
        yield Finding(f"newsletter.from is an address at {found.newsletter.mail_domain}")


def replies(found: Configuration) -> Iterator[Finding]:
    """D506."""
    reply_to = found.newsletter.reply_to
    domain = reply_to.address.rpartition("@")[2].lower() if reply_to else ""
    if domain in FREE:
        yield Finding(f"newsletter.reply_to is an address at {domain}")


def _relays(options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return options.get("relays") or (options,)


CONFIGURATION: Final = Family(
    name="settings",
    about="newsletter.toml, as far as it decides whether mail is taken.",
    rules=(
        Rule(
            code="D501",
            title="The newsletter has a postal address",
            level=Level.LAW,
            source="15 U.S.C. 7704(a)(5); CASL 6(2)",
            remedy="set newsletter.postal_address; nothing is approved without it",
            check=postal_address,
        ),
        Rule(
            code="D502",
            title="The site is on https, where readers can reach it",
            level=Level.MUST,
            source="RFC 8058 3.1",
            remedy="set newsletter.site_url to the public https address",
            check=site,
        ),
        Rule(
            code="D503",
            title="Mail leaves over a verified encrypted line",
            level=Level.PROVIDER,
            source="RFC 8314 3; Gmail sender guidelines",
            remedy='set sender.tls to "starttls" or "implicit"',
            check=way_out,
        ),
        Rule(
            code="D504",
            title="The DKIM keys can be read, by their owner only, and are strong enough",
            level=Level.MUST,
            source="RFC 8301 3.2",
            remedy="make a key with `broadsheet dkim keygen` and name it in [dkim]",
            check=key,
        ),
        Rule(
            code="D505",
            title="From is not at a free mailbox provider",
            level=Level.PROVIDER,
            source="Gmail and Yahoo DMARC policies",
            remedy="send from an address of a domain of your own",
            check=own_domain,
        ),
        Rule(
            code="D506",
            title="Replies do not go to a free mailbox provider",
            level=Level.SHOULD,
            source="SpamAssassin FREEMAIL_FORGED_REPLYTO",
            remedy="set newsletter.reply_to to an address of your own domain",
            check=replies,
        ),
    ),
)
