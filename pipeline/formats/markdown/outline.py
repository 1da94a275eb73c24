"""Finds the sections and stories in the blocks of a Markdown text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.tree import SyntaxTreeNode

from pipeline.formats.claims import Claims
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.drafts import SectionDraft
from pipeline.formats.markdown.blocks import HIGHEST_INNER, LISTS, BlockReader
from pipeline.formats.markdown.briefs import read_brief
from pipeline.formats.markdown.fields import Structure
from pipeline.formats.markdown.headings import story_heading
from pipeline.formats.markdown.inline import inline_nodes
from pipeline.formats.markdown.story import MarkdownStory
from pipeline.formats.markdown.tidy import tidy_line
from pipeline.model.content import Block, Rule, plain


def infer_structure(nodes: Sequence[SyntaxTreeNode], diagnosis: Diagnosis) -> Structure:
    """Say whether `##` opens a section or a story when the front matter does not.

    Any `###` means sections; so does a list right under the first `##`, which is one of briefs.
    """
    levels = [_level(node) for node in nodes]
    if 3 in levels:
        return "sections"
    if 2 not in levels:
        return "flat"
    first = levels.index(2)
    if first + 1 < len(nodes) and nodes[first + 1].type in LISTS:
        return "sections"
    diagnosis.add(
        "I211",
        "second-level headings are read as stories",
        note="there is no third-level heading, and no list right under the first one",
        remedy='say "structure: flat" or "structure: sections" in the front matter',
    )
    return "flat"


@dataclass(slots=True)
class Outline:
    """The issue's parts in the order in which they open; walk it with `add`, end it with `close`."""

    structure: Structure
    reader: BlockReader
    claims: Claims
    diagnosis: Diagnosis
    intro: list[Block] = field(default_factory=list)
    sections: list[SectionDraft] = field(default_factory=list)
    _story: MarkdownStory | None = None  # the one under a heading
    _loose: MarkdownStory | None = None  # paragraphs between lists of briefs

    def add(self, node: SyntaxTreeNode) -> None:
        """Take the next block of the text."""
        level = _level(node)
        if level and level < HIGHEST_INNER:
            self._add_heading(node, level)
        elif self._story:
            self._story.add(node)
        elif node.type == "comment":
            self.claims.comment(*self.reader.lines(node))
        elif not self.sections:
            self._add_intro(node, self.intro, "/intro")
        else:
            self._add_to_section(node, self.sections[-1])

    def close(self) -> None:
        """End the story that is open."""
        for story in (self._story, self._loose):
            if story:
                story.close()
        self._story = self._loose = None

    def _add_heading(self, node: SyntaxTreeNode, level: int) -> None:
        flat = self.structure == "flat"
        if flat and level == 3:
            # Stories stand on the level above, so this is a heading inside one.
            if self._story:
                self._story.add(node)
            else:
                self._add_intro(node, self.intro, "/intro")
            return
        self.close()
        if level == 1:
            self.diagnosis.add(
                "I212",
                "a first-level heading is read like one of the second level",
                line=self.reader.lines(node)[0],
                note="the issue has its title already",
            )
        if flat or level == 3:
            self._open_story(node)
        else:
            self._open_section(node)

    def _open_section(self, node: SyntaxTreeNode) -> None:
        title = plain(tidy_line(self.reader.content(node)))
        section = SectionDraft(f"/sections/{len(self.sections)}", title=title or None)
        self.sections.append(section)
        self.claims.claim(f"{section.pointer}/title", *self.reader.lines(node))

    def _open_story(self, node: SyntaxTreeNode) -> None:
        if not self.sections:
            self.sections.append(SectionDraft("/sections/0"))
        draft = self.sections[-1].open_story()
        opening = story_heading(inline_nodes(node), self.reader.content(node))
        draft.kind, draft.title, draft.source = opening.kind, opening.title, opening.source
        first, last = self.reader.lines(node)
        self.claims.claim(f"{draft.pointer}/title", first, last)
        if draft.title is None:
            self.diagnosis.add("W204", "a story has no title", line=first)
        self._story = MarkdownStory(draft, self.reader, self.claims, self.diagnosis)

    def _add_intro(self, node: SyntaxTreeNode, intro: list[Block], pointer: str) -> None:
        block = self.reader.block(node)
        lines = self.reader.lines(node)
        if block is None:
            self.claims.comment(*lines)
            return
        self.claims.claim(f"{pointer}/{len(intro)}", *lines)
        intro.append(block)

    def _add_to_section(self, node: SyntaxTreeNode, section: SectionDraft) -> None:
        """Take a block that stands in a section, under no story's heading."""
        if node.type in LISTS:
            self.close()
            for item in node.children:
                read_brief(item, section, self.reader, self.claims, self.diagnosis)
        elif not section.stories:
            self._add_intro(node, section.intro, f"{section.pointer}/intro")
        elif self._loose or node.type != "hr":
            if not self._loose:
                draft = section.open_story()
                self._loose = MarkdownStory(draft, self.reader, self.claims, self.diagnosis)
            self._loose.add(node)
        else:
            self._add_rule(node, section)

    def _add_rule(self, node: SyntaxTreeNode, section: SectionDraft) -> None:
        """A divider after a brief belongs to it: alone it would be a story of nothing."""
        draft = section.stories[-1]
        self.claims.claim(f"{draft.pointer}/body/{len(draft.body)}", *self.reader.lines(node))
        draft.body.append(Rule())


def _level(node: SyntaxTreeNode) -> int:
    """Return the level of a heading, 0 for any other block."""
    return int(node.tag[1:]) if node.type == "heading" else 0
