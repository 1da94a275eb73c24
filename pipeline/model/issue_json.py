"""An issue as JSON and back: `issue.json` of the outbox, format documented in docs/issue-json.md.

Inline content is a plain string when that says it all, else a list of strings and one-key
objects (`{"strong": [...]}`). Blocks are objects with a `type`. `from_json(to_json(x)) == x`,
provenance included.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, assert_never

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
from pipeline.model.issue import (
    Declared,
    Issue,
    Provenance,
    Section,
    Source,
    Span,
    Story,
    StoryKind,
)

Json = Any  # what json.dumps takes and json.loads gives


def to_json(issue: Issue) -> dict[str, Json]:
    """Return the issue under its own names, in reading order, ready for json.dumps."""
    return {
        "title": issue.title,
        "number": issue.number,
        "date": issue.date.isoformat() if issue.date else None,
        "subtitle": issue.subtitle,
        "language": issue.language,
        "authors": list(issue.authors),
        "tags": list(issue.tags),
        "slug": issue.slug,
        "image": issue.image,
        "send_at": issue.send_at.isoformat() if issue.send_at else None,
        "canonical_url": issue.canonical_url,
        "template": issue.template,
        "status": issue.status,
        "allow": list(issue.allow),
        "declared": {"stories": issue.declared.stories, "minutes": issue.declared.minutes},
        "extra": dict(issue.extra),
        "intro": _blocks(issue.intro),
        "sections": [
            {
                "title": section.title,
                "intro": _blocks(section.intro),
                "stories": [_story(story) for story in section.stories],
            }
            for section in issue.sections
        ],
        "provenance": _provenance(issue.provenance) if issue.provenance else None,
    }


def from_json(data: dict[str, Json]) -> Issue:
    """Return the issue that `to_json` was given.

    Raises:
        KeyError, TypeError, ValueError: this is not such a document.
    """
    declared = data["declared"]
    return Issue(
        title=data["title"],
        number=data["number"],
        date=date.fromisoformat(data["date"]) if data["date"] else None,
        subtitle=data["subtitle"],
        language=data["language"],
        authors=tuple(data["authors"]),
        tags=tuple(data["tags"]),
        slug=data["slug"],
        image=data["image"],
        send_at=datetime.fromisoformat(data["send_at"]) if data["send_at"] else None,
        canonical_url=data["canonical_url"],
        template=data.get("template"),  # entries of the time before it have none
        status=data["status"],
        allow=tuple(data.get("allow", ())),  # entries of the time before it have none
        declared=Declared(stories=declared["stories"], minutes=declared["minutes"]),
        extra=tuple(data["extra"].items()),
        intro=_read_blocks(data["intro"]),
        sections=tuple(
            Section(
                title=section["title"],
                intro=_read_blocks(section["intro"]),
                stories=tuple(_read_story(story) for story in section["stories"]),
            )
            for section in data["sections"]
        ),
        provenance=_read_provenance(data["provenance"]) if data["provenance"] else None,
    )


def _story(story: Story) -> dict[str, Json]:
    return {
        "kind": story.kind.value,
        "title": story.title,
        "tldr": None if story.tldr is None else _content(story.tldr),
        "body": _blocks(story.body),
        "takeaways": [_content(item) for item in story.takeaways],
        "tradeoffs": [_content(item) for item in story.tradeoffs],
        "source": (
            {"anchor": story.source.anchor, "url": story.source.url} if story.source else None
        ),
    }


def _read_story(data: dict[str, Json]) -> Story:
    source = data["source"]
    return Story(
        kind=StoryKind(data["kind"]),
        title=data["title"],
        tldr=None if data["tldr"] is None else _read_content(data["tldr"]),
        body=_read_blocks(data["body"]),
        takeaways=tuple(_read_content(item) for item in data["takeaways"]),
        tradeoffs=tuple(_read_content(item) for item in data["tradeoffs"]),
        source=Source(anchor=source["anchor"], url=source["url"]) if source else None,
    )


def _content(content: Content) -> Json:
    if len(content) == 1 and isinstance(content[0], str):
        return content[0]
    return [_inline(node) for node in content]


def _inline(node: Inline) -> Json:
    match node:
        case str():
            return node
        case Emphasis(children):
            return {"emphasis": _content(children)}
        case Strong(children):
            return {"strong": _content(children)}
        case Strikethrough(children):
            return {"strikethrough": _content(children)}
        case Code(text):
            return {"code": text}
        case Link(url, children):
            return {"link": url, "content": _content(children)}
        case Image(url, alt, title, width, height):
            size = {"width": width, "height": height} if width and height else {}
            return {"image": url, "alt": alt, "title": title, **size}
        case LineBreak():
            return {"break": True}
        case _:
            assert_never(node)


def _read_content(data: Json) -> Content:
    return (data,) if isinstance(data, str) else tuple(_read_inline(node) for node in data)


def _read_inline(data: Json) -> Inline:
    match data:
        case str():
            return data
        case {"emphasis": children}:
            return Emphasis(_read_content(children))
        case {"strong": children}:
            return Strong(_read_content(children))
        case {"strikethrough": children}:
            return Strikethrough(_read_content(children))
        case {"code": text}:
            return Code(text)
        case {"link": url, "content": children}:
            return Link(url, _read_content(children))
        case {"image": _}:
            return _read_image(data)
        case {"break": True}:
            return LineBreak()
        case _:
            raise ValueError(f"not inline content: {data!r}")


def _read_image(data: Json) -> Image:
    return Image(data["image"], data["alt"], data["title"], data.get("width"), data.get("height"))


def _blocks(blocks: tuple[Block, ...]) -> list[Json]:
    return [_block(block) for block in blocks]


def _block(block: Block) -> dict[str, Json]:
    match block:
        case Paragraph(content):
            return {"type": "paragraph", "text": _content(content)}
        case ListBlock(items, ordered, start):
            return {
                "type": "list",
                "ordered": ordered,
                "start": start,
                "items": [_blocks(item) for item in items],
            }
        case Quote(blocks):
            return {"type": "quote", "blocks": _blocks(blocks)}
        case CodeBlock(text, language):
            return {"type": "code", "text": text, "language": language}
        case Table(head, rows, align):
            return {
                "type": "table",
                "align": list(align),
                "head": [_content(cell) for cell in head],
                "rows": [[_content(cell) for cell in row] for row in rows],
            }
        case Rule():
            return {"type": "rule"}
        case Figure(image, caption, link):
            return {"type": "figure", **_inline(image), "caption": caption, "link": link}
        case Button(url, content):
            return {"type": "button", "url": url, "text": _content(content)}
        case Heading(level, content):
            return {"type": "heading", "level": level, "text": _content(content)}
        case Labelled(label, blocks):
            return {"type": "labelled", "label": label, "blocks": _blocks(blocks)}
        case _:
            assert_never(block)


def _read_blocks(data: Json) -> tuple[Block, ...]:
    return tuple(_read_block(block) for block in data)


def _read_block(data: dict[str, Json]) -> Block:
    match data["type"]:
        case "paragraph":
            return Paragraph(_read_content(data["text"]))
        case "list":
            items = tuple(_read_blocks(item) for item in data["items"])
            return ListBlock(items, data["ordered"], data["start"])
        case "quote":
            return Quote(_read_blocks(data["blocks"]))
        case "code":
            return CodeBlock(data["text"], data["language"])
        case "table":
            return Table(
                tuple(_read_content(cell) for cell in data["head"]),
                tuple(tuple(_read_content(cell) for cell in row) for row in data["rows"]),
                tuple(data["align"]),
            )
        case "rule":
            return Rule()
        case "figure":
            return Figure(_read_image(data), data["caption"], data["link"])
        case "button":
            return Button(data["url"], _read_content(data["text"]))
        case "heading":
            return Heading(data["level"], _read_content(data["text"]))
        case "labelled":
            return Labelled(data["label"], _read_blocks(data["blocks"]))
        case other:
            raise ValueError(f"not a block: {other!r}")


def _provenance(provenance: Provenance) -> dict[str, Json]:
    return {
        "file": provenance.file,
        "format": provenance.format,
        "sha256": provenance.sha256,
        "words": provenance.words,
        "lines": provenance.lines,
        "nav": list(provenance.nav),
        "unassigned": list(provenance.unassigned),
        "spans": {
            pointer: [span.line, span.column, span.end_line, span.end_column]
            for pointer, span in provenance.spans
        },
    }


def _read_provenance(data: dict[str, Json]) -> Provenance:
    return Provenance(
        file=data["file"],
        format=data["format"],
        sha256=data["sha256"],
        words=data["words"],
        lines=data["lines"],
        nav=tuple(data["nav"]),
        unassigned=tuple(data["unassigned"]),
        spans=tuple((pointer, Span(*place)) for pointer, place in data["spans"].items()),
    )
