"""Where a save changed a mail most, so that the frame can go there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import takewhile
from operator import eq
from typing import Final

MARK: Final = "studio-changed"  # the id that the frame's address names

_NEAR: Final = 300  # characters that may stand above a change, and leave it on a phone's screen
_ATTRIBUTES: Final = re.compile(r"\s[^>]*>")
_PIECE: Final = re.compile(r"<[^>]*>|[^<]+")
_BLOCK: Final = re.compile(
    r"<!--.*?-->|<(?:p|h[1-6]|li|td|blockquote|pre)\b(?P<attributes>[^>]*)>", re.DOTALL
)


def marked(old: str, new: str) -> str:
    """Return HTML with an id on the block of the largest change, or on one just before it.

    Nothing else is changed; without a difference, or if it is not in the body, nothing is.
    """
    start = new.find("<body")
    limit = _largest(old, new)
    blocks: list[re.Match[str]] = []
    for found in _BLOCK.finditer(new, max(start, 0)):
        if found.start() > limit:
            break
        attributes = found["attributes"]
        if attributes is not None and " id=" not in attributes:
            blocks.append(found)
    if start < 0 or limit <= start or not blocks:
        return new
    *_, before, last = [blocks[0], *blocks]
    near = len(_words(_PIECE.findall(new[before.start() : limit]))) < _NEAR
    place = (before if near else last).start("attributes")
    return f'{new[:place]} id="{MARK}"{new[place:]}'


def _largest(old: str, new: str) -> int:
    """Return where the largest change begins; 0 if there is none."""
    pieces = after = _PIECE.findall(new)
    before = _PIECE.findall(old)
    # A last paragraph has another style than one in the middle, and is the same to a reader.
    if _bare(before) != _bare(after):
        before, after = _bare(before), _bare(after)
    first = _alike(before, after)
    rest = min(len(before), len(after)) - first
    last = min(_alike(reversed(before), reversed(after)), rest)
    changed = list(_changes(before[first : len(before) - last], after[first : len(after) - last]))
    if not changed:
        return 0
    _, place = max(changed)  # the last of equals: a title stands in the contents before it
    return sum(map(len, pieces[: first + place]))


def _bare(pieces: list[str]) -> list[str]:
    """Return pieces with tags that have no attributes."""
    return [_ATTRIBUTES.sub(">", each) if each.startswith("<") else each for each in pieces]


def _changes(before: list[str], after: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the size of each change of text, and the piece where it begins."""
    for tag, a, b, c, d in SequenceMatcher(None, before, after).get_opcodes():
        if tag != "equal":
            yield _size(_words(before[a:b]), _words(after[c:d])), c


def _words(pieces: list[str]) -> str:
    return "".join(each for each in pieces if not each.startswith("<"))


def _size(old: str, new: str) -> int:
    """Return how many characters differ between the first and the last that do."""
    first = _alike(old, new)
    last = min(_alike(old[::-1], new[::-1]), min(len(old), len(new)) - first)
    return max(len(old), len(new)) - first - last


def _alike(one: Iterable[str], other: Iterable[str]) -> int:
    """Return how many first things are the same."""
    return sum(1 for _ in takewhile(bool, map(eq, one, other)))
