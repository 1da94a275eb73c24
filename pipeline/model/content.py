"""What a paragraph is made of: a small closed tree, never HTML.

A plain string is a run of text, so ordinary prose costs no wrapper. Both unions are closed:
a renderer that handles every member is total, and mypy proves it (`assert_never`).
"""

from __future__ import annotations

from msgspec import Struct


class Emphasis(Struct, frozen=True):
    """Stressed text."""

    children: Content


class Strong(Struct, frozen=True):
    """Important text."""

    children: Content


class Strikethrough(Struct, frozen=True):
    """Struck text."""

    children: Content


class Code(Struct, frozen=True):
    """Literal text inside a line."""

    text: str


class Link(Struct, frozen=True):
    """An anchor; `url` is as the author wrote it."""

    url: str
    children: Content


class Image(Struct, frozen=True):
    """A picture inside a line or, alone in a paragraph, a figure."""

    url: str
    alt: str  # empty only if the author left it empty
    title: str | None = None
    width: int | None = None  # px as shown; None if only the far server knows
    height: int | None = None


class LineBreak(Struct, frozen=True):
    """A break the author asked for."""


Inline = str | Emphasis | Strong | Strikethrough | Code | Link | Image | LineBreak
Content = tuple[Inline, ...]


class Paragraph(Struct, frozen=True):
    """A run of inline content."""

    content: Content


class ListBlock(Struct, frozen=True):
    """Bullets, or numbers from `start` on."""

    items: tuple[tuple[Block, ...], ...]
    ordered: bool = False
    start: int = 1


class Quote(Struct, frozen=True):
    """Somebody else's words."""

    blocks: tuple[Block, ...]


class CodeBlock(Struct, frozen=True):
    """Literal lines; `text` ends with a line end."""

    text: str
    language: str | None = None


class Table(Struct, frozen=True):
    """Cells by row; `align` has one of left, center, right or None a column."""

    head: tuple[Content, ...]
    rows: tuple[tuple[Content, ...], ...]
    align: tuple[str | None, ...]


class Rule(Struct, frozen=True):
    """A divider."""


class Figure(Struct, frozen=True):
    """A picture on its own, with the caption a reader sees."""

    image: Image
    caption: str | None = None
    link: str | None = None


class Button(Struct, frozen=True):
    """A paragraph that was only a bold link."""

    url: str
    content: Content


class Heading(Struct, frozen=True):
    """A heading inside a story: level 4 to 6."""

    level: int
    content: Content


class Labelled(Struct, frozen=True):
    """Blocks under a label that has no field of its own, such as "Why it matters"."""

    label: str
    blocks: tuple[Block, ...]


Block = (
    Paragraph | ListBlock | Quote | CodeBlock | Table | Rule | Figure | Button | Heading | Labelled
)


def plain(content: Content) -> str:
    """Return the words of inline content as one line, markup dropped, images as their alt."""
    parts: list[str] = []
    for node in content:
        match node:
            case str():
                parts.append(node)
            case Code(text):
                parts.append(text)
            case Image(alt=alt):
                parts.append(alt)
            case LineBreak():
                parts.append(" ")
            case Emphasis(children) | Strong(children) | Strikethrough(children):
                parts.append(plain(children))
            case Link(children=children):
                parts.append(plain(children))
    return "".join(parts)
