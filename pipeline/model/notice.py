"""A notice: a mail about somebody's own word, which nobody writes and no dispatch sends."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

LINK: Final = "XX0LINK0XX"  # stands for what the button of a notice leads to; see `MergeSlot`


class NoticeKind(StrEnum):
    """What it is about."""

    CONFIRM = "confirm"  # somebody asked for a list; was it you?
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    DISCLOSE = "disclose"  # the link to everything that is stored of them
    ERASE = "erase"


class RenderedNotice(Struct, frozen=True, kw_only=True):
    """A notice for everybody who reads one language, complete but for LINK and the way out."""

    subject: str
    html: str  # ASCII with character references
    text: str  # lines of at most 72 characters but for URLs
