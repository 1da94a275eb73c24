"""Mail from strangers as a small tree: bounded in size, depth and time, and never an exception.

The standard library's parser raises on some hostile mail and recurses on other; what bounces need
of MIME is little (RFC 2045, 2046, 2047).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from html import unescape
from typing import Final

from msgspec import Struct

MOST_BYTES: Final = 1 << 20  # of a mail; the rest is not read
MOST_PARTS: Final = 100
DEEPEST: Final = 10
LONGEST_HEADER: Final = 1 << 17  # bytes; what stands in it behind them is passed over
MOST_FIELDS: Final = 500  # of one header
LONGEST_FIELD: Final = 8000  # characters; a References may be long
LONGEST_TEXT: Final = 1 << 16  # characters of one part that anybody looks at
LONGEST_LINE: Final = 998  # characters; longer ones are broken, so that no pattern walks far

_FIELD: Final = re.compile(rb"([!-9;-~]{1,76})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER: Final = re.compile(
    r';[ \t\n]*([a-z0-9*-]+)[ \t]*=[ \t]*("[^"]*"|[^;"\s]*)', re.IGNORECASE
)
# Others of Python's are slow on purpose-made text (idna, punycode) or are no charsets at all.
_CHARSET: Final = re.compile(
    r"utf-?(8|16)|(us-)?ascii|iso-?8859-?\d{1,2}|(windows|cp)-?125\d|koi8-[ru]|gb(2312|k|18030)"
    r"|big5|euc-(jp|kr)|shift[_-]jis|iso-2022-jp",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d|/td)\b[^<>]*>", re.IGNORECASE)
_MARKUP: Final = re.compile(r"<[!/?a-z][^<>]*>", re.IGNORECASE)
_LONG_LINE: Final = re.compile(rf".{{{LONGEST_LINE}}}(?=.)")

Fields = tuple[tuple[str, str], ...]  # names in lower case, values unfolded


class Part(Struct, frozen=True):
    """A mail or a part of one."""

    fields: Fields
    body: bytes  # transfer encoding undone; of a multipart, what stands before its first part
    parts: tuple[Part, ...] = ()

    def all(self, name: str) -> list[str]:
        """Return the values of a field, in order."""
        return [value for known, value in self.fields if known == name]

    def first(self, name: str) -> str:
        """Return the first value of a field; empty if it has none."""
        return next((value for known, value in self.fields if known == name), "")

    @property
    def type(self) -> str:
        """The media type in lower case, without parameters."""
        return media_type(self.fields)

    def parameter(self, name: str) -> str:
        """Return a parameter of the Content-Type; empty if it has none."""
        return _parameter(self.fields, name)

    @property
    def subject(self) -> str:
        """The Subject as a reader sees it, on one line."""
        return readable(self.first("subject"))

    def walk(self, *, enclosed: bool = True) -> Iterator[Part]:
        """Yield this part and those in it, outermost first.

        Args:
            enclosed: also what stands in messages in this one.
        """
        level = [self]
        while level:
            yield from level
            level = [
                inner
                for part in level
                if enclosed or part is self or not part.type.startswith("message/")
                for inner in part.parts
            ]

    @property
    def text(self) -> str:
        """What a person reads of this part alone, at most LONGEST_TEXT characters; see `Part`."""
        text = decoded(self.body[: 4 * LONGEST_TEXT], self.parameter("charset"))[:LONGEST_TEXT]
        if self.type == "text/html":
            text = unescape(_MARKUP.sub("", _BREAK.sub("\n", text)))
        return _LONG_LINE.sub(r"\g<0>\n", text.replace("\xa0", " "))


def parse(raw: bytes) -> Part:
    """Return the tree of a mail.

    Pure, and total: any bytes have one. Parts beyond MOST_PARTS or DEEPEST stay text.
    """
    content = raw[:MOST_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n")
    if content.startswith((b"From ", b">From ")):  # a line of mbox
        content = content.partition(b"\n")[2]
    return _Reading().part(content, depth=0)


def fields_of(block: bytes) -> tuple[Fields, bytes]:
    """Split a header from what follows it; a line that is no field ends it."""
    fields: list[tuple[str, bytes]] = []
    position = 0
    while position < len(block):
        end = block.find(b"\n", position)
        end = len(block) if end < 0 else end
        line = block[position:end]
        if not line.strip():
            position = end + 1
            break
        if line[:1] in b" \t" and fields:
            name, value = fields[-1]
            if len(value) < LONGEST_FIELD:
                fields[-1] = (name, value + b" " + line.strip()[:LONGEST_FIELD])
        elif match := _FIELD.fullmatch(line[:LONGEST_FIELD]):
            if len(fields) < MOST_FIELDS:
                fields.append((match[1].decode("ascii").lower(), match[2]))
        elif fields:
            break
        position = end + 1
        if position > LONGEST_HEADER:
            end = block.find(b"\n\n", position)
            position = len(block) if end < 0 else end + 2
            break
    return tuple((name, decoded(value.strip())) for name, value in fields), block[position:]


def readable(value: str) -> str:
    """Return a header's text with its encoded words decoded (RFC 2047), on one line."""
    if "=?" in value:
        try:
            pieces = decode_header(value[:LONGEST_LINE])
        except (HeaderParseError, ValueError):
            pieces = []
        words = [
            decoded(piece, charset or "") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        ]
        value = "".join(words) or value
    return " ".join(value.split())


def decoded(octets: bytes, charset: str = "") -> str:
    """Return text in its charset; in UTF-8 or Latin-1 if that is not known or not true."""
    for name in (charset if _CHARSET.fullmatch(charset) else "", "utf-8"):
        try:
            if name:
                return octets.decode(name)
        except (UnicodeError, LookupError):
            continue
    return octets.decode("latin-1")


def media_type(fields: Fields) -> str:
    """Return the media type that a header names, in lower case; text/plain if it names none."""
    value = next((value for name, value in fields if name == "content-type"), "")
    name = value.partition(";")[0].strip().lower()
    return name if "/" in name else "text/plain"


def _parameter(fields: Fields, name: str) -> str:
    value = next((value for known, value in fields if known == "content-type"), "")
    found = (match for match in _PARAMETER.finditer(value) if match[1].lower() == name)
    return next((match[2].strip('"') for match in found), "")


class _Reading:
    """One mail being read; counts its parts."""

    def __init__(self) -> None:
        self.left = MOST_PARTS

    def part(self, content: bytes, depth: int) -> Part:
        """Return the tree of one part."""
        self.left -= 1
        fields, rest = fields_of(content)
        body = _transferred(fields, rest)
        type_ = media_type(fields)
        if depth >= DEEPEST or self.left <= 0:
            return Part(fields, body)
        if type_ in {"message/rfc822", "message/global", "message/news"}:
            return Part(fields, body, (self.part(body.lstrip(b"\n"), depth + 1),))
        boundary = _parameter(fields, "boundary") if type_.startswith("multipart/") else ""
        if not boundary:
            return Part(fields, body)
        before, inner = _divided(body, boundary.encode("utf-8", "replace"), self.left)
        parts = tuple(self.part(each, depth + 1) for each in inner if self.left > 0)
        return Part(fields, before, parts)


def _divided(body: bytes, boundary: bytes, most: int) -> tuple[bytes, list[bytes]]:
    """Split a multipart's body; a missing end is where the mail ends."""
    line = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\n|\Z)", re.MULTILINE)
    found: list[bytes] = []
    before, start = body, -1
    for match in line.finditer(body):
        if start < 0:
            before = body[: match.start()]
        else:
            found.append(body[start : max(start, match.start() - 1)])
        start = match.end()
        if match[1] or len(found) >= most:
            return before, found
    if start >= 0:
        found.append(body[start:])
    return before, found


def _transferred(fields: Fields, body: bytes) -> bytes:
    """Undo the transfer encoding (RFC 2045 6); what is damaged stays as it is."""
    values = (value for name, value in fields if name == "content-transfer-encoding")
    match next(values, "").strip().lower():
        case "quoted-printable":
            return binascii.a2b_qp(body)
        case "base64":
            letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
            try:
                return binascii.a2b_base64(letters[: len(letters) // 4 * 4])
            except binascii.Error:
                return body
        case _:
            return body
