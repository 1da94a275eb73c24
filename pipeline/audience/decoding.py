"""Which encoding a file of addresses has."""

from __future__ import annotations

import codecs
from typing import BinaryIO, Final

from msgspec import Struct

_CHUNK: Final = 1 << 20  # bytes
_SAMPLE: Final = 4096  # bytes


class Encoding(Struct, frozen=True):
    """An encoding by Python's name, and a warning where it was only guessed."""

    name: str
    warning: str | None = None


def detect_encoding(stream: BinaryIO) -> Encoding:
    """Find the encoding of a seekable stream: UTF-8, UTF-16, or else Windows-1252.

    Reads all of it, a megabyte at a time, and leaves it at the start.
    """
    stream.seek(0)
    sample = stream.read(_SAMPLE)
    stream.seek(0)
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding("utf-16")
    if b"\0" in sample:  # of two bytes of a Latin letter one is zero
        big = sample[::2].count(0) > sample[1::2].count(0)
        return Encoding("utf-16-be" if big else "utf-16-le")
    bad = _first_bad_line(stream)
    stream.seek(0)
    if bad is None:
        return Encoding("utf-8-sig")
    return Encoding(
        "cp1252", f"line {bad} is not UTF-8; read as Windows-1252: check the names with accents"
    )


def _first_bad_line(stream: BinaryIO) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    while True:
        chunk = stream.read(_CHUNK)
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            return line + error.object[: error.start].count(b"\n")
        if not chunk:
            return None
        line += chunk.count(b"\n")
