"""A message as a receiver sees it: its bytes, its fields, and what the standard library reads."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import datetime
from email.message import EmailMessage, Message
from functools import cached_property
from html import unescape
from typing import Final

from lxml.etree import ParserError
from lxml.html import HtmlElement, document_fromstring
from msgspec import Struct

from pipeline.model.newsletter import Newsletter

_FIELD: Final = re.compile(rb"([\x21-\x39\x3b-\x7e]+):(.*)", re.DOTALL)  # RFC 5322 2.2
_ANGLED: Final = re.compile(r"<([^<>]*)>")
_ADDRESS: Final = re.compile(r"[^\s<>\"',;:()]+@[^\s<>\"',;:()]+")


class Mail(Struct, frozen=True, kw_only=True, dict=True):
    """One reader's message, and what it should say."""

    raw: bytes  # complete, as it would travel
    newsletter: Newsletter
    reader: str  # whom it is for
    envelope_domain: str  # of the address that bounces go to
    now: datetime  # aware: when it was composed

    @cached_property
    def head(self) -> bytes:
        """The header, without the empty line."""
        return self.raw.partition(b"\r\n\r\n")[0]

    @cached_property
    def body(self) -> bytes:
        """What stands after the empty line."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @cached_property
    def lines(self) -> tuple[bytes, ...]:
        """The fields from the top down, unfolded, whatever they are."""
        unfolded = re.sub(rb"\r?\n(?=[ \t])", b"", self.head)
        return tuple(re.split(rb"\r?\n", unfolded))

    @cached_property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Name in lower case and value of every field that is one."""
        found = (_FIELD.fullmatch(line) for line in self.lines)
        return tuple(
            (match[1].decode("ascii").lower(), match[2].decode("latin-1").strip())
            for match in found
            if match
        )

    def values(self, name: str) -> list[str]:
        """Return the values of all fields of that name, from the top down."""
        return [value for field, value in self.fields if field == name.lower()]

    def value(self, name: str) -> str:
        """Return the value of the first field of that name; empty if there is none."""
        return next(iter(self.values(name)), "")

    def addresses(self, name: str) -> list[str]:
        """Return the addresses in the fields of that name, display names left out."""
        found = []
        for value in self.values(name):
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", value)
            found += _ADDRESS.findall(" ".join(_ANGLED.findall(bare)) if "<" in bare else bare)
        return found

    @property
    def from_domain(self) -> str:
        """The domain that the reader sees."""
        return next(iter(self.addresses("From")), "").rpartition("@")[2].lower()

    @cached_property
    def parsed(self) -> Message:
        """The message as the standard library reads it, tolerant as mail programs are."""
        return email.message_from_bytes(self.raw)

    @cached_property
    def defects(self) -> tuple[str, ...]:
        """What the standard library's strict reader complains of."""
        try:
            message = email.message_from_bytes(self.raw, policy=email.policy.SMTP)
            return tuple(f"{where}: {type(one).__name__}" for where, one in _defects(message))
        except Exception as error:  # noqa: BLE001 - it raises whatever it likes on odd mail
            return (f"the parser gave up: {type(error).__name__}",)

    @cached_property
    def subject(self) -> str:
        """The subject as the reader sees it."""
        return _decoded_words(self.value("Subject"))

    @cached_property
    def text(self) -> str:
        """The words of the text part; empty if there is none."""
        return self._part("text/plain")

    @cached_property
    def html(self) -> str:
        """The source of the HTML part; empty if there is none."""
        return self._part("text/html")

    @cached_property
    def document(self) -> HtmlElement:
        """The HTML part as a mail program reads it."""
        try:
            # As bytes, since lxml refuses text that declares an encoding.
            return document_fromstring(self.html.encode("ascii", "xmlcharrefreplace"))
        except ParserError:  # there is no element in it at all
            return document_fromstring("<html></html>")

    @cached_property
    def html_words(self) -> str:
        """The text of the HTML part."""
        return " ".join(str(each.text_content()) for each in self.document.findall("body"))

    @cached_property
    def html_links(self) -> tuple[str, ...]:
        """Where the HTML part leads, but for places within it."""
        found = (element.get("href") or "" for element in self.document.iter("a", "area"))
        return tuple(dict.fromkeys(unescape(url) for url in found if url and url[0] != "#"))

    @cached_property
    def ways_out(self) -> tuple[str, ...]:
        """The URIs of List-Unsubscribe, in order."""
        return tuple(_ANGLED.findall(self.value("List-Unsubscribe")))

    def _part(self, kind: str) -> str:
        for part in self.parsed.walk():
            if part.get_content_type() == kind:
                content = part.get_payload(decode=True)
                if isinstance(content, bytes):
                    return content.decode("utf-8", "replace").replace("\r\n", "\n")
        return ""


def _defects(message: EmailMessage | Message) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for part in message.walk():
        found += [(part.get_content_type(), defect) for defect in part.defects]
        for name, value in part.items():
            found += [(name, defect) for defect in getattr(value, "defects", ())]
    return found


def _decoded_words(value: str) -> str:
    from email.header import decode_header, make_header

    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError):
        return value
