"""The message of an issue: RFC 5322 bytes made once, with gaps that a join fills per reader.

`EmailMessage` is not used: it breaks long List-Unsubscribe URIs into encoded words, which ends
one-click unsubscribing at Gmail, and it costs milliseconds a message (decision D4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime
from enum import StrEnum, auto
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import quote

from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import MergeSlot, RenderedIssue
from pipeline.outbox.encode import quoted_printable, slot_value
from pipeline.outbox.headers import (
    LINE,
    MessageError,
    clean,
    fold,
    mailbox_field,
    phrase,
    text_field,
)
from pipeline.outbox.identifiers import address, token, uri
from pipeline.outbox.identifiers import message_id as checked_message_id

SAMPLE_RECIPIENT: Final = "reader@example.org"
SAMPLE_DATE: Final = date(2000, 1, 1)  # of an issue without one; never the clock (decision D5)
LONGEST_LIST_ID: Final = 255  # characters (RFC 2919 2)


class Gap(StrEnum):
    """Where something differs from reader to reader."""

    DATE = auto()
    TO = auto()
    MESSAGE_ID = auto()
    LIST_UNSUBSCRIBE = auto()
    URL_IN_TEXT = auto()
    URL_IN_HTML = auto()


Piece = bytes | Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTemplate:
    """A message for all readers, complete but for the gaps."""

    pieces: tuple[Piece, ...]
    entry_id: str
    site_url: str
    mail_domain: str
    unsubscribe_mailbox: str | None  # percent-encoded for a mailto URI

    def fill(
        self,
        *,
        recipient: str,
        message_id: str,
        date: datetime,
        unsubscribe_url: str,
        unsubscribe_token: str,
        recipient_name: str = "",
    ) -> bytes:
        """Return the message for one reader.

        Pure: the same arguments give the same bytes, so a retry sends what was sent before.

        Args:
            recipient: one address; its domain in ASCII.
            message_id: `left@domain`, without angle brackets.
            date: aware; written in UTC.
            unsubscribe_url: absolute; stands in the header and in both parts.
            unsubscribe_token: subject of the mailto form; not looked at without a mailbox for it.
            recipient_name: display name, or empty.

        Returns:
            Complete RFC 5322 bytes, CRLF line ends, not dot-stuffed (no line starts with a dot).

        Raises:
            MessageError: a value is not what it should be; it is never repaired.
        """
        url = uri("unsubscribe_url", unsubscribe_url)
        values = {
            Gap.DATE: fold("Date", [format_datetime(date.astimezone(UTC))]),
            Gap.TO: mailbox_field(
                "To",
                clean("recipient_name", recipient_name),
                address("recipient", recipient),
            ),
            Gap.MESSAGE_ID: fold("Message-ID", [f"<{checked_message_id(message_id)}>"]),
            Gap.LIST_UNSUBSCRIBE: fold("List-Unsubscribe", self._ways_out(url, unsubscribe_token)),
            Gap.URL_IN_TEXT: slot_value(url),
            Gap.URL_IN_HTML: slot_value(escape(url)),
        }
        return b"".join(
            [piece if isinstance(piece, bytes) else values[piece] for piece in self.pieces]
        )

    def sample(self, issued: date | None) -> bytes:
        """Return message.eml: what an invented reader would get on the day of the issue."""
        day = issued or SAMPLE_DATE
        return self.fill(
            recipient=SAMPLE_RECIPIENT,
            message_id=f"sample.{self.entry_id}@{self.mail_domain}",
            date=datetime(day.year, day.month, day.day, tzinfo=UTC),
            unsubscribe_url=f"{self.site_url}/u/sample",
            unsubscribe_token="sample",  # noqa: S106 - invented, and not a password
        )

    def _ways_out(self, url: str, subject: str) -> list[str]:
        """Return the URIs of List-Unsubscribe: https first, for one-click (RFC 8058 3.1)."""
        if self.unsubscribe_mailbox is None:
            return [f"<{url}>"]
        subject = token("unsubscribe_token", subject)
        return [f"<{url}>,", f"<mailto:{self.unsubscribe_mailbox}?subject={subject}>"]


def compose(rendered: RenderedIssue, newsletter: Newsletter, *, entry_id: str) -> MessageTemplate:
    """Write the message of an issue for all readers.

    Raises:
        MessageError: the subject, a name or an address of the newsletter cannot stand in a
            message, or a part holds half of a surrogate pair.
    """
    mailbox = newsletter.unsubscribe_mailbox
    return MessageTemplate(
        pieces=tuple(_joined(_pieces(rendered, newsletter, entry_id))),
        entry_id=entry_id,
        site_url=newsletter.site_url,
        mail_domain=newsletter.mail_domain,
        unsubscribe_mailbox=(
            quote(address("unsubscribe_mailbox", mailbox), safe="@") if mailbox else None
        ),
    )


def _pieces(rendered: RenderedIssue, newsletter: Newsletter, entry_id: str) -> Iterator[Piece]:
    """Yield the message in the order of its bytes."""
    sender, reply_to = newsletter.sender, newsletter.reply_to
    sender_address = address("sender", sender.address)
    boundary = _boundary(rendered)
    yield Gap.DATE
    yield mailbox_field("From", clean("sender.name", sender.name), sender_address)
    yield Gap.TO
    if reply_to:
        reply_address = address("reply_to", reply_to.address)
        yield mailbox_field("Reply-To", clean("reply_to.name", reply_to.name), reply_address)
    yield text_field("Subject", clean("subject", rendered.subject))
    yield Gap.MESSAGE_ID
    yield fold("List-Id", _list_id(newsletter))
    yield Gap.LIST_UNSUBSCRIBE
    yield fold("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"])
    yield fold("List-Archive", [f"<{uri('site_url', newsletter.site_url)}/>"])
    yield fold("List-Post", ["NO"])
    yield fold("Feedback-ID", [_feedback_id(newsletter, entry_id)])
    yield fold("Precedence", ["bulk"])
    yield fold("MIME-Version", ["1.0"])
    yield fold("Content-Type", ["multipart/alternative;", f'boundary="{boundary}"'])
    yield b"\r\n"
    yield from _part("text/plain", "text", rendered.text, boundary, Gap.URL_IN_TEXT)
    yield from _part("text/html", "html", rendered.html, boundary, Gap.URL_IN_HTML)
    yield f"--{boundary}--\r\n".encode()


def _part(media_type: str, field: str, text: str, boundary: str, url: Gap) -> Iterator[Piece]:
    yield (
        f"--{boundary}\r\n"
        f"Content-Type: {media_type}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()
    gaps = {MergeSlot.UNSUBSCRIBE_URL: url}
    try:
        segments = quoted_printable(text)
    except UnicodeEncodeError as error:
        raise MessageError(field, "holds half of a surrogate pair, which is no text") from error
    for segment in segments:
        yield segment if isinstance(segment, bytes) else gaps[segment]
    yield b"\r\n"  # belongs to the boundary that follows (RFC 2046 5.1.1)


def _boundary(rendered: RenderedIssue) -> str:
    """Derive a boundary from the parts; "=_" is in no quoted-printable text."""
    parts = f"{rendered.text}\0{rendered.html}".encode(errors="replace")
    return f"=_{sha256(parts).hexdigest()[:32]}"


def _label(newsletter: Newsletter) -> str:
    """Return the local part of the sender: it stays when the newsletter is renamed."""
    return newsletter.sender.address.partition("@")[0]


def _list_id(newsletter: Newsletter) -> list[str]:
    """Name the newsletter for filters; the phrase only where it needs no encoded words."""
    identifier = f"<{_label(newsletter)}.{newsletter.mail_domain}>"
    name = clean("newsletter.name", newsletter.name)
    tokens = [*phrase(name, first=LINE - len("List-Id: ")), identifier]
    fits = len(" ".join(tokens)) <= LONGEST_LIST_ID
    return tokens if name and fits and "=?" not in tokens[0] else [identifier]


def _feedback_id(newsletter: Newsletter, entry_id: str) -> str:
    """Return `entry:label:sender`: no value twice, nothing of a reader, the sender constant.

    Gmail wants 5 to 15 characters of the sender, so it is the end of the domain without dots.
    """
    domain = "".join(filter(str.isalnum, newsletter.mail_domain))
    sender = f"{domain}mail"[-15:] if len(domain) < 5 else domain[-15:]
    label = "".join(filter(str.isalnum, _label(newsletter)))
    fields = [field for field in dict.fromkeys((entry_id, label)) if field not in {"", sender}]
    return ":".join([*fields, sender])


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join neighbouring bytes, so that a fill has a dozen pieces to join."""
    constant = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            constant += piece
        else:
            yield from (constant, piece)
            constant = b""
    yield constant
