"""Replies out of bytes: no I/O, bounded memory (RFC 5321 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

LONGEST_LINE: Final = 4096  # octets; RFC 5321 4.5.3.1.5 allows 512, real servers more
MOST_LINES: Final = 100
LONGEST_TEXT: Final = 500  # characters kept of a reply

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")


class Lost(Exception):
    """The connection is of no more use, and a message without its final dot did not arrive."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said, in one or several lines."""

    code: int  # 200 to 599
    lines: tuple[str, ...]  # without code; control characters replaced

    @property
    def text(self) -> str:
        """All lines as one, of bounded length."""
        return " ".join(self.lines).strip()[:LONGEST_TEXT]

    @property
    def enhanced(self) -> str:
        """The enhanced status code, such as "5.1.1", or nothing (RFC 3463)."""
        match = _ENHANCED.match(self.lines[0])
        return match.group() if match else ""

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class ReplyParser:
    """Collects bytes as they come, and gives back whole replies."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._code = 0
        self._lines: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether bytes are left that no command has asked for."""
        return bool(self._bytes or self._lines)

    def feed(self, data: bytes) -> None:
        """Take in bytes, cut wherever the network cut them."""
        self._bytes += data

    def take(self) -> Reply | None:
        """Return the next reply, or None as long as it is not complete.

        Raises:
            Lost: these are no SMTP replies, or endless ones.
        """
        while (end := self._bytes.find(b"\n")) >= 0:
            line = bytes(self._bytes[:end]).removesuffix(b"\r")
            del self._bytes[: end + 1]
            if self._add(line):
                reply = Reply(self._code, tuple(self._lines))
                self._lines.clear()
                return reply
        if len(self._bytes) > LONGEST_LINE:
            raise Lost("the server sent an endless line")
        return None

    def _add(self, line: bytes) -> bool:
        """Add a line; tell whether it was the last one of its reply."""
        match = _LINE.fullmatch(line)
        if not match or len(line) > LONGEST_LINE:
            raise Lost(f"the server does not speak SMTP: {_readable(line[:80])!r}")
        code = int(match[1])
        if self._lines and code != self._code:
            raise Lost(f"the server mixed replies {self._code} and {code}")
        if len(self._lines) >= MOST_LINES:
            raise Lost("the server sent an endless reply")
        self._code = code
        self._lines.append(_readable(match[3] or b""))
        return match[2] != b"-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What a server offers, as its answer to EHLO says."""

    starttls: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    size: int | None = None  # octets; None: no limit announced
    auth: frozenset[str] = frozenset()  # mechanisms in capitals

    @classmethod
    def of(cls, reply: Reply) -> Self:
        """Read the lines after the first, which only greets."""
        words = [line.upper().replace("=", " ").split() for line in reply.lines[1:]]
        offered = {line[0]: line[1:] for line in words if line}
        limit = next(iter(offered.get("SIZE", [])), "")
        return cls(
            starttls="STARTTLS" in offered,
            eight_bit="8BITMIME" in offered,
            smtputf8="SMTPUTF8" in offered,
            # A size of 0 means there is no fixed limit (RFC 1870 4).
            size=int(limit) or None if limit.isascii() and limit.isdigit() else None,
            auth=frozenset(offered.get("AUTH", [])),
        )


def _readable(text: bytes) -> str:
    # What a server says ends up in terminals, logs and a database.
    decoded = text.decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in decoded)
