"""Takes a message apart into its header and its text parts, by its bytes.

The standard library would do it too, line by line: at ten times the cost, and preflight does it
for each sample reader at each save.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from msgspec import Struct

_BOUNDARY: Final = re.compile(rb"boundary=\"?([^\";\s]+)", re.IGNORECASE)
_DEEPEST: Final = 5  # multiparts in one another


class Part(Struct, frozen=True):
    """One part that is no multipart."""

    media_type: str  # small letters, without parameters
    encoding: str  # Content-Transfer-Encoding, small letters
    body: bytes  # as it travels

    @property
    def is_text(self) -> bool:
        """Whether it is one of the parts that readers read."""
        return self.media_type.startswith("text/")

    @property
    def text(self) -> str:
        """The text of it, with LF for line ends; what is not UTF-8 is replaced.

        Raises:
            ValueError: it is not base64, though it says so.
        """
        return _text(self.body, self.encoding)


@lru_cache(maxsize=8)  # the same for many a reader
def _text(data: bytes, encoding: str) -> str:
    if encoding == "quoted-printable":
        data = binascii.a2b_qp(data)
    elif encoding == "base64":
        data = base64.b64decode(data)
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def header(message: bytes) -> bytes:
    """Return the header of a message, without the empty line after it."""
    return message.partition(b"\r\n\r\n")[0]


def has_line_beyond(message: bytes, longest: int) -> bool:
    """Say whether a line is longer than so many octets without its CRLF."""
    start = 0
    while len(message) - start > longest:
        end = message.rfind(b"\r\n", start, start + longest + 2)
        if end < 0:
            return True
        start = end + 2
    return False


def fields(header_: bytes) -> list[tuple[str, bytes]]:
    """Return the fields in order: the name in small letters, the value unfolded.

    A line that is no field has the name "".
    """
    lines: list[bytes] = []
    for line in header_.split(b"\r\n"):
        if line[:1] in {b" ", b"\t"} and lines:
            lines[-1] += line
        else:
            lines.append(line)
    return [_field(line) for line in lines]


def parts(message: bytes, depth: int = 0) -> Iterator[Part]:
    """Yield the parts of a message or of a part, in order."""
    head, _, body = message.partition(b"\r\n\r\n")
    known = dict(fields(head))
    content_type = known.get("content-type", b"text/plain")
    media_type = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    boundary = _BOUNDARY.search(content_type)
    if media_type.startswith("multipart/") and boundary and depth < _DEEPEST:
        pieces = (b"\r\n" + body).split(b"\r\n--" + boundary[1])
        for piece in pieces[1:]:
            if piece.startswith(b"--"):
                return
            yield from parts(piece.partition(b"\r\n")[2], depth + 1)
        return
    encoding = known.get("content-transfer-encoding", b"7bit").strip().lower().decode("latin-1")
    yield Part(media_type, encoding, body)


def _field(line: bytes) -> tuple[str, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not re.fullmatch(rb"[\x21-\x39\x3b-\x7e]+", name):
        return "", line
    return name.decode("ascii").lower(), value.strip()
