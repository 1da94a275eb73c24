"""What can be said of an issue from its words: length, time, and a name for each story."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final, assert_never

from pipeline.model.content import (
    Block,
    Button,
    CodeBlock,
    Content,
    Figure,
    Heading,
    Labelled,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Table,
    plain,
)
from pipeline.model.issue import Issue, Story

WORDS_PER_MINUTE: Final = 238  # Brysbaert 2019, silent reading of English non-fiction
IDEOGRAPHS_PER_MINUTE: Final = 500
LEAD_LENGTH: Final = 110  # characters; a longer bold run-in looks heavy
LABEL_LENGTH: Final = 70

_FIRST_IDEOGRAPH = "\u3040"
# A sentence ends after two characters that do not look like an abbreviation ("U.S." stays whole).
_SENTENCE_END = re.compile(r"(?<=[a-z0-9%)\]”’\"'][.!?])[”’\"')]*\s+(?=[\"“‘'(\[$€£]?[A-Z0-9])")
_CLAUSE_END = re.compile(r"(?<=[,;:—])\s+")


def block_text(blocks: tuple[Block, ...]) -> Iterator[str]:
    """Yield the words of blocks, one string a paragraph, cell, heading or line of code."""
    for block in blocks:
        match block:
            case Paragraph(content) | Button(_, content) | Heading(_, content):
                yield plain(content)
            case ListBlock(items=items):
                for item in items:
                    yield from block_text(item)
            case Quote(inner):
                yield from block_text(inner)
            case Labelled(label, inner):
                yield label
                yield from block_text(inner)
            case CodeBlock(text):
                yield text
            case Table(head, rows):
                for row in (head, *rows):
                    yield from (plain(cell) for cell in row)
            case Figure(image, caption):
                yield caption or image.alt
            case Rule():
                pass
            case _:
                assert_never(block)


def story_text(story: Story) -> Iterator[str]:
    """Yield what a reader reads of a story: labels and source line are not counted."""
    if story.title:
        yield story.title
    if story.tldr:
        yield plain(story.tldr)
    yield from block_text(story.body)
    yield from (plain(item) for item in story.takeaways)
    yield from (plain(item) for item in story.tradeoffs)


def issue_text(issue: Issue) -> Iterator[str]:
    """Yield all the prose of an issue in reading order, titles included."""
    yield issue.title
    if issue.subtitle:
        yield issue.subtitle
    yield from block_text(issue.intro)
    for section in issue.sections:
        if section.title:
            yield section.title
        yield from block_text(section.intro)
        for story in section.stories:
            yield from story_text(story)


def word_count(issue: Issue) -> int:
    """Count whitespace-separated words of the prose."""
    return sum(len(text.split()) for text in issue_text(issue))


def reading_minutes(issue: Issue) -> int:
    """Estimate the minutes a reader needs; at least 1. Declared minutes do not enter."""
    ideographs = words = 0
    for text in issue_text(issue):
        rest, found = text, 0
        if max(text, default="") >= _FIRST_IDEOGRAPH:
            rest, found = _ideograph().subn(" ", text)
        ideographs += found
        words += len(rest.split())
    return max(1, round(words / WORDS_PER_MINUTE + ideographs / IDEOGRAPHS_PER_MINUTE))


@cache
def _ideograph() -> re.Pattern[str]:
    """Compiled when a text has some: that takes longer than all else of a start here."""
    return re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


def split_lead(text: str) -> tuple[str, str]:
    """Split a paragraph into its lead sentence and the rest.

    The lead of a story without a title stands in for one. A sentence longer than LEAD_LENGTH is
    cut after its first clause of 30 or more. Nothing is lost: `lead + " " + rest` has the same words as `text`; the
    lead is empty when no good cut exists.
    """
    match = _SENTENCE_END.search(text)
    end = match.start() if match else len(text)
    if match:
        end = match.start() + len(match.group().rstrip())
    if end <= LEAD_LENGTH:
        return text[:end].rstrip(), text[end:].strip()
    clauses = [m.start() for m in _CLAUSE_END.finditer(text, 0, LEAD_LENGTH) if m.start() >= 30]
    if not clauses:
        return "", text
    return text[: clauses[0]].rstrip(), text[clauses[0] :].strip()


def story_label(story: Story) -> str:
    """Name a story for a table of contents: its title, or the start of its first sentence."""
    if story.title:
        return story.title
    text = next((words for words in story_text(story) if words.strip()), "")
    match = _SENTENCE_END.search(text)
    sentence = text[: match.start()].rstrip() if match else text
    if len(sentence) <= LABEL_LENGTH:
        return sentence.rstrip(".")
    return sentence[:LABEL_LENGTH].rsplit(" ", 1)[0].rstrip(",;:—") + "…"


def first_paragraph(story: Story) -> Content | None:
    """Return the content of the first block if it is a paragraph."""
    match story.body:
        case (Paragraph(content), *_):
            return content
        case _:
            return None
