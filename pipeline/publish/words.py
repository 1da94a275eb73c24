"""The fixed words of pages and articles in the languages we have them in (gettext)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

SOURCE: Final = "en"  # what templates and code are written in
LANGUAGES: Final = (SOURCE, "de", "fr", "es", "pl")

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Words:
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


def day(moment: date, language: str) -> str:
    """Show a day as the language writes it; in digits where we do not know how it does."""
    if language.partition("-")[0].lower() == SOURCE and not language.lower().endswith("-us"):
        # Babel's plain English is American, and a newsletter's mostly is not.
        return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    from babel import Locale, UnknownLocaleError
    from babel.dates import format_date

    try:
        return format_date(moment, "long", Locale.parse(language, sep="-"))
    except (UnknownLocaleError, ValueError):
        return f"{moment:%Y-%m-%d}"


@cache
def _words(language: str) -> Words:
    return ENGLISH if language == SOURCE else Words(language, catalogue(language).gettext)


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the words of one of LANGUAGES, read from its .po file: nothing compiled is kept."""
    if language == SOURCE:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = files("pipeline.publish").joinpath(f"locale/{language}/LC_MESSAGES/broadsheet.po")
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
