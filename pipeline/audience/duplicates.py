"""Which addresses of a file came before, in a few bytes each."""

from __future__ import annotations

from array import array
from typing import Final

_SMALLEST: Final = 1 << 12  # places; a power of two


class Lines:
    """The line each text was first seen in; a dict of a million strings would take 150 MB more.

    Texts are told apart by 64 bits, keyed anew in every process (PEP 456): that any two of a
    million are taken for one happens once in 37 million files.
    """

    def __init__(self) -> None:
        self._make(_SMALLEST)

    def first(self, text: str, line: int) -> int:
        """Return the line that a text was first seen in, which is `line` if it is new.

        Args:
            text: anything.
            line: 1 or more, below 2**32.
        """
        key = hash(text)
        keys, lines = self._keys, self._lines
        at = key & self._mask
        while found := lines[at]:
            if keys[at] == key:
                return found
            at = (at + 1) & self._mask
        keys[at], lines[at] = key, line
        self._free -= 1
        if not self._free:
            self._grow()
        return line

    def _make(self, places: int) -> None:
        self._keys = array("q", [0]) * places
        self._lines = array("I", [0]) * places
        self._mask = places - 1
        self._free = places * 2 // 3  # fuller, and the walk past taken places gets long

    def _grow(self) -> None:
        before = zip(self._keys, self._lines, strict=True)
        self._make(2 * (self._mask + 1))
        for key, line in before:
            if line:
                at = key & self._mask
                while self._lines[at]:
                    at = (at + 1) & self._mask
                self._keys[at], self._lines[at] = key, line
                self._free -= 1
