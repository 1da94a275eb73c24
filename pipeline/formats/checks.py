"""What can be said of an issue once it is read, whatever its format: counts, gaps, repetitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pipeline.formats.diagnosis import Diagnosis
from pipeline.model.content import (
    Block,
    Button,
    Content,
    Emphasis,
    Figure,
    Heading,
    Labelled,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Strikethrough,
    Strong,
)
from pipeline.model.issue import Issue, Section, Story, StoryKind
from pipeline.model.reading import reading_minutes, story_label, story_text

FAR: Final = 2.0  # times as many minutes, or as few, as the words take

_PLACEHOLDERS: Final = ("TODO", "TBD", "FIXME", "YYYY-MM-DD", "Lorem ipsum", "lorem ipsum")


def check(issue: Issue, diagnosis: Diagnosis) -> None:
    """Take down what an author should know of an issue that was read with its provenance."""
    lines = _lines(issue)
    _check_stories(issue, lines, diagnosis)
    _check_minutes(issue, lines, diagnosis)
    _check_sources(issue, lines, diagnosis)
    _check_repetitions(issue, lines, diagnosis)
    _check_sponsors(issue, lines, diagnosis)
    _check_sections(issue, lines, diagnosis)
    _check_placeholders(diagnosis)
    _check_unassigned(issue, diagnosis)


def _lines(issue: Issue) -> dict[str, int]:
    """Return the first line of every pointer and of everything above it."""
    lines: dict[str, int] = {}
    for pointer, span in issue.provenance.spans if issue.provenance else ():
        at = pointer
        while at and at not in lines:
            lines[at] = span.line
            at = at.rpartition("/")[0]
    return lines


def _numbered(issue: Issue) -> Iterator[tuple[str, Story]]:
    """Yield every story with its pointer."""
    for s, section in enumerate(issue.sections):
        for t, story in enumerate(section.stories):
            yield f"/sections/{s}/stories/{t}", story


def _check_stories(issue: Issue, lines: dict[str, int], diagnosis: Diagnosis) -> None:
    declared, found = issue.declared.stories, len(issue.stories)
    if declared is None or declared == found:
        return
    line = lines.get("/declared/stories") or lines.get("/masthead")
    counts = ", ".join(f"{_name(section)} {len(section.stories)}" for section in issue.sections)
    notes = [counts, *_second_reading(issue, declared, lines)]
    diagnosis.add(
        "W201",
        f"the issue declares {declared} stories, found {found}",
        line=line,
        at=str(declared),
        note="; ".join(notes),
        remedy="separate or join stories, or correct the number",
    )


def _second_reading(issue: Issue, declared: int, lines: dict[str, int]) -> Iterator[str]:
    """Yield other ways to count that would explain the declared number."""
    found = len(issue.stories)
    if issue.intro and found + len(issue.intro) == declared:
        yield f"with the introduction it would be {declared}"
    if found < declared:
        words, pointer = max(
            ((len(" ".join(story_text(story)).split()), at) for at, story in _numbered(issue)),
            default=(0, ""),
        )
        if words:
            yield f"the longest story has {words} words (line {lines.get(pointer)})"


def _name(section: Section) -> str:
    return section.title or "untitled"


def _check_minutes(issue: Issue, lines: dict[str, int], diagnosis: Diagnosis) -> None:
    declared = issue.declared.minutes
    if not declared:
        return
    computed = reading_minutes(issue)
    if not 1 / FAR <= declared / computed <= FAR:
        diagnosis.add(
            "W202",
            f"the issue declares {declared} minutes of reading; its words take about {computed}",
            line=lines.get("/declared/minutes") or lines.get("/masthead"),
            at=str(declared),
            note="the declared time may count the articles behind the links",
        )


def _check_sources(issue: Issue, lines: dict[str, int], diagnosis: Diagnosis) -> None:
    linkless = [
        (at, story)
        for at, story in _numbered(issue)
        if story.kind in {StoryKind.STORY, StoryKind.EVENT, StoryKind.JOB}
        and not (story.source and story.source.url)
        and not _has_link(story)
    ]
    if linkless:
        names = [story_label(story) for _, story in linkless[:3]]
        diagnosis.add(
            "I205",
            f"{len(linkless)} of {len(issue.stories)} stories have no source link",
            line=lines.get(linkless[0][0]),
            note="; ".join(names) + ("; ..." if len(linkless) > len(names) else ""),
            remedy="in Markdown, link the title or add a line **Source:** [words](url)",
        )


def _check_repetitions(issue: Issue, lines: dict[str, int], diagnosis: Diagnosis) -> None:
    seen: dict[tuple[str, str], str] = {}
    for at, story in _numbered(issue):
        source = story.source.url if story.source else None
        for what, value in (("title", story.title), ("source", source)):
            if not value:
                continue
            first = seen.setdefault((what, value), at)
            if first != at:
                diagnosis.add(
                    "W209",
                    f"two stories have the same {what}: {value}",
                    line=lines.get(at),
                    note=f"the first is on line {lines.get(first)}",
                )


def _check_sponsors(issue: Issue, lines: dict[str, int], diagnosis: Diagnosis) -> None:
    for at, story in _numbered(issue):
        linked = _has_link(story) or (story.source is not None and story.source.url)
        if story.kind is StoryKind.SPONSOR and not linked:
            diagnosis.add(
                "W310", "a sponsored story has no link", line=lines.get(at), remedy="add the link"
            )


def _check_sections(issue: Issue, lines: dict[str, int], diagnosis: Diagnosis) -> None:
    for s, section in enumerate(issue.sections):
        if section.title and not section.stories and not section.intro:
            diagnosis.add(
                "W209",
                f"the section {section.title!r} is empty",
                line=lines.get(f"/sections/{s}"),
                remedy="add a story, or delete the heading",
            )


def _check_placeholders(diagnosis: Diagnosis) -> None:
    for number, line in enumerate(diagnosis.lines, 1):
        for word in _PLACEHOLDERS:
            if word in line and re.search(rf"\b{word}\b", line):
                diagnosis.add("I108", f"{word} was left in the text", line=number, at=word)


def _check_unassigned(issue: Issue, diagnosis: Diagnosis) -> None:
    for number in issue.provenance.unassigned if issue.provenance else ():
        diagnosis.add("W208", "this line belongs to no part of the issue", line=number)


def _has_link(story: Story) -> bool:
    return (
        _blocks_link(story.body)
        or (story.tldr is not None and _links(story.tldr))
        or any(_links(item) for item in (*story.takeaways, *story.tradeoffs))
    )


def _blocks_link(blocks: tuple[Block, ...]) -> bool:
    return any(_block_links(block) for block in blocks)


def _block_links(block: Block) -> bool:
    match block:
        case Paragraph(content) | Heading(_, content):
            return _links(content)
        case ListBlock(items=items):
            return any(_blocks_link(item) for item in items)
        case Quote(blocks) | Labelled(_, blocks):
            return _blocks_link(blocks)
        case Button():
            return True
        case Figure(link=link):
            return link is not None
        case _:
            return False


def _links(content: Content) -> bool:
    for node in content:
        match node:
            case Link():
                return True
            case Emphasis(children) | Strong(children) | Strikethrough(children):
                if _links(children):
                    return True
            case _:
                pass
    return False
