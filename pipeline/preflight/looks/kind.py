"""Kinds of elements: a mail has hundreds of elements, and rules can tell a few dozen kinds apart.

Elements are of one kind if they have the same type and attributes, and are in elements of one
kind. No selector read here (`selector`) and nothing inherited makes a difference within a kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree
from lxml.html import HtmlElement
from msgspec import Struct

Said = tuple[int, str, tuple[tuple[str, str], ...]]  # the kind it is in, type, attributes


class Sorted(Struct, frozen=True, kw_only=True):
    """The elements of a document in reading order, and of which kind each is."""

    elements: tuple[HtmlElement, ...]
    numbers: tuple[int, ...]  # of the kind of each element
    kinds: tuple[Said, ...]  # by their numbers; whatever a kind is in comes before it


class Kind(Struct, frozen=True, eq=False):
    """What selectors ask of an element."""

    tag: str
    attributes: Mapping[str, str]
    above: Kind | None

    def get(self, name: str) -> str | None:
        """Return the value of an attribute, if there is one."""
        return self.attributes.get(name)


def sort(document: HtmlElement) -> Sorted:
    """Return the elements of a document by kinds."""
    sorted_: dict[HtmlElement, int] = {}
    kinds: dict[Said, int] = {}
    for element in document.iter(etree.Element):
        above = element.getparent()
        said = (
            -1 if above is None else sorted_[above],
            str(element.tag),
            tuple(element.items()),
        )
        sorted_[element] = kinds.setdefault(said, len(kinds))
    return Sorted(elements=tuple(sorted_), numbers=tuple(sorted_.values()), kinds=tuple(kinds))


def linked(kinds: Sequence[Said]) -> tuple[Kind, ...]:
    """Return the kinds, each with the one it is in."""
    found: list[Kind] = []
    for above, tag, attributes in kinds:
        found.append(Kind(tag, dict(attributes), found[above] if above >= 0 else None))
    return tuple(found)
