"""Animated GIF: kept frame by frame, without everything that is not a frame (GIF89a, W3C)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

_IMAGE: Final = 0x2C
_EXTENSION: Final = 0x21
_TRAILER: Final = 0x3B
_CONTROL: Final = 0xF9  # how long a frame stays
_APPLICATION: Final = 0xFF
_LOOPS: Final = b"\x0bNETSCAPE2.0"


class Bare(Struct, frozen=True):
    """A GIF with its frames and their times, and nothing else of the file."""

    data: bytes
    frames: int
    pixels: int  # of all frames; each is drawn on a ground that has room for the largest


def bare(data: bytes) -> Bare:
    """Take comments, metadata and what follows the end out of a GIF; the frames stay as they are.

    Raises:
        ValueError: its blocks do not fit together, or its end is missing.
    """
    try:
        return _bare(data)
    except IndexError as error:
        raise ValueError("ends in the middle of a block") from error


def _bare(data: bytes) -> Bare:
    at = 13 + _table_bytes(data[10])
    kept = bytearray(data[:at])
    frames, width, height = 0, _number(data, 6), _number(data, 8)
    while data[at] != _TRAILER:
        start = at
        match data[at]:
            case block if block == _IMAGE:
                # Decoders make the ground larger for a frame that would stick out.
                width = max(width, _number(data, at + 1) + _number(data, at + 5))
                height = max(height, _number(data, at + 3) + _number(data, at + 7))
                at = _after_blocks(data, at + 11 + _table_bytes(data[at + 9]))
                kept += data[start:at]
                frames += 1
            case block if block == _EXTENSION:
                at = _after_blocks(data, at + 2)
                if data[start + 1] == _CONTROL or _says_how_often(data, start):
                    kept += data[start:at]
            case other:
                raise ValueError(f"has a block of an unknown kind {other:#04x}")
    return Bare(bytes(kept) + bytes([_TRAILER]), frames, frames * width * height)


def _number(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    """Skip blocks of up to 255 bytes, each after its length, to the empty one that ends them."""
    while length := data[at]:
        at += 1 + length
    return at + 1


def _says_how_often(data: bytes, at: int) -> bool:
    """Recognise the one extension of an application that browsers obey: the number of loops."""
    is_loops = data[at + 1] == _APPLICATION and data[at + 2 : at + 14] == _LOOPS
    return is_loops and data[at + 14 : at + 16] == b"\x03\x01" and data[at + 18] == 0
