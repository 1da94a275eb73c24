"""An issue: sections of stories, and where in the author's file each part stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from pipeline.model.content import Block, Content


class StoryKind(StrEnum):
    """What a story is, when its author says so in the heading."""

    STORY = "story"
    EDITORIAL = "editorial"
    SPONSOR = "sponsor"
    JOB = "job"
    EVENT = "event"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file: lines and columns are 1-based, columns count code points."""

    line: int
    column: int
    end_line: int
    end_column: int  # exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a story comes from."""

    anchor: str  # the words of the link
    url: str | None = None  # None when the plain text lost it


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One item a reader can read alone. A story without a title is normal input."""

    kind: StoryKind = StoryKind.STORY
    title: str | None = None
    tldr: Content | None = None
    body: tuple[Block, ...] = ()
    takeaways: tuple[Content, ...] = ()
    tradeoffs: tuple[Content, ...] = ()
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled run of stories; a flat issue is one section without a title."""

    title: str | None = None
    intro: tuple[Block, ...] = ()
    stories: tuple[Story, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the author says of the issue: checked against what is found, never steering."""

    stories: int | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where an issue was read from: for messages and checks, never for rendering.

    `spans` maps a JSON pointer into issue.json ("/sections/0/stories/2/tldr") to its place.
    A label line of its own has the pointer of the part it opens ("/sections/0/stories/2/body",
    paragraphs are "/sections/0/stories/2/body/0" and on). What is not a part of the issue has a
    pointer of its own: "/masthead", "/front_matter/open", "/comments/0", "/references/0",
    "/labels/0". Every non-blank line of the file is in exactly one of `spans`, `nav` or
    `unassigned`.
    """

    file: str
    format: str
    sha256: str  # of the file's bytes, hex
    words: int  # whitespace-separated, over the whole file
    lines: int
    spans: tuple[tuple[str, Span], ...] = ()  # in file order
    nav: tuple[int, ...] = ()  # lines that belong to a web page around the issue
    unassigned: tuple[int, ...] = ()  # lines no rule claimed


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One instalment of the newsletter, as its author wrote it.

    Two issues are equal if they say the same: `provenance` does not count.
    """

    title: str
    sections: tuple[Section, ...]  # at least one
    number: str | None = None  # "91", "91b", "Year-end"
    date: date | None = None
    subtitle: str | None = None  # preheader and feed description
    language: str | None = None  # BCP 47; None: the newsletter's
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    slug: str | None = None
    image: str | None = None
    send_at: datetime | None = None  # aware
    canonical_url: str | None = None
    template: str | None = None  # the theme it is sent in; None: the newsletter's
    status: str | None = None
    allow: tuple[str, ...] = ()  # codes of findings the author knows of and accepts
    intro: tuple[Block, ...] = ()
    declared: Declared = field(default_factory=Declared)
    extra: tuple[tuple[str, str], ...] = ()  # unknown front-matter keys: name, raw YAML text
    provenance: Provenance | None = field(default=None, compare=False, repr=False)

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories in reading order."""
        return tuple(story for section in self.sections for story in section.stories)
