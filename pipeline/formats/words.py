"""The words of words.toml, ready to be looked up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pipeline.model.issue import StoryKind


class Label(StrEnum):
    """What a label opens."""

    TLDR = "tldr"
    SUMMARY = "summary"
    TAKEAWAYS = "takeaways"
    TRADEOFFS = "tradeoffs"
    SOURCE = "source"
    KEPT = "kept"  # known, with no field of its own


_WORDS: Final[Mapping[str, Any]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
)


def _by_word(table: Mapping[str, Iterable[str]]) -> Mapping[str, str]:
    return MappingProxyType(
        {word.casefold(): meaning for meaning, words in table.items() for word in words}
    )


def _any_of(words: Iterable[str]) -> str:
    # Longest first, so that "No." is not cut short by "No".
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


LONGEST_WORD: Final = 60  # characters; no label and no navigation is longer
_LABELS: Final = _by_word(_WORDS["labels"])
_KINDS: Final = _by_word(_WORDS["kinds"])
_NAV: Final = frozenset(word.casefold() for word in _WORDS["lines"]["nav"])
_KIND = re.compile(rf"({_any_of(_KINDS)})\s*:(?:\s+|$)", re.IGNORECASE)
_PUBLISHED = re.compile(
    rf"(?:{_any_of(_WORDS['lines']['published'])})\s*:?\s+(\S.*)", re.IGNORECASE
)
_TEASER = re.compile(rf"(?:{_any_of(_WORDS['lines']['teaser'])}):\s+\S", re.IGNORECASE)

NUMBER: Final = rf"(?:{_any_of(_WORDS['masthead']['number'])})"  # a pattern
STORIES: Final = rf"(?:{_any_of(_WORDS['masthead']['stories'])})"  # a pattern
MONTHS: Final[Mapping[str, int]] = MappingProxyType(
    {word: int(number) for word, number in _by_word(_WORDS["months"]).items()}
)


def label_named(text: str) -> Label | None:
    """Return what the label opens that `text` names, without its colon."""
    if len(text) > LONGEST_WORD:
        return None  # most lines are paragraphs, and folding them costs more than reading them
    found = _LABELS.get(text.strip().casefold())
    return Label(found) if found else None


def split_kind(title: str) -> tuple[StoryKind, str]:
    """Split a kind such as "Editorial:" off a title; STORY if there is none."""
    if found := _KIND.match(title):
        return StoryKind(_KINDS[found[1].casefold()]), title[found.end() :]
    return StoryKind.STORY, title


def is_nav(line: str) -> bool:
    """Say whether a line is part of a web page around the issue."""
    return len(line) <= LONGEST_WORD and line.strip(" \t←→<>|").rstrip(".").casefold() in _NAV


def is_teaser(line: str) -> bool:
    """Say whether a line announces what else is in the issue ("Plus: ...")."""
    return _TEASER.match(line) is not None


def published_on(line: str) -> str | None:
    """Return the date in a line such as "Published on 13.03.2026", as it is written."""
    found = _PUBLISHED.match(line)
    return found[1] if found else None
