"""How many messages may leave in a second, on a day, or not yet. Time is an argument."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Final

from pipeline.model.delivery import RelayLimits

DAY_S: Final = 86_400
# How late a loop may wake up without losing a token, in seconds; and so the share of a second that
# a pace leaves unused, because what was late may come together with what is on time.
SLACK: Final = 0.01
# Told waits are longer by this: a float of seconds since 1970 has steps of a quarter of it.
ROUNDING_S: Final = 1e-6
IN_HAND_S: Final = 900.0  # after midnight: what is given back may have been taken yesterday
MOST_DAYS: Final = 32  # days whose counts are kept

_EARLY_S: Final = SLACK / (1 - SLACK)
_FIRST_DAY: Final = date(1970, 1, 1).toordinal()


class Bucket:
    """A pace: at most `rate` tokens in any second (rounded up), one by one.

    A bucket that is filled at 14 a second and holds a second's worth lets 28 leave in its first
    second. This one is filled at 99 % of the rate and holds one token and the hundredth of a
    second's worth that is left, so that any T seconds see `0.99 rate T + 1 + 0.01 rate` at most.
    It is the generic cell rate algorithm (ITU-T I.371): one moment is its whole state.
    """

    __slots__ = ("_due", "_interval")

    def __init__(self, rate: float) -> None:
        self._due = -math.inf  # when the next token would be on time
        self.pace(rate)

    def pace(self, rate: float) -> None:
        """Go on at another rate, in messages a second; 0 or less is never."""
        self._interval = 1 / (rate * (1 - SLACK)) if rate > 0 else math.inf

    @property
    def closed(self) -> bool:
        """Whether there will never be a token."""
        return self._interval == math.inf

    def left(self, now: float) -> float:
        """Return the seconds until there is a token: 0.0 is now, `math.inf` never."""
        if self.closed:
            return math.inf
        left = self._due - _EARLY_S - now
        if left <= 0:
            return 0.0
        if left > self._interval:  # only a clock that jumped back makes it so long
            left = self._interval
            self._due = now + _EARLY_S + left
        return left + ROUNDING_S

    def take(self, now: float) -> None:
        """Take a token; `left` was 0.0."""
        self._due = max(self._due, now) + self._interval

    def is_full(self, now: float) -> bool:
        """Whether it is as good as new."""
        return self._due <= now


class Pause:
    """A time of silence that no clock makes longer than `longest_s` seconds."""

    __slots__ = ("_longest_s", "until")

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self.until = -math.inf  # seconds since 1970

    def left(self, now: float) -> float:
        """Return the seconds that are left; 0.0 if it is over."""
        left = self.until - now
        if left <= 0:
            return 0.0
        if left > self._longest_s:  # the clock jumped back
            left = self._longest_s
            self.until = now + left
        return left + ROUNDING_S


class Quota:
    """How many messages one relay takes on a day; a day is a UTC date.

    Each date has its own count, so a clock that goes back finds what it left there.
    """

    __slots__ = ("_allowed", "_day", "_doubtful_until", "_limits", "counts")

    def __init__(self, limits: RelayLimits, counts: Mapping[int, int]) -> None:
        self._limits = limits
        self.counts = dict(counts)  # by days since 1970
        self._day: int | None = None
        self._allowed = 0.0
        self._doubtful_until = -math.inf

    def left(self, now: float) -> float:
        """Return the seconds until there is a message to spare: 0.0 is now, `math.inf` never."""
        day = self._turn_to(now)
        if self.counts[day] < self._allowed:
            return 0.0
        if self._allowed <= 0 and not self._opens_after(day):
            return math.inf
        return (day + 1) * DAY_S - now + ROUNDING_S

    def take(self, now: float) -> None:
        """Count a message; `left` was 0.0."""
        self.counts[self._turn_to(now)] += 1

    def give_back(self, now: float) -> None:
        """Take a message off the count, unless it may be on the count of another day."""
        day = self._turn_to(now)
        if now >= self._doubtful_until and self.counts[day]:
            self.counts[day] -= 1

    def allowed(self, day: int) -> float:
        """Return how many messages a day takes; `math.inf` is without limit.

        Before the first day of a warm-up, and as long as nobody says when that is, it is the
        first day's number.
        """
        number = self.warm_up_day(day)
        if number is not None:
            return self._limits.warm_up[number]
        return math.inf if self._limits.daily is None else self._limits.daily

    def warm_up_day(self, day: int) -> int | None:
        """Return which day of the warm-up it is, from 0; None: there is none, or it is over."""
        table, first = self._limits.warm_up, self._limits.warm_up_from
        number = max(day + _FIRST_DAY - first.toordinal(), 0) if first else 0
        return number if number < len(table) else None

    def _turn_to(self, now: float) -> int:
        day = int(now // DAY_S)
        if day != self._day:
            if self._day is not None and self.counts[self._day]:
                self._doubtful_until = now + IN_HAND_S
            self._day, self._allowed = day, self.allowed(day)
            self.counts.setdefault(day, 0)
            while len(self.counts) > MOST_DAYS:
                del self.counts[min(self.counts.keys() - {day})]
        return day

    def _opens_after(self, day: int) -> bool:
        """Tell whether any later day takes a message."""
        return any(self.allowed(day + n) > 0 for n in range(1, self._days_to_come(day) + 1))

    def _days_to_come(self, day: int) -> int:
        """Return after how many days nothing changes any more."""
        table, first = self._limits.warm_up, self._limits.warm_up_from
        begins_in = max(first.toordinal() - _FIRST_DAY - day, 0) if first else 0
        return begins_in + len(table) + 1
