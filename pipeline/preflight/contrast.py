"""Whether text can be read on its ground, in light and in dark mode (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pipeline.errors import Diagnostic
from pipeline.preflight.finding import error, shorten, warning
from pipeline.preflight.looks.cascade import Cascade, has_dark_rules, names
from pipeline.preflight.looks.colour import contrast
from pipeline.preflight.looks.seen import Seen, places, words_in
from pipeline.preflight.mail import Mail

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
    there = names(mail.elements)
    yield from _mode(mail, Cascade(mail.rules, there, dark=False), dark=False)
    if has_dark_rules(mail.rules):
        yield from _mode(mail, Cascade(mail.rules, there, dark=True), dark=True)


def _mode(mail: Mail, cascade: Cascade, *, dark: bool) -> Iterator[Diagnostic]:
    told: set[tuple[str, str]] = set()
    for element, seen in places(mail.document, cascade, dark=dark):
        if seen.ground is None:
            continue
        ratio = contrast(seen.colour, seen.ground)
        if ratio >= (ENOUGH_IF_LARGE if seen.large else ENOUGH):
            continue
        pair = (str(seen.colour), str(seen.ground))
        if pair not in told and (words := words_in(element)):
            told.add(pair)
            yield _finding(words, seen, ratio, dark=dark)


def _finding(words: str, seen: Seen, ratio: float, *, dark: bool) -> Diagnostic:
    wanted = ENOUGH_IF_LARGE if seen.large else ENOUGH
    said = (
        f"{shorten(words, 40)} is {seen.colour} on {seen.ground} in {'dark' if dark else 'light'}"
        f" mode: contrast {ratio:.2f}, wanted {wanted:g}"
    )
    help_ = _DARK_HELP if dark else _LIGHT_HELP
    if ratio < INVISIBLE:
        return error("P523", said, help_=help_)
    return warning("P522" if dark else "P521", said, help_=help_)
