"""Turns the block nodes of the parser into blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from markdown_it.tree import SyntaxTreeNode

from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.markdown.inline import InlineReader, inline_nodes
from pipeline.formats.markdown.tidy import tidy_line
from pipeline.model.content import (
    Block,
    Button,
    CodeBlock,
    Content,
    Figure,
    Heading,
    Image,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Strong,
    Table,
)

HIGHEST_INNER: Final = 4  # headings 1 to 3 are the title, sections and stories
LISTS: Final = frozenset({"bullet_list", "ordered_list"})


class BlockReader:
    """Reads blocks of the body of a file that starts at line `first_line` of the whole."""

    def __init__(self, diagnosis: Diagnosis, first_line: int) -> None:
        self.inline = InlineReader(diagnosis)
        self.first_line = first_line

    def lines(self, node: SyntaxTreeNode) -> tuple[int, int]:
        """Return the first and the last line of a block, 1-based."""
        first, end = node.map or (0, 0)
        return first + self.first_line, end + self.first_line - 1

    def content(self, node: SyntaxTreeNode, *, keep_attribution: bool = False) -> Content:
        """Return the content of a paragraph, heading or cell."""
        first, _ = self.lines(node)
        return self.inline.read(inline_nodes(node), first, keep_attribution=keep_attribution)

    def blocks(
        self, nodes: Iterable[SyntaxTreeNode], *, quoted: bool = False
    ) -> tuple[Block, ...]:
        """Return blocks; comments and empty paragraphs are none."""
        read = (self.block(node, quoted=quoted) for node in nodes)
        return tuple(block for block in read if block is not None)

    def block(self, node: SyntaxTreeNode, *, quoted: bool = False) -> Block | None:
        """Return one block, or None if there is nothing of it to see."""
        match node.type:
            case "paragraph":
                return paragraph(self.content(node, keep_attribution=quoted))
            case "bullet_list" | "ordered_list":
                return ListBlock(
                    tuple(self.blocks(item.children) for item in node.children),
                    ordered=node.type == "ordered_list",
                    start=int(node.attrs.get("start", 1)),
                )
            case "blockquote":
                return Quote(self.blocks(node.children, quoted=True))
            case "fence":
                return CodeBlock(node.content, language=next(iter(node.info.split()), None))
            case "code_block":
                return CodeBlock(node.content)
            case "table":
                return self._table(node)
            case "hr":
                return Rule()
            case "heading":
                level = max(HIGHEST_INNER, int(node.tag[1:]))
                return Heading(level, tidy_line(self.content(node)))
            case "comment":
                return None
            case unknown:
                raise AssertionError(f"the parser gave {unknown}")

    def _table(self, node: SyntaxTreeNode) -> Table:
        head, *rows = [row for part in node.children for row in part.children]
        return Table(
            head=self._cells(head.children),
            rows=tuple(self._cells(row.children) for row in rows),
            align=tuple(_align(cell) for cell in head.children),
        )

    def _cells(self, cells: Sequence[SyntaxTreeNode]) -> tuple[Content, ...]:
        return tuple(tidy_line(self.content(cell)) for cell in cells)


def paragraph(content: Content) -> Block | None:
    """Return what a paragraph is: a picture alone is a figure, a bold link alone a button."""
    match content:
        case ():
            return None
        case (Image() as image,):
            return _figure(image, None)
        case (Link(url, (Image() as image,)),):
            return _figure(image, url or None)
        case (Strong((Link(url, children),)),):
            return Button(url, children)
        case _:
            return Paragraph(content)


def _figure(image: Image, link: str | None) -> Figure:
    return Figure(Image(image.url, image.alt), caption=image.title, link=link)


def _align(cell: SyntaxTreeNode) -> str | None:
    return str(cell.attrs.get("style", "")).removeprefix("text-align:") or None
