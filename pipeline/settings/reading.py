"""From the values of a TOML document to a table of settings, with every mistake at once.

msgspec reads one value and stops at the first mistake; tables are walked here, key by key, so
that each mistake has its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, TypeVar, get_args, get_origin

from msgspec import Struct, ValidationError, convert
from msgspec.structs import fields

from pipeline.settings.values import Table

T = TypeVar("T", bound=Table)
Path = tuple[str, ...]  # table names and key, outermost first

_PLACE: Final = re.compile(r" - at `[^`]*`$")
_KIND: Final = re.compile(r"`([^`|]+)[^`]*`")
_KINDS: Final = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


class Mistake(Struct, frozen=True):
    """What is wrong, and where."""

    path: Path
    says: str


def read(kind: type[T], given: object, mistakes: list[Mistake], path: Path = ()) -> T | None:
    """Return the table, or None where `mistakes` became longer.

    Args:
        kind: the table.
        given: what stands in the document.
        mistakes: where each goes; all that can be found are.
        path: where `given` stands.
    """
    if not isinstance(given, Mapping):
        mistakes.append(Mistake(path, f"must be a table: [{'.'.join(path)}]"))
        return None
    before = len(mistakes)
    known = {each.encode_name: each for each in fields(kind) if each.name != kind.others}
    values: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for key, value in given.items():
        if key in known:
            values[known[key].name] = _value(known[key].type, value, mistakes, (*path, key))
        elif kind.others:
            others[key] = value
        else:
            mistakes.append(Mistake((*path, key), f"no such setting{_suggestion(key, known)}"))
    if len(mistakes) > before:
        return None
    if kind.others:
        values[kind.others] = others
    table = kind(**values)
    mistakes.extend(Mistake((*path, key), says) for key, says in table.mistakes())
    return table


def _value(kind: Any, given: object, mistakes: list[Mistake], path: Path) -> Any:
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if isinstance(bare, type) and issubclass(bare, Table):
        return read(bare, given, mistakes, path)
    if get_origin(bare) is Mapping and isinstance(given, Mapping):
        names, values = get_args(bare)
        return {
            _value(names, name, mistakes, (*path, name)): _value(
                values, value, mistakes, (*path, name)
            )
            for name, value in given.items()
        }
    try:
        return convert(given, kind, strict=False, dec_hook=_read)  # the environment has text only
    except ValidationError as error:
        mistakes.append(Mistake(path, _sentence(bare, str(error))))
    return None


def _read(kind: Any, written: object) -> object:
    return kind.read(written)


def _sentence(kind: Any, said: str) -> str:
    choices = [choice for each in (kind, *get_args(kind)) for choice in _choices(each)]
    if choices:
        return f"one of {', '.join(map(repr, choices))}"
    words = _KIND.sub(lambda found: _KINDS.get(found[1].strip(), found[1]), _PLACE.sub("", said))
    return words[:1].lower() + words[1:]


def _choices(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _suggestion(key: str, known: Iterable[str]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"
