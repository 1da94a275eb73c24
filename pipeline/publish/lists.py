"""Cutting a growing row of issues so that what is full never changes again.

Everything is counted from the oldest issue: a new one joins the newest piece, and the pieces
before it stay byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

PAGE: Final = 20  # issues on a page that is full
FIRST_PAGE: Final = 10  # the newest page has at least so many, if there are so many


class Piece(Struct, frozen=True):
    """A run of issues, oldest first: from `start` up to but without `end`."""

    start: int
    end: int
    number: int | None  # from 1 on; None for the newest, which is not full yet


def pages(count: int) -> tuple[Piece, ...]:
    """Cut so many issues into pages, the oldest first; the last one is the newest page."""
    full = max(0, (count - FIRST_PAGE) // PAGE)
    return _cut([number * PAGE for number in range(full + 1)], count)


def parts(count: int, size: int) -> tuple[Piece, ...]:
    """Cut so many issues into parts of a fixed size; each has a number, also the last one."""
    return tuple(
        Piece(start, min(start + size, count), number)
        for number, start in enumerate(range(0, count, size), start=1)
    )


def archives(weights: Sequence[int], *, most: int, room: int) -> tuple[Piece, ...]:
    """Cut a feed into documents that are full (RFC 5005) and what is newer than all of them.

    A document is full when another item would be one too many or too heavy, so the rest always
    fits into the current feed, and together they hold everything.

    Args:
        weights: bytes of each item, oldest first.
        most: items in a document.
        room: bytes in a document.
    """
    starts = [0]
    taken = 0
    for number, weight in enumerate(weights):
        if number > starts[-1] and (number - starts[-1] == most or taken + weight > room):
            starts.append(number)
            taken = 0
        taken += weight
    return _cut(starts, len(weights))


def _cut(starts: Sequence[int], count: int) -> tuple[Piece, ...]:
    ends = (*starts[1:], count)
    return tuple(
        Piece(start, end, None if number == len(starts) else number)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1)
    )
