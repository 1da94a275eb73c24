"""The catalogues of the archive: complete, and nothing lost in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from pipeline.publish.words import LANGUAGES, SOURCE, words_for

PUBLISH: Final = Path(__file__).parents[2] / "pipeline" / "publish"
TRANSLATED: Final = [language for language in LANGUAGES if language != SOURCE]
PLACEHOLDER: Final = re.compile(r"%\(\w+\)s")
KINDS: Final = ("Editorial", "Sponsor", "Job", "Event", "Quote")


def extracted() -> Iterator[str]:
    """Yield every message of templates and code."""
    for template in sorted((PUBLISH / "pages").glob("*.html")):
        with template.open("rb") as file:
            options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "no"}
            for _, _, message, _ in babel_extract(file, ("_", "site_"), [], options):
                assert isinstance(message, str)
                yield message
    for node in ast.walk(ast.parse((PUBLISH / "article.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "say":
            [argument] = node.args
            if isinstance(argument, ast.Constant):
                yield str(argument.value)
    yield from KINDS


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_message_and_no_other(language: str) -> None:
    """A reader never meets two languages on a page, and no dead message is kept."""
    with (PUBLISH / f"locale/{language}/LC_MESSAGES/broadsheet.po").open("rb") as file:
        found = {each.id: each.string for each in read_po(file, locale=language) if each.id}

    assert set(found) == set(extracted())
    assert [id_ for id_, words in found.items() if not words] == []
    for id_, words in found.items():
        assert PLACEHOLDER.findall(str(id_)) == PLACEHOLDER.findall(str(words))


def test_a_language_we_do_not_have_is_passed_over() -> None:
    """The next best speaks, at last English."""
    assert words_for("fi", "de-AT").language == "de"
    assert words_for("fi", "zz").language == "en"
