"""An address as it stands between the angle brackets of an SMTP path."""

from __future__ import annotations

import re
from typing import Final

from pipeline.model.delivery import Refused

LONGEST_LOCAL: Final = 64  # octets, RFC 5321 4.5.3.1.1
LONGEST_PATH: Final = 254  # octets without the brackets, RFC 5321 4.5.3.1.3 and erratum 1690

# Dot-string of RFC 5321 4.1.2. Quoted local parts are refused: nobody subscribes with one, and
# they are how "a@e.org, b@evil" and CRLF get onto a command line.
_LOCAL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
    r"(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+)*"
)
# Nearly all addresses: a look at them costs a third of the whole examination, which allows more.
_USUAL = re.compile(
    r"(?=[^@]{1,64}@)(?=.{1,254}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]"
    r"(?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


class BadAddress(ValueError):
    """An address that cannot be put on a command line, and its enhanced status code."""

    def __init__(self, problem: str, status: str = "5.1.3") -> None:
        self.problem, self.status = problem, status  # RFC 3463 3.2: bad mailbox address syntax
        super().__init__(problem)

    def refusal(self) -> Refused:
        """Say so of one recipient, in the words a server would use."""
        return Refused(553, f"{self.status} {self.problem}")


def wire_address(address: str, *, smtputf8: bool) -> str:
    """Return `address` as a server must be told it: nothing guessed, nothing repaired.

    Args:
        address: local@domain; the domain may be internationalised.
        smtputf8: whether the way out takes a non-ASCII local part (RFC 6531).

    Raises:
        BadAddress: it is no plain address, or this way out cannot carry it.
    """
    if _USUAL.fullmatch(address):
        return address
    local, at, domain = address.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or not local.isprintable():
        raise BadAddress("the address has no plain local part")
    if not (local.isascii() or smtputf8):
        raise BadAddress("the server does not take non-ASCII local parts", "5.6.7")  # RFC 6531 4.2
    path = f"{local}@{_ascii_domain(domain)}"
    if len(local.encode()) > LONGEST_LOCAL or len(path.encode()) > LONGEST_PATH:
        raise BadAddress("the address is longer than mail allows")
    return path


def _ascii_domain(domain: str) -> str:
    name = domain if domain.isascii() else _a_labels(domain)
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise BadAddress("the address has no valid domain")
    return name


def _a_labels(domain: str) -> str:
    # Not the codec of the standard library: IDNA 2003 sends mail for one domain to another.
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise BadAddress("the address has no valid domain") from error
