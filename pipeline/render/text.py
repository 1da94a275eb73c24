"""Inline content and blocks as plain text: every word, every URL on a line of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Final, assert_never

from pipeline.model.content import (
    Block,
    Button,
    Code,
    CodeBlock,
    Content,
    Emphasis,
    Figure,
    Heading,
    Image,
    Labelled,
    LineBreak,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Strikethrough,
    Strong,
    Table,
    plain,
)
from pipeline.render.characters import one_line
from pipeline.render.urls import image_url, link_url

WIDTH: Final = 72  # RFC 3676 4.2 leaves room for the quote marks of a reply

_FIRST_IDEOGRAPH: Final = "\u3000"


def wrap(text: str, first: str = "", rest: str | None = None) -> str:
    """Wrap text at WIDTH; line breaks in it stay, longer words and URLs are not cut.

    Args:
        text: words.
        first: what the first line starts with.
        rest: what the others start with; as many spaces as `first` is long if not given.
    """
    rest = " " * len(first) if rest is None else rest
    lines: list[str] = []
    for line in text.split("\n"):
        start = rest if lines else first
        lines += _wrapped(line, start, rest)
    return "\n".join(lines)


def underlined(text: str, mark: str = "-") -> str:
    """Wrap a heading and rule it off."""
    lines = wrap(one_line(text))
    longest = max(map(len, lines.split("\n")))
    return f"{lines}\n{mark * min(longest, WIDTH)}"


def prose(content: Content, first: str = "", rest: str | None = None) -> str:
    """Return inline content wrapped, and under it each URL it links to."""
    rest = " " * len(first) if rest is None else rest
    words = _words(content)
    targets = [(name, url) for name, url in _targets(content) if url not in words.split()]
    lines = [wrap(words, first, rest)] if words.strip() or first.strip() else []
    for name, url in targets:
        if len(targets) > 1 and name:  # one URL needs no name: it follows its sentence
            lines.append(wrap(f"{name}:", rest, rest))
        lines.append(rest + url)
    return "\n".join(lines)


def blocks(content: tuple[Block, ...], indent: str = "") -> str:
    """Return blocks as text, an empty line between them."""
    gap = f"\n{indent.rstrip()}\n"
    return gap.join(filter(None, (_block(block, indent) for block in content)))


def item(content: tuple[Block, ...]) -> str:
    """Return blocks as one item among others, marked and indented."""
    return _list(ListBlock((content,)), "")


def _block(block: Block, indent: str) -> str:
    match block:
        case Paragraph(content) | Heading(_, content):
            return prose(content, indent, indent)
        case Labelled(label, inner):
            return (
                f"{wrap(f'{label}:', indent, indent)}\n{indent.rstrip()}\n{blocks(inner, indent)}"
            )
        case Quote(inner):
            return blocks(inner, f"{indent}> ")
        case ListBlock():
            return _list(block, indent)
        case CodeBlock(text):
            return "\n".join(
                f"{indent}    {line}".rstrip() for line in text.rstrip("\n").split("\n")
            )
        case Table():
            return _table(block, indent)
        case Rule():
            return f"{indent}* * *"
        case Figure(image, caption, link):
            return _figure(image, caption, link, indent)
        case Button(url, content):
            return prose((Link(url, content),), indent, indent)
        case _:
            assert_never(block)


def _list(block: ListBlock, indent: str) -> str:
    items: list[str] = []
    for number, item in enumerate(block.items, start=block.start):
        mark = f"{number}. " if block.ordered else "- "
        first, rest = f"{indent}{mark}", indent + " " * len(mark)
        match item:
            case (Paragraph(content), *others):
                gap = "\n" if all(isinstance(other, ListBlock) for other in others) else None
                parts = [prose(content, first, rest), *(_block(other, rest) for other in others)]
                items.append((gap or f"\n{rest.rstrip()}\n").join(parts))
            case _:
                items.append(f"{first.rstrip()}\n{blocks(item, rest)}")
    return "\n".join(items)


def _table(table: Table, indent: str) -> str:
    rows = [[one_line(_words(cell)) for cell in row] for row in (table.head, *table.rows)]
    urls = [
        indent + url
        for row in (table.head, *table.rows)
        for cell in row
        for _, url in _targets(cell)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=False)]
    if len(indent) + sum(widths) + 2 * len(widths) <= WIDTH and all(map(len, rows)):
        lines = [
            indent
            + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=False)).rstrip()
            for row in rows
        ]
        lines.insert(1, indent + "  ".join("-" * width for width in widths))
        return "\n".join(lines + urls)
    head, *body = rows
    records = (
        "\n".join(
            wrap(f"{name}: {cell}" if name else cell, indent, indent + "  ")
            for name, cell in zip((*head, *("" for _ in row)), row, strict=False)
        )
        for row in body
    )
    return f"\n{indent.rstrip()}\n".join((*records, *urls))


def _figure(image: Image, caption: str | None, link: str | None, indent: str) -> str:
    lines = [wrap(f"[{one_line(image.alt)}]", indent, indent)] if image.alt.strip() else []
    if caption:
        lines.append(wrap(one_line(caption), indent, indent))
    urls = (image_url(image.url), link_url(link) if link else None)
    return "\n".join([*lines, *(indent + url for url in urls if url)])


def _words(content: Content) -> str:
    """Return the words; a break stays a line end, struck words stay marked as struck."""
    parts: list[str] = []
    for node in content:
        match node:
            case str():
                parts.append(node.replace("\n", " "))
            case Code(text):
                parts.append(text)
            case Image(alt=alt):
                parts.append(alt)
            case LineBreak():
                parts.append("\n")
            case Strikethrough(children):
                parts.append(f"~{_words(children)}~")
            case Emphasis(children) | Strong(children) | Link(children=children):
                parts.append(_words(children))
            case _:
                assert_never(node)
    return "".join(parts)


def _targets(content: Content) -> Iterator[tuple[str, str]]:
    """Yield the name and the URL of every link and picture, in reading order."""
    for node in content:
        match node:
            case Link(url, children):
                if target := link_url(url):
                    yield one_line(plain(children)), target
                yield from _targets(children)
            case Image(url, alt):
                if source := image_url(url):
                    yield one_line(alt), source
            case Emphasis(children) | Strong(children) | Strikethrough(children):
                yield from _targets(children)
            case str() | Code() | LineBreak():
                pass
            case _:
                assert_never(node)


@lru_cache(maxsize=2048, typed=True)  # most lines of an issue are as they were before a change
def _wrapped(line: str, first: str, rest: str) -> tuple[str, ...]:
    """Fill lines of WIDTH; a piece that is longer alone stays whole."""
    lines: list[str] = []
    current, empty = first, True
    seams = _seams() if max(line, default="") >= _FIRST_IDEOGRAPH else None
    for word in one_line(line).split(" "):
        for index, piece in enumerate(seams.split(word) if seams else (word,)):
            grown = current + (" " if index == 0 and not empty else "") + piece
            if len(grown) > WIDTH and not empty:
                lines.append(current)
                grown = rest + piece
            current, empty = grown, False
    return (*lines, current.rstrip())


@cache
def _seams() -> re.Pattern[str]:
    """Return where a line may end between ideographs: there are no spaces to end it at.

    Made when it is needed: so large a set of characters takes longer than most mails have words.
    """
    return re.compile(
        r"(?<=[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])(?=[\u3040-\u30ff\u3400-\u9fff])"
    )
