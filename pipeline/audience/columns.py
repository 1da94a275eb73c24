"""Which column of an import is what, and what a status in it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipeline.audience.exporting import unshield
from pipeline.errors import ConfigError
from pipeline.model.subscriber import SubscriberState, SuppressionReason

# Headers by their letters and digits alone: "E-Mail Address" is emailaddress. Best guess first,
# because beside "email" a column "address" is where somebody lives.
_ADDRESS: Final = ("email", "emailaddress", "subscriberemail", "email1value", "mail", "address")
_NAME: Final = ("name", "fullname", "displayname", "subscribername")
_FIRST: Final = ("firstname", "givenname", "forename")
_LAST: Final = ("lastname", "surname", "familyname")
_STATUS: Final = ("status", "subscriptionstatus", "subscriberstatus", "emailstatus", "state")

STATUSES: Final[Mapping[str, SubscriberState | SuppressionReason]] = {
    **dict.fromkeys(
        ("", "active", "subscribed", "confirmed", "enabled", "ok", "yes"), SubscriberState.ACTIVE
    ),
    **dict.fromkeys(("pending", "unconfirmed", "unverified"), SubscriberState.PENDING),
    **dict.fromkeys(
        ("unsubscribed", "unsubscribe", "optedout", "optout", "no"), SuppressionReason.UNSUBSCRIBED
    ),
    **dict.fromkeys(
        ("bounced", "bounce", "hardbounced", "hardbounce", "cleaned", "undeliverable"),
        SuppressionReason.BOUNCED,
    ),
    **dict.fromkeys(
        ("complained", "complaint", "spam", "spamcomplaint", "abuse"), SuppressionReason.COMPLAINED
    ),
    **dict.fromkeys(
        ("suppressed", "blocked", "blocklisted", "blacklisted", "disabled"),
        SuppressionReason.MANUAL,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnNames:
    """Headers named by the operator; None means find it, an empty status means none."""

    address: str | None = None
    name: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where in a record to look, 0-based."""

    address: int
    names: tuple[int, ...] = ()  # joined by a space
    status: int | None = None

    @property
    def width(self) -> int:
        """How many cells a record has at least; an optional one may be missing at its end."""
        return self.address + 1

    def name_in(self, cells: tuple[str, ...]) -> str:
        """Return the name in a record."""
        return " ".join(unshield(cells[at].strip()) for at in self.names if at < len(cells))

    def status_in(self, cells: tuple[str, ...]) -> str:
        """Return the status in a record as it stands there."""
        if self.status is None or self.status >= len(cells):
            return ""
        return cells[self.status].strip()


def meaning(status: str) -> SubscriberState | SuppressionReason | None:
    """Return what a status means; None if nobody knows, and then nobody may be written to."""
    return STATUSES.get(_letters(status))


def is_address_header(cell: str) -> bool:
    """Say whether a cell is the header of addresses."""
    return _letters(cell) in _ADDRESS


def columns_of(header: tuple[str, ...], asked: ColumnNames) -> Columns:
    """Find the columns by their headers.

    Raises:
        ConfigError: none is for addresses, or one that was asked for is not there.
    """
    letters = [_letters(cell) for cell in header]
    address = _column(header, asked.address, _ADDRESS)
    if address is None:
        raise ConfigError(
            f"no column is for addresses; name the one that is, of: {', '.join(header)}"
        )
    name = _column(header, asked.name, _NAME)
    parts = (_first_of(letters, _FIRST), _first_of(letters, _LAST))
    names = tuple(part for part in parts if part is not None) if name is None else (name,)
    status = None if asked.status == "" else _column(header, asked.status, _STATUS)
    return Columns(address=address, names=names, status=status)


def _column(header: tuple[str, ...], asked: str | None, known: tuple[str, ...]) -> int | None:
    if asked is None:
        return _first_of([_letters(cell) for cell in header], known)
    wanted = _letters(asked)
    for at, cell in enumerate(header):
        if _letters(cell) == wanted:
            return at
    raise ConfigError(f"no column is called {asked!r}; there are: {', '.join(header)}")


def _first_of(letters: list[str], known: tuple[str, ...]) -> int | None:
    return next((letters.index(alias) for alias in known if alias in letters), None)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
