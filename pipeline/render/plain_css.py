"""Reads the little CSS that templates are made of, and writes it as cssutils would.

cssutils knows all of CSS; to load it and to parse one theme with it costs a third of a build.
What is not plain to see here is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

Pairs = list[tuple[str, str]]  # property and value

_RULE: Final = re.compile(r"\s*([^{}]+)\{([^{}]*)\}\s*")
_COMPOUND: Final = r"(?:[a-z][a-z0-9]*|(?=\.))(?:\.[A-Za-z][A-Za-z0-9_-]*)*"
_SELECTOR: Final = re.compile(rf"{_COMPOUND}(?:\s+{_COMPOUND})*")
_NAME: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_WORD: Final = (
    r"(?:-?[A-Za-z]+(?:-[A-Za-z]+)*"
    r"|0|-?(?:[1-9]\d{0,4}(?:\.\d?[1-9])?|0\.\d?[1-9])(?:px|%|em)?"
    r"|#(?:[0-9a-f]{3}){1,2}"
    r"|'[A-Za-z0-9 -]*'|\"[A-Za-z0-9 -]*\")"
)
_VALUE: Final = re.compile(rf"{_WORD}(?:(?:\s*,\s*|\s+){_WORD})*")
_BETWEEN: Final = re.compile(r"\s*(,)\s*|\s+")
_STRINGS: Final = re.compile(r"""("[^"]*"|'[^']*')""")
_LONG: Final = re.compile(r"#([0-9a-f])\1([0-9a-f])\2([0-9a-f])\3\b")


def read_rules(css: str) -> list[tuple[str, Pairs]] | None:
    """Return the selectors of each rule of a style sheet and what it says; None: not plain."""
    rules: list[tuple[str, Pairs]] = []
    position = 0
    while position < len(css):
        found = _RULE.match(css, position)
        pairs = read_pairs(found[2]) if found else None
        if found is None or not pairs:
            return None
        selectors = [" ".join(each.split()) for each in found[1].split(",")]
        if not all(map(_SELECTOR.fullmatch, selectors)):
            return None
        rules.append((",".join(selectors), pairs))
        position = found.end()
    return rules


def read_pairs(css: str) -> Pairs | None:
    """Return the declarations of a rule or of a style attribute; None: they are not plain."""
    pairs: Pairs = []
    for declaration in css.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if not name and not value:
            continue
        if not (_NAME.fullmatch(name) and _VALUE.fullmatch(value)):
            return None
        pairs.append((name, "".join(_written(value))))
    return pairs if len(dict(pairs)) == len(pairs) else None


def _written(value: str) -> Iterator[str]:
    for number, part in enumerate(_STRINGS.split(value)):
        if number % 2:
            yield f'"{part[1:-1]}"'
        else:
            between = _BETWEEN.sub(lambda blank: ", " if blank[1] else " ", part)
            yield _LONG.sub(r"#\1\2\3", between)
