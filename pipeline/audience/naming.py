"""How tags and fields are called, so that a rule finds what an import wrote."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pipeline.errors import ConfigError

MAX_LABEL: Final = 64  # characters

_BETWEEN: Final = re.compile(r"[\W_]+")
_FIELD: Final = re.compile(r"[^\W\d_]\w*")


def tag_name(text: str) -> str:
    """Return a tag as it is stored: one word in lower case; " Early Bird" is early-bird.

    Raises:
        ConfigError: nothing of it can be a tag, or it is too long.
    """
    return _label("tag", _BETWEEN.sub("-", _plain(text)).strip("-"), text)


def field_name(text: str) -> str:
    """Return the name of a field as it is stored: "Favourite colour" is favourite_colour.

    Raises:
        ConfigError: it has no letter to begin with, or it is too long.
    """
    name = _BETWEEN.sub("_", _plain(text)).strip("_")
    if name and not _FIELD.fullmatch(name):
        raise ConfigError(f"a field begins with a letter, and {text!a} does not")
    return _label("field", name, text)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def _label(what: str, label: str, text: str) -> str:
    if not label or len(label) > MAX_LABEL:
        raise ConfigError(
            f"{text[:MAX_LABEL]!a} cannot be a {what}: it has letters or digits, "
            f"at most {MAX_LABEL} characters in all"
        )
    return label
