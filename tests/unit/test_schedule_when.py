"""People write moments in their own time and read them in two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.schedule.when import describe, parse_when, relative

LONDON = "Europe/London"
NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)  # a Friday


def utc(text: str) -> datetime:
    """Read a UTC moment: "2026-10-23 08:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "zone", "shown"),
    [
        ("2026-11-27 09:00", LONDON, "Fri 27 Nov 2026 09:00 Europe/London (09:00 UTC, in 3 h)"),
        ("2026-11-27 06:00", "UTC", "Fri 27 Nov 2026 06:00 UTC (now)"),
        (
            "2026-11-27 23:00",
            "Asia/Tokyo",
            "Sat 28 Nov 2026 08:00 Asia/Tokyo (Fri 27 Nov 23:00 UTC, in 17 h)",
        ),
        (
            "2026-07-03 08:00",
            LONDON,
            "Fri 3 Jul 2026 09:00 Europe/London (08:00 UTC, 146 d 22 h ago)",
        ),
    ],
)
def test_a_moment_is_shown_locally_in_utc_and_beside_now(
    moment: str, zone: str, shown: str
) -> None:
    """Nobody has to guess whose clock is meant."""
    assert describe(utc(moment), zone, NOW) == shown


@pytest.mark.parametrize(
    ("distance", "shown"),
    [
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=5), "in 5 min"),
        (timedelta(hours=1, minutes=1), "in 1 h 1 min"),
        (timedelta(days=2, hours=4, minutes=30), "in 2 d 4 h"),
        (-timedelta(minutes=90), "1 h 30 min ago"),
        (-timedelta(seconds=30), "now"),
    ],
)
def test_a_distance_has_at_most_two_units(distance: timedelta, shown: str) -> None:
    """Far away, minutes do not matter."""
    assert relative(NOW + distance, NOW) == shown


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-27 09:00", "2026-11-27 09:00"),
        ("2026-11-27T09:00", "2026-11-27 09:00"),
        ("2026-11-27 9:00", "2026-11-27 09:00"),
        ("2027-07-02 09:00:30", "2027-07-02 08:00:30"),
        ("2026-11-27T09:00+01:00", "2026-11-27 08:00"),
        ("2026-11-27 09:00 -0500", "2026-11-27 14:00"),
        ("2026-11-27T09:00Z", "2026-11-27 09:00"),
        ("2027-10-31T01:30+00:00", "2027-10-31 01:30"),
        ("today 18:00", "2026-11-27 18:00"),
        ("Tomorrow 09:00", "2026-11-28 09:00"),
        ("tomorrow at 9:00", "2026-11-28 09:00"),
        ("friday 09:00", "2026-11-27 09:00"),
        ("fri 05:00", "2026-12-04 05:00"),
        ("  Thursday   09:00 ", "2026-12-03 09:00"),
        ("in 2h", "2026-11-27 08:00"),
        ("in 90 minutes", "2026-11-27 07:30"),
        ("in 1 day, 6 h", "2026-11-28 12:00"),
        ("in 1w2d", "2026-12-06 06:00"),
    ],
)
def test_a_moment_is_read_in_the_newsletters_zone(text: str, moment: str) -> None:
    """Dates, weekdays and distances all give a moment in UTC."""
    assert parse_when(text, LONDON, NOW) == utc(moment)


def test_a_weekday_is_that_of_the_newsletters_zone() -> None:
    """On Friday evening in UTC it is Saturday in Tokyo, and "friday" is next week's."""
    now = utc("2026-11-27 22:00")

    assert parse_when("friday 09:00", "Asia/Tokyo", now) == utc("2026-12-04 00:00")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-27 05:59", "is in the past: Fri 27 Nov 2026 05:59 Europe/London"),
        ("2026-11-27 06:00", "is in the past"),
        ("today 01:00", "5 h ago"),
        ("in 0 h", "is in the past"),
        (
            "2027-03-28 01:30",
            "does not exist in Europe/London: the clocks go forward; write 02:30",
        ),
        (
            "2027-10-31 01:30",
            "comes twice in Europe/London: the clocks go back; write 2027-10-31T01:30+01:00 or",
        ),
        ("2026-11-27", 'is not a time; write "2026-11-27 09:00"'),
        ("2026-13-27 09:00", "there is no 2026-13-27 09:00: month must be in 1..12"),
        ("friday 25:00", "there is no 25:00: hour must be in 0..23"),
        ("2026-11-27T09:00+25:00", "there is no 2026-11-27 09:00+25:00"),
        ("someday 09:00", "is not a time"),
        ("in 3 parsecs", "is not a time"),
        ("9:00", "is not a time"),
        ("now", "is not a time"),
        ("", "is not a time"),
        ("in 999999999999999999 d", "is too far away"),
        ("9999-12-31 23:59-12:00", "is too far away"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_remedy(text: str, message: str) -> None:
    """Past, skipped, doubled and unreadable times say what to write instead."""
    with pytest.raises(ValueError, match=r"past|exist|twice|not a time|no |far") as caught:
        parse_when(text, LONDON, NOW)

    assert message in str(caught.value)


@given(text=st.text(max_size=30) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}"))
def test_any_text_is_a_future_moment_or_a_value_error(text: str) -> None:
    """No input gives another exception, and none gives a moment that is not ahead."""
    try:
        moment = parse_when(text, LONDON, NOW)
    except ValueError:
        return
    assert moment > NOW
    assert moment.tzinfo is UTC
