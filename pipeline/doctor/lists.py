"""D2: the fields by which mail programs know a list, and how to leave it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from pipeline.doctor.mail import Mail
from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said

LONGEST_LIST_ID: Final = 255  # characters (RFC 2919 2)
MOST_FIELDS: Final = 4  # of a Feedback-ID
SENDER_ID: Final = range(5, 16)  # characters of its last field
FORGEABLE: Final = 22  # characters of base64 hold less than 128 bits below this

_WAYS_OUT: Final = re.compile(r"<[^<>\s]+>(?:\s*,\s*<[^<>\s]+>)*")
_LIST_ID: Final = re.compile(r"(?:.*\s)?<[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+>", re.DOTALL)
_ANGLED_URIS: Final = re.compile(r"<[a-z]+:[^<>\s]+>(?:\s*,\s*<[a-z]+:[^<>\s]+>)*")


def ways_out(mail: Mail) -> Iterator[Finding]:
    """D201."""
    values = mail.values("List-Unsubscribe")
    if len(values) != 1:
        yield Finding(f"List-Unsubscribe stands {len(values)} times")
    for value in values:
        if not _WAYS_OUT.fullmatch(value):
            yield Finding("List-Unsubscribe is not a list of <URI>, one comma between two")
        https = [uri for uri in mail.ways_out if uri.startswith("https://")]
        if len(https) != 1:
            yield Finding(f"List-Unsubscribe holds {len(https)} https URIs")
        if any(uri.startswith("http://") for uri in mail.ways_out):
            yield Finding("List-Unsubscribe holds an http URI")


def one_click(mail: Mail) -> Iterator[Finding]:
    """D202."""
    values = mail.values("List-Unsubscribe-Post")
    if values != ["List-Unsubscribe=One-Click"]:
        yield Finding(f"List-Unsubscribe-Post is {', '.join(values) or 'not there'}")


def token(mail: Mail) -> Iterator[Finding]:
    """D203."""
    for uri in mail.ways_out:
        if not uri.startswith("https://"):
            continue
        parts = urlsplit(uri)
        if parts.hostname != mail.newsletter.host:
            yield Finding(f"the link to leave is at {parts.hostname}, not {mail.newsletter.host}")
        last = parts.path.rpartition("/")[2]
        if len(last) < FORGEABLE:
            yield Finding(f"the link to leave ends in {len(last)} characters; they can be guessed")
        if "@" in uri or "%40" in uri or mail.reader.partition("@")[0].lower() in uri.lower():
            yield Finding("the link to leave shows the reader's address")


def list_id(mail: Mail) -> Iterator[Finding]:
    """D204."""
    values = mail.values("List-Id")
    if len(values) != 1:
        yield Finding(f"List-Id stands {len(values)} times")
    for value in values:
        if not _LIST_ID.fullmatch(value) or len(value) > LONGEST_LIST_ID:
            yield Finding(f"List-Id is {value[:80]!a}, which is not `phrase <label.domain>`")


def announcements(mail: Mail) -> Iterator[Finding]:
    """D205."""
    if mail.value("List-Post") != "NO":
        yield Finding(f"List-Post is {mail.value('List-Post') or 'not there'}")
    if not mail.values("List-Archive"):
        yield Finding("there is no List-Archive")
    for name in ("List-Archive", "List-Help", "List-Owner", "List-Subscribe"):
        for value in mail.values(name):
            if not _ANGLED_URIS.fullmatch(value):
                yield Finding(f"{name} is {value[:80]!a}, which is no URI in angle brackets")


def precedence(mail: Mail) -> Iterator[Finding]:
    """D206."""
    if mail.value("Precedence").lower() not in {"bulk", "list"}:
        yield Finding(f"Precedence is {mail.value('Precedence') or 'not there'}")


def feedback_id(mail: Mail) -> Iterator[Said]:
    """D207."""
    values = mail.values("Feedback-ID")
    if not values:
        yield NotChecked("the message has no Feedback-ID")
    if len(values) > 1:
        yield Finding(f"Feedback-ID stands {len(values)} times")
    for value in values:
        fields = [field.strip() for field in value.split(":")]
        if len(fields) > MOST_FIELDS:
            yield Finding(f"Feedback-ID has {len(fields)} fields; at most {MOST_FIELDS} count")
        if len(fields[-1]) not in SENDER_ID:
            yield Finding(f"the sender in Feedback-ID has {len(fields[-1])} characters, not 5-15")
        named = [field for field in fields if field]
        if len(set(named)) < len(named):
            yield Finding("Feedback-ID says one value twice")
        if "@" in value or mail.reader.partition("@")[0].lower() in value.lower():
            yield Finding("Feedback-ID names the reader; it is for counting, not for telling")


_SITE: Final = "set newsletter.site_url to the https address that readers reach"
_TAMPERED: Final = "look at what changed the message after it was composed"

LISTS: Final = Family(
    name="list headers",
    about="What a mail program needs to show its own unsubscribe button.",
    rules=(
        Rule(
            code="D201",
            title="List-Unsubscribe holds one https URI, in angle brackets",
            level=Level.MUST,
            source="RFC 8058 3.1; RFC 2369 2; Gmail and Yahoo sender guidelines",
            remedy=_SITE,
            check=ways_out,
        ),
        Rule(
            code="D202",
            title="List-Unsubscribe-Post says exactly List-Unsubscribe=One-Click",
            level=Level.MUST,
            source="RFC 8058 3.1",
            remedy=_TAMPERED,
            check=one_click,
        ),
        Rule(
            code="D203",
            title="The link to leave is on our site, cannot be guessed and shows no address",
            level=Level.MUST,
            source="RFC 8058 3.1",
            remedy=_SITE,
            check=token,
        ),
        Rule(
            code="D204",
            title="List-Id names the list, once",
            level=Level.SHOULD,
            source="RFC 2919 2-3",
            remedy="shorten newsletter.name, or use ASCII in the sender's address",
            check=list_id,
        ),
        Rule(
            code="D205",
            title="List-Post is NO, and List-Archive says where issues can be read",
            level=Level.SHOULD,
            source="RFC 2369 3",
            remedy=_TAMPERED,
            check=announcements,
        ),
        Rule(
            code="D206",
            title="Precedence is bulk, which keeps autoresponders quiet",
            level=Level.SHOULD,
            source="RFC 3834 2; SpamAssassin MAILING_LIST_MULTI",
            remedy=_TAMPERED,
            check=precedence,
        ),
        Rule(
            code="D207",
            title="Feedback-ID has at most four fields, no value twice, nobody named",
            level=Level.PROVIDER,
            source="Gmail: Feedback Loop",
            remedy="use a domain of five letters or more in newsletter.from",
            check=feedback_id,
        ),
    ),
)
