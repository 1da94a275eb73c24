"""A rendered issue: everything a reader will see, complete but for merge slots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MergeSlot(StrEnum):
    """The closed set of per-reader values; each value is the marker that stands for it.

    A marker has only letters and digits: MJML, premailer and quoted-printable leave it alone.
    A file of an author that contains one is refused (E010).
    """

    UNSUBSCRIBE_URL = "XX0UNSUBSCRIBE0URL0XX"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedIssue:
    """The mail of one issue for all readers."""

    subject: str
    preheader: str
    mjml: str
    html: str  # ASCII with character references, <!DOCTYPE html> first, slots in place
    text: str  # lines of at most 72 characters but for URLs, slots in place
