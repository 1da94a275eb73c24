"""The message of a notice: one reader, one link, no list's headers but where there is a list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from html import escape

from pipeline.model.newsletter import Newsletter
from pipeline.model.notice import LINK, RenderedNotice
from pipeline.model.rendered import MergeSlot
from pipeline.outbox.encode import quoted_printable
from pipeline.outbox.headers import MessageError, clean, fold, mailbox_field, text_field
from pipeline.outbox.identifiers import address, uri
from pipeline.outbox.identifiers import message_id as checked_message_id


def compose_notice(
    rendered: RenderedNotice,
    newsletter: Newsletter,
    *,
    recipient: str,
    message_id: str,
    written_at: datetime,
    link: str,
    unsubscribe: str | None = None,
) -> bytes:
    """Write the message of a notice for one reader.

    Pure: the same arguments give the same bytes, so a retry sends what was sent before. There is
    no display name in To: whoever fills in a form could write to a stranger by it.

    Args:
        rendered: what it says.
        newsletter: who says it.
        recipient: one address; its domain in ASCII.
        message_id: `left@domain`, without angle brackets; one a notice.
        written_at: aware, UTC; Date is when a message was ready, not when it left (RFC 5322 3.6.1).
        link: absolute; where the button leads.
        unsubscribe: the one-click address, for those who are subscribed to something.

    Returns:
        Complete RFC 5322 bytes that are `Outgoing.plain`, always.

    Raises:
        MessageError: a value is not what it should be; it is never repaired.
    """
    links = {LINK: uri("link", link)}
    if unsubscribe is not None:
        links[MergeSlot.UNSUBSCRIBE_URL.value] = uri("unsubscribe", unsubscribe)
    text, html = rendered.text, rendered.html
    for marker, target in links.items():
        text, html = text.replace(marker, target), html.replace(marker, escape(target))
    # "=_" is in no quoted-printable text.
    boundary = f"=_{sha256((text + html).encode(errors='replace')).hexdigest()[:32]}"
    sender, reply_to = newsletter.sender, newsletter.reply_to
    fields = [
        fold("Date", [format_datetime(written_at)]),
        mailbox_field(
            "From", clean("sender.name", sender.name), address("sender", sender.address)
        ),
        mailbox_field("To", "", address("recipient", recipient)),
        text_field("Subject", clean("subject", rendered.subject)),
        fold("Message-ID", [f"<{checked_message_id(message_id)}>"]),
        fold("Auto-Submitted", ["auto-generated"]),  # RFC 3834 5: no vacation notice answers it
    ]
    if reply_to:
        name = clean("reply_to.name", reply_to.name)
        fields.append(mailbox_field("Reply-To", name, address("reply_to", reply_to.address)))
    if unsubscribe is not None:
        fields.append(fold("List-Unsubscribe", [f"<{unsubscribe}>"]))
        fields.append(fold("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"]))
    fields.append(fold("MIME-Version", ["1.0"]))
    fields.append(
        fold("Content-Type", ["multipart/alternative;", f'boundary="{boundary}"']),
    )
    return b"".join(
        [
            *fields,
            b"\r\n",
            *_part("text/plain", text, boundary),
            *_part("text/html", html, boundary),
            f"--{boundary}--\r\n".encode(),
        ]
    )


def _part(media_type: str, text: str, boundary: str) -> Iterator[bytes]:
    yield (
        f"--{boundary}\r\n"
        f"Content-Type: {media_type}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()
    for segment in quoted_printable(text):
        if not isinstance(segment, bytes):
            raise MessageError(media_type, "a notice has no merge slot of a reader")
        yield segment
    yield b"\r\n"  # belongs to the boundary that follows (RFC 2046 5.1.1)
