"""Inline content and blocks as HTML that survives MJML, premailer and Outlook.

Everything an author wrote is escaped here, once. The classes are those of inline.css and live.css:
`p l li h lab hr fig img cap c` name text, `q bq code pre tbl th td btn bta` name boxes and tables,
`pz` and `ln` a paragraph and a list that end a frame, which has its own space below.
"""

from __future__ import annotations

import re
from typing import Final, assert_never

from markupsafe import Markup, escape

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
    Inline,
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
)
from pipeline.render.characters import attribute
from pipeline.render.urls import image_url, link_url

COLUMN: Final = 576  # px: how wide a figure is unless the template says otherwise

# lxml's HTML parser drops elements deeper than 256 without a word, and a quote is five deep.
_DEEPEST: Final = 24

_ATTACHED: Final = re.compile(r"cid:[a-z0-9][a-z0-9.-]*@[a-z0-9.-]+")  # as images/ writes it

_BOX: Final = Markup(
    '<table role="presentation" class="box" width="100%" cellpadding="0" cellspacing="0" border="0">'
    '<tr><td class="{}">{}</td></tr></table>'
)


def box(content: Markup, css_class: str) -> Markup:
    """Put content into a one-cell table: Word's engine pads nothing but table cells."""
    return _BOX.format(css_class, content)


def inline(content: Content, depth: int = 0) -> Markup:
    """Return inline content as HTML; a link a reader could not follow stays as its words."""
    return Markup().join(_node(node, depth + 1) for node in content)


def blocks(
    content: tuple[Block, ...],
    level: int = 4,
    *,
    column: int = COLUMN,
    depth: int = 0,
    flush: bool = False,
) -> Markup:
    """Return blocks as HTML.

    Args:
        content: the blocks; beyond a depth nobody writes by hand they lose their frames.
        level: of the highest heading among them, 1 to 6.
        column: width of figures in px.
        depth: of the frames already around them.
        flush: leave no space below the last one.
    """
    ends = (*(False for _ in content[1:]), flush)
    return Markup("\n").join(
        _block(block, level, column, depth + 1, end)
        for block, end in zip(content, ends, strict=False)
    )


def _node(node: Inline, depth: int) -> Markup:
    match node:
        case str():
            return escape(node)
        case Code(text):
            return Markup('<code class="c">{}</code>').format(text)
        case Emphasis(children):
            return _wrapped("em", children, depth)
        case Strong(children):
            return _wrapped("strong", children, depth)
        case Strikethrough(children):
            return _wrapped("s", children, depth)
        case Link(url, children):
            return _linked(url, inline(children, depth))
        case Image():
            return _image(node)
        case LineBreak():
            return Markup("<br />")
        case _:
            assert_never(node)


def _wrapped(tag: str, children: Content, depth: int) -> Markup:
    inner = inline(children, depth)
    return inner if depth > _DEEPEST else Markup("<{0}>{1}</{0}>").format(tag, inner)


def _linked(url: str | None, inner: Markup) -> Markup:
    target = link_url(url) if url else None
    return Markup('<a href="{}">{}</a>').format(attribute(target), inner) if target else inner


def _image(image: Image, *, column: int = COLUMN, fill: bool = False) -> Markup:
    """Return a picture; if nobody knows its size it is as wide as the column, or as it likes."""
    source = _source(image.url)
    if source is None:
        return escape(image.alt)
    return Markup('<img class="img"{} src="{}" alt="{}"{} />').format(
        _size(image, column) or (Markup(' width="{}"').format(column) if fill else ""),
        attribute(source),
        attribute(image.alt),
        Markup(' title="{}"').format(attribute(image.title)) if image.title else "",
    )


def _source(url: str) -> str | None:
    """Return what a mail can show: a picture of the web, or one that travels with the message."""
    return url if _ATTACHED.fullmatch(url) else image_url(url)


def _size(image: Image, column: int) -> Markup | None:
    """Return both measures, so that nothing moves when the picture arrives."""
    if not image.width or not image.height:
        return None
    width = min(image.width, column)
    height = max(1, round(image.height * width / image.width))
    return Markup(' width="{}" height="{}"').format(width, height)


def _block(block: Block, level: int, column: int, depth: int, flush: bool) -> Markup:
    match block:
        case Paragraph(content):
            return Markup('<p class="{}">{}</p>').format("pz" if flush else "p", inline(content))
        case Heading(written, content):
            return heading(inline(content), level + max(0, written - 4), "h")
        case Labelled(label, inner):
            head = heading(escape(label), level, "lab")
            return head + blocks(inner, level + 1, column=column, depth=depth)
        case Quote(inner):
            words = blocks(inner, level, column=column, depth=depth, flush=True)
            if depth > _DEEPEST:
                return words
            return box(Markup('<blockquote class="bq">{}</blockquote>').format(words), "q")
        case ListBlock():
            return _list(block, level, column, depth, flush)
        case CodeBlock(text):
            # A parser drops the first line end in <pre>: give it one to drop.
            lines = "\n" + text if text.startswith("\n") else text
            return box(Markup('<pre class="pre">{}</pre>').format(lines.rstrip("\n")), "code")
        case Table():
            return _table(block)
        case Rule():
            return Markup('<hr class="hr" />')
        case Figure():
            return _figure(block, column)
        case Button(url, content):
            return _button(url, content)
        case _:
            assert_never(block)


def heading(words: Markup, level: int, css_class: str) -> Markup:
    """Return a heading; levels end at 6."""
    return Markup('<h{0} class="{1}">{2}</h{0}>').format(min(level, 6), css_class, words)


def _list(block: ListBlock, level: int, column: int, depth: int, flush: bool) -> Markup:
    contents = [_item(item, level, column, depth) for item in block.items]
    if depth > _DEEPEST:
        return Markup("\n").join(contents)
    items = Markup("\n").join(Markup('<li class="li">{}</li>').format(item) for item in contents)
    css_class = "ln" if flush else "l"
    if block.ordered:
        start = Markup(' start="{}"').format(block.start) if block.start != 1 else ""
        return Markup('<ol class="{}"{}>{}</ol>').format(css_class, start, items)
    return Markup('<ul class="{}">{}</ul>').format(css_class, items)


def _item(item: tuple[Block, ...], level: int, column: int, depth: int) -> Markup:
    match item:
        case (Paragraph(content), *others):  # a first paragraph needs no margins of its own
            rest = blocks(tuple(others), level, column=column, depth=depth, flush=True)
            return inline(content) + rest
        case _:
            return blocks(item, level, column=column, depth=depth, flush=True)


def _table(table: Table) -> Markup:
    def row(cells: tuple[Content, ...], cell: Markup) -> Markup:
        aligned = zip(cells, (*table.align, *(None for _ in cells)), strict=False)
        inner = (
            cell.format(
                align=Markup(' align="{0}" style="text-align:{0}"').format(side) if side else "",
                words=inline(words),
            )
            for words, side in aligned
        )
        return Markup("<tr>{}</tr>").format(Markup().join(inner))

    head = row(table.head, Markup('<th class="th" scope="col"{align}>{words}</th>'))
    cell = Markup('<td class="td"{align}>{words}</td>')
    rows = Markup("\n").join(row(cells, cell) for cells in table.rows)
    return Markup(
        '<table class="tbl" width="100%" cellpadding="0" cellspacing="0" border="0">'
        "<thead>{}</thead><tbody>{}</tbody></table>"
    ).format(head, rows)


def _figure(figure: Figure, column: int) -> Markup:
    # Outlook sizes a picture by its attribute; the style lets it shrink everywhere else.
    picture = Markup('<p class="fig">{}</p>').format(
        _linked(figure.link, _image(figure.image, column=column, fill=True))
    )
    if not figure.caption:
        return picture
    return picture + Markup('<p class="cap">{}</p>').format(figure.caption)


def _button(url: str, content: Content) -> Markup:
    target = link_url(url)
    if target is None:
        return Markup('<p class="p"><strong>{}</strong></p>').format(inline(content))
    return Markup(
        '<table role="presentation" class="box" cellpadding="0" cellspacing="0" border="0">'
        '<tr><td class="btn"><a class="bta" href="{}">{}</a></td></tr></table>'
    ).format(attribute(target), inline(content))
