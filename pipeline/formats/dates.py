"""Reads dates as people write them, and asks instead of guessing."""

from __future__ import annotations

import re
from datetime import date

from msgspec import Struct

from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.port import DateOrder
from pipeline.formats.words import MONTHS

_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T\s].*)?")
_DOTS = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_SLASHES = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})")
_WEEKDAY = re.compile(r"^[^\W\d]+,\s+")
_DAY_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?([^\W\d]+)\.?,?\s+(\d{4})")
_NAMED_DAY = re.compile(r"([^\W\d]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")


class AmbiguousDate(Struct, frozen=True):
    """Two readings of the same figures."""

    day_first: date
    month_first: date


def looks_like_date(text: str) -> bool:
    """Say whether a text is written as a date, be it possible or not."""
    return bool(_readings(text))


def parse_date(text: str, order: DateOrder | None = None) -> date | AmbiguousDate:
    """Read a date: ISO, D.M.Y, figures with slashes or dashes, or with the name of a month.

    Dots mean day first. With slashes a part over 12 decides, then `order`.

    Raises:
        ValueError: it is not a date, or not one in the calendar.
    """
    match _readings(text):
        case [only]:
            return date(*only)
        case [day_first, month_first]:
            if order:
                return date(*(day_first if order == "dmy" else month_first))
            return AmbiguousDate(date(*day_first), date(*month_first))
        case _:
            raise ValueError("not a date")


def resolve_date(
    text: str, order: DateOrder | None, diagnosis: Diagnosis, line: int
) -> date | None:
    """Read a date in a file; what is ambiguous or impossible is taken down, and None returned."""
    try:
        parsed = parse_date(text, order)
    except ValueError as error:
        diagnosis.add(
            "E103",
            f"cannot read the date {text!r}",
            line=line,
            at=text,
            note=str(error),
            remedy="write it as YYYY-MM-DD",
        )
        return None
    if isinstance(parsed, date):
        return parsed
    diagnosis.add(
        "W105",
        f"the date {text!r} is ambiguous and was left out",
        line=line,
        at=text,
        note=f"it may mean {parsed.day_first} or {parsed.month_first}",
        remedy="write it as YYYY-MM-DD, or say --date-order dmy or mdy",
    )
    return None


def _readings(text: str) -> list[tuple[int, int, int]]:
    """Return year, month and day; twice, day first, if the figures can be read in two ways."""
    text = _WEEKDAY.sub("", text.strip(), count=1)
    if found := _ISO.fullmatch(text):
        return [(int(found[1]), int(found[2]), int(found[3]))]
    if found := _DOTS.fullmatch(text):
        return [(int(found[3]), int(found[2]), int(found[1]))]
    if found := _SLASHES.fullmatch(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        readings = [(year, second, first), (year, first, second)]
        if first > 12 or first == second:
            return readings[:1]
        return readings[1:] if second > 12 else readings
    if (found := _DAY_NAMED.fullmatch(text)) and (month := MONTHS.get(found[2].casefold())):
        return [(int(found[3]), month, int(found[1]))]
    if (found := _NAMED_DAY.fullmatch(text)) and (month := MONTHS.get(found[1].casefold())):
        return [(int(found[3]), month, int(found[2]))]
    return []
