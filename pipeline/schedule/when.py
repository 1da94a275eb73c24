"""Moments as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.schedule.zones import WEEKDAYS, exists, instant, readings, time_zone

_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_FORMS: Final = '"2026-11-27 09:00", "friday 09:00", "tomorrow 09:00" or "in 2h"'

_ISO: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[t ]+(?P<time>\d\d?:\d\d(?::\d\d)?) *(?P<offset>z|[+-]\d\d:?\d\d)?"
)
_DAY_AND_TIME: Final = re.compile(r"(?P<day>[a-z]+) +(?:at +)?(?P<time>\d\d?:\d\d)")
_IN: Final = re.compile(r"in +(?P<spans>(?:\d+ *[a-z]+[, ]*)+)")
_SPAN: Final = re.compile(r"(\d+) *([a-z]+)")
_UNITS: Final = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "week", "weeks"), timedelta(weeks=1)),
}


def describe(moment: datetime, zone: str, now: datetime) -> str:
    """Show a moment in a zone, in UTC and beside now.

    "Fri 27 Nov 2026 09:00 Europe/London (09:00 UTC, in 3 h)". Names are English whatever the
    locale.

    Args:
        moment: aware.
        zone: IANA name.
        now: aware.

    Raises:
        ValueError: no such zone.
    """
    local = moment.astimezone(time_zone(zone))
    utc = moment.astimezone(UTC)
    # The same wall clock shows two days at once in half of the world.
    utc_day = "" if utc.date() == local.date() else f"{_day(utc)} "
    beside = relative(moment, now)
    inner = beside if zone == "UTC" else f"{utc_day}{utc:%H:%M} UTC, {beside}"
    return f"{_day(local)} {local.year} {local:%H:%M} {zone} ({inner})"


def relative(moment: datetime, now: datetime) -> str:
    """Say how far off a moment is in at most two units: "in 2 d 4 h", "5 min ago", "now"."""
    minutes = abs(moment - now) // timedelta(minutes=1)
    days, hours = minutes // 1440, minutes % 1440 // 60
    units = ((days, "d"), (hours, "h"), (minutes % 60 if not days else 0, "min"))
    words = " ".join(f"{amount} {unit}" for amount, unit in units if amount)
    if not words:
        return "now"
    return f"in {words}" if moment > now else f"{words} ago"


def parse_when(text: str, zone: str, now: datetime) -> datetime:
    """Read a moment in the future, as `--at` takes it.

    A date and time are those of `zone` unless an offset follows; a weekday is its next turn;
    a day in "in 2 d" is 24 hours.

    Args:
        text: such as "2026-11-27 09:00", "2026-11-27T09:00+01:00", "friday 09:00",
            "today 18:00", "tomorrow 09:00", "in 2h", "in 1 day 6 h".
        zone: IANA name.
        now: aware.

    Returns:
        The moment: aware, UTC, later than `now`.

    Raises:
        ValueError: not such a text, in the past, a time the clock skips, or one it shows twice;
            the message says what to write.
    """
    place = time_zone(zone)
    words = text.strip().lower()
    try:
        moment = _read(words, place, now)
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None
    if moment is None:
        raise ValueError(f"{text!r} is not a time; write {_FORMS}")
    if moment <= now:
        raise ValueError(f"{text!r} is in the past: {describe(moment, zone, now)}")
    return moment


def _read(words: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    if found := _ISO.fullmatch(words):
        return _iso(found["day"], found["time"], found["offset"], zone)
    if found := _IN.fullmatch(words):
        return _later(found["spans"], now)
    if found := _DAY_AND_TIME.fullmatch(words):
        return _named_day(found["day"], found["time"], zone, now)
    return None


def _iso(day: str, hours: str, offset: str | None, zone: ZoneInfo) -> datetime:
    try:
        written = datetime.fromisoformat(f"{day}T{_padded(hours)}{(offset or '').upper()}")
    except ValueError as error:
        raise ValueError(f"there is no {day} {hours}{offset or ''}: {error}") from None
    return written.astimezone(UTC) if written.tzinfo else _local(written, zone)


def _later(spans: str, now: datetime) -> datetime | None:
    pairs = _SPAN.findall(spans)
    if not all(unit in _UNITS for _, unit in pairs):
        return None
    distance = sum((int(amount) * _UNITS[unit] for amount, unit in pairs), timedelta())
    return now.astimezone(UTC) + distance


def _named_day(day: str, hours: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    today = now.astimezone(zone).date()
    try:
        at = time.fromisoformat(_padded(hours))
    except ValueError as error:
        raise ValueError(f"there is no {hours}: {error}") from None
    if day == "today":
        return _local(datetime.combine(today, at), zone)
    if day == "tomorrow":
        return _local(datetime.combine(today + timedelta(days=1), at), zone)
    weekday = next((n for n, name in enumerate(WEEKDAYS) if day in {name, name[:3]}), None)
    if weekday is None:
        return None
    wall = datetime.combine(today + timedelta(days=(weekday - today.weekday()) % 7), at)
    # Said on a Friday, "friday 09:00" is a week away once nine o'clock has passed.
    if instant(wall, zone) <= now:
        wall += timedelta(days=7)
    return _local(wall, zone)


def _padded(hours: str) -> str:
    return f"0{hours}" if hours.index(":") == 1 else hours


def _local(wall: datetime, zone: ZoneInfo) -> datetime:
    shown = wall.isoformat(sep=" ", timespec="minutes")
    if not exists(wall, zone):
        after = instant(wall, zone).astimezone(zone)
        raise ValueError(
            f"{shown} does not exist in {zone.key}: the clocks go forward; "
            f"write {after:%H:%M} or another time"
        )
    if len(choices := readings(wall, zone)) > 1:
        raise ValueError(
            f"{shown} comes twice in {zone.key}: the clocks go back; write {' or '.join(choices)}"
        )
    return instant(wall, zone)


def _day(moment: datetime) -> str:
    weekday = WEEKDAYS[moment.weekday()][:3].title()
    return f"{weekday} {moment.day} {_MONTHS[moment.month - 1]}"
