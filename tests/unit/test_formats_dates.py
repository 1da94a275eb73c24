"""Dates as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline.formats.dates import AmbiguousDate, parse_date
from pipeline.formats.port import DateOrder
from pipeline.formats.titles import date_in_file, number_in_file, number_in_title


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-13",
        "2026-03-13T09:00:00Z",
        "13.03.2026",
        "13. 3. 2026",
        "3/13/2026",
        "13/3/2026",
        "13-03-2026",
        "March 13, 2026",
        "Mar. 13th, 2026",
        "Friday, 13 March 2026",
        "13 marca 2026",
        "13. März 2026",
    ],
)
def test_one_day_is_written_in_many_ways(text: str) -> None:
    """Every usual way to write a day gives that day."""
    assert parse_date(text) == date(2026, 3, 13)


def test_an_ambiguous_date_has_both_readings() -> None:
    """Two figures up to twelve are not guessed at."""
    both = AmbiguousDate(day_first=date(2026, 4, 3), month_first=date(2026, 3, 4))

    assert parse_date("03/04/2026") == both
    assert parse_date("4/4/2026") == date(2026, 4, 4)


@pytest.mark.parametrize(("order", "month"), [("dmy", 4), ("mdy", 3)])
def test_the_order_decides(order: DateOrder, month: int) -> None:
    """The user can say how figures are meant."""
    parsed = parse_date("03/04/2026", order)

    assert isinstance(parsed, date)
    assert parsed.month == month


@pytest.mark.parametrize(
    "text", ["2026-02-30", "30.02.2026", "13/13/2026", "soon", "", "May 2026"]
)
def test_impossible_dates_are_refused(text: str) -> None:
    """A day that is not in the calendar is a mistake, not another day."""
    with pytest.raises(ValueError, match=r"date|range|month|day"):
        parse_date(text)


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("#91 Cranes", "91"),
        ("Cranes and fog #91", "91"),
        ("Harbour Weekly 12", "12"),
        ("Issue 91b: Fog", "91b"),
        ("The #1 reason ropes fail", None),
        ("44 Lost Buoys", None),
    ],
)
def test_titles_may_name_a_number(title: str, number: str | None) -> None:
    """A number counts where newsletters write theirs, not anywhere in a sentence."""
    assert number_in_title(title) == number


def test_file_names_may_name_number_and_date() -> None:
    """What a file is called is the last place to look."""
    assert number_in_file("issues/issue-91.md") == "91"
    assert number_in_file("issues/91.md") is None
    assert date_in_file("_posts/2026-05-04-cranes.md") == date(2026, 5, 4)
    assert date_in_file("2026-13-04.md") is None
