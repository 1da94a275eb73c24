"""A weekly slot means the right moments, also when the clocks change."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.schedule.calendar import (
    Occurrence,
    WeeklySlot,
    due_between,
    occurrences,
)

FRIDAY = WeeklySlot(day="friday", time="09:00", zone="Europe/London")


def utc(text: str) -> datetime:
    """Read a UTC moment: "2026-10-23 08:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walk(day: str, time: str, zone: str, after: str, count: int = 2) -> list[tuple[str, str]]:
    """Return keys and UTC times of the next occurrences."""
    slot = WeeklySlot(day=day, time=time, zone=zone)
    return [
        (one.key, f"{one.due_at:%Y-%m-%d %H:%M}") for one in occurrences(slot, utc(after), count)
    ]


def test_local_nine_o_clock_stays_nine_o_clock() -> None:
    """Across the October change a Friday newsletter leaves at the same local time."""
    assert walk("friday", "09:00", "Europe/London", "2026-10-20 00:00") == [
        ("2026-10-23T09:00", "2026-10-23 08:00"),
        ("2026-10-30T09:00", "2026-10-30 09:00"),
    ]


def test_a_repeated_hour_is_one_occurrence() -> None:
    """When 01:30 comes twice, the first one counts and the second never does."""
    assert walk("sunday", "01:30", "America/New_York", "2026-10-31 00:00") == [
        ("2026-11-01T01:30", "2026-11-01 05:30"),
        ("2026-11-08T01:30", "2026-11-08 06:30"),
    ]
    assert walk("sunday", "01:30", "America/New_York", "2026-11-01 05:45", 1) == [
        ("2026-11-08T01:30", "2026-11-08 06:30")
    ]


@pytest.mark.parametrize(
    ("day", "time", "zone", "after", "first"),
    [
        # 02:30 is skipped: 03:30 EDT.
        (
            "sunday",
            "02:30",
            "America/New_York",
            "2026-03-07 00:00",
            ("2026-03-08T02:30", "2026-03-08 07:30"),
        ),
        # Midnight itself is skipped: 01:30 summer time.
        (
            "sunday",
            "00:30",
            "America/Sao_Paulo",
            "2018-11-03 00:00",
            ("2018-11-04T00:30", "2018-11-04 03:30"),
        ),
        # Half an hour is skipped.
        (
            "sunday",
            "02:15",
            "Australia/Lord_Howe",
            "2026-10-02 00:00",
            ("2026-10-04T02:15", "2026-10-03 15:45"),
        ),
        # The whole Friday is skipped: the Saturday.
        (
            "friday",
            "09:00",
            "Pacific/Apia",
            "2011-12-27 00:00",
            ("2011-12-30T09:00", "2011-12-30 19:00"),
        ),
    ],
)
def test_a_skipped_time_is_due_once_after_the_change(
    day: str, time: str, zone: str, after: str, first: tuple[str, str]
) -> None:
    """No week is left out because a clock went forward."""
    assert walk(day, time, zone, after, 1) == [first]


def test_a_skipped_time_is_found_from_anywhere_near_it() -> None:
    """Whenever one asks before it is due, the shifted occurrence is the next one."""
    slot = WeeklySlot(day="friday", time="09:00", zone="Pacific/Apia")
    due_at = utc("2011-12-30 19:00")

    for hours in range(1, 48):
        (found,) = occurrences(slot, due_at - timedelta(hours=hours), 1)
        assert found == Occurrence(key="2011-12-30T09:00", due_at=due_at)


def test_after_is_excluded() -> None:
    """The occurrence one has just seen is not the next one."""
    (first,) = occurrences(FRIDAY, utc("2026-11-20 00:00"), 1)
    (second,) = occurrences(FRIDAY, first.due_at, 1)
    (same,) = occurrences(FRIDAY, first.due_at - timedelta(microseconds=1), 1)

    assert (first.key, second.key, same) == ("2026-11-20T09:00", "2026-11-27T09:00", first)


def test_weeks_go_on_over_the_turn_of_the_year() -> None:
    """Every Friday of a year is there once, ISO week numbers notwithstanding."""
    found = occurrences(FRIDAY, utc("2026-12-10 00:00"), 5)

    assert [one.key[:10] for one in found] == [
        "2026-12-11",
        "2026-12-18",
        "2026-12-25",
        "2027-01-01",
        "2027-01-08",
    ]


def test_due_between_excludes_since_and_includes_now() -> None:
    """An occurrence belongs to exactly one of two neighbouring stretches of time."""
    due = utc("2026-11-20 09:00")

    assert [one.due_at for one in due_between(FRIDAY, due - timedelta(days=7), due)] == [due]
    assert due_between(FRIDAY, due, due + timedelta(days=6)) == ()
    assert due_between(FRIDAY, due, due - timedelta(days=6)) == ()


def test_a_day_may_be_written_in_any_case() -> None:
    """Friday and friday are the same day."""
    assert WeeklySlot(day="Friday", time="09:00", zone="Europe/London") == FRIDAY


@pytest.mark.parametrize(
    ("day", "time", "zone", "message"),
    [
        ("fryday", "09:00", "Europe/London", "did you mean friday?"),
        ("5", "09:00", "Europe/London", "write its name, such as friday"),
        ("", "09:00", "Europe/London", "write its name"),
        ("friday", "9:00", "Europe/London", 'write hours and minutes: "09:00"'),
        ("friday", "24:00", "Europe/London", "not a time of day"),
        ("friday", "09:60", "Europe/London", "not a time of day"),
        ("friday", "09:00\n", "Europe/London", "not a time of day"),
        ("friday", "09:00", "London", "did you mean Europe/London?"),
        ("friday", "09:00", "europe/lodnon", "did you mean Europe/London"),
        ("friday", "09:00", "../../etc/passwd", "no time zone is called"),
        ("friday", "09:00", "", "no time zone is called ''"),
        ("friday", "09:00", "\x00", "no time zone is called"),
        ("friday", "09:00", "Europe", "no time zone is called 'Europe'"),
    ],
)
def test_a_slot_that_means_nothing_is_refused_with_a_remedy(
    day: str, time: str, zone: str, message: str
) -> None:
    """A mistake in the settings says what to write instead."""
    with pytest.raises(ValueError, match=r"no |not ") as caught:
        WeeklySlot(day=day, time=time, zone=zone)

    assert message in str(caught.value)


def test_a_slot_is_checked_without_loading_the_scheduler() -> None:
    """Settings are read by every command, so they do not pay for APScheduler."""
    code = (
        "import sys; from pipeline.schedule import calendar, when, plan, clock;"
        "calendar.WeeklySlot(day='friday', time='09:00', zone='Europe/London');"
        "print('apscheduler' in sys.modules)"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "False\n"
