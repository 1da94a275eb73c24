"""Which column of an import is what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from pipeline.audience.naming import field_name
from pipeline.errors import ConfigError

MAX_FIELDS: Final = 100  # of one file

ALL_FIELDS: Final = "all"


class Role(StrEnum):
    """What a column says of a person; any other becomes a field, or nothing."""

    ADDRESS = "address"
    NAME = "name"
    STATUS = "status"
    LANGUAGE = "language"
    ZONE = "zone"
    TAGS = "tags"
    AGREED_ON = "agreed_on"  # when they agreed, and
    AGREED_HOW = "agreed_how"  # how: both are kept as proof


# Headers by their letters and digits alone: "E-Mail Address" is emailaddress. Best guess first,
# because beside "email" a column "address" is where somebody lives.
_HEADERS: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.ADDRESS: (
        *("email", "emailaddress", "subscriberemail", "email1value", "mail", "address"),
    ),
    Role.NAME: ("name", "fullname", "displayname", "subscribername"),
    Role.STATUS: ("status", "subscriptionstatus", "subscriberstatus", "emailstatus", "state"),
    Role.LANGUAGE: ("language", "lang", "locale", "preferredlanguage"),
    Role.ZONE: ("zone", "timezone", "tz"),
    Role.TAGS: ("tags", "tag", "labels"),
    Role.AGREED_ON: (
        *("agreedon", "confirmtime", "confirmedat", "optintime", "optindate", "consentdate"),
        *("subscribedat", "subscribedon", "signupdate", "since", "createdat"),
    ),
    Role.AGREED_HOW: ("agreedhow", "consentsource", "optinsource", "signupsource"),
}
_FIRST: Final = ("firstname", "givenname", "forename")
_LAST: Final = ("lastname", "surname", "familyname")


class Wanted(Struct, frozen=True, kw_only=True):
    """What the operator says of the columns; the others are found by their headers."""

    roles: Mapping[str, str] = field(default_factory=dict)
    """Header to a Role, to the name of a field, or to nothing: leave it out."""
    fields: str | tuple[str, ...] = ()
    """ALL_FIELDS, or the headers of columns that become fields by their own name."""


class Rest(Struct, frozen=True, kw_only=True):
    """Where in a record everything stands that most files do not have, 0-based."""

    status: int | None = None
    language: int | None = None
    zone: int | None = None
    tags: int | None = None
    agreed_on: int | None = None
    agreed_how: int | None = None
    fields: Mapping[str, int] = field(default_factory=dict)


class Columns(Struct, frozen=True, kw_only=True):
    """Where in a record to look, 0-based; all but the address may be missing at its end."""

    address: int
    names: tuple[int, ...] = ()  # joined by a space
    rest: Rest | None = None  # None: there is nothing else to read


def is_address_header(cell: str) -> bool:
    """Say whether a cell is the header of addresses."""
    return letters(cell) in _HEADERS[Role.ADDRESS]


def columns_of(header: tuple[str, ...], wanted: Wanted) -> Columns:
    """Find the columns: first as the operator says, then by their headers.

    Raises:
        ConfigError: none is for addresses, one that was asked for is not there, or two are the
            same.
    """
    roles, fields = _asked(header, wanted)
    taken = {_position(header, name) for name in wanted.roles}
    free = ["" if at in taken else letters(cell) for at, cell in enumerate(header)]
    for role, known in _HEADERS.items():
        if role not in roles and (at := _first_of(free, known)) is not None:
            roles[role] = at
    if Role.ADDRESS not in roles:
        raise ConfigError(
            f"no column is for addresses; name the one that is, of: {', '.join(header)}"
        )
    parts = (_first_of(free, _FIRST), _first_of(free, _LAST))
    names = tuple(part for part in parts if part is not None)
    if (name := roles.pop(Role.NAME, None)) is not None:
        names = (name,)
    _add_fields(fields, header, wanted.fields, taken | {*roles.values(), *names})
    address = roles.pop(Role.ADDRESS)
    rest = Rest(fields=fields, **{role.value: at for role, at in roles.items()})
    return Columns(address=address, names=names, rest=rest if roles or fields else None)


def letters(text: str) -> str:
    """Return the letters and digits of a text, in lower case: what headers are compared by."""
    return "".join(filter(str.isalnum, text.casefold()))


def _asked(header: tuple[str, ...], wanted: Wanted) -> tuple[dict[Role, int], dict[str, int]]:
    """Return the roles and the fields that were asked for by name."""
    roles: dict[Role, int] = {}
    fields: dict[str, int] = {}
    for name, target in wanted.roles.items():
        at = _position(header, name)
        role = next((role for role in Role if role.value == target), None)
        if role in roles:
            raise ConfigError(f"two columns are mapped to {target!r}")
        if role is not None:
            roles[role] = at
        elif target:
            _add_field(fields, target.removeprefix("field."), at)
    return roles, fields


def _add_fields(
    fields: dict[str, int],
    header: tuple[str, ...],
    which: str | tuple[str, ...],
    taken: set[int],
) -> None:
    if which == ALL_FIELDS:
        for at, cell in enumerate(header):
            if at not in taken and cell.strip():
                _add_field(fields, cell.strip().removeprefix("field."), at)
    else:
        for name in which:
            _add_field(fields, name.removeprefix("field."), _position(header, name))


def _add_field(fields: dict[str, int], text: str, at: int) -> None:
    name = field_name(text)
    if fields.setdefault(name, at) != at:
        raise ConfigError(f"two columns would be the field {name!r}; map one of them otherwise")
    if len(fields) > MAX_FIELDS:
        raise ConfigError(f"more than {MAX_FIELDS} columns would be fields; name the ones to keep")


def _position(header: tuple[str, ...], name: str) -> int:
    wanted = letters(name)
    for at, cell in enumerate(header):
        if letters(cell) == wanted:
            return at
    raise ConfigError(f"no column is called {name!r}; there are: {', '.join(header)}")


def _first_of(found: list[str], known: tuple[str, ...]) -> int | None:
    return next((found.index(alias) for alias in known if alias in found), None)
