"""A mail on standard input, as a mail server hands it to a command."""

from __future__ import annotations

from typing import BinaryIO

from pipeline.feedback.sources.port import LARGEST


def read_mail(stream: BinaryIO) -> bytes:
    """Return the mail, cut off at LARGEST, without the From_ line that some servers put first.

    All of it is taken off the pipe: a server whose writing fails calls that a failed delivery.
    """
    raw = stream.read(LARGEST)
    while stream.read(LARGEST):
        pass
    return raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
