"""What a paragraph is made of: a small closed tree, never HTML.

A plain string is a run of text, so ordinary prose costs no wrapper. Both unions are closed:
a renderer that handles every member is total, and mypy proves it (`assert_never`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Emphasis:
    """Stressed text."""

    children: Content


@dataclass(frozen=True, slots=True)
class Strong:
    """Important text."""

    children: Content


@dataclass(frozen=True, slots=True)
class Strikethrough:
    """Struck text."""

    children: Content


@dataclass(frozen=True, slots=True)
class Code:
    """Literal text inside a line."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """An anchor; `url` is as the author wrote it."""

    url: str
    children: Content


@dataclass(frozen=True, slots=True)
class Image:
    """A picture inside a line or, alone in a paragraph, a figure."""

    url: str
    alt: str  # empty only if the author left it empty
    title: str | None = None
    width: int | None = None  # px as shown; None if only the far server knows
    height: int | None = None


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A break the author asked for."""


Inline = str | Emphasis | Strong | Strikethrough | Code | Link | Image | LineBreak
Content = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of inline content."""

    content: Content


@dataclass(frozen=True, slots=True)
class ListBlock:
    """Bullets, or numbers from `start` on."""

    items: tuple[tuple[Block, ...], ...]
    ordered: bool = False
    start: int = 1


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody else's words."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Literal lines; `text` ends with a line end."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Cells by row; `align` has one of left, center, right or None a column."""

    head: tuple[Content, ...]
    rows: tuple[tuple[Content, ...], ...]
    align: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A divider."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture on its own, with the caption a reader sees."""

    image: Image
    caption: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """A paragraph that was only a bold link."""

    url: str
    content: Content


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a story: level 4 to 6."""

    level: int
    content: Content


@dataclass(frozen=True, slots=True)
class Labelled:
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
