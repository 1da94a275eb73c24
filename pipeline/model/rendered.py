"""A rendered issue: everything a reader will see, complete but for merge slots."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from pipeline.model.picture import Picture


class MergeSlot(StrEnum):
    """The closed set of per-reader values; each value is the marker that stands for it.

    A marker has only letters and digits: MJML, premailer and quoted-printable leave it alone.
    A file of an author that contains one is refused (E010).
    """

    UNSUBSCRIBE_URL = "XX0UNSUBSCRIBE0URL0XX"
    PREFERENCES_URL = "XX0PREFERENCES0URL0XX"
    READER_TEXT = "XX0READER0XX"  # the start of a marker: key and fallback follow


class TextSlot(Struct, frozen=True):
    """Free text about a reader, with the words for one of whom it is not known.

    The fallback travels in the marker: it is frozen with the entry, in the language of the mail.
    """

    key: str  # NAME, or the key of a custom field; not empty
    fallback: str = ""

    @property
    def marker(self) -> str:
        """What stands for it until it is filled: letters and digits, as for every slot.

        Raises:
            ValueError: there is no key, or one of the two holds half of a surrogate pair.
        """
        if not self.key:
            raise ValueError("a text of a reader needs a key, such as 'name'")
        return f"{MergeSlot.READER_TEXT.value}{_hex(self.key)}Y{_hex(self.fallback)}Z"


Slot = MergeSlot | TextSlot

NAME: Final = "name"  # the key of the reader's own name

MARKER: Final = re.compile(
    f"{MergeSlot.UNSUBSCRIBE_URL}|{MergeSlot.PREFERENCES_URL}"
    f"|{MergeSlot.READER_TEXT}(?:[0-9A-F]{{2}})+Y(?:[0-9A-F]{{2}})*Z"
)


def slot(marker: str) -> Slot:
    """Return what a whole match of MARKER stands for."""
    if not marker.startswith(MergeSlot.READER_TEXT):
        return MergeSlot(marker)
    key, fallback = marker.removeprefix(MergeSlot.READER_TEXT)[:-1].split("Y")
    return TextSlot(_text(key), _text(fallback))


class RenderedIssue(Struct, frozen=True, kw_only=True):
    """The mail of one issue for all readers."""

    subject: str
    preheader: str
    mjml: str
    html: str  # ASCII with character references, <!DOCTYPE html> first, slots in place
    text: str  # lines of at most 72 characters but for URLs, slots in place
    pictures: tuple[Picture, ...] = ()  # those whose `cid:` the HTML names are attached


def _hex(text: str) -> str:
    return text.encode().hex().upper()


def _text(digits: str) -> str:
    return bytes.fromhex(digits).decode(errors="replace")
