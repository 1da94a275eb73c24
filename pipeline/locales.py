"""What is known of languages: dates in full from Babel, words from a .po file.

Babel is loaded where it is needed: most issues are in English, and it takes a twentieth of a build.
"""

from __future__ import annotations

from datetime import date
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def written_date(day: date, language: str) -> str:
    """Return a date in full, as it is written in a language; in digits where nobody knows how.

    Args:
        day: a date, or a moment in the zone that counts.
        language: BCP 47. English of no country has the order that most countries use.
    """
    if language.lower() == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    from babel.core import Locale, UnknownLocaleError
    from babel.dates import format_date

    try:
        locale = Locale.parse(language.replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError):
        return f"{day:%Y-%m-%d}"
    return format_date(day, "long", locale=locale)


def translations(package: str, language: str) -> GNUTranslations:
    """Return the words that a package has in a language, read from its .po file.

    Nothing compiled is kept beside it, to go stale.

    Raises:
        FileNotFoundError: it has none.
    """
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = files(package).joinpath(f"locale/{language}/LC_MESSAGES/broadsheet.po")
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
