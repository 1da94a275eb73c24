"""Modules that stay readable, and words that mean one thing (docs/glossary.md)."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
MODULES: Final = sorted((ROOT / "pipeline").rglob("*.py"))

LONGEST: Final = 400  # lines; a room that fills up has a second room in it
SAY_NOTHING: Final = {
    *("common", "core", "handler", "handlers", "helper", "helpers", "manager", "misc"),
    *("process", "util", "utils"),
}
FORBIDDEN: Final = {"blast", "blasts", "campaign", "campaigns", "contact", "contacts"}

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def place(module: Path) -> str:
    """Name a module as a person would look for it."""
    return module.relative_to(ROOT).as_posix()


def words(identifier: str) -> set[str]:
    """Split `snake_case` and `CamelCase` into lower-case words."""
    return {word.lower() for word in _WORD.findall(identifier)}


def identifiers(module: Path) -> Iterator[tuple[int, str]]:
    """Yield each name in a module with its line; strings and comments have none."""
    with tokenize.open(module) as lines:
        for token in tokenize.generate_tokens(lines.readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string


def test_a_module_can_be_read_in_one_sitting() -> None:
    """No module is longer than LONGEST lines."""
    lengths = {
        place(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES
    }

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_a_name_says_what_is_inside() -> None:
    """No module and no room is named after the fact that it holds code."""
    vague = [
        place(module)
        for module in MODULES
        if not SAY_NOTHING.isdisjoint(module.relative_to(ROOT).with_suffix("").parts)
    ]

    assert vague == []


def test_the_code_speaks_the_words_of_the_glossary() -> None:
    """No identifier uses a word that the glossary replaces by a clearer one."""
    found = [
        f"{place(module)}:{line}: {name}"
        for module in MODULES
        for line, name in identifiers(module)
        if not FORBIDDEN.isdisjoint(words(name))
    ]

    assert found == []


def test_the_words_of_an_identifier_are_found() -> None:
    """The check above sees a forbidden word inside a longer name."""
    assert words("EmailCampaignRow") == {"email", "campaign", "row"}
    assert words("_contact_list_2") == {"contact", "list"}
    assert words("SMTPSession") == {"smtp", "session"}
