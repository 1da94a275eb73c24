"""The fixed words of pages and articles in the languages we have them in (gettext)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from gettext import NullTranslations
from typing import Final

from msgspec import Struct

from pipeline.locales import translations

SOURCE: Final = "en"  # what templates and code are written in
LANGUAGES: Final = (SOURCE, "de", "fr", "es", "pl", "ar", "ja")


class Words(Struct, frozen=True):
    """One language: `say("Issue")` is its word for it."""

    language: str  # one of LANGUAGES
    say: Callable[[str], str]


ENGLISH: Final = Words(SOURCE, lambda text: text)


def words_for(*languages: str) -> Words:
    """Return the words of the first language that we have, English otherwise.

    Args:
        languages: BCP 47 tags, best first; "de-AT" is content with "de".
    """
    for language in languages:
        primary = language.replace("_", "-").partition("-")[0].lower()
        if primary in LANGUAGES:
            return _words(primary)
    return ENGLISH


@cache
def _words(language: str) -> Words:
    return ENGLISH if language == SOURCE else Words(language, catalogue(language).gettext)


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the words of one of LANGUAGES."""
    if language == SOURCE:
        return NullTranslations()
    return translations("pipeline.publish", language)
