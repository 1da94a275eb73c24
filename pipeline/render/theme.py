"""The one file a designer changes: colours, fonts, widths and the words of the template."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.errors import TemplateError
from pipeline.render.contrast import LEAST, contrast
from pipeline.render.folders import THEME, TemplateFolders, read_text
from pipeline.render.script import Script

Theme = Mapping[str, Any]  # the tables of theme.toml

_LINE: Final = re.compile(r"at line (\d+)")


def load_theme(folders: TemplateFolders) -> Theme:
    """Return the theme of a template.

    A theme only names what differs: it is laid over its namesake in the next root, and at the
    bottom over the family's.

    Raises:
        TemplateError: a file is no TOML, a value cannot stand in a style sheet, or a text could
            not be read on its ground.
    """
    theme: dict[str, Any] = {}
    layers = [(file, _parse(file)) for file in folders.find(THEME)]
    for file, table in reversed(layers):
        _check(file, table)
        theme = _laid_over(theme, table)
    _check_contrast(theme, layers)
    return theme


def fonts(theme: Theme, script: Script) -> dict[str, str]:
    """Return the font stacks, with the fonts of a script before the last resort of each.

    `title`, `body` and `label` may be the name of another stack.
    """
    stacks: dict[str, str] = dict(theme.get("fonts", {}))
    more = theme.get("scripts", {}).get(script.name, {})
    written = {name: _with(stack, more.get(name, "")) for name, stack in stacks.items()}
    return {name: written.get(stack, written[name]) for name, stack in stacks.items()}


def _with(stack: str, more: str) -> str:
    before, comma, last = stack.rpartition(",")
    return f"{before}, {more},{last}" if more and comma else stack


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        place = _LINE.search(str(error))
        raise TemplateError(file, str(error), line=int(place[1]) if place else None) from error


def _check(file: Path, theme: Mapping[str, Any]) -> None:
    for table, (fits, needed) in _RULES.items():
        values = theme.get(table, {})
        if not isinstance(values, dict):
            raise TemplateError(file, f"{table} is not a table; write [{table}] above its lines")
        for name, value in values.items():
            if not fits(value):
                raise TemplateError(file, f"{table}.{name} is not {needed}")
    if not _is_pairs(theme.get("pairs", [])):
        raise TemplateError(file, 'pairs is not a list of pairs such as ["text", "sheet"]')
    for script, stacks in theme.get("scripts", {}).items():
        if not isinstance(stacks, dict) or not all(map(_is_font, stacks.values())):
            raise TemplateError(file, f"scripts.{script} is not a table of lists of font names")
    months = theme.get("words", {}).get("months", _TWELVE)
    if len(months) != len(_TWELVE):
        raise TemplateError(file, f"words.months has {len(months)} names")


def _check_contrast(theme: Theme, layers: list[tuple[Path, dict[str, Any]]]) -> None:
    for scheme in ("light", "dark"):
        colours = theme.get(scheme, {})
        for pair in theme.get("pairs", ()):
            if not all(name in colours for name in pair):
                continue
            found = contrast(*(colours[name] for name in pair))
            if found < LEAST:
                file, line = _where(scheme, pair, layers)
                text, ground = pair
                problem = (
                    f"{scheme}.{text} {colours[text]} on {scheme}.{ground} {colours[ground]} has a "
                    f"contrast of {found:.2f} to 1, and {LEAST} is needed to read it; "
                    f"make one {'darker' if scheme == 'light' else 'lighter'}"
                )
                raise TemplateError(file, problem, line=line)


def _where(
    scheme: str, pair: list[str], layers: list[tuple[Path, dict[str, Any]]]
) -> tuple[Path, int | None]:
    """Return the topmost file that sets one of the colours, and the line."""
    for file, table in layers:
        for name in pair:
            if name in table.get(scheme, {}):
                return file, _line_of(read_text(file), scheme, name)
    return layers[-1][0], None


def _line_of(source: str, table: str, key: str) -> int | None:
    inside = False
    for number, line in enumerate(source.splitlines(), start=1):
        if head := re.match(r"\s*\[([\w.]+)\]", line):
            inside = head[1] == table
        elif inside and re.match(rf"\s*{re.escape(key)}\s*=", line):
            return number
    return None


def _is_colour(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"#[0-9a-f]{6}", value))


def _is_font(value: object) -> bool:
    # Style sheets are not escaped: what could end a declaration does not get into one.
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9 ,'-]+", value))


def _is_width(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= 1200


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_logo(value: object) -> bool:
    match value:
        case int():
            return 16 <= value <= 1200
        case str():
            return "\n" not in value
        case _:
            return False


def _is_pairs(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        for pair in value
    )


def _is_wording(value: object) -> bool:
    match value:
        case dict():
            return all(isinstance(word, str) for word in value.values())
        case list():
            return all(isinstance(word, str) for word in value)
        case _:
            return isinstance(value, str)


_TWELVE: Final = range(12)
_RULES: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "light": (_is_colour, "a colour such as '#1a2b3c'"),
    "dark": (_is_colour, "a colour such as '#1a2b3c'"),
    "fonts": (_is_font, "a list of font names such as \"Georgia, 'Times New Roman', serif\""),
    "type": (_is_width, "a whole number of pixels"),
    "widths": (_is_width, "a whole number of pixels"),
    "logo": (_is_logo, "a picture's address, its words, or its width in pixels"),
    "scripts": (_is_table, "a table of font stacks"),
    "words": (_is_wording, "a text"),
}


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        match merged.get(name), value:
            case dict() as under, dict() as over:
                merged[name] = _laid_over(under, over)
            case _:
                merged[name] = value
    return merged
