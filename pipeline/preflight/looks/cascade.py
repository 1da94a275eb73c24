"""What the cascade gives each element of a mail, in light or in dark mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pipeline.preflight.looks.kind import Kind
from pipeline.preflight.looks.selector import Selector, matches, needs, read_selector, weight
from pipeline.preflight.looks.sheet import Rule, read_declarations

Style = dict[str, str]  # property: value
_Rank = tuple[bool, bool, tuple[int, int, int], int]  # important, inline, specificity, order
_Known = tuple[Selector, tuple[int, int, int], int, Rule]  # weight, order

DARK: Final = "prefers-color-scheme"
_LOOKS: Final = frozenset(
    {
        *("color", "background", "background-color", "background-image", "display"),
        *("font-size", "font-weight", "opacity", "visibility"),
    }
)
_ALWAYS: Final = frozenset({"all", "screen", "only screen"})


class _Written(NamedTuple):
    """What a style attribute says of looks."""

    ranked: tuple[tuple[str, _Rank, str], ...]
    style: Style  # the same, where no rule adds to it


class Cascade:
    """The rules of a mail, sorted so that each kind of element asks only those that may mean it."""

    def __init__(self, rules: Sequence[Rule], names: set[str], *, dark: bool) -> None:
        """Take the rules that hold in light mode, or in dark mode.

        Args:
            rules: of all sheets in order.
            names: what `names` found; rules that need another one mean no element.
            dark: which mode.
        """
        self._by_key: dict[str, list[_Known]] = defaultdict(list)
        for order, rule in enumerate(rules):
            if not _LOOKS.isdisjoint(each.name for each in rule.declarations) and _holds(
                rule.conditions, dark=dark
            ):
                for text in rule.selectors:
                    selector = read_selector(text)
                    if selector and needs(selector) <= names:
                        self._by_key[_key(selector)].append(
                            (selector, weight(selector), order, rule)
                        )

    def style(self, element: Kind) -> Style:
        """Return what is said of elements of a kind; nothing is inherited yet."""
        written = _written(element.get("style") or "")
        best: dict[str, tuple[_Rank, str]] = {}
        for selector, heavy, order, rule in self._candidates(element):
            if matches(element, selector):
                for each in rule.declarations:
                    _take(best, each.name, (each.important, False, heavy, order), each.value)
        if not best:
            return written.style
        for name, rank, value in written.ranked:
            _take(best, name, rank, value)
        return _without_older_ground(best)

    def _candidates(self, element: Kind) -> Iterator[_Known]:
        names = [f".{name}" for name in (element.get("class") or "").split()]
        for key in ("", element.tag, f"#{element.get('id')}", *names):
            yield from self._by_key.get(key, ())


def has_dark_rules(rules: Iterable[Rule]) -> bool:
    """Say whether the mail has a dark mode of its own."""
    return any(_is_dark(condition) for rule in rules for condition in rule.conditions)


def names(kinds: Iterable[Kind]) -> set[str]:
    """Return the types, classes, ids and attributes there are, as `Compound.names` has them."""
    found = set[str]()
    for kind in kinds:
        found.add(kind.tag)
        found.update(f"[{name}" for name in kind.attributes)
        found.update(f".{name}" for name in (kind.get("class") or "").split())
        found.add(f"#{kind.get('id')}")
    return found


@lru_cache(maxsize=1024)
def _written(text: str) -> _Written:
    ranked = tuple(
        (each.name, (each.important, True, (0, 0, 0), order), each.value)
        for order, each in enumerate(read_declarations(text))
        if each.name in _LOOKS
    )
    best: dict[str, tuple[_Rank, str]] = {}
    for name, rank, value in ranked:
        _take(best, name, rank, value)
    return _Written(ranked, _without_older_ground(best))


def _take(best: dict[str, tuple[_Rank, str]], name: str, rank: _Rank, value: str) -> None:
    if name in _LOOKS and (name not in best or rank >= best[name][0]):
        best[name] = (rank, value)


def _without_older_ground(best: dict[str, tuple[_Rank, str]]) -> Style:
    """`background` sets the colour, too: of the two, the stronger one stays."""
    whole, colour = best.get("background"), best.get("background-color")
    if whole and colour:
        del best["background" if colour[0] >= whole[0] else "background-color"]
    return {name: value for name, (_, value) in best.items()}


def _key(selector: Selector) -> str:
    """Return one thing the element must have, the rarest first."""
    last = selector[-1]
    for name in last.ids:
        return f"#{name}"
    for name in sorted(last.classes):
        return f".{name}"
    return last.type or ("html" if last.root else "")


def _holds(conditions: tuple[str, ...], *, dark: bool) -> bool:
    """Say whether rules under these conditions count; widths and print are other views."""
    return all(
        dark if _is_dark(each) else each.partition(" ")[2].strip().lower() in _ALWAYS
        for each in conditions
    )


def _is_dark(condition: str) -> bool:
    words = condition.lower().replace(" ", "")
    return f"({DARK}:dark)" in words and "width" not in words
