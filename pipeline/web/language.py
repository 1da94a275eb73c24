"""Which language a page is in, and its words (gettext)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from gettext import NullTranslations
from types import MappingProxyType
from typing import Final

from pipeline.locales import translations

SOURCE: Final = "en"  # what the templates are written in

# By what its readers call it: nobody looks for their language under a foreign name.
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "English",
        "de": "Deutsch",
        "fr": "Français",
        "es": "Español",
        "pl": "Polski",
        "ar": "العربية",
        "ja": "日本語",
    }
)
_MOST_WISHES: Final = 20  # of an Accept-Language


@cache
def catalogue(language: str) -> NullTranslations:
    """Return the words of one of LANGUAGES."""
    if language == SOURCE:
        return NullTranslations()
    return translations("pipeline.web", language)


def choose(wishes: Iterable[str | None], offered: Sequence[str]) -> str:
    """Return the first of the wishes that is offered, else the first that is.

    Pure. A wish is a tag of BCP 47, and "de-AT" is content with "de".

    Args:
        wishes: best first; None and nonsense are passed over.
        offered: keys of LANGUAGES, at least one.
    """
    for wish in wishes:
        if wish:
            primary = wish.replace("_", "-").partition("-")[0].lower()
            if primary in offered:
                return primary
    return offered[0]


def accepted(header: str) -> Iterator[str]:
    """Yield the languages of an Accept-Language header, most wanted first (RFC 9110 12.5.4)."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(",")[:_MOST_WISHES]:
        tag, _, weight = part.partition(";")
        quality = _quality(weight)
        if quality > 0:
            weighed.append((-quality, tag.strip()))
    weighed.sort(key=lambda pair: pair[0])
    yield from (tag for _, tag in weighed)


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
