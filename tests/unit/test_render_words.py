"""Fixed words, dates and scripts: what a mail says in the language of its issue."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import pytest

from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.render import Renderer, packaged_templates
from pipeline.render.script import script_of
from pipeline.render.theme import fonts
from pipeline.render.words import (
    COUNTED,
    KINDS,
    WORDS,
    catalogue,
    fixed_words,
    plural,
)

TRANSLATED: Final = ("de", "fr", "es", "pl", "ar", "ja")
LANGUAGES: Final = ("en", *TRANSLATED)
GAP: Final = re.compile(r"\{\w+\}")
DAY: Final = date(2026, 3, 13)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_complete_and_has_nothing_else(language: str) -> None:
    """Every word is translated, with the gaps of its source; a word nobody says is gone."""
    found = catalogue(language)
    assert found is not None
    messages = {m.id if isinstance(m.id, str) else m.id[0]: m for m in found if m.id}

    assert set(messages) == {
        *WORDS.values(),
        *KINDS.values(),
        *(one for one, _ in COUNTED.values()),
    }
    for source, message in messages.items():
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms)
        for number, form in enumerate(forms):
            missing = set(GAP.findall(source)) - set(GAP.findall(str(form)))
            alone = [count for count in range(200) if plural(found, count) == number]
            assert not missing or (len(forms) > 1 and len(alone) == 1), form  # "two minutes"
            assert set(GAP.findall(str(form))) <= set(GAP.findall(source))


@pytest.mark.parametrize(
    ("count", "form"),
    [(1, "tekst"), (2, "teksty"), (5, "tekstów"), (12, "tekstów"), (22, "teksty")],
)
def test_polish_counts_in_three_ways(count: int, form: str) -> None:
    """The plural is that of the language, not of English."""
    words = fixed_words("pl", {"minutes": 1, "stories": count}, {})
    found = catalogue("pl")

    assert found is not None
    assert plural(found, count) in {0, 1, 2}
    assert words["stories"] == f"{{count}} {form}"


def test_words_of_a_theme_win() -> None:
    """Also over a translation, and one kind at a time."""
    own = {"contents": "Heute", "kinds": {"job": "Arbeit"}}

    words = fixed_words("de-AT", {"minutes": 1, "stories": 2}, own)

    assert words["contents"] == "Heute"
    assert words["kinds"]["job"] == "Arbeit"
    assert words["kinds"]["event"] == "Termin"
    assert words["unsubscribe"] == "Abbestellen"


def test_a_language_without_a_catalogue_is_answered_in_english() -> None:
    """Whatever the tag looks like; it never names a file elsewhere."""
    for tag in ("fi", "", "x", "../../../etc", "de/../de"):
        words = fixed_words(tag, {"minutes": 1, "stories": 1}, {})
        assert words["unsubscribe"] == "Unsubscribe"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_speaks_one_language(language: str) -> None:
    """No English word of ours is left in a mail of another language."""
    issue = Issue(
        title="T", number="4", date=DAY, language=language, sections=(Section(stories=(Story(),)),)
    )

    rendered = Renderer([packaged_templates()]).render(
        issue, Newsletter(name="N"), web_url="https://news.example.org/1/"
    )

    assert f'lang="{language}"' in rendered.html
    for word in ("Unsubscribe", "Read on the web", "Issue 4", "min read"):
        assert (word in rendered.text) is (language == "en")


@pytest.mark.parametrize(
    ("tag", "name", "cased", "wide"),
    [
        ("en", "", True, False),
        ("ru", "", True, False),
        ("ar", "arabic", False, False),
        ("fa-IR", "arabic", False, False),
        ("az-Arab", "arabic", False, False),
        ("he", "hebrew", False, False),
        ("ja", "japanese", False, True),
        ("zh", "simplified", False, True),
        ("zh-TW", "traditional", False, True),
        ("zh-Hant", "traditional", False, True),
        ("zh_Hans_HK", "simplified", False, True),
        ("ko", "korean", False, False),
        ("ja-Latn", "", True, False),
    ],
)
def test_a_tag_says_how_it_is_written(tag: str, name: str, cased: bool, wide: bool) -> None:
    """The script subtag decides, then the place, then the language."""
    script = script_of(tag)

    assert (script.name, script.cased, script.wide) == (name, cased, wide)


def test_fonts_of_a_script_come_before_the_last_resort() -> None:
    """In each stack that has some, and roles follow the stack they name."""
    theme = {
        "fonts": {"serif": "Georgia, serif", "title": "serif", "mono": "Menlo, monospace"},
        "scripts": {"japanese": {"serif": "'Yu Mincho'"}},
    }

    found = fonts(theme, script_of("ja"))

    assert found["title"] == found["serif"] == "Georgia, 'Yu Mincho', serif"
    assert found["mono"] == "Menlo, monospace"
    assert fonts(theme, script_of("en"))["title"] == "Georgia, serif"


def test_english_words_in_a_mail_from_right_to_left_are_read_from_the_left() -> None:
    """There is no Hebrew catalogue: the full stop of an English sentence stays at its end."""
    html = (
        Renderer([packaged_templates()])
        .render(
            Issue(title="T", language="he", sections=()),
            Newsletter(name="N"),
            web_url="https://n.example.org/1/",
        )
        .html
    )

    for words in ("Read on the web", "You receive N because", "Unsubscribe"):
        paragraph = html[: html.index(words)].rpartition("<p ")[2]
        assert 'dir="auto"' in paragraph.partition(">")[0], words


@pytest.mark.parametrize("theme", ["digest", "briefing", "essay"])
def test_from_right_to_left_all_sides_change(theme: str) -> None:
    """Text, lists and borders start at the right; letters are neither set apart nor slanted."""
    issue = Issue(
        title="T",
        language="ar",
        sections=(
            Section(
                title="S",
                stories=(Story(title="A", tldr=("b",), takeaways=(("c",),)), Story(title="B")),
            ),
        ),
    )

    html = (
        Renderer([packaged_templates()], theme)
        .render(issue, Newsletter(name="N"), web_url="https://news.example.org/1/")
        .html
    )
    body = html[html.index("<body") :]

    assert 'dir="rtl"' in html
    assert "border-left:" not in body
    assert 'align="left" style' not in body
    assert "font-style:italic" not in body
    assert not re.search(r"letter-spacing:(?!0)", body)
