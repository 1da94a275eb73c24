"""How a language is written, as far as a style sheet must know."""

from __future__ import annotations

from typing import Final

from msgspec import Struct


class Script(Struct, frozen=True):
    """A way of writing."""

    name: str  # a key of [scripts] in theme.toml; empty if every font stack has the letters
    cased: bool = True  # it has capitals and italics, and its letters may be set apart
    wide: bool = False  # it has no spaces to end a line at: Chinese and Japanese


_ARABIC: Final = Script("arabic", cased=False)  # joined: a gap between letters breaks the word
_HEBREW: Final = Script("hebrew", cased=False)
_JAPANESE: Final = Script("japanese", cased=False, wide=True)
_KOREAN: Final = Script("korean", cased=False)
_SIMPLIFIED: Final = Script("simplified", cased=False, wide=True)
_TRADITIONAL: Final = Script("traditional", cased=False, wide=True)
_ANY: Final = Script("")

_BY_LANGUAGE: Final = {
    **dict.fromkeys(("ar", "ckb", "fa", "pnb", "ps", "sd", "ug", "ur"), _ARABIC),
    **dict.fromkeys(("he", "iw", "ji", "yi"), _HEBREW),
    "ja": _JAPANESE,
    "ko": _KOREAN,
    "zh": _SIMPLIFIED,
    "yue": _TRADITIONAL,
}
_BY_SUBTAG: Final = {
    "arab": _ARABIC,
    "hebr": _HEBREW,
    "jpan": _JAPANESE,
    "kore": _KOREAN,
    "hans": _SIMPLIFIED,
    "hant": _TRADITIONAL,
    "latn": _ANY,
    "cyrl": _ANY,
}
_TRADITIONAL_PLACES: Final = frozenset({"tw", "hk", "mo"})


def script_of(language: str) -> Script:
    """Return the script of a BCP 47 tag such as "ja" or "zh-Hant"; Latin if nothing else is known."""
    primary, *subtags = language.lower().replace("_", "-").split("-")
    for subtag in subtags:
        if subtag in _BY_SUBTAG:
            return _BY_SUBTAG[subtag]
        if primary == "zh" and subtag in _TRADITIONAL_PLACES:
            return _TRADITIONAL
    return _BY_LANGUAGE.get(primary, _ANY)
