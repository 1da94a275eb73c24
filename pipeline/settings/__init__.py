"""newsletter.toml and the environment, read once into one frozen value (decision D14).

Order of precedence: environment (`BROADSHEET_SENDER__HOST`), then the file, then defaults.
Secrets come only from the environment or a file of their own, never from newsletter.toml.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError
from pipeline.settings.lines import key_lines
from pipeline.settings.reading import Mistake, read
from pipeline.settings.tables import SETTINGS_TABLES, Settings

__all__ = ["FILE_NAME", "Settings", "find_workspace", "load"]

FILE_NAME: Final = "newsletter.toml"
_PREFIX: Final = "BROADSHEET_"


def find_workspace(start: Path) -> Path | None:
    """Return the nearest folder at or above `start` that holds newsletter.toml."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    return None


def load(workspace: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a workspace; without one, the defaults and the environment.

    Raises:
        ConfigError: every mistake at once, each with file, line and a suggestion.
    """
    file = workspace / FILE_NAME if workspace else None
    text = _read(file) if file else ""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {error}") from error
    if isinstance(table.get("sender"), dict) and "password" in table["sender"]:
        line = key_lines(text)[("sender", "password")]
        raise ConfigError(
            f"{file}:{line}: sender.password: a password does not belong in this file; "
            "set BROADSHEET_SENDER__PASSWORD, or name a file of its own in password_file"
        )
    from_environment = _environment(environ)
    for section, values in from_environment.items():
        if not isinstance(table.setdefault(section, {}), dict):
            raise ConfigError(f"{file}: {section!r} must be a table: [{section}]")
        table[section].update(values)
    mistakes: list[Mistake] = []
    settings = read(Settings, table, mistakes)
    if settings is None or mistakes:
        lines = key_lines(text)
        raise ConfigError("\n".join(_sentence(file, lines, mistake) for mistake in mistakes))
    return settings


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file}: not UTF-8 text ({error.reason} at byte {error.start})"
        ) from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error


def _environment(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Collect `BROADSHEET_SECTION__KEY` variables; others belong to the command line."""
    found: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        section, separator, key = name.removeprefix(_PREFIX).lower().partition("__")
        if name.startswith(_PREFIX) and separator and section in SETTINGS_TABLES:
            found.setdefault(section, {})[key] = value
    return found


def _sentence(file: Path | None, lines: dict[tuple[str, ...], int], mistake: Mistake) -> str:
    path = mistake.path
    line = next(
        (lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None
    )
    place = f"{file or 'environment'}:{line}" if line else str(file or "environment")
    return f"{place}: {'.'.join(path)}: {mistake.says}"
