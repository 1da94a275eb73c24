"""What counts as an address, and when two of them are the same."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from msgspec import Struct

from pipeline.errors import BroadsheetError

MAX_ADDRESS: Final = 254  # octets, so that <address> fits the path of RFC 5321 4.5.3.1.3

MAX_NAME: Final = 200  # characters

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# Nineteen of twenty addresses look like this and need no further thought: 1 µs in place of 25.
# No label with "--" (it may be an IDN), letters only in the last label.
_PLAIN_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PLAIN_DOMAIN: Final = re.compile(
    r"(?!.*--)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?P<last>[A-Za-z]{2,63})"
)
_DOMAINS_KEPT: Final = 16_384  # most readers share a few domains
_RESERVED: Final = frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
_MAX_LOCAL: Final = 64  # RFC 5321 4.5.3.1.1
# Other, C*: controls, zero-width and direction marks, unassigned. Separator, Z*: no-break spaces.
_UNSEEN: Final = ("C", "Z")


class AddressError(BroadsheetError):
    """Not an address that can be written to."""

    exit_code = 2

    def __init__(self, text: str, reason: str) -> None:
        self.text, self.reason = text, reason
        super().__init__(f"{text[:MAX_ADDRESS]!a}: {reason}")


class Address(Struct, frozen=True):
    """An address that SMTP can carry: ASCII, one recipient, nothing to quote."""

    given: str  # as typed; the domain lower-cased and, if international, in A-labels
    normalised: str  # equal for addresses that reach the same person; "+tag" is kept


def parse_address(text: str) -> Address:
    """Check an address and bring it to its two forms.

    Spaces around it are dropped. Whether the domain exists is not asked.

    Pure: no clock, no randomness, no network.

    Raises:
        AddressError: it is none, and why.
    """
    stripped = text.strip(" \t")
    local, _, domain = stripped.rpartition("@")
    if (
        len(local) <= _MAX_LOCAL
        and len(stripped) <= MAX_ADDRESS
        and _PLAIN_LOCAL.fullmatch(local)
        and (lowered := _plain_domain(domain))
    ):
        return Address(f"{local}@{lowered}", f"{local.lower()}@{lowered}")
    return parse_slowly(stripped)


def parse_slowly(text: str) -> Address:
    """Check any address, the plain ones too; what `parse_address` does with the others.

    Raises:
        AddressError: it is none, and why.
    """
    if not text:
        raise AddressError(text, "there is no address")
    for character in text:
        if unicodedata.category(character).startswith(_UNSEEN):
            what = "a space" if character == " " else f"an invisible character, {character!a}"
            raise AddressError(text, f"it has {what}")
    local, _, domain = text.rpartition("@")
    if local and not local.isascii():
        # Sending to it takes SMTPUTF8 on every server of the way; none of ours speak it.
        raise AddressError(text, "the part before the @ has letters that are not ASCII")
    try:
        found = validate_email(
            local + "@" + unicodedata.normalize("NFC", domain) if local else text,
            check_deliverability=False,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=True,
        )
    except EmailNotValidError as error:
        raise AddressError(text, str(error).removesuffix(".")) from error
    if len(found.local_part) + 1 + len(found.ascii_domain) > MAX_ADDRESS:
        raise AddressError(text, "it is too long")
    return _address(found.local_part, found.ascii_domain)


def clean_name(text: str, most: int = MAX_NAME) -> str:
    """Return a name as one line: no controls, no direction marks, at most `most` characters.

    A strange name is no reason to lose a person, so it is mended and not refused.
    """
    line = " ".join(text.split())
    if line.isascii() and line.isprintable():
        return line[:most].strip()
    seen = (letter for letter in line if not unicodedata.category(letter).startswith("C"))
    return unicodedata.normalize("NFC", "".join(seen))[:most].strip()


@lru_cache(_DOMAINS_KEPT)
def _plain_domain(domain: str) -> str:
    """Return a plain domain in lower case; empty if it needs a closer look."""
    match = _PLAIN_DOMAIN.fullmatch(domain)
    return domain.lower() if match and match["last"].lower() not in _RESERVED else ""


def _address(local: str, domain: str) -> Address:
    domain = domain.lower()
    return Address(f"{local}@{domain}", f"{local.lower()}@{domain}")
