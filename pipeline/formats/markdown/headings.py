"""Reads what headings and bold openings say of a story: kind, title, source, label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from markdown_it.tree import SyntaxTreeNode
from msgspec import Struct

from pipeline.formats.markdown.tidy import tidy, tidy_line
from pipeline.formats.words import Label, label_named, split_kind
from pipeline.model.content import Content, Inline, LineBreak, Link, Strong, plain
from pipeline.model.issue import Source, StoryKind

LONGEST_LABEL: Final = 60  # characters of a label nobody knows
LABEL_WORDS: Final = 6

_SEPARATOR = re.compile(r"\s*(?:[—–:-]|--)\s+")
_COLON = re.compile(r":(?:\s|$)")
_ENDS: Final = (".", "!", "?", "…", ":")


class Opening(Struct, frozen=True):
    """What the first words of a story say of it."""

    kind: StoryKind = StoryKind.STORY
    title: str | None = None
    source: Source | None = None
    rest: Content = ()  # what follows in the same paragraph


class BoldLabel(Struct, frozen=True):
    """A label at the start of a paragraph."""

    label: Label | None  # None: nobody knows it
    name: str  # as written, without the colon
    colon: str  # what the text behind the bold words begins with and is part of the label


def story_heading(nodes: Sequence[SyntaxTreeNode], content: Content) -> Opening:
    r"""Read the heading of a story: `Kind: Title` or `Kind: [Title](url)`.

    Args:
        nodes: the inline nodes. `Editorial\: ...` is a headline that really begins so: the
            escape is a node of its own.
        content: the same, as content.
    """
    content = tidy_line(content)
    kind = StoryKind.STORY
    if nodes and nodes[0].type == "text":
        kind, title = split_kind(nodes[0].content)
        content = _without_start(content, len(nodes[0].content) - len(title))
    match content:
        case (Link(url, children),):
            title = plain(children)
            return Opening(kind, title or None, _source(title, url))
        case _:
            return Opening(kind, plain(content) or None, _only_link(content))


def bold_label(nodes: Sequence[SyntaxTreeNode]) -> BoldLabel | None:
    """Return the label a paragraph opens with: `**Label:**`, or `**TL;DR**:` if it is known."""
    if not nodes or nodes[0].type != "strong":
        return None
    words = [node for node in nodes[0].children if node.type != "text" or node.content]
    if not words or any(node.type not in {"text", "text_special"} for node in words):
        return None
    text = "".join(node.content for node in words)
    following = nodes[1] if len(nodes) > 1 else None
    after = following.content if following is not None and following.type == "text" else ""
    if words[-1].type == "text" and text.endswith(":"):
        name = text[:-1].strip()
        known = label_named(name)
        short = 0 < len(name) <= LONGEST_LABEL and len(name.split()) <= LABEL_WORDS
        apart = following is None or _is_break(following) or after[:1].isspace()
        return BoldLabel(known, name, "") if apart and (known or short) else None
    known = label_named(text)
    return BoldLabel(known, text.strip(), ":") if known and _COLON.match(after) else None


def brief_opening(content: Content) -> Opening:
    """Read the first paragraph of a brief.

    A title is a link or bold words that end like a sentence, or that a dash, a colon or a line
    end separates from the rest: `[Knotcheck](url) — reads a photo`, `**Fog, explained.** The
    harbour`. Bold or linked words inside a sentence are no title.
    """
    match content:
        case (Link(url, children), *rest) if _is_apart(rest):
            return _titled(plain(children), url, rest)
        case (Strong((Link(url, children),)), *rest) if _is_apart(rest) or _ends(children):
            return _titled(plain(children), url, rest)
        case (Strong(children), *rest) if _is_apart(rest) or _ends(children):
            return _titled(plain(children), None, rest)
        case _:
            return Opening(rest=content)


def trailing_source(content: Content) -> tuple[Content, Source | None]:
    """Split a source in brackets off the end of a brief: `... ([Port Record](url))`."""
    match content:
        case (*before, str(opening), Link(url, children), ")") if opening.endswith("("):
            return tidy((*before, opening[:-1])), _source(plain(children), url)
        case _:
            return content, None


def _titled(words: str, url: str | None, rest: Sequence[Inline]) -> Opening:
    kind, title = split_kind(words)
    if url is None:
        return Opening(kind, _without_end(title) or None, None, _after_separator(rest))
    return Opening(kind, title or None, _source(title, url), _after_separator(rest))


def _source(anchor: str, url: str) -> Source | None:
    return Source(anchor=anchor, url=url or None) if anchor or url else None


def _only_link(content: Content) -> Source | None:
    """Return the source that a heading links with some of its words."""
    links = [node for node in content if isinstance(node, Link)]
    return _source(plain(links[0].children), links[0].url) if len(links) == 1 else None


def _without_start(content: Content, length: int) -> Content:
    match content:
        case (str(text), *rest):
            return tidy((text[length:], *rest))
        case _:
            return content


def _is_break(node: SyntaxTreeNode) -> bool:
    return node.type in {"softbreak", "hardbreak"}


def _is_apart(rest: Sequence[Inline]) -> bool:
    match rest:
        case [] | [LineBreak(), *_]:
            return True
        case [str(text), *_]:
            return _SEPARATOR.match(text) is not None
        case _:
            return False


def _after_separator(rest: Sequence[Inline]) -> Content:
    nodes = list(rest)
    if nodes and isinstance(nodes[0], LineBreak):
        del nodes[0]
    if nodes and isinstance(nodes[0], str):
        nodes[0] = (
            _SEPARATOR.sub("", nodes[0], count=1) if _SEPARATOR.match(nodes[0]) else nodes[0]
        )
    return tidy(nodes)


def _ends(children: Content) -> bool:
    return plain(children).endswith(_ENDS)


def _without_end(title: str) -> str:
    """Return a bold title without the full stop or colon that only ended it."""
    return title if title.endswith("...") else title.removesuffix(".").removesuffix(":").rstrip()
