"""The catalogues of the public pages: complete, and nothing lost in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from pipeline.web.language import LANGUAGES, SOURCE, accepted, catalogue, choose

WEB: Final = Path(__file__).parents[2] / "pipeline" / "web"
TRANSLATED: Final = [language for language in LANGUAGES if language != SOURCE]
PLURAL_FORMS: Final = {"de": 2, "fr": 2, "es": 2, "pl": 3, "ar": 6, "ja": 1}
PLACEHOLDER: Final = re.compile(r"%\(\w+\)s|%%")

Key = str | tuple[str, str]


def extracted() -> Iterator[Key]:
    """Yield every message of the templates; of plurals, both forms."""
    options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "no"}
    for template in sorted((WEB / "pages").iterdir()):
        if template.suffix not in {".html", ".txt"}:
            continue
        with template.open("rb") as file:
            for _, _, message, _ in babel_extract(file, ("_", "gettext", "ngettext"), [], options):
                assert message
                one, many = (message, None) if isinstance(message, str) else message[:2]
                assert one
                yield (one, many) if many else one


def forms(message: Message) -> list[str]:
    """Return the words of a message, of plurals each form."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def read(language: str) -> Catalog:
    """Return the catalogue of a language as its file has it."""
    with (WEB / f"locale/{language}/LC_MESSAGES/broadsheet.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_message_and_no_other(language: str) -> None:
    """A reader never meets two languages on a page, and no dead message is kept."""
    found = {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for message in read(language)
        if message.id
    }

    assert found == set(extracted())


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_left_untranslated(language: str) -> None:
    """Each message has words, in as many plural forms as the language has; none is a guess."""
    for message in read(language):
        if not message.id:
            continue
        words = forms(message)

        assert len(words) == (1 if isinstance(message.id, str) else PLURAL_FORMS[language])
        assert all(words), message.id
        assert not message.fuzzy, message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_survive_translation(language: str) -> None:
    """What is filled in at one place of the original is filled in in each form of the other."""
    for message in read(language):
        if not message.id:
            continue
        last = message.id if isinstance(message.id, str) else message.id[-1]
        wanted = set(PLACEHOLDER.findall(last))
        words = forms(message)
        if isinstance(message.id, str):
            assert set(PLACEHOLDER.findall(words[0])) == wanted, message.id
        else:  # "one month" needs no number
            assert set(PLACEHOLDER.findall(words[-1])) == wanted, message.id
            assert all(set(PLACEHOLDER.findall(each)) <= wanted for each in words), message.id


def test_plurals_follow_the_rules_of_their_language() -> None:
    """Polish has three forms, French one for nought and one."""
    forms = ("For one month", "For %(count)s months")

    polish = [catalogue("pl").ngettext(*forms, number) for number in (1, 2, 5)]

    assert len(set(polish)) == 3
    assert catalogue("fr").ngettext(*forms, 0) == catalogue("fr").ngettext(*forms, 1)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", ["de-AT", "de", "en"]),
        ("en;q=0.2, pl;q=0.9, fr", ["fr", "pl", "en"]),
        ("es;q=0, en", ["en"]),
        ("fr;q=nan, de;q=2, en;q=x, pl;level=1", []),
        ("", [""]),
        ("," * 10_000, [""] * 20),
    ],
)
def test_a_browser_says_what_its_reader_likes(header: str, wanted: list[str]) -> None:
    """Weights order languages; nonsense and a weight of nought drop them."""
    assert list(accepted(header)) == wanted


@pytest.mark.parametrize(
    ("wishes", "wanted"),
    [
        (["pl", "de"], "pl"),
        ([None, "", "xx", "de_AT"], "de"),
        (["../../etc", "en\r\nX: y", "ES-419"], "es"),
        ([], "en"),
    ],
)
def test_the_first_wish_that_can_be_granted_is(wishes: list[str | None], wanted: str) -> None:
    """A tag is content with its language; what is offered first is for everybody else."""
    assert choose(wishes, tuple(LANGUAGES)) == wanted
