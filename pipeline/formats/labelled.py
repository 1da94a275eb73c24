"""The labelled layout: stories told under TLDR, Summary, Key takeaways and Tradeoffs.

    issue     = title date? intro* story+
    story     = title tldr summary? takeaways? tradeoffs? source?
    tldr      = "TLDR:" text                    the line before it is the title
    summary   = "Summary:" paragraph+           also without the label
    takeaways = "Key takeaways:" ("- " text)+
    source    = text                            the words of a link; its URL did not survive

Blank lines mean nothing: such texts come packed as well as spaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.formats.checks import check
from pipeline.formats.claims import Claims
from pipeline.formats.dates import resolve_date
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.drafts import SectionDraft, StoryDraft
from pipeline.formats.labelled_story import LabelledStory
from pipeline.formats.port import Options, Reading, Score
from pipeline.formats.source import SourceText
from pipeline.formats.text_lines import (
    BulletLine,
    LabelLine,
    Line,
    TextLine,
    sort_line,
    sort_lines,
)
from pipeline.formats.titles import date_for, number_for, title_from_file
from pipeline.formats.words import Label, published_on, split_kind
from pipeline.model.content import Block, ListBlock, Paragraph
from pipeline.model.issue import Issue, Source

LONGEST_TITLE: Final = 250  # characters; what is longer is a paragraph, whatever follows it
LONGEST_ANCHOR: Final = 160

_SENTENCE_END = re.compile(r"[.!?…:;。！？][\"”’)\]]*$")
_LIVELY_END = re.compile(r"(?:[?!…]|\.\.\.)$")
_INNER_END = re.compile(r"[.!?]\s")


class Labelled(Struct, frozen=True):
    """Reads newsletters whose stories have labelled parts."""

    name: str = "labelled"
    suffixes: tuple[str, ...] = (".txt",)

    def sniff(self, source: SourceText) -> Score:
        """Count the labels; see `Format.sniff`."""
        openers = others = 0
        for number, raw in enumerate(source.lines, 1):
            match sort_line(number, raw.strip()):
                case LabelLine(label=Label.TLDR):
                    openers += 1
                case LabelLine():
                    others += 1
                case _:
                    pass
        if not openers:
            return Score(self.name, 0)
        points = min(30, 6 * openers) + min(10, others) + (55 if others >= openers else 25)
        if any(line.startswith("#") for line in source.lines):
            points -= 40
        return Score(self.name, points, (f"{openers} TLDR labels", f"{others} other labels"))

    def read(self, source: SourceText, options: Options) -> Reading:
        """Read an issue; see `Format.read`."""
        diagnosis = Diagnosis(source.file, source.lines)
        claims = Claims(source)
        lines = sort_lines(source, claims)
        openers = [
            index
            for index, line in enumerate(lines)
            if isinstance(line, LabelLine) and line.label is Label.TLDR
        ]
        if not openers:
            raise diagnosis.fatal(
                "E007",
                "no story found",
                note='in the labelled layout a line "TLDR: ..." opens a story',
                remedy="add the labels, or name another format with --from",
            )
        stories = _split(lines, openers)
        head = _Head.read(lines[: stories[0].start], options, claims, diagnosis)
        section = SectionDraft("/sections/0")
        for lines_of in stories:
            untitled = lines_of is stories[0] and not lines_of.title
            _read_story(
                section.open_story(),
                lines_of,
                inherited=head.title if untitled else None,
                claims=claims,
                diagnosis=diagnosis,
            )
        title = head.title or title_from_file(source.file, diagnosis)
        diagnosis.stop_on_errors()
        issue = Issue(
            title=title,
            number=number_for(None, title, source.file, diagnosis),
            date=date_for(head.date, source.file, diagnosis),
            intro=tuple(head.intro),
            sections=(section.finished(),),
        )
        issue = replace(issue, provenance=claims.provenance(self.name))
        check(issue, diagnosis)
        return Reading(issue=issue, diagnostics=diagnosis.report())


class _StoryLines(Struct, frozen=True):
    """The lines of one story."""

    start: int  # index of its first line in the file's
    title: TextLine | None
    lines: list[Line]  # from TLDR on


def _split(lines: list[Line], openers: list[int]) -> list[_StoryLines]:
    """Cut the lines into stories; the line before TLDR is always the title, if it is text.

    If that leaves no title for the issue, the line is the issue's, and the story inherits it.
    """
    titles = [_title_before(lines, index) for index in openers]
    if not any(_is_title(line) for line in lines[: openers[0] - 1]):
        titles[0] = None
    starts = [
        index if title is None else index - 1 for index, title in zip(openers, titles, strict=True)
    ]
    return [
        _StoryLines(start, title, lines[opener:end])
        for start, title, opener, end in zip(
            starts, titles, openers, [*starts[1:], len(lines)], strict=True
        )
    ]


def _title_before(lines: list[Line], opener: int) -> TextLine | None:
    line = lines[opener - 1] if opener else None
    return line if isinstance(line, TextLine) and _is_title(line) else None


def _is_title(line: Line) -> bool:
    return (
        isinstance(line, TextLine)
        and len(line.text) <= LONGEST_TITLE
        and published_on(line.text) is None
    )


@dataclass(slots=True)
class _Head:
    """What stands before the first story."""

    title: str | None = None
    date: date | None = None
    intro: list[Block] = field(default_factory=list)

    @classmethod
    def read(
        cls, lines: list[Line], options: Options, claims: Claims, diagnosis: Diagnosis
    ) -> _Head:
        head = cls()
        for line in lines:
            if written := published_on(line.text):
                head.date = resolve_date(written, options.date_order, diagnosis, line.number)
                claims.label("/date", line.number)
            elif head.title is None and _is_title(line):
                head.title = line.text
                claims.claim("/title", line.number)
            else:
                head.add_to_intro(line, claims)
        return head

    def add_to_intro(self, line: Line, claims: Claims) -> None:
        """Take a line of the introduction; bullets in a row are one list."""
        paragraph = Paragraph((line.text,))
        match line, self.intro:
            case BulletLine(), [*_, ListBlock(items=items)]:
                claims.claim(f"/intro/{len(self.intro) - 1}/items/{len(items)}", line.number)
                self.intro[-1] = ListBlock((*items, (paragraph,)))
            case BulletLine(), _:
                claims.claim(f"/intro/{len(self.intro)}/items/0", line.number)
                self.intro.append(ListBlock(((paragraph,),)))
            case _:
                claims.claim(f"/intro/{len(self.intro)}", line.number)
                self.intro.append(paragraph)


def _read_story(
    draft: StoryDraft,
    lines: _StoryLines,
    *,
    inherited: str | None,
    claims: Claims,
    diagnosis: Diagnosis,
) -> None:
    """Read one story into its draft; `inherited` is its title if it has no line of its own."""
    draft.title = inherited
    if lines.title:
        draft.kind, title = split_kind(lines.title.text)
        draft.title = title or None
        claims.claim(f"{draft.pointer}/title", lines.title.number)
    if draft.title is None:
        diagnosis.add(
            "W204",
            "a story has no title",
            line=lines.lines[0].number,
            remedy="write it on the line before TLDR",
        )
    story = LabelledStory(draft, claims, diagnosis)
    anchor = _anchor(draft.title, lines.lines)
    for line in lines.lines[:-1] if anchor else lines.lines:
        story.add(line)
    story.close()
    if anchor:
        draft.source = Source(anchor=anchor.text)
        claims.claim(f"{draft.pointer}/source", anchor.number)


def _anchor(title: str | None, lines: list[Line]) -> TextLine | None:
    """Return the last line of a story if it is the words of the link to its source.

    Web pages print that link under the story. Its words are the title in one issue of four.
    """
    if any(isinstance(line, LabelLine) and line.label is Label.SOURCE for line in lines):
        return None
    *before, last = lines
    if not isinstance(last, TextLine) or not before or len(last.text) > LONGEST_TITLE:
        return None
    text = last.text
    lively = (
        len(text) <= 90
        and _LIVELY_END.search(text) is not None
        and _INNER_END.search(text) is None
    )
    short = len(text) <= LONGEST_ANCHOR and (lively or not _SENTENCE_END.search(text))
    return last if text == title or isinstance(before[-1], BulletLine) or short else None


FORMAT: Final = Labelled()
