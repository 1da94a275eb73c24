"""The message as it travels, read back: its header, its parts, and what sample readers would get."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from email.utils import parseaddr, parsedate_to_datetime
from functools import lru_cache
from typing import Final

from pipeline.diagnostic import Diagnostic
from pipeline.model.rendered import MARKER, MergeSlot
from pipeline.preflight.finding import error, shorten
from pipeline.preflight.mail import Mail
from pipeline.preflight.parts import Part, fields, has_line_beyond, header, parts
from pipeline.preflight.size import LONGEST_LINE

ONCE: Final = ("date", "from", "to", "subject", "message-id", "mime-version", "content-type")
AT_MOST_ONCE: Final = (
    *("reply-to", "sender", "cc", "bcc", "list-id", "list-unsubscribe"),
    *("list-unsubscribe-post", "feedback-id", "content-transfer-encoding"),
)
WRITTEN: Final = ("text/plain", "text/html")  # in this order (RFC 2046 5.1.4)

_ID: Final = re.compile(rb"<[^\s<>@]+@[^\s<>@]+>")
_ONE_CLICK: Final = b"List-Unsubscribe=One-Click"
_OURS: Final = "please report it: this is a fault of Broadsheet or of a plug-in"
_TEMPLATE: Final = "look for the slot in the template"
_STARTS: Final = tuple(each.value for each in MergeSlot)


def header_count(mail: Mail) -> Iterator[Diagnostic]:
    """P801."""
    counts = Counter(name for name, _ in fields(header(mail.message)))
    for name in ONCE:
        if counts[name] != 1:
            said = f"stands {counts[name]} times" if counts[name] else "is missing"
            yield error("P801", f"the header {name} {said}", help_=_OURS)
    for name in AT_MOST_ONCE:
        if counts[name] > 1:
            yield error("P801", f"the header {name} stands {counts[name]} times", help_=_OURS)


def header_syntax(mail: Mail) -> Iterator[Diagnostic]:
    """P802."""
    for wrong in _syntax(header(mail.message)):
        yield error("P802", wrong, help_="look for an unusual character in newsletter.toml")


def unsubscribing(mail: Mail) -> Iterator[Diagnostic]:
    """P803: a link by https, and the promise that a POST to it is all that is needed."""
    known = dict(fields(header(mail.message)))
    help_ = "set an https address as site_url in newsletter.toml"
    if not re.match(rb"<https?://[^\s<>]+>", known.get("list-unsubscribe", b"")):
        yield error("P803", "the header List-Unsubscribe has no web address first", help_=help_)
    if known.get("list-unsubscribe-post") != _ONE_CLICK:
        yield error(
            "P803", f"the header List-Unsubscribe-Post is not {_ONE_CLICK.decode()}", help_=help_
        )


def structure(mail: Mail) -> Iterator[Diagnostic]:
    """P804: other parts are pictures."""
    found = [each.media_type for each in mail.parts if not each.media_type.startswith("image/")]
    if tuple(found) != WRITTEN:
        said = ", ".join(found) or "no part"
        yield error("P804", f"the message has {said}; wanted {', '.join(WRITTEN)}", help_=_OURS)


def read_back(mail: Mail) -> Iterator[Diagnostic]:
    """P604: every character of both parts, merge slots aside."""
    written = {"text/plain": mail.rendered.text, "text/html": mail.rendered.html}
    for part in mail.parts:
        if part.media_type in written and not _agrees(written[part.media_type], part):
            yield error(
                "P604",
                f"the {part.media_type} part does not read back as it was rendered",
                help_=_OURS,
            )


def readers(mail: Mail) -> Iterator[Diagnostic]:
    """P705, P706, P707: what becomes of the mail when slots are filled."""
    before = _signs(MARKER.sub("", mail.rendered.html))
    for filled in mail.samples:
        whose = f"the message of the sample reader {filled.reader.key!r}"
        texts = {each.media_type: each.text for each in parts(filled.message) if each.is_text}
        places = [header(filled.message).decode("latin-1"), *texts.values()]
        if any(map(_has_marker, places)):
            yield error("P705", f"{whose} has a marker left", help_=_TEMPLATE)
        if has_line_beyond(filled.message, LONGEST_LINE):
            longest = max(map(len, filled.message.split(b"\r\n")))
            yield error(
                "P706",
                f"{whose} has a line of {longest:,} octets",
                help_="shorten what stands around the slot in the header",
            )
        # Whatever a value holds, there are as many of these as before.
        if _signs(texts.get("text/html", "")) != before:
            yield error("P707", f"{whose} has markup that a value brought", help_=_OURS)


def _syntax(head: bytes) -> Iterator[str]:
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
        yield "the header holds a bare CR or LF"
    if not head.isascii() or b"\0" in head:
        yield "the header holds bytes that are not ASCII"
    for name, value in fields(head):
        said = value.decode("latin-1")
        match name:
            case "":
                yield f"a line of the header is no field: {shorten(said)}"
            case "from" | "to" | "reply-to" if not _is_mailbox(said):
                yield f"the header {name} is no mailbox: {shorten(said)}"
            case "message-id" if not _ID.fullmatch(value):
                yield f"the header message-id is not <left@domain>: {shorten(said)}"
            case "date" if not _is_date(said):
                yield f"the header date is no date with a zone: {shorten(said)}"
            case _:
                pass


def _is_mailbox(value: str) -> bool:
    local, _, domain = parseaddr(value)[1].rpartition("@")
    return bool(local and domain) and " " not in local + domain


def _is_date(value: str) -> bool:
    try:
        return parsedate_to_datetime(value).tzinfo is not None
    except ValueError:
        return False


def _agrees(written: str, part: Part) -> bool:
    """Say whether all that stands between the slots is there, in order."""
    text = part.text
    first, *others = MARKER.split(written)
    if not text.startswith(first) or not text.endswith(others[-1] if others else first):
        return False
    place = len(first)
    for each in others:
        found = text.find(each, place)
        if found < 0:
            return False
        place = found + len(each)
    return bool(others) or text == written


@lru_cache(maxsize=32)  # many a reader gets the same parts
def _has_marker(text: str) -> bool:
    return any(start in text for start in _STARTS)


@lru_cache(maxsize=8)
def _signs(html: str) -> tuple[int, ...]:
    return tuple(html.count(sign) for sign in "<>\"'")
