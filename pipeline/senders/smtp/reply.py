"""Replies out of bytes: no I/O, bounded memory (RFC 5321 4.2)."""

from __future__ import annotations

import re
from typing import Final, Self

from msgspec import Struct

LONGEST_LINE: Final = 4096  # octets; RFC 5321 4.5.3.1.5 allows 512, real servers more
MOST_LINES: Final = 100
LONGEST_TEXT: Final = 500  # characters kept of a reply

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
# How a line begins that is a whole reply; a look into a set is cheaper than the expression.
_WHOLE: Final = frozenset(b"%d " % code for code in range(200, 600))
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")


class Lost(Exception):
    """The connection is of no more use, and a message without its final dot did not arrive."""


class Reply(Struct, frozen=True):
    """What the server said, in one or several lines."""

    code: int  # 200 to 599
    lines: tuple[str, ...]  # without code; control characters replaced

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Read a whole reply, as `ReplyParser.feed` returns it."""
        return cls(int(raw[:3]), tuple(readable(line[4:]) for line in raw.split(b"\n")))

    @property
    def text(self) -> str:
        """All lines as one, of bounded length."""
        return " ".join(self.lines).strip()[:LONGEST_TEXT]

    @property
    def enhanced(self) -> str:
        """The enhanced status code, such as "5.1.1", or nothing (RFC 3463)."""
        match = _ENHANCED.match(self.lines[0])
        return match.group() if match else ""

    def without(self, address: str) -> Reply:
        """Take a reader's address out.

        The reason of a pause and a give-up outlives the reader's wish to be forgotten.
        """
        if not any("@" in line for line in self.lines):
            return self
        name = re.compile(re.escape(address), re.IGNORECASE)
        return Reply(self.code, tuple(name.sub("...", line) for line in self.lines))

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


def words_of(raw: bytes, address: str) -> str:
    """Return the text of a whole reply without a reader's address, cheaply if it is usual."""
    text = raw[4:]
    if len(text) <= LONGEST_TEXT and b"@" not in text and b"\n" not in text and text.isascii():
        words = text.decode("ascii")
        if words.isprintable():
            return words.strip()
    return Reply.of(raw).without(address).text


class ReplyParser:
    """Collects bytes as they come, and gives back whole replies."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._lines: list[bytes] = []  # of a reply that is not whole yet
        self.problem = ""  # what came after the last whole reply is no reply, and why

    @property
    def pending(self) -> bool:
        """Whether something came that is not a whole reply."""
        return bool(self._bytes or self._lines or self.problem)

    def feed(self, data: bytes) -> list[bytes]:
        r"""Take in bytes, cut wherever the network cut them, and return the whole replies.

        What precedes garbage is still returned: it may say that a message was accepted.

        Returns:
            Raw replies for `Reply.of`: code and words; several lines are joined by "\n".
        """
        if data[-2:] == b"\r\n" and not self._bytes and not self._lines and not self.problem:
            replies = data[:-2].split(b"\r\n")
            if len(data) <= LONGEST_LINE and data.count(b"\n") == len(replies):
                for reply in replies:
                    if reply[:4] not in _WHOLE:
                        break
                else:
                    return replies
        return self._feed(data)

    def _feed(self, data: bytes) -> list[bytes]:
        self._bytes += data
        replies = []
        while not self.problem and (end := self._bytes.find(b"\n")) >= 0:
            line = bytes(self._bytes[:end]).removesuffix(b"\r")
            del self._bytes[: end + 1]
            if self._add(line):
                replies.append(b"\n".join(self._lines))
                self._lines.clear()
        if len(self._bytes) > LONGEST_LINE:
            self.problem = self.problem or "the server sent an endless line"
        if self.problem:
            self._bytes.clear()
        return replies

    def _add(self, line: bytes) -> bool:
        """Add a line; tell whether it was the last one of its reply."""
        match = _LINE.fullmatch(line)
        if not match or len(line) > LONGEST_LINE:
            self.problem = f"the server does not speak SMTP: {readable(line[:80])!r}"
        elif self._lines and self._lines[0][:3] != match[1]:
            first, second = self._lines[0][:3].decode(), match[1].decode()
            self.problem = f"the server mixed replies {first} and {second}"
        elif len(self._lines) >= MOST_LINES:
            self.problem = "the server sent an endless reply"
        else:
            self._lines.append(line)
            return match[2] != b"-"
        return False


class Extensions(Struct, frozen=True, kw_only=True):
    """What a server offers, as its answer to EHLO says."""

    starttls: bool = False
    pipelining: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    dsn: bool = False
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
            pipelining="PIPELINING" in offered,
            eight_bit="8BITMIME" in offered,
            smtputf8="SMTPUTF8" in offered,
            dsn="DSN" in offered,
            # A size of 0 means there is no fixed limit (RFC 1870 4).
            size=int(limit) or None if limit.isascii() and limit.isdigit() else None,
            auth=frozenset(offered.get("AUTH", [])),
        )


def readable(text: bytes) -> str:
    """Decode what a server says, which ends up in terminals, logs and a database."""
    decoded = text.decode("utf-8", "replace")
    if decoded.isprintable():
        return decoded
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in decoded)
