"""Reads style sheets and style attributes: enough of CSS to judge a mail, forgivingly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from lxml.html import HtmlElement
from msgspec import Struct

_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
# Braces and semicolons mean nothing inside strings and addresses.
_TOKEN: Final = re.compile(
    r"""(?:url\([^)]*\)|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^{};"']|["'])+|[{};]""",
    re.IGNORECASE,
)
_IMPORTANT: Final = re.compile(r"\s*!\s*important\s*$", re.IGNORECASE)
_NESTING: Final = ("@media", "@supports", "@layer", "@container")
_DEEPEST: Final = 8  # at-rules in one another


class Declaration(Struct, frozen=True):
    """One property with its value; names in small letters."""

    name: str
    value: str
    important: bool = False


class Rule(Struct, frozen=True, kw_only=True):
    """Selectors and what they say; an at-rule without rules in it has no selector."""

    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    conditions: tuple[str, ...] = ()  # the at-rules around it, outermost first


@lru_cache(maxsize=64)
def read_sheet(text: str) -> tuple[Rule, ...]:
    """Return the rules of a style sheet in order; what cannot be read is left out."""
    tokens = [found.group() for found in _TOKEN.finditer(_COMMENT.sub(" ", text))]
    return tuple(_rules(iter(tokens), ()))


def sheets(document: HtmlElement) -> tuple[str, ...]:
    """Return the text of all style elements, of those with `media` as if under @media."""
    found: list[str] = []
    for style in document.iter("style"):
        media = style.get("media")
        text = style.text or ""
        found.append(f"@media {media} {{ {text} }}" if media else text)
    return tuple(found)


@lru_cache(maxsize=16)
def read_sheets(texts: tuple[str, ...]) -> tuple[Rule, ...]:
    """Return the rules of several style sheets in order."""
    return tuple(rule for text in texts for rule in read_sheet(text))


@lru_cache(maxsize=2048)
def read_declarations(text: str) -> tuple[Declaration, ...]:
    """Return what a style attribute, or the inside of a rule, says."""
    if "/*" in text:
        text = _COMMENT.sub(" ", text)
    parts = text.split(";") if not {'"', "'", "("} & set(text) else _TOKEN.findall(text)
    return tuple(_declarations(parts))


def _declarations(parts: list[str]) -> Iterator[Declaration]:
    for part in parts:
        name, colon, value = part.partition(":")
        if not colon or not name.strip():
            continue
        important = "!" in value and _IMPORTANT.search(value) is not None
        if important:
            value = _IMPORTANT.sub("", value)
        yield Declaration(name.strip().lower(), value.strip(), important)


def _rules(tokens: Iterator[str], conditions: tuple[str, ...]) -> Iterator[Rule]:
    prelude = ""
    for token in tokens:
        match token:
            case "}":
                return
            case ";":
                if prelude.startswith("@"):
                    yield Rule(selectors=(), declarations=(), conditions=(*conditions, prelude))
                prelude = ""
            case "{":
                yield from _block(prelude, tokens, conditions)
                prelude = ""
            case _:
                prelude = " ".join(token.split())


def _block(prelude: str, tokens: Iterator[str], conditions: tuple[str, ...]) -> Iterator[Rule]:
    if prelude.lower().startswith(_NESTING) and len(conditions) < _DEEPEST:
        yield from _rules(tokens, (*conditions, prelude))
        return
    inside = list(_inside(tokens))
    if prelude.startswith("@"):
        yield Rule(selectors=(), declarations=(), conditions=(*conditions, prelude))
        return
    yield Rule(
        selectors=tuple(each.strip() for each in prelude.split(",") if each.strip()),
        declarations=tuple(_declarations(inside)),
        conditions=conditions,
    )


def _inside(tokens: Iterator[str]) -> Iterator[str]:
    """Yield the tokens up to the brace that closes the block; blocks in it are left out."""
    depth = 1
    for token in tokens:
        if token == "{":  # noqa: S105 - a brace, and not a password
            depth += 1
        elif token == "}":  # noqa: S105
            depth -= 1
            if not depth:
                return
        elif depth == 1:
            yield token
