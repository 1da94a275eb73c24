"""Where a save changed a mail most, so that the frame can go there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import takewhile
from operator import eq
from typing import Final

MARK: Final = "studio-changed"  # the id that the frame's address names

_PIECE: Final = re.compile(r"<[^>]*>|[^<]+")
_BLOCK: Final = re.compile(
    r"<!--.*?-->|<(?:p|h[1-6]|li|td|blockquote|pre)\b(?P<attributes>[^>]*)>", re.DOTALL
)


def marked(old: str, new: str) -> str:
    """Return HTML with an id on a block just before the largest change.

    Nothing else is changed; without a difference, or if it is not in the body, nothing is.
    """
    start = new.find("<body")
    limit = _largest(old, new)
    blocks: list[int] = []
    for found in _BLOCK.finditer(new, max(start, 0)):
        if found.start() >= limit:
            break
        attributes = found["attributes"]
        if attributes is not None and " id=" not in attributes:
            blocks.append(found.start("attributes"))
    if start < 0 or limit <= start or not blocks:
        return new
    place = blocks[-2] if len(blocks) > 1 else blocks[-1]
    return f'{new[:place]} id="{MARK}"{new[place:]}'


def _largest(old: str, new: str) -> int:
    """Return where the largest change begins; 0 if there is none."""
    before, after = _PIECE.findall(old), _PIECE.findall(new)
    first = _alike(before, after)
    rest = min(len(before), len(after)) - first
    last = min(_alike(reversed(before), reversed(after)), rest)
    changed = list(_changes(before[first : len(before) - last], after[first : len(after) - last]))
    if not changed:
        return 0
    _, place = max(changed)  # the last of equals: a title stands in the contents before it
    return sum(map(len, after[: first + place]))


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
