"""Finds the kinds of elements a selector means: types, classes, ids, attributes, `>` and blanks.

What else CSS knows (states, siblings) selects nothing here: a rule for a link under the mouse
says nothing of how the mail looks when it is opened.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pipeline.preflight.looks.kind import Kind

_COMPOUND: Final = re.compile(
    r"(?P<type>[A-Za-z][\w-]*|\*)?(?P<rest>(?:[.#][\w-]+|\[[^\]]+\]|:root)*)"
)
_PART: Final = re.compile(r"[.#][\w-]+|\[[^\]]+\]|:root")
_ATTRIBUTE: Final = re.compile(r"""\[\s*([\w-]+)\s*(?:([~|^$*]?)=\s*["']?([^"'\]]*)["']?\s*)?\]""")


class Compound(Struct, frozen=True, kw_only=True):
    """What one element has to be; `child` if it must be directly in the one before it."""

    type: str = ""
    classes: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str, str], ...] = ()  # name, operator, value
    root: bool = False
    child: bool = False

    @property
    def names(self) -> set[str]:
        """What must occur in a document for it to mean anything there."""
        return {
            *([self.type] if self.type else []),
            *(f".{name}" for name in self.classes),
            *(f"#{name}" for name in self.ids),
            *(f"[{name}" for name, _, _ in self.attributes),
        }

    def fits(self, element: Kind) -> bool:
        """Say whether it means this element, wherever that stands."""
        if self.type and self.type != element.tag:
            return False
        if self.root and element.above is not None:
            return False
        if self.classes and not self.classes <= set((element.get("class") or "").split()):
            return False
        if self.ids and self.ids != {element.get("id")}:
            return False
        return not self.attributes or all(_has(element, *each) for each in self.attributes)


Selector = tuple[Compound, ...]  # the last is the element itself


@lru_cache(maxsize=2048)
def read_selector(text: str) -> Selector | None:
    """Return a selector; None if it has parts that select nothing here."""
    words = text.replace(">", " > ").split() if "[" not in text else _words(text)
    compounds: list[Compound] = []
    child = False
    for word in words:
        if word == ">":
            child = True
            continue
        compound = _compound(word, child=child)
        if compound is None:
            return None
        compounds.append(compound)
        child = False
    return tuple(compounds) if compounds and not child else None


def matches(element: Kind, selector: Selector) -> bool:
    """Say whether a selector means this element."""
    return selector[-1].fits(element) and _fits_above(element, selector)


@lru_cache(maxsize=2048)
def needs(selector: Selector) -> frozenset[str]:
    """Return what must occur in a document for a selector to mean anything there."""
    return frozenset().union(*(each.names for each in selector))


@lru_cache(maxsize=2048)
def weight(selector: Selector) -> tuple[int, int, int]:
    """Return the specificity (Selectors Level 4, 17): ids, classes, types."""
    return (
        sum(len(each.ids) for each in selector),
        sum(len(each.classes) + len(each.attributes) + each.root for each in selector),
        sum(each.type != "" for each in selector),
    )


def _fits_above(element: Kind, selector: Selector) -> bool:
    if len(selector) == 1:
        return True
    above = element.above
    while above is not None:
        if selector[-2].fits(above) and _fits_above(above, selector[:-1]):
            return True
        if selector[-1].child:
            return False
        above = above.above
    return False


def _words(text: str) -> list[str]:
    return re.findall(r">|(?:\[[^\]]*\]|[^\s>\[])+", text)


def _compound(text: str, *, child: bool) -> Compound | None:
    found = _COMPOUND.fullmatch(text)
    if not found:
        return None
    parts = _PART.findall(found["rest"])
    attributes = [_ATTRIBUTE.fullmatch(part) for part in parts if part[0] == "["]
    if None in attributes:
        return None
    return Compound(
        type="" if found["type"] in {None, "*"} else found["type"].lower(),
        classes=frozenset(part[1:] for part in parts if part[0] == "."),
        ids=frozenset(part[1:] for part in parts if part[0] == "#"),
        attributes=tuple(
            (each[1].lower(), each[2] or "", each[3] if each[3] is not None else "\0")
            for each in attributes
            if each
        ),
        root=":root" in parts,
        child=child,
    )


def _has(element: Kind, name: str, operator: str, wanted: str) -> bool:
    value = element.get(name)
    if value is None or wanted == "\0":
        return value is not None
    match operator:
        case "":
            return value == wanted
        case "~":
            return wanted in value.split()
        case "^":
            return value.startswith(wanted)
        case "$":
            return value.endswith(wanted)
        case "|":
            return value == wanted or value.startswith(f"{wanted}-")
        case _:
            return wanted in value
