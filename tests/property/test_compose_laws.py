"""Laws of composed messages: parsed back, each is what was put in, for every reader."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rendered import MergeSlot, RenderedIssue
from pipeline.outbox.compose import compose
from pipeline.outbox.headers import MessageError, clean

MARKER = MergeSlot.UNSUBSCRIBE_URL.value
STRUCTURED = ("To", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
DATE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def is_clean(text: str) -> bool:
    """Say whether a header takes the text."""
    try:
        clean("field", text)
    except MessageError:
        return False
    return True


PHRASES = st.text(
    st.one_of(
        st.sampled_from(list(' .,;:<>@()"\\=?éß—“😀日本aZ09')),
        st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")),
    ),
    max_size=120,
).filter(is_clean)
BODIES = st.lists(
    st.one_of(
        st.sampled_from(
            ["", ".", "..", " ", "a ", "=", "=3D", "From x", "--=_", "x" * 100, MARKER]
        ),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=90),
    ),
    max_size=10,
).map("\n".join)
ATOMS = st.from_regex(r"[a-z0-9!#$%&'*+/^_`{|}~-]{1,20}(\.[a-z0-9]{1,8})?", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z0-9]{1,12}(-[a-z0-9]{1,8})?\.(example|xn--p1ai)", fullmatch=True)
ADDRESSES = st.builds("{}@{}".format, ATOMS, DOMAINS)
TOKENS = st.from_regex(r"[A-Za-z0-9_-]{1,180}", fullmatch=True)


@st.composite
def filled(draw: st.DrawFn) -> tuple[RenderedIssue, Newsletter, dict[str, str], bytes]:
    """Draw an issue, a newsletter and a reader; return them and the message."""
    html = draw(BODIES).encode("ascii", "xmlcharrefreplace").decode()
    rendered = RenderedIssue(
        subject=draw(PHRASES), preheader="", mjml="", html=html, text=draw(BODIES)
    )
    newsletter = Newsletter(
        name=draw(PHRASES),
        sender=Mailbox(address=draw(ADDRESSES), name=draw(PHRASES)),
        reply_to=draw(st.none() | st.builds(Mailbox, address=ADDRESSES, name=PHRASES)),
        unsubscribe_mailbox=draw(st.none() | ADDRESSES),
    )
    token = draw(TOKENS)
    reader = {
        "recipient": draw(ADDRESSES),
        "recipient_name": draw(PHRASES),
        "message_id": f"9.{token[:40]}@news.example.org",
        "unsubscribe_url": f"https://news.example.org/u/{token}?a=1&b='.'",
        "unsubscribe_token": token,
    }
    template = compose(rendered, newsletter, entry_id="issue-9")
    return rendered, newsletter, reader, template.fill(date=DATE, **reader)


def parsed(message: bytes) -> EmailMessage:
    """Parse a message strictly: every header is read, which is when defects show."""
    return message_from_bytes(message, policy=policy.default)


@settings(max_examples=150)
@given(filled())
def test_headers_come_back_as_they_were_set(
    example: tuple[RenderedIssue, Newsletter, dict[str, str], bytes],
) -> None:
    """One of each, in order, with the values that were put in and no defect."""
    rendered, newsletter, reader, message = example
    mail = parsed(message)

    assert mail.keys() == [
        *("Date", "From", "To"),
        *(["Reply-To"] if newsletter.reply_to else []),
        *("Subject", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"),
        *("List-Archive", "List-Post", "Feedback-ID", "Precedence", "MIME-Version"),
        "Content-Type",
    ]
    assert mail["Subject"] == clean("subject", rendered.subject)
    assert mail["From"].addresses[0].addr_spec == newsletter.sender.address
    assert [each.addr_spec for each in mail["To"].addresses] == [reader["recipient"]]
    assert mail["Message-ID"] == f"<{reader['message_id']}>"
    assert mail["Date"].datetime == DATE
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not [header.defects for header in mail.values() if header.defects]
    assert not mail.defects


@settings(max_examples=100)
@given(filled())
def test_the_ways_out_are_whole(
    example: tuple[RenderedIssue, Newsletter, dict[str, str], bytes],
) -> None:
    """List-Unsubscribe holds the https URI first, unbroken, then mailto only with a mailbox."""
    _, newsletter, reader, message = example
    field = re.search(rb"^List-Unsubscribe: [^\r]*(?:\r\n [^\r]*)*", message, re.MULTILINE)

    assert field
    uris = re.findall(rb"<([^>\r\n]*)>", field.group())
    assert uris[0] == reader["unsubscribe_url"].encode()
    assert len(uris) == (2 if newsletter.unsubscribe_mailbox else 1)
    if newsletter.unsubscribe_mailbox:
        assert uris[1].startswith(b"mailto:")
        assert uris[1].endswith(b"?subject=" + reader["unsubscribe_token"].encode())


@settings(max_examples=150)
@given(filled())
def test_parts_come_back_as_they_were_rendered(
    example: tuple[RenderedIssue, Newsletter, dict[str, str], bytes],
) -> None:
    """Text first, HTML last, with the reader's link in each slot; escaped only in HTML."""
    rendered, _, reader, message = example
    text, html = parsed(message).iter_parts()
    url = reader["unsubscribe_url"]

    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert [text.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    assert text.get_content().replace("\r\n", "\n") == rendered.text.replace(MARKER, url)
    found = html.get_content().replace("\r\n", "\n")
    assert unescape(found) == unescape(rendered.html).replace(MARKER, url)
    assert "&b=" not in found or "&b=" in rendered.html
    assert not [part.defects for part in (text, html) if part.defects]


@settings(max_examples=100)
@given(filled())
def test_the_bytes_are_safe_to_carry(
    example: tuple[RenderedIssue, Newsletter, dict[str, str], bytes],
) -> None:
    """ASCII, CRLF only, lines within limits, no dot at a line's start, nothing encoded that must not be."""
    message = example[-1]
    head, _, body = message.partition(b"\r\n\r\n")

    assert message.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", message)
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"^\.", message, re.MULTILINE)
    assert message.endswith(b"--\r\n")
    mail = parsed(message)
    for name in STRUCTURED:
        field = re.search(rf"^{name}: [^\r]*(?:\r\n [^\r]*)*".encode(), head, re.MULTILINE)
        assert field
        assert name == "To" or b"=?" not in field.group()
    boundary = mail.get_boundary()
    assert boundary
    assert len(boundary) <= 70
    assert len(re.findall(rf"^--{re.escape(boundary)}".encode(), message, re.MULTILINE)) == 3
