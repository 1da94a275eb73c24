"""A message for all readers, and how it becomes the message of one: by a join."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from enum import IntEnum, auto
from functools import lru_cache
from html import escape
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.model.moment import EPOCH, microseconds
from pipeline.model.rendered import NAME, TextSlot
from pipeline.outbox.encode import LINE as ENCODED_LINE
from pipeline.outbox.encode import slot_value
from pipeline.outbox.headers import LINE, clean, fold, legible, mailbox_field
from pipeline.outbox.identifiers import address, token
from pipeline.outbox.identifiers import message_id as checked_message_id

SAMPLE_RECIPIENT: Final = "reader@example.org"
SAMPLE_DATE: Final = date(2000, 1, 1)  # of an issue without one; never the clock (decision D5)

_SECOND: Final = 1_000_000  # microseconds


class Gap(IntEnum):
    """Where something we make differs from reader to reader; a place in the values of a fill."""

    DATE = 0
    TO = auto()
    MESSAGE_ID = auto()
    LIST_UNSUBSCRIBE = auto()
    UNSUBSCRIBE_IN_TEXT = auto()
    UNSUBSCRIBE_IN_HTML = auto()
    PREFERENCES_IN_TEXT = auto()
    PREFERENCES_IN_HTML = auto()


class Reader(NamedTuple):
    """What a message says of the person who gets it. A tuple: a million are made in a run."""

    recipient: str  # one address; its domain in ASCII
    message_id: str  # `left@domain`, without angle brackets
    unsubscribe_token: str  # ends the link in the header and in both parts, and the mailto form
    preferences_token: str = ""  # not looked at unless `MessageTemplate.has_preferences`
    name: str = ""  # display name, or empty
    fields: Mapping[str, str] = MappingProxyType({})  # custom fields, by key; any may be missing


class Link(NamedTuple):
    """An address that ends in a token of the reader's."""

    start: str  # as a part has it: with character references in HTML
    quoted: str  # the same in quoted-printable

    @classmethod
    def to(cls, start: str) -> Link:
        """Prepare the link that starts so."""
        return cls(start, slot_value(start).decode("ascii"))

    def value(self, token: str) -> bytes:
        """Return what fills a slot: `slot_value` of the whole, without looking at it again."""
        if len(self.quoted) + len(token) < ENCODED_LINE:
            return f"{self.quoted}{token}".encode("ascii")
        return slot_value(self.start + token)


class MessageTemplate(Struct, frozen=True, kw_only=True):
    """A message for all readers, complete but for the gaps; `compose` makes it."""

    parts: tuple[bytes, ...]  # nothing where a gap is
    gaps: tuple[tuple[int, int], ...]  # the index of the part, and which Gap it is
    texts: tuple[tuple[int, TextSlot, bool], ...]  # the same; True: in HTML
    links: tuple[Link, Link, Link, Link]  # as the last four of Gap
    has_preferences: bool  # a reader must have a preferences token
    entry_id: str
    site_url: str
    mail_domain: str
    unsubscribe_mailbox: str | None  # percent-encoded for a mailto URI

    def fill(self, reader: Reader, *, dated_at: int) -> bytes:
        """Return the message for one reader.

        Pure: the same arguments give the same bytes, so a retry sends what was sent before.

        Args:
            reader: a name or a field that is empty or missing becomes the fallback of its slot.
            dated_at: microseconds since 1970; the Date header has the second, in UTC.

        Returns:
            Complete RFC 5322 bytes that are `Outgoing.plain`, always: 7-bit, divided and ended
            by CRLF, no other CR or LF, no line starts with a dot.

        Raises:
            MessageError: a value is not what it should be; it is never repaired. Free text in
                the body is none of these: what cannot be shown of it becomes a blank.
        """
        unsubscribe = token("unsubscribe_token", reader.unsubscribe_token)
        in_text, in_html, preferences_in_text, preferences_in_html = self.links
        name = clean("recipient_name", reader.name)
        url_in_text = in_text.value(unsubscribe)
        values = [
            _date_field(dated_at // _SECOND),
            mailbox_field("To", name, address("recipient", reader.recipient)),
            f"Message-ID: <{checked_message_id(reader.message_id)}>\r\n".encode("ascii"),
            self._list_unsubscribe(unsubscribe),
            url_in_text,
            url_in_text if in_html is in_text else in_html.value(unsubscribe),
        ]
        if self.has_preferences:
            preferences = token("preferences_token", reader.preferences_token)
            values += (
                preferences_in_text.value(preferences),
                preferences_in_html.value(preferences),
            )
        parts = list(self.parts)
        for index, gap in self.gaps:
            parts[index] = values[gap]
        for index, slot, is_html in self.texts:
            text = name if slot.key == NAME else reader.fields.get(slot.key, "")
            parts[index] = _text_value(text, slot.fallback, html=is_html)
        return b"".join(parts)

    def sample(self, issued: date | None) -> bytes:
        """Return message.eml: what an invented reader would get on the day of the issue."""
        day = issued or SAMPLE_DATE
        reader = Reader(
            recipient=SAMPLE_RECIPIENT,
            message_id=f"sample.{self.entry_id}@{self.mail_domain}",
            unsubscribe_token="sample",  # noqa: S106 - invented, and not a password
            preferences_token="sample",  # noqa: S106 - invented, and not a password
        )
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return self.fill(reader, dated_at=microseconds(midnight))

    def _list_unsubscribe(self, subject: str) -> bytes:
        """Write the ways out: https first, for one-click (RFC 8058 3.1)."""
        # What `fold` would write, at a quarter of its cost.
        https = f"List-Unsubscribe: <{self.site_url}/u/{subject}>"
        if self.unsubscribe_mailbox is None:
            return f"{https}\r\n".encode("ascii")
        mailto = f"<mailto:{self.unsubscribe_mailbox}?subject={subject}>"
        gap = " " if len(https) + 2 + len(mailto) <= LINE else "\r\n "
        return f"{https},{gap}{mailto}\r\n".encode("ascii")


@lru_cache(maxsize=1024)
def _date_field(second: int) -> bytes:
    """Write Date; thousands of messages share a second."""
    return fold("Date", [format_datetime(EPOCH + timedelta(seconds=second))])


def _text_value(text: str, fallback: str, *, html: bool) -> bytes:
    """Encode free text for its slot: one line, and escaped where it stands in HTML."""
    shown = legible(text) or legible(fallback)
    if html:
        shown = escape(shown).encode("ascii", "xmlcharrefreplace").decode("ascii")
    return slot_value(shown)
