"""What in a mail could prove who it is about: candidates only, proof is for who has the keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from pipeline.feedback.dsn import report_fields
from pipeline.feedback.finding import addresses_in
from pipeline.feedback.mime import Part, fields_of
from pipeline.feedback.replies import unsubscribe_token

MOST: Final = 10  # candidates of a kind

# The shapes of audience/tokens.py; a server may write a local part in capitals.
_RETURN_PATH: Final = re.compile(r"(?<![\w.+-])b-[a-z2-7]{24}(?=@|\b)", re.IGNORECASE)
_LINK: Final = re.compile(
    r"(?:/u/|[?&]subject=(?:unsubscribe%20)?)([A-Za-z0-9_-]{32})(?![A-Za-z0-9_-])"
)
_MESSAGE_ID: Final = re.compile(r"<([!-;=?-~]{1,250}@[!-;=?-~]{1,250})>")
_QUOTED_FIELD: Final = re.compile(
    r"^[> \t|]{0,8}(message-id|list-unsubscribe|return-path|x-envelope-from|sender|errors-to)"
    r"[ \t]?:(.*(?:\n[> \t|]{0,8}[ \t]\S.*){0,4})",
    re.IGNORECASE | re.MULTILINE,
)
# Whom this mail was sent to, as servers write it down; the most reliable first.
_ENVELOPE: Final = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-rcpt-to",
    "to",
    "cc",
    "received",
)
_REPORTED: Final = (
    "original-envelope-id",
    "original-recipient",
    "original-mail-from",
    "original-rcpt-to",
    "x-original-message-id",
    "original-message-id",
)
_RETURNED: Final = {"return-path", "x-envelope-from", "sender", "errors-to"}


class Evidence(NamedTuple):
    """Candidates, the best ones first."""

    tokens: tuple[str, ...]
    message_ids: tuple[str, ...]


def evidence(message: Part) -> Evidence:
    """Return everything in a mail that has the shape of ours.

    Where our mail went to and what the report says come before what was returned: anybody who
    got a mail of ours can quote it, and only in it.
    """
    return Evidence(
        tokens=tuple(islice(dict.fromkeys(_tokens(message)), MOST)),
        message_ids=tuple(islice(dict.fromkeys(_message_ids(message)), MOST)),
    )


def returned_to(message: Part) -> str | None:
    """Return whom the returned message was for, if that is one person, as of each mail of ours."""
    found = {
        address
        for name, value in _returned(message)
        if name == "to"
        for address in addresses_in(value)
    }
    return found.pop() if len(found) == 1 else None


def _tokens(message: Part) -> Iterator[str]:
    if token := unsubscribe_token(message):
        yield token
    for name in _ENVELOPE:
        yield from _in_paths(message.all(name))
    reported = report_fields(message)
    for name in _REPORTED:
        yield from _in_paths(value for known, value in reported if known == name)
    for name, value in _returned(message):
        if name in _RETURNED:
            yield from _in_paths((value,))
    for name, value in _returned(message):
        if name == "list-unsubscribe":
            # Folded after "/u/" by some relays: a token has no spaces.
            yield from _LINK.findall("".join(value.split()))


def _message_ids(message: Part) -> Iterator[str]:
    for name, value in _returned(message):
        if name == "message-id":
            yield from _MESSAGE_ID.findall(value)
    for name, value in report_fields(message):
        if name in {"original-message-id", "x-original-message-id"}:
            yield from _MESSAGE_ID.findall(value)
    for name in ("in-reply-to", "references"):
        yield from _MESSAGE_ID.findall(message.first(name))


def _in_paths(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        for found in _RETURN_PATH.findall(value):
            yield found.lower()


def _returned(message: Part) -> Iterator[tuple[str, str]]:
    """Yield header fields of what was sent back, enclosed as a message, as a header or as text."""
    for part in message.walk():
        if part is message:
            continue
        if part.type in {"text/rfc822-headers", "message/rfc822-headers"}:
            yield from fields_of(part.body.lstrip(b"\n"))[0]
        else:
            yield from part.fields
    for part in message.walk(enclosed=False):
        if part.type in {"text/plain", "text/html"}:
            for match in _QUOTED_FIELD.finditer(part.text):
                yield match[1].lower(), match[2]
