"""What a template can say: every variable, by name."""

from __future__ import annotations

import re
from typing import Any, Final

from pipeline.errors import TemplateError
from pipeline.model.issue import Issue
from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import reading_minutes
from pipeline.model.rendered import MergeSlot, TextSlot
from pipeline.render.characters import legible, one_line
from pipeline.render.outline import has_contents, outline
from pipeline.render.preheader import preheader
from pipeline.render.theme import FILE, Theme

NAMES: Final = (
    "issue",  # model.issue.Issue
    "newsletter",  # model.newsletter.Newsletter
    "subject",
    "preheader",
    "language",  # BCP 47
    "direction",  # ltr or rtl
    "dateline",  # number, date, minutes, stories: those that are known, as words
    "sections",  # outline.PlacedSection
    "has_contents",
    "web_url",
    "unsubscribe_url",  # a merge slot
    "preferences_url",  # a merge slot
    "reader",  # reader("name", "friend"): a merge slot of free text, and the words without it
    "postal_lines",
    "live_css",  # live.css, filled in; only in issue.mjml.j2
    "light",  # the tables of theme.toml
    "dark",
    "fonts",
    "widths",
    "words",
)

_GAP: Final = re.compile(r"\{(\w+)\}")


def subject(issue: Issue) -> str:
    """Return the subject: the issue's title on one line."""
    return one_line(legible(issue.title))


def variables(
    issue: Issue, newsletter: Newsletter, theme: Theme, *, web_url: str
) -> dict[str, Any]:
    """Return the variables a template is filled with; pure.

    Raises:
        TemplateError: the theme lacks a word that every template needs.
    """
    language = issue.language or newsletter.language
    sections = outline(issue)
    tables = {name: theme.get(name, {}) for name in ("light", "dark", "fonts", "widths", "words")}
    return {
        "issue": issue,
        "newsletter": newsletter,
        "subject": subject(issue),
        "preheader": preheader(issue),
        "language": language,
        "direction": direction(language),
        "dateline": dateline(issue, tables["words"]),
        "sections": sections,
        "has_contents": has_contents(sections),
        "web_url": web_url,
        "unsubscribe_url": MergeSlot.UNSUBSCRIBE_URL.value,
        "preferences_url": MergeSlot.PREFERENCES_URL.value,
        "reader": reader,
        "postal_lines": [line for line in newsletter.postal_address.splitlines() if line.strip()],
        **tables,
    }


def reader(key: str, fallback: str = "") -> str:
    """Return the merge slot of a reader's text: `name`, or the key of a custom field.

    It is for words that are read. An address must not be made of it.
    """
    return TextSlot(key, fallback).marker


def say(words: str, **values: object) -> str:
    """Put values into the gaps of a phrase of the theme: `{number}` and so on."""
    # In one pass: a value that looks like a gap is a value.
    return _GAP.sub(lambda gap: str(values.get(gap[1], gap[0])), words)


def dateline(issue: Issue, words: dict[str, Any]) -> list[str]:
    """Return what is known of the issue, in the words of the theme.

    Minutes are computed, never declared. A number that is a word ("Year-end") stands alone.

    Raises:
        TemplateError: a word is missing.
    """
    parts: list[str] = []
    stories = len(issue.stories)
    try:
        if issue.number:
            counted = issue.number[0].isdigit()
            parts.append(say(words["issue"], number=issue.number) if counted else issue.number)
        if issue.date:
            day, month, year = (
                issue.date.day,
                words["months"][issue.date.month - 1],
                issue.date.year,
            )
            parts.append(say(words["date"], day=day, month=month, year=year))
        parts.append(say(words["minutes"], minutes=reading_minutes(issue)))
        if stories > 1:
            parts.append(say(words["stories"], count=stories))
    except KeyError as error:
        raise TemplateError(FILE, f"the table [words] has no {error}") from error
    return parts
