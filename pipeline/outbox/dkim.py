"""DKIM signatures (RFC 6376, 8463): what the author sent, and that we sent it.

Written for the bytes `MessageTemplate.fill` makes: a signature is put before them, and nothing is
parsed and written again. See docs/decisions/0022.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from pipeline.errors import ConfigError
from pipeline.outbox.dkim_key import DkimKey, checked_domain
from pipeline.outbox.headers import LINE, MessageError

# In this order (RFC 6376 5.4.1). A name that stands twice is signed once more than it is there, so
# that nobody can add one; so is a name that is not there at all.
SIGNED: Final = (
    *("from", "to", "reply-to", "subject", "date", "message-id", "mime-version"),
    *("content-type", "list-id", "list-unsubscribe", "list-unsubscribe-post", "list-help"),
    *("list-archive", "list-owner", "list-post", "feedback-id", "precedence"),
    *("from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post"),
)

# Which of equal names, from the bottom up (RFC 6376 5.4.2): 1 is the last.
_PLACES: Final = tuple(
    (name.encode("ascii"), SIGNED[: place + 1].count(name)) for place, name in enumerate(SIGNED)
)


class DkimSigner:
    """Signs for one domain, once with each key.

    A retry gives the same bytes: both algorithms are deterministic, and the time of a signature
    is the message's Date. Any thread may call.
    """

    def __init__(self, keys: Sequence[DkimKey], domain: str) -> None:
        """Take the keys in the order of their signatures.

        Args:
            keys: RSA first: some verifiers look no further, and some know nothing else.
            domain: of From, or one above it, or the signature does not count for DMARC.

        Raises:
            ConfigError: there is no key, or the domain is none.
        """
        if not keys:
            raise ConfigError("dkim: there is no key; make one with: broadsheet dkim keygen")
        domain = checked_domain(domain)
        self._keys = tuple(keys)
        self._starts = tuple(_start(key, domain) for key in keys)

    def sign(self, message: bytes) -> bytes:
        """Return the message with its signatures before it; it stays `Outgoing.plain` if it was.

        Raises:
            MessageError: it has no From, or no Date that can be read.
        """
        head, _, body = message.partition(b"\r\n\r\n")
        fields = _relaxed_fields(head)
        if b"from" not in fields:
            raise MessageError("From", "is missing; a message without it cannot be signed")
        signed = _signed(fields)
        time = _seconds(fields.get(b"date", [b""])[-1])
        body_hash = b64encode(sha256(relaxed_body(body)).digest()).decode("ascii")
        signatures = [
            _field(key, start.format(time=time, body_hash=body_hash), signed)
            for key, start in zip(self._keys, self._starts, strict=True)
        ]
        return b"".join([*signatures, message])


def _field(key: DkimKey, start: str, signed: bytes) -> bytes:
    """Return one signature as a header field; it covers the field itself, but for its end."""
    _, _, value = start.replace("\r\n", "").partition(":")
    own = f"dkim-signature:{value.lstrip()} b=".encode("ascii")  # no blank of it stands twice
    signature = b64encode(key.sign(signed + own)).decode("ascii")
    width = LINE - 1
    end = f"b={signature}"
    lines = (f"\r\n {end[at : at + width]}" for at in range(0, len(end), width))
    return f"{start}{''.join(lines)}\r\n".encode("ascii")


def relaxed_body(body: bytes) -> bytes:
    """Return a body as `relaxed` has it (RFC 6376 3.4.4).

    Args:
        body: divided by CRLF, without other CR or LF.
    """
    body = _single_blanks(body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    body = body.rstrip(b" \r\n")
    return body + b"\r\n" if body else b""


def _start(key: DkimKey, domain: str) -> str:
    """Return the field up to its signature, with places for `time` and `body_hash`."""
    names = [f"{name}:" for name in SIGNED[:-1]]
    tags = ["v=1;", f"a={key.algorithm};", "c=relaxed/relaxed;", f"d={domain};"]
    return "\r\n".join(
        [
            *_folded("DKIM-Signature:", [*(f" {tag}" for tag in tags), f" s={key.selector};"]),
            " t={time}; bh={body_hash};",
            *_folded(" h=", [*names, f"{SIGNED[-1]};"]),
        ]
    )


def _folded(start: str, pieces: Sequence[str]) -> list[str]:
    """Divide pieces into lines; only a very long domain makes one that is too long."""
    lines = [start]
    for piece in pieces:
        if len(lines[-1]) + len(piece) > LINE:
            lines.append("" if piece.startswith(" ") else " ")
        lines[-1] += piece
    return lines


def _relaxed_fields(head: bytes) -> dict[bytes, list[bytes]]:
    """Return the values by name, from the top down (RFC 6376 3.4.2)."""
    fields: dict[bytes, list[bytes]] = {}
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    for line in _single_blanks(unfolded).split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.rstrip(b" ").lower(), []).append(value.strip(b" "))
    return fields


def _single_blanks(data: bytes) -> bytes:
    data = data.replace(b"\t", b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data


def _signed(fields: dict[bytes, list[bytes]]) -> bytes:
    """Return the fields that are signed; one that is not there is nothing."""
    return b"".join(
        b"%b:%b\r\n" % (name, fields[name][-place])
        for name, place in _PLACES
        if place <= len(fields.get(name, ()))
    )


@lru_cache(maxsize=1024)
def _seconds(date: bytes) -> int:
    """Return a Date as seconds since 1970."""
    try:
        moment = parsedate_to_datetime(date.decode("ascii"))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except ValueError as error:
        raise MessageError("Date", "is missing or no date; it is the time of signing") from error
