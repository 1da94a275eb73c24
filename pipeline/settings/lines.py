"""Where each key of a TOML file stands: tomllib gives values without positions."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]  # table names and key, outermost first


def key_lines(text: str) -> dict[Path, int]:
    """Map every table and key of a valid TOML document to its 1-based line.

    Keys inside an inline table have the line of the key that holds it. Pure.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    for line, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _deepest(parsed)
            found.setdefault(table, line)
            continue
        for path in _paths(parsed):
            found.setdefault((*table, *path), line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each header or assignment with its first line.

    A value may run over many lines, so lines are added until tomllib takes the statement.
    """
    start, pending = 0, ""
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if pending else number
        pending += line
        try:
            tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue
        yield start, pending
        pending = ""


def _deepest(parsed: dict[str, Any]) -> Path:
    path: list[str] = []
    node: Any = parsed
    while isinstance(node, dict) and node:
        name, node = next(iter(node.items()))
        path.append(name)
        if isinstance(node, list):
            node = node[0]
    return tuple(path)


def _paths(parsed: dict[str, Any], above: Path = ()) -> Iterator[Path]:
    for name, value in parsed.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))
