"""Author content as plain text."""

from __future__ import annotations

import pytest

from pipeline.model.content import (
    Block,
    Button,
    Code,
    CodeBlock,
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
    Table,
)
from pipeline.render.text import blocks, item, prose, underlined, wrap

LONG = "word " * 30


def test_lines_end_at_seventy_two_characters() -> None:
    """A marked paragraph is wrapped, and its other lines are indented."""
    lines = wrap(LONG, "- ").split("\n")

    assert all(len(line) <= 72 for line in lines)
    assert lines[0].startswith("- word")
    assert all(line.startswith("  word") for line in lines[1:])
    assert " ".join(lines).split()[1:] == LONG.split()


def test_no_break_spaces_do_not_break() -> None:
    """A no-break space is neither an end of line nor lost."""
    text = f"{'x' * 69} a\u00a0b"

    assert wrap(text) == f"{'x' * 69}\na\u00a0b"


def test_urls_and_long_words_stay_whole() -> None:
    """What cannot be copied in two pieces is longer than a line."""
    url = f"https://a.example.org/{'p' * 90}"

    assert wrap(f"see {url} there") == f"see\n{url}\nthere"


def test_ideographs_are_wrapped_without_spaces() -> None:
    """A line ends between two ideographs and never before a full stop."""
    text = "漢字仮名交文。" * 20

    lines = wrap(text).split("\n")

    assert "".join(lines) == text
    assert all(len(line) <= 72 for line in lines)
    assert not any(line.startswith("。") for line in lines)


def test_a_single_link_follows_its_paragraph() -> None:
    """One URL needs no name: it stands alone on the next line."""
    content = ("See ", Link("https://a.example.org/?b=c&d", ("there",)), ".")

    assert prose(content) == "See there.\nhttps://a.example.org/?b=c&d"


def test_several_links_are_named() -> None:
    """Two URLs say which words they belong to."""
    content = (
        Link("https://a.example.org", ("a", Code("b"))),
        Image("https://b.example.org/i", "c"),
    )

    assert prose(content) == "abc\nab:\nhttps://a.example.org\nc:\nhttps://b.example.org/i"


def test_a_url_that_is_its_own_words_is_not_repeated() -> None:
    """An autolink reads once."""
    assert prose((Link("https://a.example.org", ("https://a.example.org",)),)) == (
        "https://a.example.org"
    )


def test_a_url_inside_another_is_not_taken_for_it() -> None:
    """A longer URL in the words does not hide a shorter one."""
    content = ("https://a.example.org/b", " ", Link("https://a.example.org", ("c",)))

    assert prose(content) == "https://a.example.org/b c\nhttps://a.example.org"


def test_a_soft_line_end_is_a_space() -> None:
    """Where the author's file broke a line says nothing."""
    assert prose(("a\nb", LineBreak(), "c")) == "a b\nc"


def test_a_link_nobody_can_follow_has_no_url() -> None:
    """The words stay, as in the HTML."""
    assert prose((Link("javascript:x", ("words",)),)) == "words"


def test_breaks_and_struck_words_are_kept() -> None:
    """A break is a line end; what is struck stays recognisable."""
    content = ("a", LineBreak(), Strikethrough(("b",)), Emphasis((" c",)))

    assert prose(content) == "a\n~b~ c"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (Paragraph(("p",)), "p"),
        (Heading(4, ("h",)), "h"),
        (Rule(), "* * *"),
        (CodeBlock("a\n\n  b\n"), "    a\n\n      b"),
        (Button("https://a.example.org", ("go",)), "go\nhttps://a.example.org"),
        (Labelled("Why", (Paragraph(("so",)),)), "Why:\n\nso"),
        (Quote((Paragraph(("a",)), Paragraph(("b",)))), "> a\n>\n> b"),
        (
            ListBlock(
                ((Paragraph(("a",)), ListBlock(((Paragraph(("b",)),),))), (Rule(),)), True, 9
            ),
            "9. a\n   - b\n10.\n    * * *",
        ),
        (
            Figure(Image("https://a.example.org/i", "alt"), "cap", "https://b.example.org"),
            "[alt]\ncap\nhttps://a.example.org/i\nhttps://b.example.org",
        ),
        (
            Table((("a",), ("bb",)), ((("ccc",), (Link("https://a.example.org", ("d",)),)),), ()),
            "a    bb\n---  --\nccc  d\nhttps://a.example.org",
        ),
        (
            Table((("a",), ("b",)), (((LONG,), ("c",)),), ()),
            f"{wrap(f'a: {LONG}', '', '  ')}\nb: c",
        ),
    ],
)
def test_every_block_has_its_shape(block: Block, expected: str) -> None:
    """Each member of the closed union is rendered."""
    assert blocks((block,)) == expected


def test_a_quote_keeps_its_mark_on_every_line() -> None:
    """A wrapped quotation stays a quotation."""
    lines = blocks((Quote((Paragraph((LONG,)),)),)).split("\n")

    assert len(lines) > 1
    assert all(line.startswith("> ") and len(line) <= 72 for line in lines)


def test_a_story_without_a_title_is_an_item() -> None:
    """Its first paragraph is marked and the others belong to it."""
    assert item((Paragraph(("a",)), Paragraph(("b",)))) == "- a\n\n  b"


def test_a_heading_is_ruled_off_at_its_own_length() -> None:
    """Also when it is wrapped, and never beyond the width."""
    assert underlined("ab\ncd") == "ab cd\n-----"
    assert underlined("x" * 90, "=").endswith("\n" + "=" * 72)
