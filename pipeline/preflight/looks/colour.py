"""Colours as CSS writes them, and how well one reads on another (WCAG 2.2)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_HEX: Final = re.compile(r"#([0-9a-fA-F]{3,8})")
_FUNCTION: Final = re.compile(r"rgba?\(([^)]*)\)", re.IGNORECASE)


class Colour(NamedTuple):
    """Red, green and blue from 0 to 255; alpha from 0 (nothing) to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def over(self, ground: Colour) -> Colour:
        """Return what is seen of it on an opaque ground."""
        a = self.alpha
        red, green, blue = (
            a * mine + (1 - a) * below for mine, below in zip(self[:3], ground[:3], strict=True)
        )
        return Colour(red, green, blue)

    def __str__(self) -> str:
        """Write it as #rrggbb."""
        return "#" + "".join(f"{round(part):02x}" for part in self[:3])


WHITE: Final = Colour(255, 255, 255)
BLACK: Final = Colour(0, 0, 0)
TRANSPARENT: Final = Colour(0, 0, 0, 0.0)


@lru_cache(maxsize=512)
def read_colour(text: str) -> Colour | None:
    """Return a colour; None if it is none, or one that depends on the program (`canvas`)."""
    text = text.strip().lower()
    if text == "transparent":
        return TRANSPARENT
    if found := _HEX.fullmatch(text):
        return _from_hex(found[1])
    if found := _FUNCTION.fullmatch(text):
        return _from_function(found[1])
    return _from_name(text) if text.isalpha() else None


@lru_cache(maxsize=512)
def contrast(first: Colour, second: Colour) -> float:
    """Return the contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2, contrast ratio)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    """Return the relative luminance, 0 to 1 (WCAG 2.2, relative luminance)."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour[:3])
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _from_hex(digits: str) -> Colour | None:
    if len(digits) in {3, 4}:
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in {6, 8}:
        return None
    red, green, blue, *alpha = bytes.fromhex(digits)
    return Colour(red, green, blue, alpha[0] / 255 if alpha else 1.0)


def _from_function(inside: str) -> Colour | None:
    words = re.split(r"[\s,/]+", inside.strip())
    if len(words) not in {3, 4}:
        return None
    try:
        red, green, blue = (_number(word, 255) for word in words[:3])
        alpha = _number(words[3], 1) if len(words) == 4 else 1.0
    except ValueError:
        return None
    return Colour(red, green, blue, alpha)


def _number(word: str, whole: float) -> float:
    """Return a part of a colour, cut to what there is.

    Raises:
        ValueError: it is no number.
    """
    number = float(word[:-1]) * whole / 100 if word.endswith("%") else float(word)
    return min(max(number, 0.0), whole)


def _from_name(name: str) -> Colour | None:
    from PIL.ImageColor import colormap  # only mails that name colours pay for it

    written = colormap.get(name)
    return _from_hex(written[1:]) if isinstance(written, str) else None
