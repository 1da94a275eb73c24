"""Long work in short transactions, so that nobody beside it waits long for the write lock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from time import monotonic, sleep
from typing import Final

FEWEST: Final = 2_000  # rows
MOST: Final = 20_000  # rows; they are all in memory
HOLD_S: Final = 0.6  # how long a transaction should take
# SQLite's lock is not fair: who waits for it looks again after a nap, of 0.1 s at the longest.
FREE_S: Final = 0.12


@dataclass(slots=True)
class Turns:
    """How many rows fit in a transaction, and when the next may begin.

    What the caller does between two turns, such as reading more rows, counts as their distance:
    who is slow enough never waits.
    """

    clock: Callable[[], float] = monotonic  # seconds
    wait: Callable[[float], None] = sleep
    rows: int = field(default=FEWEST, init=False)  # for the next one
    _ended: float = field(default=-inf, init=False)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold what is one transaction; learn from the time it takes how long the next may be."""
        free = self.clock() - self._ended
        if free < FREE_S:
            self.wait(FREE_S - free)
        begun = self.clock()
        yield
        self._ended = self.clock()
        # Twice or half as many at most: one turn says little of the others.
        share = min(2.0, max(0.5, HOLD_S / max(self._ended - begun, 1e-9)))
        self.rows = min(MOST, max(FEWEST, int(self.rows * share)))
