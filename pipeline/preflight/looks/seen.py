"""A mail as a reader sees it: each kind of element with its colour, its ground and its size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from lxml.html import HtmlElement
from msgspec import Struct

from pipeline.preflight.looks.cascade import Cascade, Style
from pipeline.preflight.looks.colour import BLACK, WHITE, Colour, read_colour
from pipeline.preflight.looks.kind import Kind

DARK_GROUND: Final = Colour(
    18, 18, 18
)  # of programs that show a mail dark; none is darker by much
_LINK: Final = {False: Colour(0, 0, 238), True: Colour(158, 158, 255)}
_UNSEEN: Final = frozenset({"head", "script", "style", "template", "title"})
_STRONG: Final = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_HEADING: Final = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67}
_PLAIN: Final = frozenset({"div", "p", "span", "table", "tbody", "td", "tr"})
_GROUNDS: Final = frozenset({"background", "bgcolor"})
_SIZE: Final = re.compile(r"([\d.]+)\s*(px|pt|em|rem|%)?")
_COLOURS: Final = re.compile(r"#[0-9a-fA-F]{3,8}|rgba?\([^)]*\)|[A-Za-z]+")
_NO_COLOURS: Final = frozenset(
    {
        *("none", "repeat", "no", "x", "y", "scroll", "fixed", "center", "top", "bottom"),
        *("left", "right", "cover", "contain", "auto", "initial", "inherit", "unset"),
    }
)


class Seen(Struct, frozen=True):
    """How text looks at one place."""

    colour: Colour
    ground: Colour | None  # None: a picture, so nobody knows
    size: float  # px
    bold: bool

    @property
    def shown(self) -> bool:
        """Whether text of that size is seen at all."""
        return self.size > 1

    @property
    def large(self) -> bool:
        """Whether it counts as large: 18 points, or 14 if bold (WCAG 2.2)."""
        return self.size >= 24 or (self.bold and self.size >= 18.66)


def words_in(element: HtmlElement) -> str:
    """Return the text directly in an element; "" if it has no letter and no digit."""
    words = " ".join([element.text or "", *(child.tail or "" for child in element)])
    return " ".join(words.split()) if any(map(str.isalnum, words)) else ""


def seen(kinds: Sequence[Kind], cascade: Cascade, *, dark: bool) -> list[Seen | None]:
    """Return how text looks in elements of each kind; None: they are not shown.

    Args:
        kinds: whatever one is in comes before it.
        cascade: what rules say of them in this mode.
        dark: whether it is dark mode.
    """
    start = Seen(WHITE if dark else BLACK, DARK_GROUND if dark else WHITE, 16.0, bold=False)
    found: dict[Kind | None, Seen | None] = {None: start}
    for kind in kinds:
        above = found[kind.above]
        found[kind] = _seen(kind, cascade.style(kind), above, dark=dark) if above else None
    return [found[kind] for kind in kinds]


def _is_hidden(style: Style) -> bool:
    if style.get("display") == "none" or style.get("visibility") == "hidden":
        return True
    return style.get("opacity", "1").strip("0.") == ""


def _seen(element: Kind, style: Style, above: Seen, *, dark: bool) -> Seen | None:
    if element.tag in _UNSEEN or _is_hidden(style):
        return None
    if not style and element.tag in _PLAIN and _GROUNDS.isdisjoint(element.attributes):
        return above
    ground = _ground(element, style, above.ground)
    written = style.get("color", "")
    colour = read_colour(written) if written else None
    if not written and element.tag == "a" and element.get("href"):
        colour = _LINK[dark]
    if colour is None:
        colour = above.colour
    elif colour.alpha < 1 and ground:
        colour = colour.over(ground)
    return Seen(
        colour,
        ground,
        _size(style.get("font-size", ""), element.tag, above.size),
        _is_bold(style.get("font-weight", ""), element.tag, bold=above.bold),
    )


def _ground(element: Kind, style: Style, above: Colour | None) -> Colour | None:
    written = style.get("background-color") or style.get("background") or ""
    image = style.get("background-image", "") + style.get("background", "")
    if "url(" in image or "gradient(" in image or element.get("background"):
        return None
    found = _named(written or element.get("bgcolor") or "")
    if found is None:
        return above
    if found.alpha == 1:
        return found
    return found.over(above) if above else None


@lru_cache(maxsize=256)
def _named(written: str) -> Colour | None:
    """Return the first colour among the words of a background."""
    words = (word for word in _COLOURS.findall(written) if word.lower() not in _NO_COLOURS)
    return next(filter(None, map(read_colour, words)), None)


@lru_cache(maxsize=256)
def _size(written: str, tag: str, above: float) -> float:
    found = _SIZE.fullmatch(written.strip())
    if not found:
        return above if written else above * _HEADING.get(tag, 1.0)
    factor = {"em": above, "%": above / 100, "rem": 16.0, "pt": 4 / 3}.get(found[2] or "px", 1.0)
    return float(found[1]) * factor


def _is_bold(written: str, tag: str, *, bold: bool) -> bool:
    if written.isdigit():
        return int(written) >= 700
    return {"bold": True, "bolder": True, "normal": False}.get(written, bold or tag in _STRONG)
