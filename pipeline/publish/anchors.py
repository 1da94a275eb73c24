"""Names inside a page: its sections, or the stories of an issue that has no sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from pipeline.model.issue import Issue
from pipeline.publish.characters import one_line

# The id of a section, by its index and None, or of a story, by both their indices.
Anchors = Mapping[tuple[int, int | None], str]

LONGEST: Final = 60
_TAKEN: Final = frozenset({"content", "contents"})  # ids of the page around the article


class Stop(Struct, frozen=True):
    """A line of the table of contents."""

    id: str
    title: str


def anchors(issue: Issue) -> Anchors:
    """Return an id for each section and each story that has a title; no two are the same."""
    used = set(_TAKEN)
    return {place: _unused(title, used) for place, title in _titles(issue)}


def contents(issue: Issue) -> tuple[Stop, ...]:
    """Return the table of contents: sections, or stories where there are no sections.

    A single line is none: it would say the title again.
    """
    ids = anchors(issue)
    sections = any(section.title for section in issue.sections)
    stops = tuple(
        Stop(ids[place], title)
        for place, title in _titles(issue)
        if (place[1] is None) is sections
    )
    return stops if len(stops) > 1 else ()


def _titles(issue: Issue) -> Iterator[tuple[tuple[int, int | None], str]]:
    for number, section in enumerate(issue.sections):
        if title := one_line(section.title or ""):
            yield (number, None), title
        for index, story in enumerate(section.stories):
            if title := one_line(story.title or ""):
                yield (number, index), title


def _unused(title: str, used: set[str]) -> str:
    # Letters of any script; an address shows them, and white space would end an id.
    wanted = re.sub(r"[\W_]+", "-", title.casefold())[:LONGEST].strip("-") or "part"
    number = 1
    name = wanted
    while name in used:
        number += 1
        name = f"{wanted}-{number}"
    used.add(name)
    return name
