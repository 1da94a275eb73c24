"""Characters that would be lost on the way to a reader, and how they are kept.

mrml writes attribute values with Rust's debug escaping: a no-break space, a soft hyphen, a joiner
or any combining mark becomes an escape no reader understands, a backslash becomes two. Character
references pass untouched, and pure ASCII keeps Gmail from clipping short mails over stray bytes.
"""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

# HTML reads C1 references as Windows-1252 and XML forbids the rest: show that something was there.
_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BLANKS: Final = re.compile(r"[ \t\n\r\f\v]+")  # a no-break space is not a blank


def legible(text: str) -> str:
    """Replace what no mail can carry: control characters, surrogates, non-characters."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def ascii_references(markup: str) -> str:
    """Return markup in pure ASCII, every other character as a numeric reference."""
    return legible(markup).encode("ascii", "xmlcharrefreplace").decode("ascii")


def one_line(text: str) -> str:
    """Collapse blanks and line ends to single spaces; no-break spaces stay."""
    return _BLANKS.sub(" ", text).strip(" ")


def full_stop(words: str) -> str:
    """Return what must follow words that text is run on to: nothing if they end in a mark."""
    last = words.rstrip()[-1:]
    if not last.isalnum():
        return ""
    return "\u3002" if "\u3040" <= last <= "\u9fff" else "."


def attribute(text: str) -> Markup:
    """Escape text for a double-quoted attribute, where mrml would double a backslash."""
    return Markup(str(escape(one_line(text))).replace("\\", "&#92;"))  # noqa: S704 - escaped here
