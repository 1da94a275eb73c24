"""The machine-readable values of a header: addresses, message ids, URIs, tokens. ASCII, unbroken.

Everything that is not plainly one of them is refused, not repaired: a repaired address has gone
to somebody else before.
"""

from __future__ import annotations

import re
from typing import Final

from pipeline.outbox.headers import MessageError

LONGEST_LOCAL_PART: Final = 64  # octets (RFC 5321 4.5.3.1.1)
LONGEST_LABEL: Final = 63  # octets (RFC 1035 2.3.4)
LONGEST_ADDRESS: Final = 254  # a path of 256 without its brackets (RFC 5321 4.5.3.1.3)
LONGEST_URI: Final = 900  # leaves room in a line of 998 for the field's name
LONGEST_TOKEN: Final = 200  # characters

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)")
# Nearly all there are, found in half the time: a part of _ADDRESS as long as the whole is so short
# that nothing in it can be too long.
_COMMON = re.compile(r"[A-Za-z0-9_-]++(?:[.+][A-Za-z0-9_-]++)*+@[a-z0-9]++(?:[.-][a-z0-9]++)*+")
_URI = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")  # what is visible in ASCII, but <>"\^`{|}
_TOKEN = re.compile(rf"[A-Za-z0-9_.~-]{{1,{LONGEST_TOKEN}}}")


def address(field: str, text: str) -> str:
    """Return the text if it is exactly one `local@domain`, in ASCII.

    Quoted local parts, comments, routes, domain literals and lists are refused: each has been a
    way to write to somebody else.

    Raises:
        MessageError: it is not; the message says what to do.
    """
    if len(text) <= LONGEST_LABEL and _COMMON.fullmatch(text):
        return text
    if not text.isascii():
        domain_only = text.rpartition("@")[0].isascii()
        remedy = (
            "write its domain in the ASCII form that starts with xn--"
            if domain_only
            else "the part before the @ must be ASCII; few servers take anything else"
        )
        raise MessageError(field, f"{text!a} is not ASCII; {remedy}")
    match = _ADDRESS.fullmatch(text)
    # "=?" is allowed in an address by RFC 5322, and decoded in it by mail programs.
    if match is None or "=?" in text:
        raise MessageError(field, f"{text!a} is not one plain address like name@example.org")
    if len(match[1]) > LONGEST_LOCAL_PART or len(text) > LONGEST_ADDRESS:
        raise MessageError(field, f"{text!a} is longer than an address may be")
    return text


def message_id(text: str) -> str:
    """Return the text if it is `left@domain`, without angle brackets.

    Raises:
        MessageError: it is not.
    """
    if len(text) <= LONGEST_LABEL and _COMMON.fullmatch(text):
        return text
    if len(text) > LONGEST_ADDRESS or "=?" in text or not _ADDRESS.fullmatch(text):
        raise MessageError("message_id", f"{text!a} is not like id@example.org")
    return text


def uri(field: str, text: str) -> str:
    """Return the text if it is an absolute http or https URI in ASCII, fit for angle brackets.

    Raises:
        MessageError: it is not.
    """
    if len(text) > LONGEST_URI or not _URI.fullmatch(text) or "=?" in text:
        raise MessageError(
            field, f"{text[:80]!a} is not an https address in ASCII of at most {LONGEST_URI}"
        )
    return text


def token(field: str, text: str) -> str:
    """Return the text if it needs no escaping anywhere in a URI.

    Raises:
        MessageError: it does, or it is empty.
    """
    if not _TOKEN.fullmatch(text):
        raise MessageError(field, f"{text[:80]!a} is not a token of letters, digits and -._~")
    return text
