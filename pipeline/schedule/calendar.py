"""The weekly slot and the moments it means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from itertools import islice, takewhile
from typing import Final

from msgspec import Struct
from msgspec.structs import force_setattr

from pipeline.schedule.zones import WEEKDAYS, instant, time_zone

_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
# Longer than a week and the longest jump of a clock (Apia left out a whole day in 2011).


class WeeklySlot(Struct, frozen=True, kw_only=True):
    """Once a week at this wall time; the zone's rules decide what that is in UTC.

    Raises:
        ValueError: an unknown day, time or zone; the message says what to write.
    """

    day: str  # the English name of a weekday, in any case; kept in lower case
    time: str  # "09:00", 24 hours
    zone: str  # IANA name: "Europe/London"

    def __post_init__(self) -> None:
        day = self.day.strip().lower()
        # No numbers: cron's 5 is Friday, APScheduler's 5 is Saturday.
        if day not in WEEKDAYS:
            close = get_close_matches(day, WEEKDAYS, n=1)
            hint = f"did you mean {close[0]}?" if close else "write its name, such as friday"
            raise ValueError(f"no weekday is called {self.day!r}; {hint}")
        if not _TIME.fullmatch(self.time):
            raise ValueError(
                f'{self.time!r} is not a time of day; write hours and minutes: "09:00"'
            )
        time_zone(self.zone)
        force_setattr(self, "day", day)


class Occurrence(Struct, frozen=True, kw_only=True):
    """One turn of a slot.

    The key is the time the slot names on that day, so the hour that a clock shows twice in
    autumn is one occurrence.
    """

    key: str  # local wall time: "2026-11-27T09:00"
    due_at: datetime  # aware, UTC


def occurrences(slot: WeeklySlot, after: datetime, count: int) -> tuple[Occurrence, ...]:
    """Return the next `count` occurrences that are due later than `after`.

    Pure. A wall time that a change of the clock skips is due once, as long after the change as
    it would have been: 02:30 becomes 03:30 that day.

    Args:
        slot: when.
        after: aware; excluded.
        count: 0 or more.
    """
    return tuple(islice(_walk(slot, after), count))


def due_between(slot: WeeklySlot, since: datetime, now: datetime) -> tuple[Occurrence, ...]:
    """Return the occurrences due later than `since` and not later than `now`, oldest first."""
    return tuple(takewhile(lambda occurrence: occurrence.due_at <= now, _walk(slot, since)))


def _walk(slot: WeeklySlot, after: datetime) -> Iterator[Occurrence]:
    # Loading APScheduler takes longer than any command that only shows a slot should.
    from apscheduler.triggers.cron import CronTrigger

    zone = time_zone(slot.zone)
    hour, _, minute = slot.time.partition(":")
    # The trigger walks wall time as if it were UTC, which skips and repeats nothing. In a zone
    # with summer time it fires twice in a repeated hour and drops a day whose midnight is
    # skipped (measured with 3.11.3).
    trigger = CronTrigger(
        day_of_week=slot.day[:3], hour=int(hour), minute=int(minute), timezone=UTC
    )
    wall = after.astimezone(zone).replace(tzinfo=UTC) - timedelta(days=2)
    while found := trigger.get_next_fire_time(None, wall):
        named = found.replace(tzinfo=None)
        wall = found + timedelta(seconds=1)
        due_at = instant(named, zone)
        if due_at > after:
            yield Occurrence(key=named.isoformat(timespec="minutes"), due_at=due_at)
