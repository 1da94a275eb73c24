"""Whether text can be read on its ground, in light and in dark mode (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from pipeline.diagnostic import Diagnostic
from pipeline.preflight.finding import error, shorten, warning
from pipeline.preflight.looks.cascade import Cascade, has_dark_rules, names
from pipeline.preflight.looks.colour import contrast
from pipeline.preflight.looks.kind import Said, linked
from pipeline.preflight.looks.seen import Seen, seen, words_in
from pipeline.preflight.looks.sheet import read_sheets
from pipeline.preflight.mail import Mail

_Faint = Mapping[int, tuple[Seen, float]]  # by kind: how text looks in it, its contrast

ENOUGH: Final = 4.5
ENOUGH_IF_LARGE: Final = 3.0
INVISIBLE: Final = 1.5

_LIGHT_HELP: Final = "take a darker colour in the theme or the style sheet"
_DARK_HELP: Final = "give it a colour under prefers-color-scheme: dark in live.css"


def colours(mail: Mail) -> Iterator[Diagnostic]:
    """P521, P522, P523: each pair of colours once, by the first text that has it.

    What a program does that turns all colours round by itself is not known; dark mode is looked
    at if the mail has rules for it.
    """
    for dark in (False, True) if has_dark_rules(mail.rules) else (False,):
        if faint := _faint(mail.sheets, mail.sorted.kinds, dark=dark):
            yield from _mode(mail, faint, dark=dark)


def _mode(mail: Mail, faint: _Faint, *, dark: bool) -> Iterator[Diagnostic]:
    told: set[tuple[str, str]] = set()
    for element, kind in zip(mail.sorted.elements, mail.sorted.numbers, strict=True):
        if kind not in faint:
            continue
        look, ratio = faint[kind]
        pair = (str(look.colour), str(look.ground))
        if pair not in told and (words := words_in(element)):
            told.add(pair)
            yield _finding(words, look, ratio, dark=dark)


@lru_cache(maxsize=16)
def _faint(sheets: tuple[str, ...], kinds: tuple[Said, ...], *, dark: bool) -> _Faint:
    """Return the kinds in which text cannot be read, by number; most mails have none."""
    there = linked(kinds)
    cascade = Cascade(read_sheets(sheets), names(there), dark=dark)
    found: dict[int, tuple[Seen, float]] = {}
    for kind, look in enumerate(seen(there, cascade, dark=dark)):
        if look and look.ground and look.shown:
            ratio = contrast(look.colour, look.ground)
            if ratio < (ENOUGH_IF_LARGE if look.large else ENOUGH):
                found[kind] = look, ratio
    return MappingProxyType(found)


def _finding(words: str, look: Seen, ratio: float, *, dark: bool) -> Diagnostic:
    wanted = ENOUGH_IF_LARGE if look.large else ENOUGH
    said = (
        f"{shorten(words, 40)} is {look.colour} on {look.ground} in {'dark' if dark else 'light'}"
        f" mode: contrast {ratio:.2f}, wanted {wanted:g}"
    )
    help_ = _DARK_HELP if dark else _LIGHT_HELP
    if ratio < INVISIBLE:
        return error("P523", said, help_=help_)
    return warning("P522" if dark else "P521", said, help_=help_)
