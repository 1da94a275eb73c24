"""An outbox entry: an issue frozen with everything that will be sent of it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NewType

from msgspec import Struct

EntryId = NewType("EntryId", str)  # ^[a-z0-9][a-z0-9-]{0,80}$, the folder's name

PARTS: Final = (
    "issue.json",
    "email.mjml",
    "email.html",
    "email.txt",
    "message.eml",
    "check.json",
)
PICTURES: Final = "images"  # the folder of an entry's pictures


class Counts(Struct, frozen=True, kw_only=True):
    """How much there is to read."""

    sections: int
    stories: int
    words: int
    minutes: int


class Entry(Struct, frozen=True, kw_only=True):
    """What entry.json says: the digest covers every other part, byte for byte."""

    id: EntryId
    tag: str  # the tag: URI of feeds (RFC 4151), minted at the first build and kept
    title: str
    subject: str
    preheader: str
    number: str | None
    date: str | None  # ISO
    counts: Counts
    errors: int  # findings in check.json that stop approval
    warnings: int
    parts: tuple[
        tuple[str, str], ...
    ]  # file name, sha256 hex; in the order of PARTS, then images/NAME
    digest: str  # sha256 hex over `parts`, subject, preheader and `pictures`, if there are any
    pictures: tuple[tuple[str, int, int], ...] = ()  # name in images/, width and height in px


class Approval(Struct, frozen=True, kw_only=True):
    """A person's word that these bytes may be sent; void as soon as the digest differs."""

    digest: str
    approved_at: datetime  # aware, UTC
    approved_by: str
