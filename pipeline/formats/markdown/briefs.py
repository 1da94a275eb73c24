"""Reads the items of a list that stands in a section: each one is a story."""

from __future__ import annotations

from markdown_it.tree import SyntaxTreeNode

from pipeline.formats.claims import Claims
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.drafts import SectionDraft, StoryDraft
from pipeline.formats.markdown.blocks import BlockReader, paragraph
from pipeline.formats.markdown.headings import Opening, bold_label, brief_opening, trailing_source
from pipeline.formats.markdown.inline import inline_nodes
from pipeline.formats.markdown.story import MarkdownStory
from pipeline.model.content import Figure, Paragraph


def read_brief(
    item: SyntaxTreeNode,
    section: SectionDraft,
    reader: BlockReader,
    claims: Claims,
    diagnosis: Diagnosis,
) -> None:
    """Add the story that a list item tells; an empty item tells none."""
    nodes = [node for node in item.children if node.type != "comment"]
    for node in item.children:
        if node.type == "comment":
            claims.comment(*reader.lines(node))
    if not nodes:
        return
    draft = section.open_story()
    story = MarkdownStory(draft, reader, claims, diagnosis, known_labels_only=True)
    if nodes[0].type == "paragraph" and not _opens_with_known_label(nodes[0]):
        _read_opening(nodes.pop(0), draft, story, reader, claims)
    for node in nodes:
        story.add(node)
    story.close()
    if draft.source is None:
        _take_trailing_source(draft)


def _read_opening(
    node: SyntaxTreeNode,
    draft: StoryDraft,
    story: MarkdownStory,
    reader: BlockReader,
    claims: Claims,
) -> None:
    first, last = reader.lines(node)
    content = reader.inline.read(inline_nodes(node), first, keep_first_end=True)
    is_figure = isinstance(paragraph(content), Figure)
    opening = Opening(rest=content) if is_figure else brief_opening(content)
    draft.kind, draft.title, draft.source = opening.kind, opening.title, opening.source
    block = paragraph(opening.rest)
    if block is not None:
        story.add_block(block, first, last)
    elif draft.title or draft.source:
        claims.claim(f"{draft.pointer}/title", first, last)
    else:
        claims.comment(first, last)


def _take_trailing_source(draft: StoryDraft) -> None:
    """Take the link in brackets at the end of a brief as its source."""
    match draft.body:
        case [*_, Paragraph(content)]:
            rest, draft.source = trailing_source(content)
            draft.body[-1:] = [Paragraph(rest)] if rest else []
        case _:
            pass


def _opens_with_known_label(node: SyntaxTreeNode) -> bool:
    found = bold_label(inline_nodes(node))
    return found is not None and found.label is not None
