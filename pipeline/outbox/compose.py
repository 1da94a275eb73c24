"""The message of an issue: RFC 5322 bytes made once, with gaps that a join fills per reader.

`EmailMessage` is not used: it breaks long List-Unsubscribe URIs into encoded words, which ends
one-click unsubscribing at Gmail, and it costs milliseconds a message (decision D4).
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Final
from urllib.parse import quote

from pipeline.model.audience import MailingList
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import MARKER, MergeSlot, RenderedIssue, TextSlot
from pipeline.model.subscriber import MAIN_NAME
from pipeline.outbox.encode import quoted_printable
from pipeline.outbox.headers import (
    LINE,
    MessageError,
    clean,
    fold,
    mailbox_field,
    phrase,
    text_field,
)
from pipeline.outbox.identifiers import LONGEST_TOKEN, address, uri
from pipeline.outbox.message import Gap, Link, MessageTemplate
from pipeline.outbox.related import attached, related

LONGEST_LIST_ID: Final = 255  # characters (RFC 2919 2)


Piece = bytes | Gap | tuple[TextSlot, bool]  # True: in HTML

_LINKS: Final = {
    MergeSlot.UNSUBSCRIBE_URL: (Gap.UNSUBSCRIBE_IN_TEXT, Gap.UNSUBSCRIBE_IN_HTML),
    MergeSlot.PREFERENCES_URL: (Gap.PREFERENCES_IN_TEXT, Gap.PREFERENCES_IN_HTML),
}


def compose(
    rendered: RenderedIssue,
    newsletter: Newsletter,
    *,
    entry_id: str,
    list_: MailingList = MailingList(),  # noqa: B008 - a frozen value
) -> MessageTemplate:
    """Write the message of an issue for all readers of a list.

    Raises:
        MessageError: the subject, a name or an address of the newsletter cannot stand in a
            message, or a part holds half of a surrogate pair.
    """
    mailbox = newsletter.unsubscribe_mailbox
    uri("site_url", f"{newsletter.site_url}/u/{'x' * LONGEST_TOKEN}")  # so is every link to come
    parts = _alternating(_pieces(rendered, newsletter, entry_id, list_))
    gaps = list(enumerate(parts))[1::2]
    return MessageTemplate(
        parts=tuple(part if isinstance(part, bytes) else b"" for part in parts),
        gaps=tuple((index, int(gap)) for index, gap in gaps if isinstance(gap, Gap)),
        texts=tuple((index, *gap) for index, gap in gaps if isinstance(gap, tuple)),
        has_preferences=not {Gap.PREFERENCES_IN_TEXT, Gap.PREFERENCES_IN_HTML}.isdisjoint(parts),
        links=(*_links(f"{newsletter.site_url}/u/"), *_links(f"{newsletter.site_url}/p/")),
        entry_id=entry_id,
        site_url=newsletter.site_url,
        mail_domain=newsletter.mail_domain,
        unsubscribe_mailbox=(
            quote(address("unsubscribe_mailbox", mailbox), safe="@") if mailbox else None
        ),
    )


def _pieces(
    rendered: RenderedIssue, newsletter: Newsletter, entry_id: str, list_: MailingList
) -> Iterator[Piece]:
    """Yield the message in the order of its bytes."""
    sender, reply_to = newsletter.sender, newsletter.reply_to
    sender_address = address("sender", sender.address)
    boundary = _boundary(rendered)
    pictures = attached(rendered, newsletter.mail_domain)
    yield Gap.DATE
    yield mailbox_field("From", clean("sender.name", sender.name), sender_address)
    yield Gap.TO
    if reply_to:
        reply_address = address("reply_to", reply_to.address)
        yield mailbox_field("Reply-To", clean("reply_to.name", reply_to.name), reply_address)
    yield text_field("Subject", clean("subject", rendered.subject))
    yield Gap.MESSAGE_ID
    yield fold("List-Id", _list_id(newsletter, list_))
    yield Gap.LIST_UNSUBSCRIBE
    yield fold("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"])
    yield fold("List-Archive", [f"<{uri('site_url', newsletter.site_url)}/>"])
    yield fold("List-Post", ["NO"])
    yield fold("Feedback-ID", [_feedback_id(newsletter, entry_id)])
    yield fold("Precedence", ["bulk"])
    yield fold("MIME-Version", ["1.0"])
    yield fold("Content-Type", ["multipart/alternative;", f'boundary="{boundary}"'])
    yield b"\r\n"
    yield from _part("text/plain", "text", rendered.text, boundary)
    html = _part("text/html", "html", rendered.html, boundary)
    if pictures:
        inner = _boundary(rendered, "related")
        html = related(
            _part("text/html", "html", rendered.html, inner), pictures, inner, outer=boundary
        )
    yield from html
    yield f"--{boundary}--\r\n".encode()


def _part(media_type: str, field: str, text: str, boundary: str) -> Iterator[Piece]:
    if any(slot.value in MARKER.sub(" ", text) for slot in MergeSlot):
        raise MessageError(
            field, "holds a merge slot that was cut or changed; look for it in the template"
        )
    yield (
        f"--{boundary}\r\n"
        f"Content-Type: {media_type}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()
    is_html = field == "html"
    try:
        segments = quoted_printable(text)
    except UnicodeEncodeError as error:
        raise MessageError(field, "holds half of a surrogate pair, which is no text") from error
    for segment in segments:
        match segment:
            case bytes():
                yield segment
            case TextSlot():
                yield segment, is_html
            case _:
                yield _LINKS[segment][is_html]
    yield b"\r\n"  # belongs to the boundary that follows (RFC 2046 5.1.1)


def _links(url: str) -> tuple[Link, Link]:
    """Return the link that starts with `url` for text and HTML: one, if they are the same."""
    text, html = Link.to(url), Link.to(escape(url))
    return (text, text) if text == html else (text, html)


def _boundary(rendered: RenderedIssue, of: str = "") -> str:
    """Derive a boundary from the parts; "=_" is in no quoted-printable text, and in no base64."""
    parts = f"{of}{rendered.text}\0{rendered.html}".encode(errors="replace")
    return f"=_{sha256(parts).hexdigest()[:32]}"


def _label(newsletter: Newsletter) -> str:
    """Return the local part of the sender: it stays when the newsletter is renamed."""
    return newsletter.sender.address.partition("@")[0]


def _list_id(newsletter: Newsletter, list_: MailingList) -> list[str]:
    """Name the list for filters; the phrase only where it needs no encoded words (RFC 2919)."""
    below = "" if list_.name == MAIN_NAME else f"{list_.name}."
    identifier = f"<{below}{_label(newsletter)}.{newsletter.mail_domain}>"
    name = clean("newsletter.name", list_.title or newsletter.name)
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


def _alternating(pieces: Iterator[Piece]) -> list[Piece]:
    """Join neighbouring bytes: constants at even places, a gap between each two."""
    parts: list[Piece] = []
    constant = b""
    for piece in pieces:
        if isinstance(piece, bytes):
            constant += piece
        else:
            parts += [constant, piece]
            constant = b""
    return [*parts, constant]
