"""Time zones by name, and the two hours a year that are not what they seem."""

from __future__ import annotations

from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

WEEKDAYS: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


def time_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name such as "Europe/London".

    Raises:
        ValueError: no such zone; the message names similar ones.
    """
    try:
        return ZoneInfo(name)
    # ZoneInfo looks for a file: a folder, an odd name or no name at all fail in their own ways.
    except (KeyError, ValueError, OSError):
        by_folded = {zone.casefold(): zone for zone in available_timezones()}
        close = [by_folded[found] for found in get_close_matches(name.casefold(), by_folded)]
        hint = f"did you mean {' or '.join(close)}?" if close else 'write one as "Europe/London"'
        raise ValueError(f"no time zone is called {name!r}; {hint}") from None


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC moment at which a wall clock in `zone` shows `wall`, a naive time.

    A time that comes twice in autumn means the first one. A time that is skipped in spring
    means as long after the change as the clock would have shown: 02:30 becomes 03:30.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def exists(wall: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a wall clock in `zone` ever shows the naive time `wall`."""
    return instant(wall, zone).astimezone(zone).replace(tzinfo=None, fold=0) == wall


def readings(wall: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    """Return `wall` with each offset at which a clock shows it: one, or in autumn two."""
    moments = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return tuple(dict.fromkeys(moment.isoformat(timespec="minutes") for moment in moments))
