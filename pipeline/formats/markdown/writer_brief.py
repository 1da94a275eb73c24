"""Writes a story as an item of a list of briefs, if it fits into one."""

from __future__ import annotations

from pipeline.formats.markdown.headings import Opening, brief_opening, trailing_source
from pipeline.formats.markdown.tidy import tidy
from pipeline.formats.markdown.writer_blocks import write_blocks
from pipeline.formats.markdown.writer_story import title_is_anchor
from pipeline.model.content import (
    Block,
    Button,
    Content,
    Heading,
    Labelled,
    Link,
    Paragraph,
    Strong,
)
from pipeline.model.issue import Source, Story, StoryKind


def brief(story: Story) -> str | None:
    """Return the text of a list item that reads back as the story, or None if there is none."""
    if story.kind is not StoryKind.STORY or story.tldr or story.takeaways or story.tradeoffs:
        return None
    if any(isinstance(block, Labelled | Heading) for block in story.body):
        return None
    if not story.title and isinstance(next(iter(story.body), None), Button):
        return None  # a bold link at the start of a brief is its title
    trailing = None if title_is_anchor(story) else story.source
    blocks = _with_opening(_opening(story), _with_source(trailing, story.body))
    if not _reads_back(blocks, story):
        return None
    return write_blocks(blocks, inside=True, in_story=True, behind_bullet=True)


def _opening(story: Story) -> Content:
    """Return the title as the first words of a brief."""
    if not story.title:
        return ()
    if story.source and title_is_anchor(story):
        link = Link(story.source.url or "", (story.title,))
        follows = isinstance(next(iter(story.body), None), Paragraph)
        return (link, " — ") if follows else (link,)
    ending = "" if story.title.endswith(("!", "?", "…", "...")) else "."
    return (Strong((story.title + ending,)), " ")


def _with_opening(opening: Content, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    match opening, blocks:
        case (), _:
            return blocks
        case _, (Paragraph(content), *rest):
            return (Paragraph(tidy((*opening, *content))), *rest)
        case _:
            return (Paragraph(tidy(opening)), *blocks)


def _with_source(source: Source | None, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return blocks with the source in brackets at the end of the last paragraph."""
    if source is None:
        return blocks
    link = Link(source.url or "", (source.anchor,) if source.anchor else ())
    match blocks:
        case (*before, Paragraph(content)):
            return (*before, Paragraph(tidy((*content, " (", link, ")"))))
        case _:
            return (*blocks, Paragraph(("(", link, ")")))


def _reads_back(blocks: tuple[Block, ...], story: Story) -> bool:
    """Say whether the functions that will read these blocks find the story in them."""
    if not blocks:
        return False
    opening = Opening()
    body = list(blocks)
    if isinstance(body[0], Paragraph):
        opening = brief_opening(body[0].content)
        body[:1] = [Paragraph(opening.rest)] if opening.rest else []
    source = opening.source
    match body:
        case [*_, Paragraph(content)] if source is None:
            rest, source = trailing_source(content)
            body[-1:] = [Paragraph(rest)] if rest else []
        case _:
            pass
    found = (opening.kind, opening.title, source, tuple(body))
    return found == (story.kind, story.title, story.source, story.body)
