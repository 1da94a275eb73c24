"""The article of an issue: plain semantic HTML for feed readers and the web page.

Content is a closed tree and never HTML, so what can come out is decided here and nowhere else:
no style, no script, no address a browser would run, nothing that belongs to one reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Final, assert_never

from markupsafe import Markup, escape
from msgspec import Struct
from msgspec.structs import replace

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
from pipeline.model.issue import Issue, Section, Source, Story, StoryKind
from pipeline.publish.anchors import Anchors
from pipeline.publish.characters import clean
from pipeline.publish.links import link_url, web_url
from pipeline.publish.words import ENGLISH, Words

_KINDS: Final = {
    StoryKind.EDITORIAL: "Editorial",
    StoryKind.SPONSOR: "Sponsor",
    StoryKind.JOB: "Job",
    StoryKind.EVENT: "Event",
    StoryKind.QUOTE: "Quote",
}


def article_html(
    issue: Issue, *, base_url: str, words: Words = ENGLISH, anchors: Anchors | None = None
) -> str:
    """Return the issue without its title, headings from h2 on.

    Pure. Control characters are dropped; a link whose scheme is not http, https or mailto keeps
    its words only, such a picture its alternative text.

    Args:
        issue: any issue; every member of the content unions has its element.
        base_url: what a relative address is relative to; absolute.
        words: for the labels that no author writes.
        anchors: ids for sections and stories; a feed, where many articles meet, has none.
    """
    return clean(_Article(base_url, words, anchors or {}).issue(issue))


def section_html(section: Section, *, base_url: str, words: Words = ENGLISH) -> str:
    """Return one section of an issue, without its title; otherwise as `article_html`."""
    article = _Article(base_url, words, {})
    return clean(article.issue(Issue(title="", sections=(replace(section, title=None),))))


class _Article(Struct, frozen=True):
    """Writes elements; `depth` is the level of the heading the blocks stand under."""

    base_url: str
    words: Words
    anchors: Anchors

    def issue(self, issue: Issue) -> Markup:
        sections = (self._section(number, each) for number, each in enumerate(issue.sections))
        return _lines([self._blocks(issue.intro, depth=1), *sections])

    def _section(self, number: int, section: Section) -> Markup:
        depth = 2 if section.title else 1
        parts = [
            self._blocks(section.intro, depth=depth),
            *(
                self._story(story, depth=depth, id_=self.anchors.get((number, index)))
                for index, story in enumerate(section.stories)
            ),
        ]
        if not section.title:
            return _lines(parts)
        return _group(
            "section",
            [_heading(2, section.title), *parts],
            class_="section",
            id_=self.anchors.get((number, None)),
        )

    def _story(self, story: Story, *, depth: int, id_: str | None) -> Markup:
        kind = _KINDS.get(story.kind)
        parts = [_element("p", self.words.say(kind), class_="kind")] if kind else []
        if story.title:
            depth += 1
            parts.append(_heading(depth, story.title))
        parts += self._story_parts(story, depth=depth)
        return _group("section", parts, class_=f"story {story.kind}" if kind else "story", id_=id_)

    def _story_parts(self, story: Story, *, depth: int) -> Iterator[Markup]:
        if story.tldr:
            words = _element("p", self._inlines(story.tldr))
            yield _labelled(self.words.say("TL;DR"), words, class_="tldr", depth=depth)
        yield self._blocks(story.body, depth=depth)
        if story.takeaways:
            bullets = self._bullets(story.takeaways)
            yield _labelled(
                self.words.say("Key takeaways"), bullets, class_="takeaways", depth=depth
            )
        if story.tradeoffs:
            bullets = self._bullets(story.tradeoffs)
            yield _labelled(self.words.say("Trade-offs"), bullets, class_="tradeoffs", depth=depth)
        if story.source:
            yield self._source(story.source)

    def _source(self, source: Source) -> Markup:
        words = escape(source.anchor)
        anchor = self._anchor(source.url, words) if source.url else words
        return _element(
            "p", Markup("{} {}").format(self.words.say("Source:"), anchor), class_="source"
        )

    def _bullets(self, items: tuple[Content, ...]) -> Markup:
        return _group("ul", (_element("li", self._inlines(item)) for item in items))

    def _blocks(self, blocks: tuple[Block, ...], *, depth: int) -> Markup:
        return _lines(self._block(block, depth) for block in blocks)

    def _block(self, block: Block, depth: int) -> Markup:
        match block:
            case Paragraph(content):
                return _element("p", self._inlines(content))
            case ListBlock():
                return self._list(block, depth)
            case Quote(blocks):
                return _group("blockquote", [self._blocks(blocks, depth=depth)])
            case CodeBlock(text, language):
                name = f"language-{language.split()[0]}" if language and language.strip() else None
                return _element("pre", _element("code", text, class_=name))
            case Table():
                return self._table(block)
            case Rule():
                return Markup("<hr>")
            case Figure():
                return self._figure(block)
            case Button(url, content):
                return _element("p", self._anchor(url, self._inlines(content)), class_="button")
            case Heading(level, content):
                # Inside a story an author's highest heading is 4: one below the story's own.
                return _heading(depth + level - 3, self._inlines(content))
            case Labelled(label, blocks):
                inner = self._blocks(blocks, depth=depth + 1)
                return _labelled(label, inner, class_="labelled", depth=depth)
            case _:
                assert_never(block)

    def _list(self, block: ListBlock, depth: int) -> Markup:
        items = (_element("li", self._item(item, depth)) for item in block.items)
        if not block.ordered:
            return _group("ul", items)
        return _group("ol", items, start=str(block.start) if block.start != 1 else None)

    def _item(self, blocks: tuple[Block, ...], depth: int) -> Markup:
        match blocks:
            case (Paragraph(content),):
                return self._inlines(content)
            case _:
                return self._blocks(blocks, depth=depth)

    def _table(self, table: Table) -> Markup:
        head = self._row(table.head, table.align, cell="th", scope="col")
        rows = [self._row(row, table.align, cell="td") for row in table.rows]
        inner = _group("table", [_group("thead", [head]), _group("tbody", rows)])
        return _group("div", [inner], class_="table")  # what a narrow page scrolls

    def _row(
        self,
        cells: tuple[Content, ...],
        align: tuple[str | None, ...],
        *,
        cell: str,
        scope: str | None = None,
    ) -> Markup:
        return _element(
            "tr",
            Markup().join(
                _element(cell, self._inlines(content), scope=scope, class_=side)
                for content, side in zip_longest(cells, align[: len(cells)], fillvalue=None)
                if content is not None
            ),
        )

    def _figure(self, figure: Figure) -> Markup:
        picture = self._image(figure.image)
        if figure.link:
            picture = self._anchor(figure.link, picture)
        caption = [_element("figcaption", figure.caption)] if figure.caption else []
        return _group("figure", [picture, *caption])

    def _inlines(self, content: Content) -> Markup:
        return Markup().join(self._inline(node) for node in content)

    def _inline(self, node: Inline) -> Markup:
        match node:
            case str():
                return escape(node)
            case Emphasis(children):
                return _element("em", self._inlines(children))
            case Strong(children):
                return _element("strong", self._inlines(children))
            case Strikethrough(children):
                return _element("del", self._inlines(children))
            case Code(text):
                return _element("code", text)
            case Link(url, children):
                return self._anchor(url, self._inlines(children))
            case Image():
                return self._image(node)
            case LineBreak():
                return Markup("<br>")
            case _:
                assert_never(node)

    def _anchor(self, url: str, inner: Markup) -> Markup:
        target = link_url(url, self.base_url)
        return _element("a", inner, href=target) if target else inner

    def _image(self, image: Image) -> Markup:
        source = web_url(image.url, self.base_url)
        if not source:
            return escape(image.alt)
        size = {
            name: str(pixels)
            for name, pixels in (("width", image.width), ("height", image.height))
            if pixels
        }
        attributes = _attributes(src=source, alt=image.alt, title=image.title, **size)
        return Markup("<img{}>").format(attributes)


def _labelled(label: str, inner: Markup, *, class_: str, depth: int) -> Markup:
    return _group("section", [_heading(depth + 1, label), inner], class_=class_)


def _heading(level: int, inner: str) -> Markup:
    return _element(f"h{min(level, 6)}", inner)


def _group(name: str, parts: Iterable[Markup], **attributes: str | None) -> Markup:
    inner = Markup(f"\n{_lines(parts)}\n")  # noqa: S704 - escaped there
    return _element(name, inner, **attributes)


def _element(name: str, inner: str, **attributes: str | None) -> Markup:
    # Markup.format would say the same and take half the time of a feed. `escape` leaves alone what
    # is Markup, so plain text cannot slip through.
    text = f"<{name}{_attributes(**attributes)}>{escape(inner)}</{name}>"
    return Markup(text)  # noqa: S704 - the names are ours


def _attributes(**attributes: str | None) -> Markup:
    pairs = (
        f' {name.rstrip("_")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup("".join(pairs))  # noqa: S704 - the names are ours


def _lines(parts: Iterable[Markup]) -> Markup:
    return Markup("\n".join(escape(part) for part in parts if part))  # noqa: S704 - each is escaped
