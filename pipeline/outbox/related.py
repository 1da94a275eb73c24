"""Pictures inside a message: multipart/related (RFC 2387), each named by its Content-ID (RFC 2392)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from pipeline.model.picture import Picture, content_id
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.headers import MessageError, fold

LINE: Final = 76  # characters (RFC 2045 6.8)

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")  # needs no quoting and no RFC 2231
T = TypeVar("T")


def attached(rendered: RenderedIssue, mail_domain: str) -> tuple[tuple[str, Picture], ...]:
    """Return the pictures that the HTML part shows from the message, each with its Content-ID.

    Raises:
        MessageError: the name of one cannot stand in a header.
    """
    named = ((content_id(each.name, mail_domain), each) for each in rendered.pictures)
    found = tuple((name, each) for name, each in named if f"cid:{name}" in rendered.html)
    for _, picture in found:
        if not _NAME.fullmatch(picture.name):
            raise MessageError("picture", f"{picture.name!a} is no plain name for a file")
    return found


def related(
    html: Iterable[T], pictures: Sequence[tuple[str, Picture]], boundary: str, *, outer: str
) -> Iterator[T | bytes]:
    """Yield the HTML part with its pictures, as one part of the message.

    Args:
        html: the part as it is without pictures, within `boundary`.
        pictures: with their Content-IDs; one or more.
        boundary: of this part.
        outer: boundary of the message.
    """
    yield f"--{outer}\r\n".encode()
    # The type is that of the root, and the root is the first part (RFC 2387 3.1, 3.2).
    yield fold(
        "Content-Type", ["multipart/related;", 'type="text/html";', f'boundary="{boundary}"']
    )
    yield b"\r\n"
    yield from html
    for identifier, picture in pictures:
        yield _part(identifier, picture, boundary)
    yield f"--{boundary}--\r\n\r\n".encode()


def _part(identifier: str, picture: Picture, boundary: str) -> bytes:
    # No name in Content-Type: old programs then list the picture a second time.
    head = b"".join(
        [
            fold("Content-Type", [picture.media_type]),
            fold("Content-Transfer-Encoding", ["base64"]),
            fold("Content-ID", [f"<{identifier}>"]),
            fold("Content-Disposition", ["inline;", f'filename="{picture.name}"']),
        ]
    )
    text = b64encode(picture.data)
    lines = b"\r\n".join(text[at : at + LINE] for at in range(0, len(text), LINE))
    return b"".join([f"--{boundary}\r\n".encode(), head, b"\r\n", lines, b"\r\n"])
