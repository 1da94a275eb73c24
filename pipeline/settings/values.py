"""What settings are made of: tables, names, addresses, durations and rates as people write them.

msgspec reads the leaves of a table; where it finds one of the kinds here, it asks their `read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parseaddr
from typing import ClassVar, Final, Self

from msgspec import Struct

from pipeline.model.newsletter import Mailbox
from pipeline.model.rate import per_second

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
# Addresses that `_checked` would return as they are; a domain of these cannot be written to.
_PLAIN: Final = re.compile(
    r"(?=.{1,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?!(?:arpa|invalid|local|localhost|onion|test)$)[a-z]{2,63}"
)
_LONGEST_LABEL: Final = 63
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd]?)")
_UNITS: Final = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Table(Struct, frozen=True):
    """A table of newsletter.toml; what it does not know is a mistake."""

    # The field that takes the keys no field has; without one they are mistakes.
    others: ClassVar[str | None] = None

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the sentence of each mistake that its own value does not show."""
        return iter(())


class Name(str):
    """What people call a list or a provider; it stands in addresses and on the command line."""

    __slots__ = ()

    @classmethod
    def read(cls, written: str) -> Self:
        """Take it as it is.

        Raises:
            ValueError: it is no name.
        """
        if not _NAME.fullmatch(written):
            raise ValueError("a name has small letters, digits and hyphens, at most 40")
        return cls(written)


class Address:
    """A mailbox as people write it: `Name <local@domain>`, or the address alone."""

    __slots__ = ("mailbox",)

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    @classmethod
    def read(cls, written: object) -> Self:
        """Check the address and write its domain in ASCII.

        Raises:
            ValueError: nobody can be written to there.
        """
        name, address = parseaddr(written) if isinstance(written, str) else ("", "")
        return cls(
            Mailbox(address=address if _is_plain(address) else _checked(address), name=name)
        )

    def __repr__(self) -> str:
        return f"Address({self.mailbox!r})"


class Duration(timedelta):
    """A span of time: "24h", "30m", "2d", or a number of seconds."""

    @classmethod
    def read(cls, written: object) -> Self:
        """Read one.

        Raises:
            ValueError: it is none, or longer than some 2.7 million years.
        """
        found = None if isinstance(written, bool) else _DURATION.fullmatch(str(written))
        if found is None:
            raise ValueError('a duration is a number and a unit, such as "24h", "30m" or "2d"')
        return cls(**{_UNITS[found[2]]: int(found[1])})

    @classmethod
    def of(cls, span: timedelta) -> Self:
        """Return the same span."""
        return cls(days=span.days, seconds=span.seconds, microseconds=span.microseconds)


class Rate(float):
    """Messages a second."""

    __slots__ = ()

    @classmethod
    def read(cls, written: object) -> Self:
        """Read "14/s", "600/min" or "5000/h".

        Raises:
            ValueError: it is none of these.
        """
        return cls(per_second(written))


class Secret:
    """A password: shown to nobody who prints the settings."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def read(cls, written: object) -> Self:
        """Take it as it is."""
        return cls(str(written))

    def reveal(self) -> str:
        """Return the password itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"


def _is_plain(address: str) -> bool:
    return _PLAIN.fullmatch(address) is not None and all(
        len(label) <= _LONGEST_LABEL for label in address.partition("@")[2].split(".")
    )


def _checked(address: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # most have a plain address

    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f'an address such as "Name <name@example.org>" ({error})') from None
    return checked.ascii_email or checked.normalized
