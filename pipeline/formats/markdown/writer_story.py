"""Writes stories: under a heading, or as an item of a list of briefs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.formats.markdown.headings import brief_opening, trailing_source
from pipeline.formats.markdown.tidy import tidy
from pipeline.formats.markdown.writer_blocks import heading_text, write_block, write_blocks
from pipeline.formats.markdown.writer_inline import write_content
from pipeline.formats.words import label_named, split_kind
from pipeline.model.content import (
    Block,
    Button,
    Content,
    Heading,
    Labelled,
    Link,
    ListBlock,
    Paragraph,
    Strong,
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
    elif _title_is_anchor(story):
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
    if story.source and not _title_is_anchor(story):
        link = Link(story.source.url or "", (story.source.anchor,) if story.source.anchor else ())
        yield f"**Source:** {write_content((link,))}"


def brief(story: Story) -> str | None:
    """Return the text of a list item that reads back as the story, or None if there is none."""
    blocks = _brief_blocks(story)
    if blocks is None:
        return None
    return write_blocks(blocks, inside=True, in_story=True, behind_bullet=True)


def _brief_blocks(story: Story) -> tuple[Block, ...] | None:
    """Return the blocks of a brief, checked by the functions that will read it."""
    if story.kind is not StoryKind.STORY or story.tldr or story.takeaways or story.tradeoffs:
        return None
    if any(isinstance(block, Labelled | Heading) for block in story.body):
        return None
    if not story.title and story.body and isinstance(story.body[0], Button):
        return None  # a bold link at the start of a brief is its title
    opening, rest = _opening(story)
    trailing = story.source if not _title_is_anchor(story) else None
    *before, last = rest or (Paragraph(()),)
    match last:
        case Paragraph(content) if trailing:
            words = (trailing.anchor,) if trailing.anchor else ()
            link = Link(trailing.url or "", words)
            last = Paragraph(tidy((*content, " (" if content else "(", link, ")")))
        case _:
            if trailing:
                return None
    blocks = [*before, last]
    if opening:
        match blocks[0]:
            case Paragraph(content):
                blocks[0] = Paragraph(tidy((*opening, *content)))
            case _:
                blocks.insert(0, Paragraph(tidy(opening)))
    return tuple(blocks) if _reads_back(blocks, story) else None


def _opening(story: Story) -> tuple[Content, tuple[Block, ...]]:
    """Return the title as the first words of a brief, and the body."""
    if not story.title:
        return (), story.body
    if _title_is_anchor(story):
        assert story.source
        link = Link(story.source.url or "", (story.title,))
        follows = bool(story.body) and isinstance(story.body[0], Paragraph)
        return ((link, " — ") if follows else (link,)), story.body
    ending = "" if story.title.endswith(("!", "?", "…", "...")) else "."
    return (Strong((story.title + ending,)), " "), story.body


def _reads_back(blocks: list[Block], story: Story) -> bool:
    """Say whether a brief's blocks are read as the story they were made of."""
    match blocks[0]:
        case Paragraph(content):
            opening = brief_opening(content)
            read = [*([Paragraph(opening.rest)] if opening.rest else []), *blocks[1:]]
            kind, title, source = opening.kind, opening.title, opening.source
        case _:
            read, kind, title, source = list(blocks), StoryKind.STORY, None, None
    match read:
        case [*_, Paragraph(content)] if source is None:
            rest, source = trailing_source(content)
            read[-1:] = [Paragraph(rest)] if rest else []
        case _:
            pass
    return (kind, title, source, tuple(read)) == (
        story.kind,
        story.title,
        story.source,
        story.body,
    ) and bool(blocks[0] != Paragraph(()))


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


def _title_is_anchor(story: Story) -> bool:
    """Say whether the title can be the link: the source has its words, and is not lost."""
    source = story.source
    return source is not None and source.anchor == story.title and source.url is not None
