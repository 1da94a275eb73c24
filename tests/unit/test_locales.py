"""Dates as languages write them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from babel.dates import format_date

from pipeline.locales import written_date


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "13 March 2026"),
        ("en-US", "March 13, 2026"),
        ("de", "13. März 2026"),
        ("de-AT", "13. März 2026"),
        ("fr", "13 mars 2026"),
        ("es", "13 de marzo de 2026"),
        ("pl", "13 marca 2026"),
        ("ja", "2026年3月13日"),
        ("zh-Hant-TW", "2026年3月13日"),
        ("tlh", "2026-03-13"),
        ("zz", "2026-03-13"),
        ("not a tag", "2026-03-13"),
        ('"><script>', "2026-03-13"),
    ],
)
def test_a_date_is_as_people_write_it(language: str, text: str) -> None:
    """In the order and with the month of the language, and in digits where nobody knows how."""
    assert written_date(date(2026, 3, 13), language) == text


def test_english_dates_are_those_of_the_locale_data() -> None:
    """They are written without it, to start sooner; every day of a leap year comes out the same."""
    for number in range(366):
        day = date(2028, 1, 1) + timedelta(days=number)

        assert written_date(day, "en") == format_date(day, "long", locale="en_001")
