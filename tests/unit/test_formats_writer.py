"""The canonical form: what it looks like, and what it quotes."""

from __future__ import annotations

import pytest
import yaml

from pipeline import formats
from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.content import (
    Content,
    Emphasis,
    Heading,
    Image,
    Labelled,
    LineBreak,
    Link,
    ListBlock,
    Paragraph,
    Rule,
    Strong,
    Table,
)
from pipeline.model.issue import Issue, Section, Source, Story


def paragraph(*content: object) -> str:
    """Write a paragraph and return its lines."""
    nodes: Content = content  # type: ignore[assignment]  # the tests pass inline nodes
    issue = Issue(title="T", sections=(Section(),), intro=(Paragraph(nodes),))
    return write_markdown(issue).partition("---\n\n")[2].rstrip("\n")


def front_matter(**fields: object) -> str:
    """Write an issue with these fields and return its front matter."""
    issue = Issue(title="T", sections=(Section(),), **fields)  # type: ignore[arg-type]  # as given
    return write_markdown(issue).split("---\n")[1]


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (("$30 and 10–20% of it (all)!",), "$30 and 10–20% of it (all)!"),
        (("a_b * [c] <d> `e` ~f~ |g| \\",), r"a\_b \* \[c\] \<d> \`e\` \~f\~ \|g\| \\"),
        (("# a",), r"\# a"),
        (("#a",), "#a"),
        (("1. a",), r"1\. a"),
        (("2026. a",), r"2026\. a"),
        (("- a",), r"\- a"),
        (("---",), r"\---"),
        (("a", LineBreak(), "---"), "a\\\n\\---"),
        (("&amp; & &x",), r"\&amp; & &x"),
        (("a!", Link("u", ("b",))), r"a\![b](u)"),
        (("a", Emphasis(("b",)), "c"), "a*b*c"),
        (("a", Emphasis(("(b)",)), "c"), "&#97;*(b)*&#99;"),
        ((Strong((Emphasis(("a",)),)),), "**_a_**"),
        ((Emphasis(("a",)), Strong(("b",))), "_a_**b**"),
        ((Link("https://example.org/a?b=1&c=2", ("x",)), "."), "[x](https://example.org/a?b=1&c=2)."),
        ((Link("a b)", ("x",)), "."), "[x](<a b)>)."),
        (("x", Image("u", "a]", 'b "c"')), r'x![a\]](u "b \"c\"")'),
    ],
)  # fmt: skip
def test_only_what_acts_is_escaped(content: Content, written: str) -> None:
    """Prose stays prose; marks that would not work get a character reference beside them."""
    assert paragraph(*content) == written


def test_lists_are_tight_if_they_can_be_and_never_run_together() -> None:
    """One-line items need no blank lines; a list after a list changes its mark."""
    one = ListBlock(
        ((Paragraph(("a",)),), (Paragraph(("b",)), ListBlock(((Paragraph(("c",)),),))))
    )
    loose = ListBlock(((Paragraph(("d",)), Rule()),), ordered=True, start=9)
    issue = Issue(title="T", sections=(Section(),), intro=(one, one, loose))

    assert write_markdown(issue).partition("---\n\n")[2] == (
        "- a\n- b\n  - c\n\n* a\n* b\n  - c\n\n9. d\n\n   ___\n"
    )


def test_tables_escape_their_bars_once() -> None:
    """A bar in a cell is text on GitHub too."""
    table = Table(head=(("a",), ()), rows=((("b|c",), ("d",)),), align=(None, "center"))
    issue = Issue(title="T", sections=(Section(),), intro=(table,))

    assert write_markdown(issue).partition("---\n\n")[2] == (
        "| a |  |\n| --- | :-: |\n| b\\|c | d |\n"
    )


def test_briefs_are_a_list_while_their_section_can_be_one() -> None:
    """Untitled stories are items; stories that all have titles are headings."""
    bare = Story(body=(Paragraph(("Bare.",)),))
    linked = Story(title="A", body=(Paragraph(("b.",)),), source=Source(anchor="A", url="u"))
    full = Story(title="B", tldr=("c",))
    issue = Issue(
        title="T",
        sections=(
            Section(title="One", stories=(bare, linked)),
            Section(title="Two", stories=(linked,)),
            Section(title="Three", stories=(bare, full, bare)),
        ),
    )

    assert write_markdown(issue).partition("---\n\n")[2] == (
        "## One\n\n- Bare.\n- [A](u) — b.\n\n## Two\n\n### [A](u)\n\nb.\n\n"
        "## Three\n\n- Bare.\n\n### B\n\n**TL;DR:** c\n\n###\n\nBare.\n"
    )


def test_labels_are_closed_before_what_is_not_under_them() -> None:
    """Summary leads back to the body; a heading does so by itself."""
    why = Labelled("Why it matters", (Paragraph(("a",)),))
    body = (why, Paragraph(("b",)), why, Heading(4, ("c",)))
    issue = Issue(title="T", sections=(Section(stories=(Story(title="A", body=body),)),))

    assert write_markdown(issue).partition("## A\n\n")[2] == (
        "**Why it matters:** a\n\n**Summary:**\n\nb\n\n**Why it matters:** a\n\n#### c\n"
    )


def test_front_matter_is_ordered_and_quoted_where_it_must_be() -> None:
    """Other tools read the same values from it."""
    text = front_matter(
        number="91", tags=("ai", "no", "a: b"), slug="on", language="en", extra=(("x", "y"),)
    )

    assert text == (
        'title: "T"\nnumber: 91\nlang: en\ntags: [ai, "no", "a: b"]\nslug: "on"\n'
        "structure: flat\nx: y\n"
    )
    assert yaml.safe_load(text)["tags"] == ["ai", "no", "a: b"]


@pytest.mark.parametrize(
    "number", ["010", "0x1F", "1e3", "null", "~", "#91", "a\nb", "\x7f", "9:30"]
)
def test_awkward_values_are_read_the_same_by_any_tool(number: str) -> None:
    """What YAML would guess at is quoted."""
    assert yaml.safe_load(front_matter(number=number))["number"] == number


def test_sections_without_stories_say_that_they_are_sections() -> None:
    """The headings alone would be read as stories."""
    issue = Issue(title="T", sections=(Section(title="S", intro=(Paragraph(("a",)),)),))

    assert "structure: sections" in write_markdown(issue)
    assert formats.read(write_markdown(issue).encode(), "91.md").issue == issue
