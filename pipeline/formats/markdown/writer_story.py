"""Writes a story under a heading of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.formats.markdown.writer_blocks import heading_text, write_block, write_blocks
from pipeline.formats.markdown.writer_inline import write_content
from pipeline.formats.words import label_named, split_kind
from pipeline.model.content import (
    Block,
    Content,
    Heading,
    Labelled,
    Link,
    ListBlock,
    Paragraph,
)
from pipeline.model.issue import Story, StoryKind

_KINDS: Final = {
    StoryKind.EDITORIAL: "Editorial",
    StoryKind.SPONSOR: "Sponsor",
    StoryKind.JOB: "Job",
    StoryKind.EVENT: "Event",
    StoryKind.QUOTE: "Quote",
}
_SUMMARY: Final = "**Summary:**"


def write_heading(marks: str, story: Story) -> str:
    """Return the heading of a story; its title is a link if the source has the same words."""
    prefix = f"{_KINDS[story.kind]}: " if story.kind in _KINDS else ""
    if not story.title:
        title = ""
    elif title_is_anchor(story):
        assert story.source
        title = heading_text((Link(story.source.url or "", (story.title,)),))
    else:
        title = heading_text((story.title,))
        if not prefix and split_kind(story.title)[0] is not StoryKind.STORY:
            title = title.replace(":", r"\:", 1)
    return f"{marks} {prefix}{title}".rstrip()


def write_parts(story: Story) -> Iterator[str]:
    """Yield what stands under the heading of a story."""
    if story.tldr:
        yield f"**TL;DR:** {_behind_label(story.tldr)}"
    yield from _body(story.body)
    for label, items in (
        ("Key takeaways", story.takeaways),
        ("Trade-offs", story.tradeoffs),
    ):
        if items:
            yield f"**{label}:**"
            yield write_block(ListBlock(tuple((Paragraph(item),) for item in items)))
    if story.source and not title_is_anchor(story):
        link = Link(story.source.url or "", (story.source.anchor,) if story.source.anchor else ())
        yield f"**Source:** {write_content((link,))}"


def _body(body: tuple[Block, ...]) -> Iterator[str]:
    """Yield the blocks of a story's body; a label is closed before what is not under it."""
    run: list[Block] = []  # blocks between labels
    open_label = False
    for block in body:
        if isinstance(block, Labelled):
            if run:
                yield write_blocks(run, in_story=True)
                run = []
            yield from _labelled(block)
            open_label = _runs_on(block)
        elif open_label and not isinstance(block, Heading):
            yield _SUMMARY
            open_label = False
            run.append(block)
        else:
            open_label = False
            run.append(block)
    if run:
        yield write_blocks(run, in_story=True)


def _labelled(block: Labelled) -> Iterator[str]:
    label = write_content((block.label,), escape_start=False)
    match block.blocks:
        case (Paragraph(content), *rest) if not rest or label_named(block.label):
            yield f"**{label}:** {_behind_label(content)}"
            blocks = tuple(rest)
        case _:
            yield f"**{label}:**"
            blocks = block.blocks
    if blocks:
        yield write_blocks(blocks, in_story=True)


def _runs_on(block: Labelled) -> bool:
    """Say whether what follows would be read as a part of this label."""
    match block.blocks:
        case (Paragraph(),):
            return label_named(block.label) is not None
        case _:
            return True


def _behind_label(content: Content) -> str:
    return write_content(content, escape_start=False)


def title_is_anchor(story: Story) -> bool:
    """Say whether the title can be the link: the source has its words, and is not lost."""
    source = story.source
    return source is not None and source.anchor == story.title and source.url is not None
