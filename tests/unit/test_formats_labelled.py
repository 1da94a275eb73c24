"""The labelled layout, rule by rule."""

from __future__ import annotations

from datetime import date

import pytest

from pipeline import formats
from pipeline.errors import IssueError
from pipeline.model.content import Labelled, ListBlock, Paragraph
from pipeline.model.issue import Issue, Source, Story, StoryKind

HEAD = "Wires and Fog\nPublished on 13.03.2026\n"


def read(text: str, **options: str) -> Issue:
    """Read a text as the labelled layout."""
    return reading(text, **options).issue


def reading(text: str, **options: str) -> formats.Reading:
    """Read a text as the labelled layout, with its diagnostics."""
    order = options.get("date_order")
    assert order in {None, "dmy", "mdy"}
    return formats.read(
        text.encode(),
        "91.txt",
        format="labelled",
        date_order="mdy" if order == "mdy" else "dmy" if order else None,
    )


def codes(found: formats.Reading) -> list[str]:
    """Return the codes of what was said, but for links plain text cannot have."""
    return [diagnostic.code for diagnostic in found.diagnostics if diagnostic.code != "I205"]


def only_story(text: str) -> Story:
    """Return the one story of a text."""
    (story,) = read(text).stories
    return story


def test_a_story_has_its_parts() -> None:
    """Title, summary, takeaways, trade-offs and anchor each go to their field."""
    text = (
        f"{HEAD}Trams Drop Their Wires\nTLDR: The wires go.\nSummary:\nOne.\nTwo.\n"
        "Key takeaways:\n- A\n- B\nTradeoffs:\n- C\nWire-free by 2028\n"
    )

    issue = read(text)

    assert issue.title == "Wires and Fog"
    assert issue.date == date(2026, 3, 13)
    assert issue.stories == (
        Story(
            title="Trams Drop Their Wires",
            tldr=("The wires go.",),
            body=(Paragraph(("One.",)), Paragraph(("Two.",))),
            takeaways=(("A",), ("B",)),
            tradeoffs=(("C",),),
            source=Source(anchor="Wire-free by 2028"),
        ),
    )


def test_the_line_before_tldr_is_the_title_and_the_one_before_it_the_anchor() -> None:
    """Of two text lines after bullets the last is the next title, also if it looks like a link."""
    text = (
        f"{HEAD}A\nTLDR: a.\nKey takeaways:\n- x\nRead on\nB\nTLDR: b.\nKey takeaways:\n- y\nC\n"
    )

    first, second = read(f"{text}TLDR: c.\nSummary:\nd.\n").stories[:2]

    assert first.source == Source(anchor="Read on")
    assert (second.title, second.source) == ("B", None)


@pytest.mark.parametrize(
    "head", ["Wires and Fog\n", HEAD, "Published on 13.03.2026\nWires and Fog\n"]
)
def test_a_single_story_inherits_the_title_of_the_issue(head: str) -> None:
    """Pages print a title once if issue and story share it."""
    issue = read(f"{head}TLDR: a.\nSummary:\nb.\n")

    assert issue.title == "Wires and Fog"
    assert issue.stories[0].title == "Wires and Fog"


def test_labels_are_known_words_only() -> None:
    """A colon in a sentence is no label, and `In short:` opens no story in a file with TLDR."""
    story = only_story(f"{HEAD}A\nTLDR: a.\nSummary:\nNote: so it is.\nIn short: it is.\n")

    assert story.body == (Paragraph(("Note: so it is.",)), Paragraph(("In short: it is.",)))


def test_labels_come_in_other_languages() -> None:
    """The table of words has more than English."""
    story = only_story("T\nS\nTLDR: a.\nPodsumowanie:\nb.\nKluczowe wnioski:\n- c\n")

    assert story.body == (Paragraph(("b.",)),)
    assert story.takeaways == (("c",),)


def test_a_label_without_a_field_keeps_its_paragraphs() -> None:
    """`Why it matters` stands in the body under its own words, with all that follows."""
    story = only_story(f"{HEAD}A\nTLDR: a.\nWhy it matters: b.\nc.\n- d\nSummary:\ne.\n")

    assert story.body == (
        Labelled(
            "Why it matters",
            (Paragraph(("b.",)), Paragraph(("c.",)), ListBlock(((Paragraph(("d",)),),))),
        ),
        Paragraph(("e.",)),
    )


def test_lists_in_the_body_are_lists() -> None:
    """Bullets and figures under no list label are blocks of the body."""
    story = only_story(f"{HEAD}A\nTLDR: a.\nSummary:\n3. x\n4. y\n- z\nEnd.\nTradeoffs:\n- c\n")

    assert story.body == (
        ListBlock(((Paragraph(("x",)),), (Paragraph(("y",)),)), ordered=True, start=3),
        ListBlock(((Paragraph(("z",)),),)),
        Paragraph(("End.",)),
    )


def test_a_kind_is_split_off_the_title() -> None:
    """Only words of the table are kinds."""
    assert only_story(f"{HEAD}Editorial: A\nTLDR: a.\n").kind is StoryKind.EDITORIAL
    assert only_story(f"{HEAD}Opinion: A\nTLDR: a.\n").title == "Opinion: A"


def test_a_sentence_at_the_end_is_no_anchor() -> None:
    """An anchor is short and has no full stop; a short question may be one."""
    start = f"{HEAD}A\nTLDR: a.\nSummary:\nOne.\n"

    assert only_story(f"{start}This is how it ends.\n").source is None
    assert only_story(f"{start}Who reads this?\n").source == Source(anchor="Who reads this?")
    assert only_story(f"{start}Source: The Port.\n").source == Source(anchor="The Port.")


def test_what_is_odd_is_said() -> None:
    """Text after a list, a story without a title and an ambiguous date are warnings."""
    found = reading(
        "T\nPublished on 3/4/2026\nA\nTLDR: a.\nKey takeaways:\n- b\nLost.\nc.\nTradeoffs:\nTLDR: d.\n"
    )

    assert codes(found) == ["W105", "W207", "W204"]
    assert [diagnostic.line for diagnostic in found.diagnostics] == [2, 3, 7, 10]
    assert found.issue.date is None


def test_the_date_order_is_an_option() -> None:
    """The user knows how the page prints dates."""
    text = "T\nPublished on 3/4/2026\nA\nTLDR: a.\n"

    assert read(text, date_order="mdy").date == date(2026, 3, 4)
    assert read(text, date_order="dmy").date == date(2026, 4, 3)


def test_an_impossible_date_stops_the_reading() -> None:
    """The diagnostic points at the date."""
    with pytest.raises(IssueError) as caught:
        read("T\nPublished on 30.02.2026\nA\nTLDR: a.\n")

    (found,) = caught.value.diagnostics
    assert (found.code, found.line, found.column) == ("E103", 2, 14)
    assert found.source == "Published on 30.02.2026"


def test_a_text_without_tldr_is_refused() -> None:
    """Nothing opens a story in it."""
    with pytest.raises(IssueError, match="E007"):
        read("T\nSummary:\na.\n")


def test_text_before_the_first_story_is_the_introduction() -> None:
    """So are bullets, as one list."""
    issue = read(f"{HEAD}Hello.\n- a\n- b\nA\nTLDR: a.\n")

    assert issue.intro == (
        Paragraph(("Hello.",)),
        ListBlock(((Paragraph(("a",)),), (Paragraph(("b",)),))),
    )


def test_navigation_is_left_out() -> None:
    """What a web page prints around an issue is recorded and dropped."""
    issue = read(f"View in browser\n{HEAD}A\nTLDR: a.\nSummary:\nb.\nUnsubscribe\n")

    assert issue.provenance
    assert issue.provenance.nav == (1, 8)
    assert issue.stories[0].source is None
