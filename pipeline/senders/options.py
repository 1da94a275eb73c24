"""Reads the options of a sender, which come from a settings file or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from pipeline.errors import ConfigError


class OptionReader:
    """Takes options out one by one, so that what is left over was not asked for.

    Numbers may come as text: the environment knows nothing else.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        self._left = dict(options)
        self._known: list[str] = []

    def text(self, name: str) -> str | None:
        """Take a text, or None if it is absent or empty.

        Raises:
            ConfigError: it is something else, or has control characters.
        """
        value = self._take(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or not value.isprintable():
            raise ConfigError(f"sender.{name}: expected one line of text")
        return value

    def choice(self, name: str, values: tuple[str, ...]) -> str | None:
        """Take one of a few words, or None if it is absent.

        Raises:
            ConfigError: it is another word; the message lists the right ones.
        """
        value = self.text(name)
        if value is None or value in values:
            return value
        raise ConfigError(f"sender.{name}: {value!r} is not one of {', '.join(values)}")

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """Take a whole number from `low` to `high`, both included.

        Raises:
            ConfigError: it is no whole number, or out of range.
        """
        value = self._take(name)
        if value is None:
            return default
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ConfigError(
                f"sender.{name}: expected a whole number from {low} to {high}, not {value!r}"
            )
        return value

    def done(self) -> None:
        """Refuse whatever was not taken.

        Raises:
            ConfigError: an option is unknown; the message has the nearest known name.
        """
        for name in self._left:
            near = get_close_matches(name, self._known, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(self._known)}"
            raise ConfigError(f"sender.{name}: unknown option; {known}")

    def _take(self, name: str) -> object:
        self._known.append(name)
        return self._left.pop(name, None)
