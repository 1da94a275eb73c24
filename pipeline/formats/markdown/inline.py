"""Turns the inline nodes of the parser into content."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.tree import SyntaxTreeNode

from pipeline.formats.diagnosis import Diagnosis
from pipeline.formats.markdown.tidy import tidy
from pipeline.model.content import (
    Code,
    Content,
    Emphasis,
    Image,
    Inline,
    LineBreak,
    Link,
    Strikethrough,
    Strong,
    plain,
)

_ATTRIBUTION = re.compile(r"(?:[—–]|--)\s*\S")
# Browsers skip control characters and blanks in a scheme, so they must not hide it from us.
_SKIPPED = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028\u2029]")
_UNSAFE = re.compile(r"(?:javascript|vbscript|data|file):", re.IGNORECASE)


def inline_nodes(node: SyntaxTreeNode) -> list[SyntaxTreeNode]:
    """Return the inline nodes of a paragraph, heading or cell, without the parser's empty texts."""
    children = node.children[0].children if node.children else []
    return [child for child in children if child.type != "text" or child.content]


class InlineReader:
    """Reads paragraphs, and says what in them is odd."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        self._line = 0

    def read(
        self,
        nodes: Sequence[SyntaxTreeNode],
        line: int,
        *,
        keep_attribution: bool = False,
        keep_first_end: bool = False,
    ) -> Content:
        """Return the content of inline nodes, in normal form.

        Args:
            nodes: what `inline_nodes` gives.
            line: where the first of them stands, 1-based.
            keep_attribution: a line that begins with a dash stays a line of its own, as the
                name under a quotation does.
            keep_first_end: the line end after the first node stays, as the one after the
                linked title of a brief does.
        """
        self._line = line
        content: list[Inline] = []
        for index, node in enumerate(nodes):
            if node.type == "softbreak":
                following = nodes[index + 1].content if index + 1 < len(nodes) else ""
                stays = (keep_first_end and index == 1) or (
                    keep_attribution and _ATTRIBUTION.match(following)
                )
                self._line += 1
                content.append(LineBreak() if stays else " ")
            else:
                content.extend(self._inline(node))
        return tidy(content)

    def _inlines(self, nodes: Sequence[SyntaxTreeNode]) -> Content:
        return tuple(part for node in nodes for part in self._inline(node))

    def _inline(self, node: SyntaxTreeNode) -> Sequence[Inline]:
        """Return what a node becomes: mostly itself, sometimes only its words."""
        match node.type:
            case "text" | "text_special":
                return (node.content,)
            case "em":
                return (Emphasis(self._inlines(node.children)),)
            case "strong":
                return (Strong(self._inlines(node.children)),)
            case "s":
                return (Strikethrough(self._inlines(node.children)),)
            case "code_inline":
                return (Code(node.content),)
            case "softbreak":
                self._line += 1
                return (" ",)
            case "hardbreak":
                self._line += 1
                return (LineBreak(),)
            case "link":
                return self._link(node)
            case "image":
                return self._image(node)
            case "tag":
                return self._tag(node)
            case "open_comment":
                raise self._diagnosis.fatal(
                    "E013",
                    "this comment is not closed in its paragraph",
                    line=self._line,
                    at="<!--",
                    remedy=r"close it with -->, or write \<!-- to publish it",
                )
            case unknown:
                raise AssertionError(f"the parser gave {unknown}")

    def _link(self, node: SyntaxTreeNode) -> Sequence[Inline]:
        url = str(node.attrs.get("href", ""))
        children = self._inlines(node.children)
        if is_unsafe(url):
            self._refuse_scheme(url)
            return children
        if not plain(children).strip():
            self._diagnosis.add(
                "W302", "a link has no words", line=self._line, note=url, remedy="write some"
            )
        if node.attrs.get("title"):
            self._diagnosis.add(
                "I303",
                "the title of a link is not kept",
                line=self._line,
                at=str(node.attrs["title"]),
                note="no mail program on a telephone shows it",
            )
        return (Link(url, children),)

    def _image(self, node: SyntaxTreeNode) -> Sequence[Inline]:
        url = str(node.attrs.get("src", ""))
        alt = plain(self._inlines(node.children))
        if is_unsafe(url):
            self._refuse_scheme(url)
            return (alt,)
        if not alt.strip():
            self._diagnosis.add(
                "W301",
                "a picture has no description",
                line=self._line,
                note=url,
                remedy="say what it shows: ![a red crane](...)",
            )
        return (Image(url, alt, str(node.attrs["title"]) if node.attrs.get("title") else None),)

    def _tag(self, node: SyntaxTreeNode) -> Sequence[Inline]:
        self._diagnosis.add(
            "W306",
            f"the HTML tag {node.content} is published as it is written",
            line=self._line,
            at=node.content,
            remedy=r"use Markdown, or write \< if the tag is meant to be read",
        )
        return (node.content,)

    def _refuse_scheme(self, url: str) -> None:
        scheme = url.strip().partition(":")[0]
        self._diagnosis.add(
            "W308",
            f"a {scheme}: link was taken off its words",
            line=self._line,
            at=scheme,
            note="mail programs do not open it, and spam filters refuse it",
            remedy="link an https: page or picture",
        )


def is_unsafe(url: str) -> bool:
    """Say whether a URL would run a script, or carry its content in itself."""
    return _UNSAFE.match(_SKIPPED.sub("", url)) is not None
