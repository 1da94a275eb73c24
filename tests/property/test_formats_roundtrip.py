"""Laws of writing and reading: what is written reads back equal, and is written the same again."""

from __future__ import annotations

from datetime import date, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline import formats
from pipeline.formats.markdown.headings import LABEL_WORDS, LONGEST_LABEL
from pipeline.formats.markdown.tidy import tidy, tidy_line
from pipeline.formats.markdown_writer import write_markdown
from pipeline.formats.words import label_named
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
    plain,
)
from pipeline.model.issue import Declared, Issue, Section, Source, Story, StoryKind

DATA = Path(__file__).parents[1] / "data" / "formats"
SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"
SAMPLES = sorted(path for path in DATA.iterdir() if path.suffix in {".txt", ".md"})
FILES = [*SAMPLES, *sorted(SEEDS.glob("*.txt"))]

# Every character that Markdown acts on somewhere, the words that mean something to us, and some
# of the rest of the world.
MARKED = "\\`*_[](){}<>#+-=.!|~&:;\"'^$@/ 0a1bZ"
WORDS = st.sampled_from(
    [
        "crane",
        "Editorial:",
        "Sponsor:",
        "TLDR:",
        "Plus: x",
        "&amp;",
        "&#35;",
        "<b>",
        "<!-- x -->",
        "[^1]",
        "[a]: b",
        "1.",
        "1)",
        "- x",
        "+ x",
        "# x",
        "> x",
        "---",
        "***",
        "===",
        "| a |",
        "```",
        "~~~",
        "https://example.org/a_b",
        "Straße",
        "水",
        "\u00a0",
        "👩‍🚀",
        "“so”",
        "—",
        "no",
    ]
)
TEXT = st.one_of(
    st.text(MARKED, min_size=1, max_size=12),
    st.lists(WORDS, min_size=1, max_size=3).map(" ".join),
    st.text(
        st.characters(
            codec="utf-8",
            exclude_categories=["Cc", "Cs", "Cn"],
            exclude_characters="\ufeff\u2028\u2029\u202d\u202e",
        ),
        min_size=1,
        max_size=8,
    ),
)
LINE = TEXT.map(str.strip).filter(bool)  # a title, an anchor, an alternative text
URL = st.one_of(
    st.sampled_from(["https://example.org/a?b=1&c=2", "mailto:ada@example.org", "/91", "#top"]),
    st.text("abc:/?&;()<>[]\\ #%_*\"'", max_size=10),
)
IMAGE = st.builds(Image, url=URL, alt=LINE | st.just(""), title=st.none() | LINE)
LEAF = st.one_of(TEXT, TEXT, st.builds(Code, TEXT), st.just(LineBreak()), IMAGE)


def _nest(inner: st.SearchStrategy[Inline]) -> st.SearchStrategy[Inline]:
    children = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Emphasis, children),
        st.builds(Strong, children),
        st.builds(Strikethrough, children),
        st.builds(Link, URL, children),
    )


INLINE: st.SearchStrategy[Inline] = st.recursive(LEAF, _nest, max_leaves=6)
CONTENT = st.lists(INLINE, min_size=1, max_size=4).map(tidy).filter(bool)
LINE_CONTENT = st.lists(INLINE, min_size=1, max_size=3).map(tidy_line).filter(bool)


def _is_special(content: Content) -> bool:
    """Say whether a paragraph of this content is a figure or a button."""
    match content:
        case (Image(),) | (Link(_, (Image(),)),) | (Strong((Link(),)),):
            return True
        case _:
            return False


PROSE = CONTENT.filter(lambda content: not _is_special(content))
PARAGRAPH = st.builds(Paragraph, PROSE)
FIGURE = st.builds(
    Figure,
    st.builds(Image, url=URL, alt=LINE | st.just("")),
    caption=st.none() | LINE,
    link=st.none() | URL.filter(bool),
)
BUTTON = st.builds(
    Button, URL, st.lists(TEXT | st.builds(Code, TEXT), min_size=1, max_size=2).map(tidy)
)
CODE = st.builds(
    CodeBlock,
    st.lists(st.text(MARKED, max_size=8).map(str.rstrip), max_size=4).map(
        lambda lines: "".join(f"{line}\n" for line in lines)
    ),
    st.none() | st.sampled_from(["python", "c++", "objective-c"]),
)
CELL = LINE_CONTENT | st.just(())


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Draw a table with as many cells in every row."""
    width = draw(st.integers(1, 3))
    row = st.lists(CELL, min_size=width, max_size=width).map(tuple)
    align = st.lists(
        st.sampled_from(["left", "center", "right", None]), min_size=width, max_size=width
    )
    return Table(draw(row), tuple(draw(st.lists(row, max_size=3))), tuple(draw(align)))


HEADING = st.builds(Heading, st.integers(4, 6), LINE_CONTENT | st.just(()))
SIMPLE: st.SearchStrategy[Block] = st.one_of(
    PARAGRAPH, PARAGRAPH, FIGURE, BUTTON, CODE, tables(), st.just(Rule()), HEADING
)


def _containers(inner: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    blocks = st.lists(inner, max_size=3).map(tuple)
    items = st.lists(blocks, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Quote, blocks.filter(bool)),
        st.builds(ListBlock, items),
        st.builds(ListBlock, items, st.just(True), st.integers(0, 120)),
    )


BLOCK: st.SearchStrategy[Block] = st.recursive(SIMPLE, _containers, max_leaves=5)
BLOCKS = st.lists(BLOCK, max_size=4).map(tuple)
UNLABELLED = BLOCK.filter(lambda block: not isinstance(block, Heading))
LABEL_NAME = st.sampled_from(
    ["Why it matters", "Why do I care?", "Note", "A *b* c"]
) | LINE.filter(
    lambda name: (
        len(name) <= LONGEST_LABEL and len(name.split()) <= LABEL_WORDS and not label_named(name)
    )
)
LABELLED = st.builds(Labelled, LABEL_NAME, st.lists(UNLABELLED, max_size=3).map(tuple))
BODY = st.lists(st.one_of(BLOCK, BLOCK, BLOCK, LABELLED), max_size=4).map(tuple)
ITEMS = st.lists(PROSE, max_size=3).map(tuple)
SOURCE = st.builds(Source, anchor=LINE, url=st.none() | URL.filter(bool))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw a story, from a bare paragraph to one with all its parts."""
    title = draw(st.none() | LINE)
    source = draw(st.none() | SOURCE)
    if title and source and draw(st.booleans()):
        source = Source(anchor=title, url=source.url)
    if draw(st.booleans()):
        return Story(title=title, body=(draw(PARAGRAPH),), source=source)
    return Story(
        kind=draw(st.sampled_from(StoryKind)),
        title=title,
        tldr=draw(st.none() | CONTENT),
        body=draw(BODY),
        takeaways=draw(ITEMS),
        tradeoffs=draw(ITEMS),
        source=source,
    )


STORIES = st.lists(stories(), max_size=4).map(tuple)
# A list that stands in a section is one of briefs, so its introduction has none.
SECTION_INTRO = st.lists(
    BLOCK.filter(lambda block: not isinstance(block, ListBlock)), max_size=2
).map(tuple)
SECTION = st.builds(Section, title=st.none() | LINE, intro=SECTION_INTRO, stories=STORIES)
SECTIONS = st.one_of(
    st.lists(SECTION, min_size=1, max_size=3).map(tuple),
    STORIES.map(lambda drawn: (Section(stories=drawn),)),
)
MOMENT = st.datetimes(
    timezones=st.sampled_from([timezone(timedelta(hours=h)) for h in (-8, 0, 2)])
)
ISSUES = st.builds(
    Issue,
    title=LINE,
    sections=SECTIONS,
    number=st.none() | LINE,
    date=st.none() | st.dates(date(1900, 1, 1)),
    subtitle=st.none() | LINE,
    language=st.none() | st.sampled_from(["en", "pl", "no", "zh-Hans"]),
    authors=st.lists(LINE, max_size=2).map(tuple),
    tags=st.lists(LINE, max_size=3).map(tuple),
    slug=st.none() | LINE,
    image=st.none() | URL.map(str.strip).filter(bool),
    send_at=st.none() | MOMENT,
    canonical_url=st.none() | URL.map(str.strip).filter(bool),
    status=st.none() | LINE,
    intro=BLOCKS,
    declared=st.builds(
        Declared,
        stories=st.none() | st.integers(0, 9999),
        minutes=st.none() | st.integers(0, 9999),
    ),
    extra=st.sampled_from(
        [
            (),
            (("layout", "wide"), ("weight", "")),
            (("params", "\n  a: 1\n  b: [x, y]"), ("my key", '"a: b"')),
            (("list", "\n- a\n- b"), ("text", "|\n  two\n  lines")),
        ]
    ),
)


def reread(issue: Issue) -> Issue:
    """Write an issue and read it again."""
    return formats.read(write_markdown(issue).encode(), "issue.md", format="markdown").issue


SLOW_TO_DRAW = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(SLOW_TO_DRAW, max_examples=40)
@given(ISSUES)
def test_what_is_written_reads_back_equal_and_is_written_the_same(issue: Issue) -> None:
    """Reading undoes writing for every issue that Markdown can say, and writing is stable."""
    written = write_markdown(issue)

    again = formats.read(written.encode(), "issue.md").issue

    assert again == issue
    assert write_markdown(again) == written


@settings(SLOW_TO_DRAW, max_examples=60)
@given(stories(), st.none() | LINE)
def test_a_story_reads_back_equal_under_a_heading_and_as_a_brief(
    story: Story, section: str | None
) -> None:
    """A story survives alone, wherever the form of its section puts it."""
    issue = Issue(title="t", sections=(Section(title=section, stories=(story,)),))

    assert reread(issue) == issue


@settings(SLOW_TO_DRAW, max_examples=100)
@given(BLOCKS)
@example((ListBlock(((ListBlock(((ListBlock(((),)),),)),),)), Rule()))
@example((ListBlock(((Rule(),), ())), ListBlock(((), (Rule(),)))))
def test_blocks_read_back_equal(blocks: tuple[Block, ...]) -> None:
    """Blocks survive in any order and any nesting."""
    issue = Issue(title="t", sections=(Section(),), intro=blocks)

    assert reread(issue) == issue


@settings(SLOW_TO_DRAW, max_examples=200)
@given(PROSE)
@example((Strong(("a", Emphasis(("b",)), "c")), "d"))
@example((Emphasis((Strong(("a",)), Strikethrough(("b",)))), Strong(("c",))))
@example(("x", Emphasis(("(y)",)), "z"))
@example(("a!", Link("u", ("b",)), "!"))
def test_prose_reads_back_equal(content: Content) -> None:
    """Every mark, link and escape of a paragraph survives, whatever stands beside it."""
    issue = Issue(title="t", sections=(Section(),), intro=(Quote((Paragraph(content), Rule())),))
    assert reread(issue) == issue


@settings(max_examples=200, deadline=None)
@given(st.lists(INLINE, max_size=5))
def test_the_normal_form_is_its_own_and_keeps_the_words(nodes: list[Inline]) -> None:
    """Tidying twice changes nothing more, and tidying drops white space only."""
    tidied = tidy(nodes)

    assert tidy(tidied) == tidied
    assert "".join(plain(tidied).split()) == "".join(plain(tuple(nodes)).split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_sample_reads_back_equal_from_its_canonical_form(path: Path) -> None:
    """Both plain-text layouts and Markdown survive the canonical form, and it is stable."""
    issue = formats.read(path.read_bytes(), path.name).issue
    written = write_markdown(issue)

    assert reread(issue) == issue
    assert write_markdown(reread(issue)) == written


def test_the_canonical_sample_is_written_as_it_stands() -> None:
    """A file in canonical form is a fixed point, byte for byte."""
    data = (DATA / "canonical.md").read_bytes()

    assert write_markdown(formats.read(data, "canonical.md").issue).encode() == data
