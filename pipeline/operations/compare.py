"""Compare two texts line by line, for people to see what an edit did."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from msgspec import Struct

CONTEXT: Final = 3  # lines around a change
_LONGEST_LINE: Final = 2_000  # characters within which words are compared
_ALIKE: Final = 0.5  # share of words that two versions of one line have in common
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")


class Piece(Struct, frozen=True):
    """A part of a line, and whether it differs from the other side."""

    text: str
    differs: bool


class Row(Struct, frozen=True, kw_only=True):
    """A line of either text, or of both; a number of None says it is not there."""

    old: int | None
    new: int | None
    old_pieces: tuple[Piece, ...] = ()
    new_pieces: tuple[Piece, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both sides have this line."""
        return self.old is not None and self.new is not None and not self.changed

    @property
    def changed(self) -> bool:
        """Whether the line is on both sides, and not the same."""
        return any(piece.differs for piece in (*self.old_pieces, *self.new_pieces))


def compare(old: str, new: str) -> tuple[tuple[Row, ...], ...]:
    """Return what differs, in groups with a few lines around each; nothing if nothing does.

    Pure. Time grows with the product of what differs, so texts of thousands of lines are fine and
    books are not.
    """
    before, after = old.splitlines(), new.splitlines()
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return tuple(
        tuple(row for opcode in group for row in _rows(opcode, before, after))
        for group in matcher.get_grouped_opcodes(CONTEXT)
    )


def _rows(
    opcode: tuple[str, int, int, int, int], before: Sequence[str], after: Sequence[str]
) -> Iterator[Row]:
    tag, old, old_end, new, new_end = opcode
    if tag == "equal":
        for step in range(old_end - old):
            pieces = (Piece(before[old + step], differs=False),)
            yield Row(old=old + step + 1, new=new + step + 1, old_pieces=pieces, new_pieces=pieces)
        return
    paired = min(old_end - old, new_end - new)
    for step in range(paired):
        old_pieces, new_pieces = _pieces(before[old + step], after[new + step])
        yield Row(
            old=old + step + 1, new=new + step + 1, old_pieces=old_pieces, new_pieces=new_pieces
        )
    for line in range(old + paired, old_end):
        yield Row(old=line + 1, new=None, old_pieces=(Piece(before[line], differs=True),))
    for line in range(new + paired, new_end):
        yield Row(old=None, new=line + 1, new_pieces=(Piece(after[line], differs=True),))


def _pieces(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Divide two versions of a line into words where they differ; other lines differ as a whole."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    too_long = max(len(old), len(new)) > _LONGEST_LINE
    if too_long or matcher.ratio() < _ALIKE:
        return (Piece(old, differs=True),), (Piece(new, differs=True),)
    blocks = matcher.get_opcodes()
    return (
        tuple(Piece("".join(before[a:b]), tag != "equal") for tag, a, b, _, _ in blocks if a < b),
        tuple(Piece("".join(after[c:d]), tag != "equal") for tag, _, _, c, d in blocks if c < d),
    )
