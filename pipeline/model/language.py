"""What follows from the language of an issue."""

from __future__ import annotations

from typing import Final, Literal

# Languages usually written from right to left, and the scripts that decide when a tag names one.
_RIGHT_TO_LEFT: Final = frozenset(
    {"ar", "arc", "azb", "ckb", "dv", "fa", "glk", "he", "iw", "ji", "mzn", "nqo", "pnb", "ps"}
    | {"sd", "syr", "ug", "ur", "yi"}
)
_RIGHT_TO_LEFT_SCRIPTS: Final = frozenset({"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"})


def direction(language: str) -> Literal["ltr", "rtl"]:
    """Return the value of the `dir` attribute for a BCP 47 tag such as "ar" or "az-Arab"."""
    primary, *subtags = language.lower().replace("_", "-").split("-")
    # A script is the only subtag of four letters (RFC 5646 2.1).
    for script in (subtag for subtag in subtags if len(subtag) == 4 and subtag.isalpha()):
        return "rtl" if script in _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    return "rtl" if primary in _RIGHT_TO_LEFT else "ltr"
