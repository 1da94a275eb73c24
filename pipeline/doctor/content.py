"""D3: what the reader gets to see, and what must not be in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from pipeline.doctor.mail import Mail
from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said

LONGEST_BOUNDARY: Final = 70  # characters (RFC 2046 5.1.1)

_URL: Final = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+")
_AROUND: Final = "()[]'.,;:!?"
_SIZE: Final = re.compile(r"(?:^|;)\s*(?:max-)?(width|height)\s*:\s*([\d.]+)(?:px)?\s*(?:;|$)")
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])")
_ACTIVE: Final = ("script", "iframe", "object", "embed", "form", "link", "base")


def alternatives(mail: Mail) -> Iterator[Finding]:
    """D301."""
    kind = mail.parsed.get_content_type()
    if kind != "multipart/alternative":
        yield Finding(f"the message is {kind}")
        return
    parts = [part.get_content_type() for part in mail.parsed.walk()][1:]
    attached = parts[3:] if parts[1:2] == ["multipart/related"] else []
    if attached and all(kind.startswith("image/") for kind in attached):
        parts = [parts[0], parts[2]]  # the HTML part, with its pictures
    if parts != ["text/plain", "text/html"]:
        yield Finding(f"its parts are {', '.join(parts) or 'none'}")
    if len(mail.parsed.get_boundary() or "") > LONGEST_BOUNDARY:
        yield Finding("the boundary is too long")


def same_links(mail: Mail) -> Iterator[Finding]:
    """D302."""
    for url in mail.html_links:
        if url not in mail.text:
            yield Finding(f"the text part lacks {_shown(url)}")
    shown = {*mail.html_links, *(image.get("src") for image in mail.document.iter("img"))}
    for url in dict.fromkeys(_URL.findall(mail.text)):
        if not {url, url.strip(_AROUND)} & shown and url.strip(_AROUND) not in mail.html_words:
            yield Finding(f"the HTML part lacks {_shown(url)}")


def way_out(mail: Mail) -> Iterator[Finding]:
    """D303."""
    https = [uri for uri in mail.ways_out if uri.startswith("https://")]
    if not https:
        yield Finding("no link to leave is known: List-Unsubscribe has none")
    for uri in https:
        if uri not in mail.text:
            yield Finding("the text part does not show the link to leave")
        if uri not in mail.html_links:
            yield Finding("the HTML part does not link to where one leaves")


def postal_address(mail: Mail) -> Iterator[Finding]:
    """D304."""
    lines = [line for line in mail.newsletter.postal_address.splitlines() if line.strip()]
    if not lines:
        yield Finding("there is no postal address")
    for name, words in (("text", mail.text), ("HTML", mail.html_words)):
        if not all(_letters(line) in _letters(words) for line in lines):
            yield Finding(f"the {name} part does not show the postal address")


def tracking(mail: Mail) -> Iterator[Finding]:
    """D305: a picture nobody can see is there to be counted."""
    for image in mail.document.iter("img"):
        style = (image.get("style") or "").lower()
        sizes = [image.get("width"), image.get("height")]
        sizes += [size for _, size in _SIZE.findall(style)]
        tiny = any(size is not None and _number(size) <= 1 for size in sizes)
        if tiny or _HIDDEN.search(style):
            yield Finding(f"a picture cannot be seen: {_shown(image.get('src') or '')}")


def title(mail: Mail) -> Iterator[Said]:
    """D306."""
    found = mail.document.findtext(".//title")
    if not mail.html:
        yield NotChecked("there is no HTML part")
    elif " ".join((found or "").split()) != " ".join(mail.subject.split()):
        yield Finding(f"the title is {_shown(found or '')}, the subject {_shown(mail.subject)}")


def active(mail: Mail) -> Iterator[Finding]:
    """D307."""
    for name in _ACTIVE:
        if next(mail.document.iter(name), None) is not None:
            yield Finding(f"the HTML part holds <{name}>")
    for element in mail.document.iter():
        for attribute in element.attrib:
            if str(attribute).lower().startswith("on"):
                yield Finding(f"the HTML part holds an event attribute, {str(attribute)[:20]}")


def _number(size: str) -> float:
    match = re.match(r"\s*([\d.]+)\s*(?:px)?\s*$", size)
    try:
        return float(match[1]) if match else float("inf")
    except ValueError:
        return float("inf")


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _shown(text: str, longest: int = 60) -> str:
    return ascii(text if len(text) <= longest else f"{text[: longest - 1]}…")


_TEMPLATE: Final = "look for it in the template"

CONTENT: Final = Family(
    name="content",
    about="The parts of the same message.",
    rules=(
        Rule(
            code="D301",
            title="The message is multipart/alternative: plain text first, then HTML",
            level=Level.MUST,
            source="RFC 2046 5.1.4",
            remedy="look at what changed the message after it was composed",
            check=alternatives,
        ),
        Rule(
            code="D302",
            title="Text and HTML lead to the same places",
            level=Level.SHOULD,
            source="rspamd URI_COUNT_ODD; SpamAssassin MPART_ALT_DIFF",
            remedy=_TEMPLATE,
            check=same_links,
        ),
        Rule(
            code="D303",
            title="Both parts show how to leave",
            level=Level.LAW,
            source="15 U.S.C. 7704(a)(3); Gmail and Yahoo sender guidelines",
            remedy="put {{ unsubscribe_url }} into both templates",
            check=way_out,
        ),
        Rule(
            code="D304",
            title="Both parts show the postal address",
            level=Level.LAW,
            source="15 U.S.C. 7704(a)(5); CASL 6(2)",
            remedy="set newsletter.postal_address, and show it in both templates",
            check=postal_address,
        ),
        Rule(
            code="D305",
            title="No invisible picture counts who reads",
            level=Level.LAW,
            source="Directive 2002/58/EC 5(3); CNIL recommendation of 12 March 2026",
            remedy="take the picture out of the template, or make it one that can be seen",
            check=tracking,
        ),
        Rule(
            code="D306",
            title="The title of the HTML part is the subject",
            level=Level.SHOULD,
            source="SpamAssassin HTML_TITLE_SUBJ_DIFF",
            remedy="put {{ subject }} into <title> of the template",
            check=title,
        ),
        Rule(
            code="D307",
            title="Nothing in the HTML part runs, loads or sends",
            level=Level.PROVIDER,
            source="Gmail, Yahoo and Microsoft remove it",
            remedy=_TEMPLATE,
            check=active,
        ),
    ),
)
