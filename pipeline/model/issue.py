"""An issue: sections of stories, and where in the author's file each part stands."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import astuple

from pipeline.model.content import Block, Content


class StoryKind(StrEnum):
    """What a story is, when its author says so in the heading."""

    STORY = "story"
    EDITORIAL = "editorial"
    SPONSOR = "sponsor"
    JOB = "job"
    EVENT = "event"
    QUOTE = "quote"


class Span(Struct, frozen=True):
    """A place in a file: lines and columns are 1-based, columns count code points."""

    line: int
    column: int
    end_line: int
    end_column: int  # exclusive


class Source(Struct, frozen=True, kw_only=True):
    """Where a story comes from."""

    anchor: str  # the words of the link
    url: str | None = None  # None when the plain text lost it


class Story(Struct, frozen=True, kw_only=True):
    """One item a reader can read alone. A story without a title is normal input."""

    kind: StoryKind = StoryKind.STORY
    title: str | None = None
    tldr: Content | None = None
    body: tuple[Block, ...] = ()
    takeaways: tuple[Content, ...] = ()
    tradeoffs: tuple[Content, ...] = ()
    source: Source | None = None


class Section(Struct, frozen=True, kw_only=True):
    """A titled run of stories; a flat issue is one section without a title."""

    title: str | None = None
    intro: tuple[Block, ...] = ()
    stories: tuple[Story, ...] = ()


class Declared(Struct, frozen=True, kw_only=True):
    """What the author says of the issue: checked against what is found, never steering."""

    stories: int | None = None
    minutes: int | None = None


class Provenance(Struct, frozen=True, kw_only=True):
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


class Issue(Struct, frozen=True, kw_only=True):
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
    declared: Declared = Declared()
    extra: tuple[tuple[str, str], ...] = ()  # unknown front-matter keys: name, raw YAML text
    provenance: Provenance | None = None  # stays last: what tells issues apart is before it

    def __eq__(self, other: object) -> bool:
        """Say whether both say the same, wherever they were read."""
        return isinstance(other, Issue) and astuple(self)[:-1] == astuple(other)[:-1]

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(astuple(self)[:-1])

    @property
    def stories(self) -> tuple[Story, ...]:
        """All stories in reading order."""
        return tuple(story for section in self.sections for story in section.stories)
