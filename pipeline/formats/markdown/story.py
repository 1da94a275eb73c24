"""One story in Markdown, read block by block."""

from __future__ import annotations

from typing import Final

from markdown_it.tree import SyntaxTreeNode

from pipeline.formats.claims import Claims
from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.drafts import StoryDraft
from pipeline.formats.markdown.blocks import LISTS, BlockReader, paragraph
from pipeline.formats.markdown.headings import BoldLabel, bold_label
from pipeline.formats.markdown.inline import inline_nodes
from pipeline.formats.markdown.tidy import tidy
from pipeline.formats.words import Label
from pipeline.model.content import (
    Block,
    Content,
    Labelled,
    Link,
    ListBlock,
    Paragraph,
    plain,
)
from pipeline.model.issue import Source

_LISTED: Final = frozenset({Label.TAKEAWAYS, Label.TRADEOFFS})


class MarkdownStory:
    """Puts the blocks of a story where the label above them says.

    TL;DR and Source take one paragraph, Key takeaways and Trade-offs one list. Other labels
    take what follows up to the next label or heading; a label nobody knows takes only its own
    paragraph, if it has one.
    """

    def __init__(
        self,
        draft: StoryDraft,
        reader: BlockReader,
        claims: Claims,
        diagnosis: Diagnosis,
        *,
        known_labels_only: bool = False,
    ) -> None:
        self.draft = draft
        self._reader = reader
        self._claims = claims
        self._diagnosis = diagnosis
        self._known_labels_only = known_labels_only
        self._label = Label.SUMMARY  # what the next block belongs to
        self._name = ""  # the label as written
        self._listed = False  # the label has its list: what follows is body
        self._kept: list[Block] | None = None  # blocks under a label without a field

    def add(self, node: SyntaxTreeNode) -> None:
        """Take the next block."""
        first, last = self._reader.lines(node)
        if node.type == "comment":
            self._claims.comment(first, last)
        elif node.type == "paragraph" and (label := self._label_of(node)):
            self._add_label(label, node)
        elif node.type in LISTS and self._label in _LISTED and not self._listed:
            self._add_list(node)
        else:
            if node.type == "heading":
                self.close()
            block = self._reader.block(node)
            if block is None:
                self._claims.comment(first, last)
            else:
                self.add_block(block, first, last)

    def add_block(self, block: Block, first: int, last: int) -> None:
        """Take a block that is read already, from lines `first` to `last`."""
        draft = self.draft
        if isinstance(block, Paragraph) and self._take_paragraph(block.content, first, last):
            return
        if self._label in _LISTED:
            self._diagnosis.add(
                "W207",
                f"what follows the list under {self._name!r} is joined to the body",
                line=first,
            )
        if self._kept is None:
            self._label = Label.SUMMARY
        pointer = f"{draft.pointer}/body/{len(draft.body)}"
        if self._kept is None:
            draft.body.append(block)
        else:
            pointer = f"{pointer}/blocks/{len(self._kept)}"
            self._kept.append(block)
        self._claims.claim(pointer, first, last)

    def close(self) -> None:
        """End what the last label opened."""
        if self._kept is not None:
            self.draft.body.append(Labelled(self._name, tuple(self._kept)))
            self._kept = None
        self._label = Label.SUMMARY

    def _label_of(self, node: SyntaxTreeNode) -> BoldLabel | None:
        label = bold_label(inline_nodes(node))
        return None if label and self._known_labels_only and label.label is None else label

    def _add_label(self, found: BoldLabel, node: SyntaxTreeNode) -> None:
        self.close()
        first, last = self._reader.lines(node)
        content = self._content_after(found, node, first)
        label = found.label
        if not self._is_free(label, content):
            label = Label.KEPT
        self._name, self._label, self._listed = found.name, label or Label.KEPT, False
        pointer = self.draft.pointer
        match label:
            case Label.SUMMARY if not content:
                self._claims.label(f"{pointer}/body", first)
            case Label.SUMMARY:
                self._add_paragraph(content, first, last)
            case Label.TLDR | Label.SOURCE:
                self._take_paragraph(content, first, last, part=label.value)
                if not content:
                    self._claims.label(f"{pointer}/{label}", first)
            case Label.TAKEAWAYS | Label.TRADEOFFS if content:
                self._claims.claim(f"{pointer}/{label}/{len(self._items())}", first, last)
                self._items().append(content)
            case Label.TAKEAWAYS | Label.TRADEOFFS:
                self._claims.label(f"{pointer}/{label}", first)
            case _:
                self._keep(content, first, last, known=found.label is not None)

    def _keep(self, content: Content, first: int, last: int, *, known: bool) -> None:
        """Open a label that has no field of its own."""
        self._claims.claim(f"{self.draft.pointer}/body/{len(self.draft.body)}", first, last)
        block = paragraph(content)
        self._kept = [] if block is None else [block]
        if not known:
            self._diagnosis.add(
                "W206",
                f"the label {self._name!r} is unknown and kept as it is",
                line=first,
                at=self._name,
                remedy=rf"if it is no label, write **{self._name}\:**",
            )
            if content:
                self.close()

    def _content_after(self, found: BoldLabel, node: SyntaxTreeNode, line: int) -> Content:
        content = self._reader.inline.read(inline_nodes(node)[1:], line)
        match content:
            case (str(text), *rest) if found.colon:
                return tidy((text.removeprefix(found.colon), *rest))
            case _:
                return content

    def _is_free(self, label: Label | None, content: Content) -> bool:
        """Say whether a field can take what is under its label; what it cannot is kept whole."""
        if label is Label.TLDR:
            return self.draft.tldr is None
        if label is Label.SOURCE:
            return self.draft.source is None and (not content or _source(content) is not None)
        return True

    def _take_paragraph(
        self, content: Content, first: int, last: int, *, part: str | None = None
    ) -> bool:
        """Give a paragraph to the field that waits for one; `part` is its pointer if not a child."""
        draft = self.draft
        if not content:
            return False
        match self._label:
            case Label.TLDR:
                draft.tldr = content
                self._claims.claim(f"{draft.pointer}/{part or 'tldr/0'}", first, last)
            case Label.SOURCE:
                draft.source = _source(content)
                if draft.source is None:
                    self._label = Label.SUMMARY
                    return False
                self._claims.claim(f"{draft.pointer}/{part or 'source/anchor'}", first, last)
            case _:
                return False
        self._label = Label.SUMMARY
        return True

    def _add_paragraph(self, content: Content, first: int, last: int) -> None:
        block = paragraph(content)
        if block is not None:
            self.add_block(block, first, last)

    def _items(self) -> list[Content]:
        draft = self.draft
        return draft.takeaways if self._label is Label.TAKEAWAYS else draft.tradeoffs

    def _add_list(self, node: SyntaxTreeNode) -> None:
        """Take the list under a label; one with more than a line an item stays whole."""
        first, last = self._reader.lines(node)
        block = self._reader.block(node)
        assert isinstance(block, ListBlock)
        contents = [_only_paragraph(item) for item in block.items]
        if None in contents:
            self._keep_list(block, first, last)
            return
        self._listed = True
        for item, content in zip(node.children, contents, strict=True):
            pointer = f"{self.draft.pointer}/{self._label}/{len(self._items())}"
            self._claims.claim(pointer, *self._reader.lines(item))
            if content:
                self._items().append(content)

    def _keep_list(self, block: ListBlock, first: int, last: int) -> None:
        self._diagnosis.add(
            "W210",
            f"the list under {self._name!r} has more than a line an item and stays in the body",
            line=first,
            remedy="make it a plain list of one-paragraph items",
        )
        self._label = Label.SUMMARY
        pointer = f"{self.draft.pointer}/body/{len(self.draft.body)}"
        self._claims.claim(pointer, first, last)
        self.draft.body.append(Labelled(self._name, (block,)))


def _only_paragraph(item: tuple[Block, ...]) -> Content | None:
    """Return the content of an item that is one paragraph, () if it is empty, else None."""
    match item:
        case ():
            return ()
        case (Paragraph(content),):
            return content
        case _:
            return None


def _source(content: Content) -> Source | None:
    """Return the source a paragraph names: one link or a URL, or only words."""
    links = [node for node in content if isinstance(node, Link)]
    if len(links) > 1:
        return None
    anchor = plain(content)
    if links:
        return Source(anchor=anchor, url=links[0].url or None) if anchor or links[0].url else None
    is_url = anchor.startswith(("https://", "http://")) and len(anchor.split()) == 1
    return Source(anchor=anchor, url=anchor if is_url else None)
