"""The normal form of inline content: one tree for each thing a reader can see.

Markdown can say the same in many ways; two issues that say the same must be equal. In normal
form no two neighbours could be one node, no mark stands inside its own kind, and white space
stands outside marks and links, not at the edges of the content and not around line breaks.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.model.content import (
    Code,
    Content,
    Emphasis,
    Inline,
    LineBreak,
    Link,
    Strikethrough,
    Strong,
)

_Kinds = frozenset[type[Inline]]

_Mark = Emphasis | Strong | Strikethrough

_NOTHING: _Kinds = frozenset()


def tidy(content: Iterable[Inline]) -> Content:
    """Return content in normal form, which `tidy` leaves as it is."""
    _, middle, _ = _split_edges(_joined(content, _NOTHING))
    return tuple(middle)


def tidy_line(content: Iterable[Inline]) -> Content:
    """Return content in normal form for where no line break can be: headings, cells."""
    return tidy(_unbroken(content))


def _unbroken(content: Iterable[Inline]) -> list[Inline]:
    nodes: list[Inline] = []
    for node in content:
        match node:
            case LineBreak():
                nodes.append(" ")
            case Emphasis(children) | Strong(children) | Strikethrough(children):
                nodes.append(type(node)(tuple(_unbroken(children))))
            case Link(url, children):
                nodes.append(Link(url, tuple(_unbroken(children))))
            case _:
                nodes.append(node)
    return nodes


def _joined(content: Iterable[Inline], inside: _Kinds) -> list[Inline]:
    """Return nodes with equal neighbours made one; `inside` are the kinds around them."""
    nodes: list[Inline] = []
    for node in content:
        match node:
            case Code("") | "":
                continue
            case Emphasis(children) | Strong(children) | Strikethrough(children):
                parts = _marked(type(node), children, inside)
            case Link(children=children) if Link in inside:
                parts = _joined(children, inside)
            case Link(url, children):
                parts = _linked(url, children, inside)
            case _:
                parts = [node]
        for part in parts:
            _append(nodes, part)
    return _without_space_at_breaks(nodes)


def _marked(kind: type[_Mark], children: Content, inside: _Kinds) -> list[Inline]:
    """Return a mark with the white space at its edges moved outside, or without the mark."""
    nodes = _joined(children, inside | {kind})
    if kind in inside:
        return nodes
    before, middle, after = _split_edges(nodes)
    return [*before, *([kind(tuple(middle))] if middle else []), *after]


def _linked(url: str, children: Content, inside: _Kinds) -> list[Inline]:
    before, middle, after = _split_edges(_joined(children, inside | {Link}))
    return [*before, Link(url, tuple(middle)), *after]


def _append(nodes: list[Inline], node: Inline) -> None:
    """Add a node, as a part of the last one if they are of one kind."""
    last = nodes[-1] if nodes else None
    if isinstance(last, str) and isinstance(node, str):
        nodes[-1] = last + node
    elif isinstance(last, Code) and isinstance(node, Code):
        nodes[-1] = Code(last.text + node.text)
    elif isinstance(last, _Mark) and isinstance(node, _Mark) and type(last) is type(node):
        children = list(last.children)
        for child in node.children:
            _append(children, child)
        nodes[-1] = type(node)(tuple(children))
    else:
        nodes.append(node)


def _split_edges(nodes: list[Inline]) -> tuple[list[Inline], list[Inline], list[Inline]]:
    """Split white space and line breaks off both ends."""
    before: list[Inline] = []
    after: list[Inline] = []
    middle = list(nodes)
    while middle and (space := _leading(middle)) is not None:
        before.append(space)
    while middle and (space := _trailing(middle)) is not None:
        after.insert(0, space)
    return before, middle, after


def _leading(nodes: list[Inline]) -> Inline | None:
    """Take white space or a line break from the front."""
    match nodes[0]:
        case LineBreak():
            return nodes.pop(0)
        case str(text) if text != (rest := text.lstrip()):
            nodes[:1] = [rest] if rest else []
            return text[: len(text) - len(rest)]
        case _:
            return None


def _trailing(nodes: list[Inline]) -> Inline | None:
    """Take white space or a line break from the end."""
    match nodes[-1]:
        case LineBreak():
            return nodes.pop()
        case str(text) if text != (rest := text.rstrip()):
            nodes[-1:] = [rest] if rest else []
            return text[len(rest) :]
        case _:
            return None


def _without_space_at_breaks(nodes: list[Inline]) -> list[Inline]:
    """Drop white space at both sides of line breaks."""
    kept: list[Inline] = []
    for index, node in enumerate(nodes):
        if isinstance(node, str):
            if index and isinstance(nodes[index - 1], LineBreak):
                node = node.lstrip()  # noqa: PLW2901 - the same text without its edge
            if index + 1 < len(nodes) and isinstance(nodes[index + 1], LineBreak):
                node = node.rstrip()  # noqa: PLW2901 - the same text without its edge
        if node != "":
            kept.append(node)
    return kept
