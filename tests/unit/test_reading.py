"""Leads, labels and reading time."""

from __future__ import annotations

import pytest

from pipeline.model.content import Emphasis, Link, Paragraph, plain
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.reading import reading_minutes, split_lead, story_label, word_count


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("Ropes fail more. Nobody knows why.", "Ropes fail more."),
        ("The U.S. fleet sailed. It rained.", "The U.S. fleet sailed."),
        ("It cost 3.5 million. That is a lot.", "It cost 3.5 million."),
        ("Only one sentence here", "Only one sentence here"),
        ("He said “never.” Then he left.", "He said “never.”"),
        ("Is it over? Yes.", "Is it over?"),
    ],
)
def test_the_lead_is_the_first_sentence(text: str, lead: str) -> None:
    """Abbreviations, decimals and closing quotes do not end a sentence early."""
    assert split_lead(text)[0] == lead


@pytest.mark.parametrize("words", [1, 7, 40, 300])
def test_splitting_loses_no_word(words: int) -> None:
    """Lead and rest together say what the paragraph said."""
    text = " ".join(f"word{n}{',' if n % 9 == 8 else ''}" for n in range(words)) + ". And so on."
    lead, rest = split_lead(text)

    assert f"{lead} {rest}".split() == text.split()


def test_a_long_first_sentence_is_cut_after_a_clause() -> None:
    """A bold run-in of three lines would look like shouting."""
    text = "When the tide went out past the second buoy, " + "the crew " * 20 + "slept."

    assert split_lead(text)[0] == "When the tide went out past the second buoy,"


def test_a_story_without_title_is_named_after_its_first_words() -> None:
    """Tables of contents and feeds need a name for every story."""
    long = Story(body=(Paragraph(("A very long sentence that goes on " * 5,)),))
    short = Story(body=(Paragraph(("Fog, explained. The rest.",)),))

    assert story_label(short) == "Fog, explained"
    assert story_label(long).endswith("…")
    assert len(story_label(long)) <= 71


def test_minutes_follow_words_and_never_fall_to_zero() -> None:
    """238 words take a minute; so does a single one."""
    prose = Story(body=(Paragraph(("word " * 476,)),))
    one = Issue(title="T", sections=(Section(stories=(prose,)),))

    assert reading_minutes(one) == 2
    assert word_count(one) == 477
    assert reading_minutes(Issue(title="T", sections=(Section(),))) == 1


def test_plain_keeps_the_words_and_drops_the_markup() -> None:
    """Titles and labels are plain strings."""
    assert plain(("a ", Emphasis(("b",)), Link("https://example.org/", (" c",)))) == "a b c"
