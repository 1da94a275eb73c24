"""The one file a designer changes: colours, fonts, widths and the words of the template."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pipeline.errors import TemplateError
from pipeline.render.folders import TemplateFolders, read_text

Theme = Mapping[str, Any]  # the tables of theme.toml

FILE: Final = "theme.toml"
BASE: Final = "default"  # the template whose theme every other theme changes

_LINE: Final = re.compile(r"at line (\d+)")


def load_theme(folders: TemplateFolders) -> Theme:
    """Return the theme of a template.

    A theme only names what differs: it is laid over its namesake in the next root, and at the
    bottom over the theme of the default template.

    Raises:
        TemplateError: a file is no TOML, or a value cannot stand in a style sheet.
    """
    theme: dict[str, Any] = {}
    layers = [*folders.find(FILE)]
    if folders.template != BASE:
        layers += folders.find(FILE, template=BASE)
    for file in reversed(layers):
        table = _parse(file)
        _check(file, table)
        theme = _laid_over(theme, table)
    return theme


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
    months = theme.get("words", {}).get("months", _TWELVE)
    if len(months) != len(_TWELVE):
        raise TemplateError(file, f"words.months has {len(months)} names")


def _is_colour(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"#[0-9a-f]{6}", value))


def _is_font(value: object) -> bool:
    # Style sheets are not escaped: what could end a declaration does not get into one.
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9 ,'-]+", value))


def _is_width(value: object) -> bool:
    return isinstance(value, int) and 0 <= value <= 1200


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
    "widths": (_is_width, "a whole number of pixels"),
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
