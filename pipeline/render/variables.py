"""What a template can say: every variable, by name."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from pipeline.locales import written_date
from pipeline.model.issue import Issue
from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import reading_minutes
from pipeline.model.rendered import MergeSlot, TextSlot
from pipeline.render.characters import legible, one_line
from pipeline.render.outline import has_contents, outline
from pipeline.render.preheader import preheader
from pipeline.render.script import script_of
from pipeline.render.theme import Theme, fonts
from pipeline.render.words import fixed_words

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
    "column",  # px: how wide a picture may be
    "start",  # left or right: where a line begins
    "rtl",  # whether that is the right
    "script",  # script.Script: how the language is written
    "web_url",
    "unsubscribe_url",  # a merge slot
    "preferences_url",  # a merge slot
    "reader",  # reader("name", "friend"): a merge slot of free text, and the words without it
    "postal_lines",
    "live_css",  # live.css, filled in; only in issue.mjml.j2
    "words",  # the fixed words, in the language of the issue
    "light",  # the tables of theme.toml
    "dark",
    "fonts",  # with the fonts of the language's script
    "logo",
    "type",
    "widths",
)

_GAP: Final = re.compile(r"\{(\w+)\}")


def subject(issue: Issue) -> str:
    """Return the subject: the issue's title on one line."""
    return one_line(legible(issue.title))


def variables(
    issue: Issue, newsletter: Newsletter, theme: Theme, *, web_url: str
) -> dict[str, Any]:
    """Return the variables a template is filled with; pure but for the catalogues."""
    language = issue.language or newsletter.language
    script = script_of(language)
    ends = direction(language)
    sections = outline(issue)
    tables = {name: theme.get(name, {}) for name in ("light", "dark", "logo", "type", "widths")}
    minutes = reading_minutes(issue)
    counts = {"minutes": minutes, "stories": len(issue.stories)}
    words = fixed_words(language, counts, theme.get("words", {}))
    return {
        "issue": issue,
        "newsletter": newsletter,
        "subject": subject(issue),
        "preheader": preheader(issue),
        "language": language,
        "direction": ends,
        "start": "right" if ends == "rtl" else "left",
        "rtl": ends == "rtl",
        "script": script,
        "dateline": dateline(issue, words, language, minutes=minutes),
        "sections": sections,
        "has_contents": has_contents(sections),
        "column": tables["widths"].get("sheet", 0) - 2 * tables["widths"].get("gutter", 0),
        "web_url": web_url,
        "unsubscribe_url": MergeSlot.UNSUBSCRIBE_URL.value,
        "preferences_url": MergeSlot.PREFERENCES_URL.value,
        "reader": reader,
        "postal_lines": [line for line in newsletter.postal_address.splitlines() if line.strip()],
        "words": words,
        "fonts": fonts(theme, script),
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


def dateline(issue: Issue, words: dict[str, Any], language: str, *, minutes: int) -> list[str]:
    """Return what is known of the issue, in words.

    Minutes are computed, never declared. A number that is a word ("Year-end") stands alone. A
    theme that has a `date` of its own (and `months`, if it names them) gets that.
    """
    parts: list[str] = []
    stories = len(issue.stories)
    if issue.number:
        counted = issue.number[0].isdigit()
        parts.append(say(words["issue"], number=issue.number) if counted else issue.number)
    if issue.date:
        parts.append(_date(issue.date, words, language))
    parts.append(say(words["minutes"], minutes=minutes))
    if stories > 1:
        parts.append(say(words["stories"], count=stories))
    return parts


def _date(day: date, words: dict[str, Any], language: str) -> str:
    if "date" not in words:
        return written_date(day, language)
    months = words.get("months")
    month = months[day.month - 1] if months else str(day.month)
    return say(words["date"], day=day.day, month=month, year=day.year)
