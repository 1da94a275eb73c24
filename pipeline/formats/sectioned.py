"""The sectioned layout: a masthead, headings in capitals, one paragraph a story.

    issue    = nav* masthead? title teaser? intro* section+
    masthead = field ("·" field)*         Issue #91 · 4 May 2026 · 40 min read · 20 stories
    section  = HEADING story*             few words, no lower case
    story    = paragraph                  no title, no link

Declared counts are checked, never followed.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import date
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.formats.checks import check
from pipeline.formats.claims import Claims
from pipeline.formats.dates import looks_like_date, resolve_date
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.drafts import SectionDraft
from pipeline.formats.port import DateOrder, Options, Reading, Score
from pipeline.formats.source import SourceText
from pipeline.formats.titles import date_for, number_for, title_from_file
from pipeline.formats.words import NUMBER, STORIES, is_nav, is_teaser, published_on
from pipeline.model.content import Paragraph
from pipeline.model.issue import Declared, Issue

HEAD: Final = 8  # lines that are not blank in which a masthead may stand

_FIELDS = re.compile(r"[·•|]")
_NUMBER_FIELD = re.compile(rf"(?:{NUMBER}\s*#?|#)\s*(\d\S*)", re.IGNORECASE)
_MINUTES_FIELD = re.compile(r"(\d{1,4})\s*-?\s*min(?:ute)?s?\b.*", re.IGNORECASE)
_STORIES_FIELD = re.compile(rf"(\d{{1,4}})\s+{STORIES}", re.IGNORECASE)
_BULLET = re.compile(r"[-*•–]\s+")
_TWO_CAPITALS = re.compile(r"[A-Z]{2}")


class _Line(Struct, frozen=True):
    number: int
    text: str
    alone: bool  # blank lines, or the ends of the file, on both sides


@dataclass(slots=True)
class _Masthead:
    number: str | None = None
    date: date | None = None
    minutes: int | None = None
    stories: int | None = None


class Sectioned(Struct, frozen=True):
    """Reads newsletters of short untitled stories, as web archives print them."""

    name: str = "sectioned"
    suffixes: tuple[str, ...] = (".txt",)

    def sniff(self, source: SourceText) -> Score:
        """Look for a masthead and for headings in capitals; see `Format.sniff`."""
        lines = [line.strip() for line in source.lines if line.strip()]
        points, reasons = 0, []
        if any(_is_masthead(line) for line in lines[:HEAD]):
            points += 40
            reasons.append("masthead")
        if any(is_teaser(line) for line in lines[:HEAD]):
            points += 10
            reasons.append("teaser line")
        headings = sum(_is_heading(line) for line in lines)
        if headings > 1 and not any(line.startswith("#") for line in lines):
            points += min(36, 12 * headings)
            reasons.append(f"{headings} headings in capitals")
        return Score(self.name, points, tuple(reasons))

    def read(self, source: SourceText, options: Options) -> Reading:
        """Read an issue; see `Format.read`."""
        diagnosis = Diagnosis(source.file, source.lines)
        claims = Claims(source)
        lines = deque(_content_lines(source, claims))
        masthead = _Masthead()
        _take_masthead(lines, masthead, options, claims, diagnosis)
        title = _take_title(lines, claims) or title_from_file(source.file, diagnosis)
        _take_masthead(lines, masthead, options, claims, diagnosis)
        subtitle = _take_teaser(lines, claims)
        intro = tuple(_take_intro(lines, claims))
        sections = _sections(lines, claims)
        diagnosis.stop_on_errors()
        issue = Issue(
            title=title,
            number=number_for(masthead.number, title, source.file, diagnosis),
            date=date_for(masthead.date, source.file, diagnosis),
            subtitle=subtitle,
            intro=intro,
            sections=tuple(section.finished() for section in sections),
            declared=Declared(stories=masthead.stories, minutes=masthead.minutes),
        )
        issue = replace(issue, provenance=claims.provenance(self.name))
        check(issue, diagnosis)
        return Reading(issue=issue, diagnostics=diagnosis.report())


def _content_lines(source: SourceText, claims: Claims) -> list[_Line]:
    """Return the lines that are neither blank nor navigation."""
    padded = ["", *(line.strip() for line in source.lines), ""]
    found = []
    for number, text in enumerate(padded[1:-1], 1):
        if is_nav(text):
            claims.nav(number)
        elif text:
            alone = not padded[number - 1] and not padded[number + 1]
            found.append(_Line(number, text, alone))
    return found


def _is_masthead(line: str) -> bool:
    fields = [field.strip() for field in _FIELDS.split(line)]
    telling = sum(
        bool(pattern.fullmatch(field))
        for field in fields
        for pattern in (_NUMBER_FIELD, _MINUTES_FIELD, _STORIES_FIELD)
    )
    return telling > 1 or (telling == 1 and (len(fields) > 1 or _names_number(line)))


def _names_number(line: str) -> bool:
    return _NUMBER_FIELD.fullmatch(line) is not None


def _is_heading(line: str, *, alone: bool = False) -> bool:
    """Say whether a line is a heading rather than a shouted sentence.

    Blank lines around it are evidence: it may then be longer, or a question.
    """
    words, characters, ends = (8, 60, ".!") if alone else (5, 40, ".!?")
    return (
        len(line) <= characters
        and len(line.split()) <= words
        and not line.endswith(tuple(ends))
        and not any(letter.islower() for letter in line)
        and _TWO_CAPITALS.search(line) is not None
    )


def _take_masthead(
    lines: deque[_Line],
    masthead: _Masthead,
    options: Options,
    claims: Claims,
    diagnosis: Diagnosis,
) -> None:
    """Take the masthead, or a line that gives the date, from the front if there is one."""
    while lines:
        line = lines[0]
        if written := published_on(line.text):
            masthead.date = resolve_date(written, options.date_order, diagnosis, line.number)
            claims.label("/date", line.number)
        elif _is_masthead(line.text):
            _read_masthead(line, masthead, options.date_order, diagnosis)
            claims.label("/masthead", line.number)
        else:
            return
        lines.popleft()


def _read_masthead(
    line: _Line, masthead: _Masthead, order: DateOrder | None, diagnosis: Diagnosis
) -> None:
    """Read each field by its own pattern: a lost field must not shift the others."""
    for field in (part.strip() for part in _FIELDS.split(line.text)):
        if not field:
            diagnosis.add(
                "W203",
                "the masthead has an empty field",
                line=line.number,
                note="a date was probably lost when the text was copied",
                remedy="write the date between the dots",
            )
        elif found := _NUMBER_FIELD.fullmatch(field):
            masthead.number = found[1]
        elif found := _MINUTES_FIELD.fullmatch(field):
            masthead.minutes = int(found[1])
        elif found := _STORIES_FIELD.fullmatch(field):
            masthead.stories = int(found[1])
        elif looks_like_date(field):
            masthead.date = resolve_date(field, order, diagnosis, line.number)


def _take_title(lines: deque[_Line], claims: Claims) -> str | None:
    if not lines:
        return None
    line = lines.popleft()
    claims.claim("/title", line.number)
    return line.text


def _take_teaser(lines: deque[_Line], claims: Claims) -> str | None:
    if not lines or not is_teaser(lines[0].text):
        return None
    line = lines.popleft()
    claims.claim("/subtitle", line.number)
    return line.text


def _take_intro(lines: deque[_Line], claims: Claims) -> list[Paragraph]:
    intro: list[Paragraph] = []
    while lines and not _is_heading(lines[0].text, alone=lines[0].alone):
        line = lines.popleft()
        claims.claim(f"/intro/{len(intro)}", line.number)
        intro.append(Paragraph((line.text,)))
    return intro


def _sections(lines: deque[_Line], claims: Claims) -> list[SectionDraft]:
    sections: list[SectionDraft] = []
    for line in lines:
        if _is_heading(line.text, alone=line.alone):
            section = SectionDraft(f"/sections/{len(sections)}", title=line.text)
            sections.append(section)
            claims.claim(f"{section.pointer}/title", line.number)
        else:
            story = sections[-1].open_story()
            story.body.append(Paragraph((_BULLET.sub("", line.text, count=1),)))
            claims.claim(f"{story.pointer}/body/0", line.number)
    return sections or [SectionDraft("/sections/0")]


FORMAT: Final = Sectioned()
