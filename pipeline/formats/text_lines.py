"""Sorts the lines of a plain text into labels, bullets and text."""

from __future__ import annotations

import re

from msgspec import Struct

from pipeline.formats.claims import Claims
from pipeline.formats.source import SourceText
from pipeline.formats.words import LONGEST_WORD, Label, is_nav, label_named

_BULLET = re.compile(r"(?:[-*•–]|(\d{1,2})[.)])\s+(\S.*)")


class TextLine(Struct, frozen=True):
    """A line that is neither label nor bullet."""

    number: int
    text: str


class BulletLine(Struct, frozen=True):
    """An item of a list."""

    number: int
    text: str  # without its mark
    ordinal: int | None  # None: a dash or a dot, no figure


class LabelLine(Struct, frozen=True):
    """A known label, and what stands behind it on the same line."""

    number: int
    label: Label
    name: str  # as written, without the colon
    rest: str
    text: str  # the whole line, for where a label means nothing


Line = TextLine | BulletLine | LabelLine


def sort_lines(source: SourceText, claims: Claims) -> list[Line]:
    """Return the lines that are not blank; navigation is claimed and left out.

    A file keeps to one word for "TLDR", and the first one it uses is that word: "In short:" at
    the start of a paragraph opens no story in a file that says TLDR.
    """
    lines: list[Line] = []
    opener: str | None = None
    for number, raw in enumerate(source.lines, 1):
        text = raw.strip()
        if not text:
            continue
        if is_nav(text):
            claims.nav(number)
            continue
        line = sort_line(number, text)
        if isinstance(line, LabelLine) and line.label is Label.TLDR:
            word = line.name.casefold().replace(";", "")
            opener = opener or word
            if word != opener:
                line = TextLine(number, text)
        lines.append(line)
    return lines


def sort_line(number: int, text: str) -> Line:
    """Sort one stripped line.

    A label is a known word before the first colon, never just any word: bodies have colons too.
    """
    colon = text.find(":", 0, LONGEST_WORD)
    if colon > 0 and (label := label_named(text[:colon])):
        return LabelLine(number, label, text[:colon].strip(), text[colon + 1 :].strip(), text)
    if found := _BULLET.fullmatch(text):
        return BulletLine(number, found[2], int(found[1]) if found[1] else None)
    return TextLine(number, text)
