"""premailer, with the settings that do no harm (decision D3) and without the work it does twice."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from pipeline.render.plain_css import Pairs, read_pairs, read_rules


class _Later(ModuleType):
    """Stands in for a module, and loads it when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


@contextmanager
def _put_off(name: str) -> Iterator[None]:
    """Let what is imported meanwhile import `name` for nothing."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _Later(name)
    try:
        yield
    finally:
        del sys.modules[name]


# It keeps what it parsed, by declarations; one template has more than its 128.
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "2048")
# Most of its import is the client with which it would fetch, which it never does here, and a
# reader of all of CSS, which is asked for what `plain_css` leaves.
with _put_off("requests"), _put_off("cssutils"):
    from premailer import Premailer, merge_style, premailer

_all_of_css = merge_style.csstext_to_pairs


@lru_cache(maxsize=2048)
def _pairs(css: str, validate: bool = True) -> Pairs:
    """Return the declarations of a style; premailer asks this in place of its own."""
    pairs = read_pairs(css)
    if pairs is None:
        _hush()
        pairs = _all_of_css(css, validate=validate)
    return pairs


def _hush() -> None:
    """Let cssutils keep to itself what it thinks of a style."""
    import cssutils

    cssutils.log.setLevel(logging.CRITICAL)


# Theirs looks for its lock under the name that is ours from now on.
_pairs._lock = _all_of_css._lock  # type: ignore[attr-defined]  # noqa: SLF001 - premailer is pinned
merge_style.csstext_to_pairs = premailer.csstext_to_pairs = _pairs

_STYLE: Final = re.compile(r"<style\b")
_MARKED: Final = '<style data-premailer="ignore"'

_CLASSES: Final = re.compile(r'class="([^"]*)"')  # of an element, as MJML writes them
_CLASS: Final = re.compile(r"\.([\w-]+)")  # in a selector

_Rules = tuple[list[Any], list[Any]]  # those to write, those left over


def inline(html: str, css: str) -> str:
    """Write rules into style attributes; see `inline.inline`."""
    # premailer keeps a doctype only in this spelling; without it clients fall into quirks mode.
    html = html.replace("<!doctype html>", "<!DOCTYPE html>", 1)
    # Marked, a style sheet is neither parsed nor rewritten: media queries and dark mode
    # keep their !important, and MJML's reset is not copied into every element.
    inlined: str = _premailer(_STYLE.sub(_MARKED, html), css).transform(pretty_print=False)
    return inlined.replace(_MARKED, "<style")


class _Premailer(Premailer):  # type: ignore[misc]  # premailer has no types
    """Takes a style sheet apart once, and looks for no class that the mail has not got."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> _Rules:
        rules, left_over = _parsed(css_body, ruleset_index)
        there = set(" ".join(_CLASSES.findall(self.html)).split())
        return [rule for rule in rules if there.issuperset(_CLASS.findall(rule[1]))], left_over


def _premailer(html: str | None, css: str, kind: type[Premailer] = _Premailer) -> Premailer:
    return kind(
        html,
        css_text=[css],
        allow_network=False,
        keep_style_tags=False,
        disable_leftover_css=True,
        strip_important=False,
        disable_validation=True,
        align_floating_images=False,
        # Outlook sizes images by these attributes: they must not follow the style.
        disable_basic_attributes=["width", "height"],
        remove_classes=False,  # phones and dark mode need them
    )


@lru_cache(maxsize=16)
def _parsed(css: str, index: int) -> _Rules:
    plain = read_rules(css, index)
    if plain is not None:
        return plain, []
    # premailer keeps the parsed sheet, but writes every rule of it out anew: half of its time.
    _hush()
    rules: _Rules = _premailer(None, css, Premailer)._parse_style_rules(css, index)  # noqa: SLF001 - premailer is pinned
    return rules
