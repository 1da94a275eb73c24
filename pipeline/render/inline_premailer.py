"""premailer, with the settings that do no harm (decision D3), asked once for each kind of element.

A mail has a few hundred elements and a few dozen kinds of them. premailer is given one specimen
of each kind; what it writes into that is written into all its like, and remembered.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from itertools import starmap
from types import ModuleType, SimpleNamespace
from typing import Any, Final

from lxml import etree

from pipeline.render.characters import legible
from pipeline.render.plain_css import Pairs, read_pairs, read_rules

_Kind = tuple[int, str, str | None, str | None]  # the kind it is in, type, class, style
_Attributes = tuple[tuple[str, str], ...]  # names and values, in the order of writing


class _Later(ModuleType):
    """Stands in for a module, and loads it when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


class _Cssutils(_Later):
    """Stands in for cssutils: reads plain CSS itself, and leaves the rest to it."""

    def parseStyle(self, css: str, *, validate: bool) -> Any:  # noqa: N802 - cssutils's name
        """Return the declarations of a style."""
        pairs = read_pairs(css)
        if pairs is None:
            return self._loaded().parseStyle(css, validate=validate)
        return list(starmap(_property, pairs))

    def parseString(self, css: str, *, validate: bool) -> Any:  # noqa: N802 - cssutils's name
        """Return the rules of a style sheet."""
        rules = read_rules(css)
        if rules is None:
            return self._loaded().parseString(css, validate=validate)
        return list(starmap(_rule, rules))

    def _loaded(self) -> Any:
        found = import_module(self.__name__)
        found.log.setLevel(logging.CRITICAL)  # it would say what it thinks of a style
        return found


def _property(name: str, value: str) -> SimpleNamespace:
    """Return a declaration as cssutils has them, as far as premailer looks at it."""
    written = SimpleNamespace(cssText=value)
    return SimpleNamespace(name=name, value=value, priority="", propertyValue=written)


def _rule(selectors: str, pairs: Pairs) -> SimpleNamespace:
    """Return a rule as cssutils has them, as far as premailer looks at it."""
    style = SimpleNamespace(getProperties=lambda: list(starmap(_property, pairs)))
    return SimpleNamespace(type=1, STYLE_RULE=1, MEDIA_RULE=4, selectorText=selectors, style=style)


@contextmanager
def _instead(module: ModuleType) -> Iterator[None]:
    """Let what is imported meanwhile get `module` for the one of that name."""
    name = module.__name__
    real = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]
        if real:
            sys.modules[name] = real


# It keeps what it parsed, by declarations; one template has more than its 128.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "2048")
# Most of its import is the client with which it would fetch, which it never does here, and a
# reader of all of CSS.
with _instead(_Later("requests")), _instead(_Cssutils("cssutils")):
    from premailer import Premailer

_CLASS: Final = re.compile(r"\.([\w-]+)")  # in a selector
_IGNORED: Final = ("data-premailer", "ignore")


def inline(html: str, css: str) -> str:
    """Write rules into style attributes; see `inline.inline`."""
    # A doctype stays only in this spelling; without it clients fall into quirks mode.
    html = html.replace("<!doctype html>", "<!DOCTYPE html>", 1).strip()
    page = etree.fromstring(html, etree.HTMLParser())
    sorted_, kinds = _sorted(page)
    written = _written(css, kinds)
    for element, kind in sorted_.items():
        for name, value in written[kind]:
            element.set(name, value)
    tree = page.getroottree()
    whole = tree if html.startswith(tree.docinfo.doctype) else page
    return etree.tostring(whole, method="html", encoding="utf-8").decode("utf-8")


def _sorted(page: etree._Element) -> tuple[dict[etree._Element, int], tuple[_Kind, ...]]:
    """Return the number of each element's kind, and the kinds.

    Elements are of one kind if rules for types and classes cannot tell them apart.
    """
    sorted_: dict[etree._Element, int] = {}
    numbers: dict[_Kind, int] = {}
    for element in page.iter(etree.Element):
        above = element.getparent()
        kind = (
            -1 if above is None else sorted_[above],
            str(element.tag),
            element.get("class"),
            element.get("style"),
        )
        sorted_[element] = numbers.setdefault(kind, len(numbers))
    return sorted_, tuple(numbers)


@lru_cache(maxsize=64)
def _written(css: str, kinds: tuple[_Kind, ...]) -> tuple[_Attributes, ...]:
    """Return what premailer writes into an element of each kind."""
    specimens: list[etree._Element] = []
    for above, tag, *looks in kinds:
        specimen = (
            etree.SubElement(specimens[above], tag)
            if specimens
            else etree.HTMLParser().makeelement(tag)
        )
        for name, value in zip(("class", "style"), looks, strict=True):
            if value is not None:
                specimen.set(name, legible(value))
        if tag == "style":
            # The style sheets of the mail are for phones and dark mode: not to be read, not to go.
            specimen.set(*_IGNORED)
        specimens.append(specimen)
    before = [set(each.items()) for each in specimens]
    _Premailer(specimens[0], css).transform()
    return tuple(
        tuple(each for each in specimen.items() if each not in old)
        for specimen, old in zip(specimens, before, strict=True)
    )


class _Premailer(Premailer):  # type: ignore[misc]  # premailer has no types
    """Writes rules into a tree, and looks for no class that is not in it."""

    def __init__(self, page: etree._Element, css: str) -> None:
        super().__init__(
            page,
            css_text=[css],
            allow_network=False,
            disable_leftover_css=True,
            strip_important=False,
            disable_validation=True,
            align_floating_images=False,
            # Outlook sizes images by these attributes: they must not follow the style.
            disable_basic_attributes=["width", "height"],
        )

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
        rules, left_over = super()._parse_style_rules(css_body, ruleset_index)
        there = {name for each in self.html.iter() for name in each.get("class", "").split()}
        return [rule for rule in rules if there.issuperset(_CLASS.findall(rule[1]))], left_over
