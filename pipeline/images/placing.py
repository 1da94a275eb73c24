"""Every picture of an issue, wherever it stands, and the issue with others in their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from pipeline.model.content import (
    Block,
    Button,
    Code,
    CodeBlock,
    Content,
    Emphasis,
    Figure,
    Heading,
    Image,
    Inline,
    Labelled,
    LineBreak,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Strikethrough,
    Strong,
    Table,
)
from pipeline.model.issue import Issue, Section, Story

Change = Callable[[Image], Image]


def images(issue: Issue) -> tuple[Image, ...]:
    """Return the pictures in reading order, the issue's own first."""
    found: list[Image] = []

    def take(image: Image) -> Image:
        found.append(image)
        return image

    replaced(issue, take)
    return tuple(found)


def replaced(issue: Issue, change: Change) -> Issue:
    """Return the issue with `change` of each picture in its place, its own `image` too."""
    own = change(Image(issue.image, "")).url if issue.image else issue.image
    return replace(
        issue,
        image=own,
        intro=_blocks(issue.intro, change),
        sections=tuple(_section(section, change) for section in issue.sections),
    )


def _section(section: Section, change: Change) -> Section:
    return replace(
        section,
        intro=_blocks(section.intro, change),
        stories=tuple(_story(story, change) for story in section.stories),
    )


def _story(story: Story, change: Change) -> Story:
    return replace(
        story,
        tldr=None if story.tldr is None else _content(story.tldr, change),
        body=_blocks(story.body, change),
        takeaways=tuple(_content(each, change) for each in story.takeaways),
        tradeoffs=tuple(_content(each, change) for each in story.tradeoffs),
    )


def _blocks(blocks: tuple[Block, ...], change: Change) -> tuple[Block, ...]:
    return tuple(_block(block, change) for block in blocks)


def _block(block: Block, change: Change) -> Block:
    match block:
        case Figure(image):
            return replace(block, image=change(image))
        case Paragraph(content) | Heading(_, content) | Button(_, content):
            return replace(block, content=_content(content, change))
        case Quote(inner) | Labelled(_, inner):
            return replace(block, blocks=_blocks(inner, change))
        case ListBlock(items):
            return replace(block, items=tuple(_blocks(item, change) for item in items))
        case Table(head, rows):
            return replace(
                block,
                head=_row(head, change),
                rows=tuple(_row(row, change) for row in rows),
            )
        case CodeBlock() | Rule():
            return block
        case _:
            assert_never(block)


def _row(row: tuple[Content, ...], change: Change) -> tuple[Content, ...]:
    return tuple(_content(cell, change) for cell in row)


def _content(content: Content, change: Change) -> Content:
    return tuple(_inline(node, change) for node in content)


def _inline(node: Inline, change: Change) -> Inline:
    match node:
        case Image():
            return change(node)
        case Emphasis(children) | Strong(children) | Strikethrough(children):
            return replace(node, children=_content(children, change))
        case Link(_, children):
            return replace(node, children=_content(children, change))
        case str() | Code() | LineBreak():
            return node
        case _:
            assert_never(node)
