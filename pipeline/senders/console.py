"""Prints who would get which subject, a line each; nothing leaves the machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import TextIO

from msgspec import Struct

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Envelope, Outcome
from pipeline.senders.address import BadAddress, wire_address
from pipeline.senders.options import OptionReader


class Console(Struct, frozen=True):
    """A text stream."""

    stream: TextIO | None = None  # None: standard error, as it is when a session is opened

    @contextmanager
    def open(self) -> Iterator[ConsoleSession]:
        """Take the stream; see `ports.Sender.open`."""
        stream = self.stream or sys.stderr
        if stream.closed or not stream.writable():
            raise SenderUnavailable("the console is closed")
        yield ConsoleSession(stream)


class ConsoleSession(Struct, frozen=True):
    """An open text stream."""

    stream: TextIO

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Print one message; see `ports.Session.send`."""
        try:
            wire_address(envelope.recipient, smtputf8=True)
        except BadAddress as error:
            return error.refusal()
        line = f"{envelope.sender} -> {envelope.recipient}  {_subject(message)}"
        try:
            print(_printable(line), file=self.stream, flush=True)
        except (OSError, ValueError) as error:
            raise SenderUnavailable(f"the console is closed: {error}") from error
        return Accepted(250, "printed")


def build(options: Mapping[str, object]) -> Console:
    """Return the sender that prints to standard error; it has no options.

    Raises:
        ConfigError: there are options.
    """
    OptionReader(options).done()
    return Console()


def _subject(message: bytes) -> str:
    """Return the subject as people read it, or as it stands if it is not well encoded."""
    folded = BytesHeaderParser(policy=compat32).parsebytes(message).get("Subject", "")
    raw = "".join(str(folded).splitlines())
    try:
        return str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, ValueError):
        return raw


def _printable(line: str) -> str:
    # A subject that moves the cursor could hide the line before it.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
