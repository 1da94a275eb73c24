from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import astuple, replace

from pipeline.model.notice import LINK, NoticeKind, RenderedNotice
from pipeline.model.rendered import MergeSlot
from pipeline.render import packaged_templates
from pipeline.render.notice import (
    LOCALES,
    UNSUBSCRIBE,
    WORDS,
    NoticeRenderer,
    catalogue_of,
    translated,
)
from tests.unit.consent_desk import NEWSLETTER

TRANSLATED = ("de", "fr", "es", "pl", "ar", "ja")
LANGUAGES = ("en", *TRANSLATED)
GAP = re.compile(r"\{\w+\}")


def msgids() -> Iterator[str]:
    """Yield every text of every notice."""
    for words in WORDS.values():
        yield from filter(None, astuple(words))
    yield UNSUBSCRIBE


def render(
    kind: NoticeKind = NoticeKind.CONFIRM,
    *roots: Path,
    lists: tuple[str, ...] = ("The Quay",),
    hours: int = 72,
    language: str = "en",
) -> RenderedNotice:
    """Render a notice of The Quay."""
    renderer = NoticeRenderer((*roots, packaged_templates()))
    lasts = timedelta(hours=hours)
    return renderer.render(kind, NEWSLETTER, lists=lists, lasts=lasts, language=language)


def test_there_is_a_catalogue_for_each_language() -> None:
    """And no file that nobody reads."""
    assert {file.name for file in LOCALES.iterdir()} == set(TRANSLATED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_complete_and_has_nothing_else(language: str) -> None:
    """A text that was changed is translated anew."""
    catalogue = catalogue_of(language)
    assert catalogue is not None

    assert {message.id for message in catalogue if message.id} == set(msgids())
    assert [message.id for message in catalogue if message.id and not message.string] == []
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_gaps_of_its_source(language: str) -> None:
    """No reader sees a brace, or misses the name of a list."""
    catalogue = catalogue_of(language)
    for msgid in msgids():
        assert sorted(GAP.findall(translated(catalogue, msgid))) == sorted(GAP.findall(msgid))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_renders_in_every_language(kind: NoticeKind, language: str) -> None:
    """With its link in both parts, no gap left, and the way out in a welcome alone."""
    notice = render(kind, language=language)

    for part in (notice.html, notice.text):
        assert part.count(LINK) == 1
        assert (MergeSlot.UNSUBSCRIBE_URL.value in part) is (kind is NoticeKind.WELCOME)
        assert not GAP.search(re.sub(r"<style.*?</style>", "", part, flags=re.DOTALL))
    assert f'lang="{language}"' in notice.html
    assert notice.html.isascii()
    assert max(map(len, notice.text.split("\n"))) <= 72


@pytest.mark.parametrize(
    ("hours", "words"), [(72, "for 3 days."), (24, "for 24 hours."), (1, "for 60 minutes.")]
)
def test_how_long_a_link_works_is_said_in_words(hours: int, words: str) -> None:
    """As people count it."""
    assert words in render(hours=hours).text


def test_a_variety_of_a_language_has_its_catalogue() -> None:
    """As do spellings of tags; others are answered in English."""
    for tag in ("de-AT", "de_CH", "DE"):
        assert render(language=tag).subject == "Bitte bestätigen: The Quay"
    for tag in ("fi", "", "x"):
        assert render(language=tag).subject == "Please confirm: The Quay"


def test_arabic_is_read_from_the_right() -> None:
    """All of it; a name is read as it is written."""
    html = render(NoticeKind.WELCOME, language="ar").html

    assert 'dir="rtl"' in html
    assert "direction:ltr" not in html
    assert '<p class="name" dir="auto"' in html


def test_names_of_the_operator_are_text() -> None:
    """Braces, markup and line ends in a title stay what they are."""
    title = "A <b>&{newsletter}\r\nBcc: x"

    notice = render(lists=(title, "Two"))

    assert notice.subject == "Please confirm: A <b>&{newsletter} Bcc: x, Two"
    assert "<b>" not in notice.html


def test_a_workspace_may_have_its_own(tmp_path: Path) -> None:
    """File by file, and its theme is that of its issues."""
    (tmp_path / "notices").mkdir()
    (tmp_path / "notices" / "notice.txt.j2").write_text("Hello: {{ link }}\n", encoding="utf-8")
    (tmp_path / "digest").mkdir()
    (tmp_path / "digest" / "theme.toml").write_text('[light]\naccent = "#123456"\n')

    notice = render(NoticeKind.CONFIRM, tmp_path)

    assert notice.text == f"Hello: {LINK}\n"
    assert "#123456" in notice.html


def test_a_newsletter_without_a_street_has_none() -> None:
    """Nothing in its place."""
    renderer = NoticeRenderer((packaged_templates(),))
    bare = replace(NEWSLETTER, postal_address="")

    notice = renderer.render(
        NoticeKind.GOODBYE, bare, lists=("x",), lasts=timedelta(hours=24), language="en"
    )

    assert "1 Quay Lane" not in notice.text + notice.html
