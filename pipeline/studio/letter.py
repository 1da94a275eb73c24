"""A message read back from its bytes, as a mail program reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from html.parser import HTMLParser
from typing import Final, cast
from urllib.parse import quote

from msgspec import Struct

_CID: Final = re.compile(r"(=\s*[\"']?|url\([\"']?)cid:([^\"'\s)>]+)", re.IGNORECASE)
# What mail programs do not show in the list: blanks, and what pads a preheader.
_BLANK: Final = re.compile(r"[\s\u00ad\u034f\u115f\u2007\u200b-\u200f\u2060\ufeff]+")
_AT_ONCE: Final = 4_096  # characters of HTML; the first words are near its beginning
_UNSEEN: Final = frozenset({"head", "script", "style", "title"})


class Part(Struct, frozen=True, kw_only=True):
    """A part of the MIME tree."""

    depth: int
    media_type: str
    encoding: str
    charset: str
    cid: str  # without angle brackets
    name: str
    transferred: int  # bytes on the wire, without the headers of the part
    content: bytes  # decoded; nothing for a part that only holds others


class Letter(Struct, frozen=True, dict=True):
    """One message."""

    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The message as the standard library reads it."""
        return message_from_bytes(self.raw, policy=policy.default)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Every part, those that hold others before what they hold."""
        return tuple(_parts(self.message))

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers in their order, encoded words read."""
        return tuple((name, str(value)) for name, value in self.message.items())

    @property
    def header_bytes(self) -> int:
        """Bytes of all headers of the message."""
        return self.raw.find(b"\r\n\r\n") + 2

    @cached_property
    def html(self) -> str:
        """The HTML part; empty if there is none."""
        return self._text("text/html")

    @cached_property
    def text(self) -> str:
        """The text part; empty if there is none."""
        return self._text("text/plain")

    @property
    def html_transferred(self) -> int:
        """Bytes of the HTML part on the wire."""
        return sum(part.transferred for part in self.parts if part.media_type == "text/html")

    @property
    def pictures(self) -> dict[str, Part]:
        """The pictures that came along, by their content id."""
        return {
            part.cid: part
            for part in self.parts
            if part.cid and part.media_type.startswith("image/")
        }

    def header(self, name: str) -> str:
        """Return a header; empty if there is none."""
        return str(self.message.get(name, ""))

    def snippet(self, longest: int = 240) -> str:
        """Return what a list of mails shows after the subject: the first words of the HTML."""
        reader = _Words()
        html = self.html[max(self.html.find("<body"), 0) :]
        shown = ""
        for start in range(0, len(html), _AT_ONCE):
            reader.feed(html[start : start + _AT_ONCE])
            shown = _BLANK.sub(" ", "".join(reader.words)).strip()
            if len(shown) >= longest:
                break
        return shown[:longest]

    def _text(self, media_type: str) -> str:
        for part in self.parts:
            if part.media_type == media_type:
                text = part.content.decode(part.charset or "utf-8", errors="replace")
                return text.replace("\r\n", "\n")
        return ""


def _parts(message: EmailMessage, depth: int = 0) -> Iterator[Part]:
    inside = [cast("EmailMessage", each) for each in message.iter_parts()]
    content = b"" if inside else message.get_payload(decode=True)
    payload = message.get_payload()
    yield Part(
        depth=depth,
        media_type=message.get_content_type(),
        encoding=str(message.get("Content-Transfer-Encoding", "")),
        charset=message.get_content_charset(""),
        cid=str(message.get("Content-ID", "")).strip().removeprefix("<").removesuffix(">"),
        name=message.get_filename("") or "",
        transferred=len(payload.encode()) if isinstance(payload, str) else 0,
        content=content if isinstance(content, bytes) else b"",
    )
    for each in inside:
        yield from _parts(each, depth + 1)


def with_addresses(html: str, pictures: str) -> str:
    """Return HTML with an address for each `cid:`.

    Args:
        html: as it was sent.
        pictures: what comes before the content id in such an address.
    """
    return _CID.sub(lambda found: f"{found[1]}{pictures}{quote(found[2], safe='')}", html)


class _Words(HTMLParser):
    """Collects text, hidden text too: a preheader is hidden, and shown in lists all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._unseen += tag in _UNSEEN
        self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN
        self.words.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(data)
