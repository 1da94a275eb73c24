"""Markdown: what headings, labels, lists and paragraphs mean."""

from __future__ import annotations

import pytest

from pipeline import formats
from pipeline.diagnostic import Diagnostic
from pipeline.errors import IssueError
from pipeline.model.content import (
    Block,
    Button,
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
    Strong,
    Table,
)
from pipeline.model.issue import Issue, Section, Source, Story, StoryKind

QUIET = {"I205", "W102", "I211"}


def reading(body: str, front: str = "title: T\nstructure: sections") -> formats.Reading:
    """Read a body under front matter of its own."""
    text = f"---\n{front}\n---\n{body}"
    return formats.read(text.encode(), "91.md", format="markdown")


def read(body: str, front: str = "title: T\nstructure: sections") -> Issue:
    """Read a body; the issue only."""
    return reading(body, front).issue


def story(body: str) -> Story:
    """Read the one story that stands under a heading."""
    (only,) = read(f"### A\n\n{body}").stories
    return only


def briefs(items: str) -> tuple[Story, ...]:
    """Read the stories of a list that stands in a section."""
    return read(f"## S\n\n{items}").stories


def said(found: formats.Reading) -> list[tuple[str, int | None]]:
    """Return codes and lines of what is worth a look."""
    return [(one.code, one.line) for one in found.diagnostics if one.code not in QUIET]


def text(words: str) -> Block:
    """Return a paragraph of plain words."""
    return Paragraph((words,))


def refusal(body: str) -> Diagnostic:
    """Return the first diagnostic for a body that must be refused."""
    with pytest.raises(IssueError) as caught:
        read(body)
    return caught.value.diagnostics[0]


def test_headings_open_sections_and_stories() -> None:
    """Text before a heading introduces what is above it."""
    issue = read("Hello.\n\n## S\n\nIntro.\n\n### A\n\nBody.\n\n### B\n\n## U\n")

    assert issue.intro == (text("Hello."),)
    assert issue.sections == (
        Section(
            title="S",
            intro=(text("Intro."),),
            stories=(Story(title="A", body=(text("Body."),)), Story(title="B")),
        ),
        Section(title="U"),
    )


@pytest.mark.parametrize(
    ("body", "titles"),
    [
        ("## A\n\n### B\n", ["A"]),
        ("## A\n\n- b\n", ["A"]),
        ("## A\n\nText.\n\n## B\n\n- c\n", [None]),
        ("Text only.\n", [None]),
    ],
)
def test_the_structure_is_seen_from_the_headings(body: str, titles: list[str | None]) -> None:
    """A third level or a list right under the first heading means sections."""
    found = reading(body, "title: T")

    assert [section.title for section in found.issue.sections] == titles
    assert any(one.code == "I211" for one in found.diagnostics) is ("## B\n\n-" in body)


def test_a_flat_issue_has_stories_on_the_second_level() -> None:
    """A third-level heading is one inside a story then."""
    issue = read("## A\n\n### Inside\n\nb\n", "title: T\nstructure: flat")

    assert issue.stories == (Story(title="A", body=(Heading(4, ("Inside",)), text("b"))),)


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("A", Story(title="A")),
        ("", Story()),
        ("Editorial: A", Story(kind=StoryKind.EDITORIAL, title="A")),
        (r"Editorial\: A", Story(title="Editorial: A")),
        ("Sponsor:", Story(kind=StoryKind.SPONSOR)),
        ("Together with: Acme", Story(kind=StoryKind.SPONSOR, title="Acme")),
        ("[A](u)", Story(title="A", source=Source(anchor="A", url="u"))),
        ("Job: [A](u)", Story(kind=StoryKind.JOB, title="A", source=Source(anchor="A", url="u"))),
        ("Read [this](u)", Story(title="Read this", source=Source(anchor="this", url="u"))),
        ("*A* `b`", Story(title="A b")),
        (r"Less \# is more #", Story(title="Less # is more")),
    ],
)
def test_the_heading_of_a_story_says_kind_title_and_source(heading: str, expected: Story) -> None:
    """A linked title is the source; an escaped colon makes no kind."""
    assert read(f"### {heading}\n").stories == (expected,)


def test_labels_fill_the_fields_of_a_story() -> None:
    """TL;DR takes a paragraph, list labels take a list, Source a link."""
    full = story(
        "**TL;DR:** Short.\n\nBody.\n\n**Key takeaways:**\n\n- a\n- b\n\n"
        "**Trade-offs**:\n\n1. c\n\n**Source:** [Read on](https://example.org)\n"
    )

    assert full == Story(
        title="A",
        tldr=("Short.",),
        body=(text("Body."),),
        takeaways=(("a",), ("b",)),
        tradeoffs=(("c",),),
        source=Source(anchor="Read on", url="https://example.org"),
    )


def test_a_label_may_stand_alone() -> None:
    """The paragraph after it is then what it labels."""
    assert story("**TLDR:**\n\nShort.\n\n**Link:**\n\n[a](u)\n") == Story(
        title="A", tldr=("Short.",), source=Source(anchor="a", url="u")
    )


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("[a](<>)", Source(anchor="a")),
        ("The Port", Source(anchor="The Port")),
        (
            "https://example.org/a",
            Source(anchor="https://example.org/a", url="https://example.org/a"),
        ),
        ("[a](u), 5 min", Source(anchor="a, 5 min", url="u")),
    ],
)
def test_a_source_may_have_lost_its_link(line: str, source: Source) -> None:
    """Words without a URL are a source, and so is a URL without words."""
    assert story(f"**Source:** {line}\n").source == source


def test_labels_without_a_field_stay_in_the_body() -> None:
    """A known one runs to the next label or heading; an unknown one keeps its paragraph."""
    found = reading(
        "### A\n\n**Why it matters:** One.\n\nTwo.\n\n#### H\n\nThree.\n\n**Odd:** Four.\n\nFive.\n"
    )

    assert found.issue.stories[0].body == (
        Labelled("Why it matters", (text("One."), text("Two."))),
        Heading(4, ("H",)),
        text("Three."),
        Labelled("Odd", (text("Four."),)),
        text("Five."),
    )
    assert said(found) == [("W206", 15)]


@pytest.mark.parametrize("line", [r"**Odd\:** b", "**Bold** b", "**Odd:**b", "**a `b`:** c"])
def test_bold_words_are_not_always_a_label(line: str) -> None:
    """An escape, missing space or markup inside says otherwise."""
    (block,) = story(line).body

    assert isinstance(block, Paragraph)


def test_a_second_field_or_a_nested_list_is_kept_in_the_body() -> None:
    """Nothing is lost because its field is taken or too small."""
    found = reading("### A\n\n**TL;DR:** a\n\n**TL;DR:** b\n\n**Takeaways:**\n\n- c\n  - d\n")
    nested = ListBlock(((text("c"), ListBlock(((text("d"),),))),))

    assert found.issue.stories[0].tldr == ("a",)
    assert found.issue.stories[0].body == (
        Labelled("TL;DR", (text("b"),)),
        Labelled("Takeaways", (nested,)),
    )
    assert said(found) == [("W210", 13)]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("Just text.", Story(body=(text("Just text."),))),
        (
            "Text. ([Port](u))",
            Story(body=(text("Text."),), source=Source(anchor="Port", url="u")),
        ),
        (
            "[Knot](u) — names it.",
            Story(title="Knot", body=(text("names it."),), source=Source(anchor="Knot", url="u")),
        ),
        ("**Fog.** It lifts.", Story(title="Fog", body=(text("It lifts."),))),
        ("**Fog?** It lifts.", Story(title="Fog?", body=(text("It lifts."),))),
        ("**Fog:** it lifts.", Story(title="Fog", body=(text("it lifts."),))),
        ("**Fog** – it lifts.", Story(title="Fog", body=(text("it lifts."),))),
        (
            "**[Fog](u)**\n  It lifts.",
            Story(title="Fog", body=(text("It lifts."),), source=Source(anchor="Fog", url="u")),
        ),
        ("**Sponsor: Acme.** Gravel.", Story(kind=StoryKind.SPONSOR, title="Acme", body=(text("Gravel."),))),
        ("**Fog** is coming.", Story(body=(Paragraph((Strong(("Fog",)), " is coming.")),))),
        ("[Acme](u) sells gravel.", Story(body=(Paragraph((Link("u", ("Acme",)), " sells gravel.")),))),
        ("**TL;DR:** a\n\n  b", Story(tldr=("a",), body=(text("b"),))),
        ("a\n\n  - b", Story(body=(text("a"), ListBlock(((text("b"),),))))),
    ],
)  # fmt: skip
def test_a_list_in_a_section_is_one_of_briefs(item: str, expected: Story) -> None:
    """One item is one story; its first words may be its title."""
    assert briefs(f"- {item}\n- Next.\n") == (expected, Story(body=(text("Next."),)))


def test_what_stands_between_briefs_is_a_story_too() -> None:
    """Paragraphs after a list are read alone; a divider is part of the brief before it."""
    assert briefs("- a\n\nb\n\n---\n\nc\n\n- d\n\n---\n") == (
        Story(body=(text("a"),)),
        Story(body=(text("b"), Rule(), text("c"))),
        Story(body=(text("d"), Rule())),
    )


def test_blocks_are_what_they_look_like() -> None:
    """Figures, buttons, quotes, code, tables, dividers and lists are kept as such."""
    body = story(
        '![Rope](r.jpg "Torn")\n\n[![Rope](r.jpg)](u)\n\n**[Buy](b)**\n\n'
        "> Measure first.\n> — Ada\n\n```python x\na = 1\n```\n\n    b\n\n---\n\n"
        "| a | b |\n| :- | -: |\n| *c* | d \\| e |\n\n3. x\n4. y\n"
    ).body

    assert body == (
        Figure(Image("r.jpg", "Rope"), caption="Torn"),
        Figure(Image("r.jpg", "Rope"), link="u"),
        Button("b", ("Buy",)),
        Quote((Paragraph(("Measure first.", LineBreak(), "— Ada")),)),
        CodeBlock("a = 1\n", "python"),
        CodeBlock("b\n"),
        Rule(),
        Table(
            head=(("a",), ("b",)),
            rows=(((Emphasis(("c",)),), ("d | e",)),),
            align=("left", "right"),
        ),
        ListBlock(((text("x"),), (text("y"),)), ordered=True, start=3),
    )


def test_comments_are_notes_to_self() -> None:
    """They are nowhere in the issue, and each of their lines is claimed."""
    issue = read("<!-- one\n\ntwo -->\n\n## S\n\na <!-- three --> b\n\n- c\n\n  <!-- four -->\n")

    assert issue.sections[0].intro == (text("a  b"),)
    assert issue.stories == (Story(body=(text("c"),)),)
    assert issue.provenance
    pointers = dict(issue.provenance.spans)
    assert pointers["/comments/0"].end_line == 7
    assert pointers["/comments/1"].line == 15
    assert issue.provenance.unassigned == ()


@pytest.mark.parametrize("body", ["<!-- a\n\nb\n", "a <!-- b\n\nc -->\n", "- <!-- a\n\nb -->\n"])
def test_an_open_comment_is_refused(body: str) -> None:
    """A note to self is never published by a slip."""
    found = refusal(body)

    assert (found.code, found.line) == ("E013", 5)


def test_html_stays_visible() -> None:
    """Tags are text with a warning; an escaped one is meant to be read."""
    found = reading("<div class='a_b_c'>x</div> \\<b>\n")

    assert found.issue.intro == (text("<div class='a_b_c'>x</div> <b>"),)
    assert said(found) == [("W306", 5), ("W306", 5)]


def test_footnotes_lose_no_text() -> None:
    """They are not a feature, and no link definition either."""
    issue = read("a[^1]\n\n[^1]: https://example.org\n")

    assert issue.intro == (text("a[^1]"), text("[^1]: https://example.org"))


def test_link_definitions_are_claimed() -> None:
    """Their lines say where links go, and are not left over."""
    issue = read("[a] and [b]\n\n[a]: u\n[b]: v 'w'\n")

    assert issue.intro == (Paragraph((Link("u", ("a",)), " and ", Link("v", ("b",)))),)
    assert issue.provenance
    assert issue.provenance.unassigned == ()


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JavaScript&colon;a", "<java&#9;script:a>", "data:text/html,x"]
)
def test_unsafe_schemes_are_taken_off_their_words(url: str) -> None:
    """What no mail program opens is not passed on; the words stay."""
    found = reading(f"[a]({url}) ![b]({url})\n")

    assert found.issue.intro == (text("a b"),)
    assert said(found) == [("W308", 5), ("W308", 5)]


def test_links_stay_as_they_are_written() -> None:
    """No percent-encoding and no punycode behind the author's back."""
    (block,) = read("[a](<https://bücher.example.org/ä b>) <https://example.org/ö>\n").intro

    assert block == Paragraph(
        (
            Link("https://bücher.example.org/ä b", ("a",)),
            " ",
            Link("https://example.org/ö", ("https://example.org/ö",)),
        )
    )


def test_what_readers_cannot_see_or_click_is_said() -> None:
    """Pictures without words, links without words and titles of links are pointed out."""
    found = reading('![](a.png) x\n[](b)\n[c](d "e")\n')

    assert said(found) == [("W301", 5), ("W302", 6), ("I303", 7)]


@pytest.mark.parametrize(
    ("front", "body", "title"),
    [
        ("title: T", "# T\n\na\n", "T"),
        ("number: 9", "# From the text\n\na\n", "From the text"),
        ("number: 9", "a\n", "The fog"),
    ],
)
def test_the_title_comes_from_front_matter_heading_or_file(
    front: str, body: str, title: str
) -> None:
    """The first that is there counts; a heading that repeats it is dropped."""
    text_of = f"---\n{front}\n---\n{body}"

    issue = formats.read(text_of.encode(), "the-fog.md").issue

    assert issue.title == title
    assert issue.intro == (text("a"),)


def test_another_first_level_heading_is_a_section() -> None:
    """Only one heading can be the title."""
    found = reading("# One\n\n### A\n", "title: T")

    assert found.issue.sections[0].title == "One"
    assert said(found) == [("I212", 4)]


def test_deep_nesting_is_refused() -> None:
    """Nothing is cut off in silence."""
    assert refusal("> " * 60 + "a\n").code == "E011"
    assert refusal("*a **b " * 60 + "c** d*" * 60 + "\n").code == "E011"
    assert refusal("a " * 20_000).code == "E012"


def test_a_slot_hidden_by_markup_is_refused() -> None:
    """What the renderer would put together is looked at put together."""
    assert refusal("XX0UNSUB\\SCRIBE0URL0XX XX0UNSUBSCRIBE&#48;URL0XX\n").code == "E010"
    assert refusal("XX0UNSUB*SCRIBE*0URL0XX\n").code == "E010"
