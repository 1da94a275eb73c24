"""HTML source as lines with its tags, attributes and values told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup, escape

_TOKEN: Final = re.compile(
    r"(?P<note><!--.*?(?:-->|\Z))"
    r"|(?P<tag></?[A-Za-z][^\s/>]*|/?>)"
    r"|(?P<name>[\w:-]+(?==))"
    r"|(?P<value>(?<==)\"[^\"]*\"|(?<==)'[^']*')"
    r"|(?P<reference>&[#\w]+;)"
)


def coloured(source: str) -> Iterator[Markup]:
    """Yield each line of HTML source as safe markup; tokens do not go over line ends."""
    for line in source.splitlines():
        yield Markup("").join(_pieces(line))


def _pieces(line: str) -> Iterator[Markup]:
    end = 0
    for found in _TOKEN.finditer(line):
        yield escape(line[end : found.start()])
        yield Markup('<span class="{}">{}</span>').format(f"t-{found.lastgroup}", found.group())
        end = found.end()
    yield escape(line[end:])
