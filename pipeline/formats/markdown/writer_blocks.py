"""Writes blocks, one string a block, lines without trailing blanks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from pipeline.formats.markdown.blocks import HIGHEST_INNER
from pipeline.formats.markdown.tidy import tidy_line
from pipeline.formats.markdown.writer_inline import write_content
from pipeline.formats.words import label_named
from pipeline.model.content import (
    Block,
    Button,
    CodeBlock,
    Content,
    Figure,
    Heading,
    Image,
    Inline,
    Labelled,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Strong,
    Table,
)

_FENCES = re.compile(r"^ *(`{3,})", re.MULTILINE)
_LABEL = re.compile(r"(\*\*(?:[^*\\]|\\.)+):(\*\*)")
_KNOWN_LABEL = re.compile(r"(\*\*((?:[^*\\]|\\.)+)\*\*):(?=\s|$)")
_CLOSING_HASHES = re.compile(r"(?:^|(?<=\s))#+$")


def write_blocks(
    blocks: Sequence[Block],
    *,
    inside: bool = False,
    in_story: bool = False,
    behind_bullet: bool = False,
) -> str:
    """Return blocks with blank lines between them.

    Args:
        blocks: what to write.
        inside: they stand in a list item or a quote.
        in_story: they stand where a bold label would be read as one.
        behind_bullet: the first one stands on the line of a `-`, and a list must not repeat it:
            `- - -` is a divider.
    """
    written: list[str] = []
    alternate = behind_bullet  # lists in a row change their mark, or they would run together
    for block in blocks:
        text = write_block(block, inside=inside, alternate=alternate)
        alternate = isinstance(block, ListBlock) and not alternate
        written.append(_escape_label(text) if in_story and isinstance(block, Paragraph) else text)
    return "\n\n".join(written)


def write_block(block: Block, *, inside: bool = False, alternate: bool = False) -> str:
    """Return one block.

    Args:
        block: what to write.
        inside: it stands in a list item or a quote, where `---` could be part of a mark.
        alternate: as a list, it must not begin like the one right before it.
    """
    match block:
        case Paragraph(content):
            return write_content(content)
        case ListBlock():
            return _write_list(block, alternate=alternate)
        case Quote(blocks):
            return _prefixed("> ", write_blocks(blocks, inside=True))
        case CodeBlock():
            return _write_code(block)
        case Table():
            return _write_table(block)
        case Rule():
            # Behind a bullet, hyphens or asterisks would join it to a divider.
            return "___" if inside else "---"
        case Figure():
            return _write_figure(block)
        case Button(url, content):
            return write_content((Strong((Link(url, content),)),))
        case Heading(level, content):
            return f"{'#' * min(6, max(HIGHEST_INNER, level))} {heading_text(content)}".rstrip()
        case Labelled(label, blocks):
            return write_blocks((Paragraph((Strong((f"{label}:",)),)), *blocks), inside=inside)
        case _:
            assert_never(block)


def heading_text(content: Content) -> str:
    """Return content as it stands in a heading: one line, no closing hashes."""
    text = write_content(tidy_line(content), escape_start=False)
    return _CLOSING_HASHES.sub(r"\\\g<0>", text)


def item_text(marker: str, text: str) -> str:
    """Return a list item: its first line behind the marker, the others indented."""
    indent = " " * (len(marker) + 1)
    return f"{marker} {_indented(text, indent)}".rstrip()


def _escape_label(text: str) -> str:
    """Escape the colon of bold words that would be read as a label."""
    if _LABEL.match(text):
        return _LABEL.sub(r"\1\\:\2", text, count=1)
    if (found := _KNOWN_LABEL.match(text)) and label_named(found[2]):
        return _KNOWN_LABEL.sub(r"\1\\:", text, count=1)
    return text


def _write_list(block: ListBlock, *, alternate: bool) -> str:
    tight = _is_tight(block)
    items = []
    for index, blocks in enumerate(block.items):
        bullet = "*" if alternate else "-"
        closing = ")" if alternate else "."
        marker = f"{block.start + index}{closing}" if block.ordered else bullet
        if tight:
            text = "\n".join(map(write_block, blocks))
        else:
            text = write_blocks(blocks, inside=True, behind_bullet=marker == "-")
        items.append(item_text(marker, text))
    return ("\n" if tight else "\n\n").join(items)


def _is_tight(block: ListBlock) -> bool:
    """Say whether a list needs no blank lines: paragraphs, and bullets nested under them."""
    return all(
        isinstance(item[0], Paragraph)
        and all(
            isinstance(part, ListBlock) and not part.ordered and _is_tight(part)
            for part in item[1:]
        )
        and len(item) < 3
        for item in block.items
        if item
    ) and all(block.items)


def _write_code(block: CodeBlock) -> str:
    language = block.language or ""
    longest = max((len(run) for run in _FENCES.findall(block.text)), default=0)
    fence = "`" * max(3, longest + 1)
    text = block.text if block.text.endswith("\n") or not block.text else f"{block.text}\n"
    return f"{fence}{language}\n{text}{fence}"


def _write_table(block: Table) -> str:
    rules = {"left": ":--", "center": ":-:", "right": "--:", None: "---"}
    rows = [
        [_cell(cell) for cell in block.head],
        [rules.get(align, "---") for align in block.align],
        *([_cell(cell) for cell in row] for row in block.rows),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(content: Content) -> str:
    return write_content(tidy_line(content), cell=True, escape_start=False).replace("|", r"\|")


def _write_figure(block: Figure) -> str:
    image: Inline = Image(block.image.url, block.image.alt, block.caption)
    return write_content((Link(block.link, (image,)),) if block.link else (image,))


def _prefixed(prefix: str, text: str) -> str:
    return "\n".join(
        f"{prefix}{line}".rstrip(" ") if not line else prefix + line for line in text.split("\n")
    )


def _indented(text: str, indent: str) -> str:
    first, *others = text.split("\n")
    return "\n".join([first, *(f"{indent}{line}" if line else "" for line in others)])
