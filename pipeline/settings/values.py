"""What settings are made of: names, addresses, durations and rates as people write them."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from email.utils import parseaddr
from typing import Annotated, Final

# It would read what else is installed, for plug-ins of its own: no setting is made by one.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from pipeline.model.newsletter import Mailbox
from pipeline.model.rate import per_second

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
# Addresses that `_checked` would return as they are; a domain of these cannot be written to.
_PLAIN: Final = re.compile(
    r"(?=.{1,254}$)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?!(?:arpa|invalid|local|localhost|onion|test)$)[a-z]{2,63}"
)
_LONGEST_LABEL: Final = 63
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    """Read "24h", "30m", "2d" or a number of seconds."""
    if isinstance(value, str) and value[-1:] in _UNITS and value[:-1].isdigit():
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
    if isinstance(value, str) and not value.isdigit():
        raise ValueError('a duration is a number and a unit, such as "24h", "30m" or "2d"')
    return value


def _name(value: str) -> str:
    """Check a name that stands in addresses and on the command line."""
    if not _NAME.fullmatch(value):
        raise ValueError("a name has small letters, digits and hyphens, at most 40")
    return value


def _mailbox(value: object) -> object:
    """Read `Name <local@domain>` or a bare address."""
    if not isinstance(value, str):
        return value
    name, address = parseaddr(value)
    return Mailbox(address=address if _is_plain(address) else _checked(address), name=name)


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


Name = Annotated[str, AfterValidator(_name)]
Rate = Annotated[float, BeforeValidator(per_second)]  # messages a second
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[Mailbox, BeforeValidator(_mailbox)]


class Table(BaseModel):
    """A table of newsletter.toml; what it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
