"""Reads the options of a sender, which come from a settings file or the environment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from difflib import get_close_matches

from pipeline.errors import ConfigError
from pipeline.model.rate import per_second


class OptionReader:
    """Takes options out one by one, so that what is left over was not asked for.

    Numbers may come as text: the environment knows nothing else.

    Args:
        options: by name.
        place: what they belong to, as messages name it.
    """

    def __init__(self, options: Mapping[str, object], place: str = "sender") -> None:
        self._left = dict(options)
        self._known: list[str] = []
        self._place = place

    def text(self, name: str) -> str | None:
        """Take a text, or None if it is absent or empty.

        Raises:
            ConfigError: it is something else, or has control characters.
        """
        value = self._take(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or not value.isprintable():
            raise self.mistake(name, "expected one line of text")
        return value

    def choice(self, name: str, values: tuple[str, ...]) -> str | None:
        """Take one of a few words, or None if it is absent.

        Raises:
            ConfigError: it is another word; the message lists the right ones.
        """
        value = self.text(name)
        if value is None or value in values:
            return value
        raise self.mistake(name, f"{value!r} is not one of {', '.join(values)}")

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """Take a whole number from `low` to `high`, both included.

        Raises:
            ConfigError: it is no whole number, or out of range.
        """
        value = self._take(name)
        return default if value is None else self._number(name, value, low, high)

    def flag(self, name: str) -> bool:
        """Take a yes or no, which is no if it is absent.

        Raises:
            ConfigError: it is neither.
        """
        value = self._take(name)
        if isinstance(value, str):
            value = {"true": True, "false": False, "": False}.get(value.lower(), value)
        if value is not None and not isinstance(value, bool):
            raise self.mistake(name, f"expected true or false, not {value!r}")
        return bool(value)

    def rate(self, name: str) -> float | None:
        """Take a rate, such as "14/s", "600/min", "5000/h" or a number, in units a second.

        Raises:
            ConfigError: it is something else, or not above 0.
        """
        value = self._take(name)
        if value is None or value == "":
            return None
        try:
            return per_second(value)
        except ValueError as error:
            raise self.mistake(name, str(error)) from None

    def numbers(self, name: str, *, low: int, high: int) -> tuple[int, ...]:
        """Take a list of whole numbers, as text with commas between them.

        Raises:
            ConfigError: one of them is no whole number, or out of range.
        """
        value = self._take(name)
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")] if value else None
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.mistake(name, f"expected a list of whole numbers, not {value!r}")
        return tuple(self._number(name, number, low, high) for number in value)

    def day(self, name: str) -> date | None:
        """Take a date, as text in the form 2027-01-31.

        Raises:
            ConfigError: it is none.
        """
        value = self._take(name)
        if value is None or value == "":
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(value if isinstance(value, str) else "")
        except ValueError as error:
            raise self.mistake(
                name, f"expected a date such as 2027-01-31, not {value!r}"
            ) from error

    def tables(self, name: str) -> tuple[Mapping[str, object], ...]:
        """Take an array of tables, or nothing if it is absent.

        Raises:
            ConfigError: it is something else, or empty.
        """
        value = self._take(name)
        if value is None:
            return ()
        if (
            not isinstance(value, list | tuple)
            or not value
            or not all(isinstance(table, Mapping) for table in value)
        ):
            raise self.mistake(name, "expected one table or more")
        return tuple(value)

    def done(self) -> None:
        """Refuse whatever was not taken.

        Raises:
            ConfigError: an option is unknown; the message has the nearest known name.
        """
        for name in self._left:
            near = get_close_matches(name, self._known, n=1)
            known = f"did you mean {near[0]}?" if near else f"known: {', '.join(self._known)}"
            raise self.mistake(name, f"unknown option; {known}")

    def mistake(self, name: str, problem: str) -> ConfigError:
        """Return the error that says what is wrong with an option."""
        return ConfigError(f"{self._place}.{name}: {problem}")

    def _number(self, name: str, value: object, low: int, high: int) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.mistake(
                name, f"expected a whole number from {low} to {high}, not {value!r}"
            )
        return value

    def _take(self, name: str) -> object:
        self._known.append(name)
        return self._left.pop(name, None)
