"""The sectioned layout, rule by rule."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline import formats
from pipeline.model.content import Paragraph
from pipeline.model.issue import Declared, Section, Story

HEAD = "Issue #91··40 min read·2 stories\n\nCranes\n\n"
TWO = "NEWS\n\nOne is this.\n\nTwo is that.\n"


def reading(text: str) -> formats.Reading:
    """Read a text as the sectioned layout."""
    return formats.read(text.encode(), "91.txt", format="sectioned")


def brief(text: str) -> Story:
    """Return a story of one paragraph."""
    return Story(body=(Paragraph((text,)),))


def test_an_issue_has_its_parts() -> None:
    """Masthead, title, teaser, introduction, sections and stories are told apart."""
    issue = reading(f"Back to archive\n{HEAD}Plus: fog\n\nHello.\n{TWO}").issue

    assert (issue.title, issue.number, issue.subtitle) == ("Cranes", "91", "Plus: fog")
    assert issue.declared == Declared(stories=2, minutes=40)
    assert issue.intro == (Paragraph(("Hello.",)),)
    assert issue.sections == (
        Section(title="NEWS", stories=(brief("One is this."), brief("Two is that."))),
    )


@pytest.mark.parametrize(
    "masthead",
    [
        "Issue #91 · 4 May 2026 · 8 min read · 2 stories",
        "2026-05-04 | 2 articles | No. 91",
        "8 minute read • Issue 91 • Monday, May 4, 2026",
    ],
)
def test_the_fields_of_a_masthead_stand_in_any_order(masthead: str) -> None:
    """A field is known by what it says, not by its place."""
    issue = reading(f"{masthead}\nCranes\n{TWO}").issue

    assert (issue.title, issue.number, issue.date) == ("Cranes", "91", date(2026, 5, 4))


def test_an_empty_field_is_a_lost_date() -> None:
    """Two dots in a row are what is left of a date."""
    found = {diagnostic.code: diagnostic for diagnostic in reading(HEAD + TWO).diagnostics}

    assert found["W203"].line == 1
    assert "40 minutes" in found["W202"].message


@pytest.mark.parametrize(
    ("line", "is_heading"),
    [
        ("NEWS", True),
        ("AI & CHIPS", True),
        ("NEWS.", False),
        ("News", False),
        ("12 — 13", False),
        ("WE SAID NO TO THE NEW CRANE", False),
        ("WHAT NOW?", False),
    ],
)
def test_packed_headings_are_short_and_in_capitals(line: str, is_heading: bool) -> None:
    """Without blank lines around it, only what is certainly a heading is one."""
    issue = reading(f"{HEAD}NEWS\nOne.\n{line}\nTwo.\n").issue

    assert (len(issue.sections) == 2) is is_heading


def test_blank_lines_make_longer_headings_possible() -> None:
    """Evidence from the spacing lets a question through."""
    issue = reading(f"{HEAD}NEWS\n\nOne.\n\nWHAT DO ALL OF THE BUOYS KNOW?\n\nTwo.\n").issue

    assert [section.title for section in issue.sections] == [
        "NEWS",
        "WHAT DO ALL OF THE BUOYS KNOW?",
    ]


def test_a_wrong_count_is_said_and_not_followed() -> None:
    """The warning shows the counts found, and what may explain the difference."""
    found = reading(f"{HEAD}Hello.\nNEWS\n\nOne is this.\n")
    warning = next(one for one in found.diagnostics if one.code == "W201")

    assert len(found.issue.stories) == 1
    assert (warning.line, warning.source) == (1, HEAD.split("\n", maxsplit=1)[0])
    assert "NEWS 1" in str(warning.note)
    assert "with the introduction it would be 2" in str(warning.note)


def test_an_empty_section_is_said() -> None:
    """A heading with nothing under it is probably a mistake."""
    found = reading(f"{HEAD}{TWO}TOOLS\n")

    assert [one.line for one in found.diagnostics if one.code == "W209"] == [10]


def test_a_text_without_headings_is_an_introduction() -> None:
    """Nothing is invented where there is no section."""
    issue = reading(f"{HEAD}One.\nTwo.\n").issue

    assert issue.sections == (Section(),)
    assert len(issue.intro) == 2
