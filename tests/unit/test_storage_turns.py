"""Long work takes turns with whoever else wants the write lock."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pipeline.storage.turns import FEWEST, FREE_S, HOLD_S, MOST, Turns


@dataclass
class Watch:
    """A clock that goes when it is told to, and what waited by it."""

    now: float = 0.0
    waited: list[float] = field(default_factory=list)

    def read(self) -> float:
        """Return the time."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time go by."""
        self.waited.append(seconds)
        self.now += seconds


@pytest.fixture
def watch() -> Watch:
    """Give a watch at zero."""
    return Watch()


@pytest.fixture
def turns(watch: Watch) -> Turns:
    """Give turns by that watch."""
    return Turns(watch.read, watch.wait)


def take(turns: Turns, watch: Watch, seconds: float) -> int:
    """Take a turn that lasts so long; return how many rows the next may have."""
    with turns.turn():
        watch.now += seconds
    return turns.rows


def test_a_short_turn_makes_the_next_longer_up_to_a_limit(turns: Turns, watch: Watch) -> None:
    """At most twice as many rows at once: the first ones say little of a large database."""
    before = turns.rows

    assert take(turns, watch, 0.0) == 2 * before
    assert max(take(turns, watch, 0.001) for _ in range(20)) == MOST


def test_a_long_turn_makes_the_next_shorter_down_to_a_limit(turns: Turns, watch: Watch) -> None:
    """On a slow disk as many rows as fit in the time, and never none."""
    rows = take(turns, watch, 0.0)

    assert take(turns, watch, 2 * HOLD_S) == rows // 2
    assert min(take(turns, watch, 60.0) for _ in range(20)) == FEWEST


def test_the_lock_is_free_between_two_turns(turns: Turns, watch: Watch) -> None:
    """For as long as a waiting connection of SQLite may nap, and not at all before the first."""
    take(turns, watch, 0.1)
    watch.now += FREE_S / 4
    take(turns, watch, 0.1)

    assert watch.waited == [pytest.approx(FREE_S * 3 / 4)]


def test_who_has_other_work_between_turns_does_not_wait(turns: Turns, watch: Watch) -> None:
    """Reading the next rows leaves the lock to others as well as sleeping does."""
    for _ in range(3):
        take(turns, watch, 0.1)
        watch.now += FREE_S

    assert watch.waited == []
