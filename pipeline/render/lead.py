"""Cutting inline content in two without breaking its markup."""

from __future__ import annotations

from typing import assert_never

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


def split_content(content: Content, at: int) -> tuple[Content, Content]:
    """Cut inline content before the plain character `at`.

    A link or an emphasis that spans the cut is continued after it. Code, an image and a line
    break are never cut: one that spans the cut stays before it. No character is lost or added:
    `plain(before) + plain(after) == plain(content)`.
    """
    before: list[Inline] = []
    for index, node in enumerate(content):
        length = len(plain((node,)))
        if length <= at:
            before.append(node)
            at -= length
            continue
        if at == 0:
            return tuple(before), content[index:]
        head, tail = _split(node, at)
        return (*before, *head), (*tail, *content[index + 1 :])
    return tuple(before), ()


def _split(node: Inline, at: int) -> tuple[Content, Content]:
    match node:
        case str():
            return (node[:at],), (node[at:],)
        case Code() | Image() | LineBreak():
            return (node,), ()
        case Link(url, children):
            head, tail = split_content(children, at)
            return (Link(url, head),), ((Link(url, tail),) if tail else ())
        case Emphasis(children) | Strong(children) | Strikethrough(children):
            head, tail = split_content(children, at)
            return (type(node)(head),), ((type(node)(tail),) if tail else ())
        case _:
            assert_never(node)
