"""Walks an issue, giving each part its JSON pointer, by which its place in the file is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec import Struct

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
from pipeline.model.issue import Issue, Story


class Reference(Struct, frozen=True, kw_only=True):
    """A URL the author wrote."""

    url: str
    pointer: str
    words: str  # of the link, or the alt of the picture
    is_image: bool = False


def references(issue: Issue) -> Iterator[Reference]:
    """Yield every link and picture of the mail in reading order."""
    for pointer, block in all_blocks(issue):
        match block:
            case Figure(image, _, link):
                yield _image(image, pointer)
                if link:
                    yield Reference(url=link, pointer=pointer, words=image.alt)
            case Button(url, content):
                yield Reference(url=url, pointer=pointer, words=plain(content))
            case _:
                pass
    for pointer, content in all_contents(issue):
        yield from _inline(content, pointer)
    for pointer, story in _stories(issue):
        if story.source and story.source.url:
            yield Reference(
                url=story.source.url, pointer=f"{pointer}/source", words=story.source.anchor
            )


def titles(issue: Issue) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the title of every story that has one."""
    for pointer, story in _stories(issue):
        if story.title:
            yield f"{pointer}/title", story.title


def bullets(issue: Issue) -> Iterator[tuple[str, Content]]:
    """Yield every takeaway, tradeoff and paragraph of a list."""
    for pointer, story in _stories(issue):
        for name, items in (("takeaways", story.takeaways), ("tradeoffs", story.tradeoffs)):
            yield from ((f"{pointer}/{name}/{n}", item) for n, item in enumerate(items))
    for pointer, block in all_blocks(issue):
        if isinstance(block, ListBlock):
            for item in block.items:
                yield from (
                    (pointer, part.content) for part in item if isinstance(part, Paragraph)
                )


def all_contents(issue: Issue) -> Iterator[tuple[str, Content]]:
    """Yield every run of inline content but that of buttons."""
    for pointer, story in _stories(issue):
        if story.tldr:
            yield f"{pointer}/tldr", story.tldr
        for name, items in (("takeaways", story.takeaways), ("tradeoffs", story.tradeoffs)):
            yield from ((f"{pointer}/{name}/{n}", item) for n, item in enumerate(items))
    for pointer, block in all_blocks(issue):
        match block:
            case Paragraph(content) | Heading(_, content):
                yield pointer, content
            case Table(head, rows):
                yield from ((pointer, cell) for row in (head, *rows) for cell in row)
            case _:
                pass


def all_blocks(issue: Issue) -> Iterator[tuple[str, Block]]:
    """Yield every block, those inside others too."""
    yield from _nested(issue.intro, "/intro")
    for number, section in enumerate(issue.sections):
        yield from _nested(section.intro, f"/sections/{number}/intro")
    for pointer, story in _stories(issue):
        yield from _nested(story.body, f"{pointer}/body")


def strings(content: Content) -> Iterator[str]:
    """Yield the runs of text in inline content, images as their alt."""
    for node in content:
        match node:
            case str():
                yield node
            case Code(text):
                yield text
            case Image(alt=alt):
                yield alt
            case LineBreak():
                pass
            case (
                Emphasis(children)
                | Strong(children)
                | Strikethrough(children)
                | Link(children=children)
            ):
                yield from strings(children)
            case _:
                assert_never(node)


def _stories(issue: Issue) -> Iterator[tuple[str, Story]]:
    for number, section in enumerate(issue.sections):
        for place, story in enumerate(section.stories):
            yield f"/sections/{number}/stories/{place}", story


def _nested(blocks: tuple[Block, ...], pointer: str) -> Iterator[tuple[str, Block]]:
    for number, block in enumerate(blocks):
        here = f"{pointer}/{number}"
        yield here, block
        match block:
            case Quote(inner) | Labelled(_, inner):
                yield from _nested(inner, f"{here}/blocks")
            case ListBlock(items=items):
                for place, item in enumerate(items):
                    yield from _nested(item, f"{here}/items/{place}")
            case Paragraph() | Heading() | CodeBlock() | Table() | Rule() | Figure() | Button():
                pass
            case _:
                assert_never(block)


def _inline(content: Content, pointer: str) -> Iterator[Reference]:
    for node in content:
        match node:
            case Link(url, children):
                yield Reference(url=url, pointer=pointer, words=plain(children))
                yield from _inline(children, pointer)
            case Image():
                yield _image(node, pointer)
            case Emphasis(children) | Strong(children) | Strikethrough(children):
                yield from _inline(children, pointer)
            case str() | Code() | LineBreak():
                pass
            case _:
                assert_never(node)


def _image(image: Image, pointer: str) -> Reference:
    return Reference(url=image.url, pointer=pointer, words=image.alt, is_image=True)
