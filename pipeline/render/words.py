"""The fixed words of a mail in the language of its issue, and dates as people there write them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # loaded when the first mail is made
    from babel.messages.catalog import Catalog

LOCALES: Final = Path(__file__).with_name("locale")
SOURCE_LANGUAGE: Final = "en"  # of the words below

WORDS: Final = {
    "issue": "Issue {number}",
    "byline": "By {authors}",
    "contents": "In this issue",
    "tldr": "TL;DR",
    "takeaways": "Key takeaways",
    "tradeoffs": "Trade-offs",
    "source": "Source:",
    "source_at": "Read it at {host}",
    "paid": "A message from a sponsor, who paid for this space.",
    "web": "Read on the web",
    "why": "You receive {name} because you subscribed at {host}.",
    "unsubscribe": "Unsubscribe",
    "preferences": "Preferences",
}
KINDS: Final = {
    "editorial": "Editorial",
    "sponsor": "Sponsor",
    "job": "Job",
    "event": "Event",
    "quote": "Quote",
}
# What is counted, for one and for many.
COUNTED: Final = {
    "minutes": ("{minutes} min read", "{minutes} min read"),
    "stories": ("{count} story", "{count} stories"),
}


def fixed_words(
    language: str, counts: Mapping[str, int], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return every fixed word; pure but for reading the catalogue once.

    Args:
        language: BCP 47; one without a catalogue gets English.
        counts: how many minutes and stories there are, for the plural.
        own: `[words]` of the theme, which win.
    """
    found = catalogue(language)
    kinds = {kind: _said(found, word) for kind, word in KINDS.items()}
    return {
        **{key: _said(found, word) for key, word in WORDS.items()},
        **{key: _counted(found, words, counts[key]) for key, words in COUNTED.items()},
        **own,
        "kinds": kinds | dict(own.get("kinds", {})),
    }


def catalogue(language: str) -> Catalog | None:
    """Return the catalogue of a language, or of the one it is a variety of.

    None: there is none, as for English, which is what the words are written in.
    """
    primary = language.replace("_", "-").partition("-")[0].lower()
    return _catalogue(primary) if primary.isalpha() and primary.isascii() else None


@cache
def _catalogue(primary: str) -> Catalog | None:
    file = LOCALES / primary / "LC_MESSAGES" / "templates.po"
    if not file.is_file():
        return None
    from babel.messages.pofile import read_po

    with file.open("rb") as lines:
        return read_po(lines, locale=primary, abort_invalid=True)


def _said(found: Catalog | None, word: str) -> str:
    message = found.get(word) if found else None
    return str(message.string) if message and message.string else word


def _counted(found: Catalog | None, words: tuple[str, str], count: int) -> str:
    message = found.get(words[0]) if found else None
    if found is None or message is None or not isinstance(message.string, tuple):
        return words[count != 1]
    return str(message.string[plural(found, count)]) or words[count != 1]


def plural(found: Catalog, count: int) -> int:
    """Return which plural form of a catalogue goes with a number."""
    from gettext import c2py

    return int(c2py(found.plural_expr)(count))
