"""Laws of composed messages: parsed back, each is what was put in, for every reader."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from unicodedata import normalize
from urllib.parse import quote

from hypothesis import example as seen
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model.moment import microseconds
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rendered import MARKER as SLOTS
from pipeline.model.rendered import MergeSlot, RenderedIssue, TextSlot
from pipeline.outbox import headers, identifiers
from pipeline.outbox.compose import compose
from pipeline.outbox.encode import slot_value
from pipeline.outbox.headers import MessageError, clean, legible
from pipeline.outbox.message import Link, Reader

MARKER = MergeSlot.UNSUBSCRIBE_URL.value
PREFERENCES = MergeSlot.PREFERENCES_URL.value
NAMED = TextSlot("name", "Hallo …").marker
TOWN = TextSlot("town").marker
MARKERS = (MARKER, PREFERENCES, NAMED, TOWN)
STRUCTURED = ("To", "Message-ID", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
DATE = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def is_clean(text: str) -> bool:
    """Say whether a header takes the text."""
    try:
        clean("field", text)
    except MessageError:
        return False
    return True


def is_whole(text: str) -> bool:
    """Say whether no merge slot in a text is cut; Hypothesis tries the words of our own code."""
    return not any(each.value in SLOTS.sub(" ", text) for each in MergeSlot)


PHRASES = st.text(
    st.one_of(
        st.sampled_from(list(' .,;:<>@()"\\=?éß—“😀日本aZ09')),
        st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")),
    ),
    max_size=120,
).filter(is_clean)
BODIES = (
    st.lists(
        st.one_of(
            st.sampled_from(
                ["", ".", "..", " ", "a ", "=", "=3D", "From x", "--=_", "x" * 100, *MARKERS]
            ),
            st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=90),
        ),
        max_size=10,
    )
    .map("\n".join)
    .filter(is_whole)
)
ATOMS = st.from_regex(r"[a-z0-9!#$%&'*+/^_`{|}~-]{1,20}(\.[a-z0-9]{1,8})?", fullmatch=True)
DOMAINS = st.from_regex(r"[a-z0-9]{1,12}(-[a-z0-9]{1,8})?\.(example|xn--p1ai)", fullmatch=True)
ADDRESSES = st.builds("{}@{}".format, ATOMS, DOMAINS)
FREE = st.text(st.one_of(st.sampled_from(list(" .=\r\n\t\0é€😀<&\"'\u202e")), st.characters()))
SITES = st.sampled_from(
    [
        "https://news.example.org",
        "https://news.example.org/a.b/?a=1&b='.'",
        f"https://{'x' * 90}.org",
    ]
)
TOKENS = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9_.~-]{0,180}", fullmatch=True)


Example = tuple[RenderedIssue, Newsletter, Reader, bytes]


@st.composite
def filled(draw: st.DrawFn) -> Example:
    """Draw an issue, a newsletter and a reader; return them and the message."""
    html = draw(BODIES).encode("ascii", "xmlcharrefreplace").decode()
    rendered = RenderedIssue(
        subject=draw(PHRASES), preheader="", mjml="", html=html, text=draw(BODIES)
    )
    newsletter = Newsletter(
        name=draw(PHRASES),
        site_url=draw(SITES),
        sender=Mailbox(address=draw(ADDRESSES), name=draw(PHRASES)),
        reply_to=draw(st.none() | st.builds(Mailbox, address=ADDRESSES, name=PHRASES)),
        unsubscribe_mailbox=draw(st.none() | ADDRESSES),
    )
    token = draw(TOKENS)
    reader = Reader(
        recipient=draw(ADDRESSES),
        name=draw(PHRASES),
        message_id=f"9.{token[:40].strip('.~').replace('..', '')}@news.example.org",
        unsubscribe_token=token,
        preferences_token=token[::-1],
        fields={"town": draw(FREE)},
    )
    template = compose(rendered, newsletter, entry_id="issue-9")
    return rendered, newsletter, reader, template.fill(reader, dated_at=microseconds(DATE))


def expected(body: str, newsletter: Newsletter, reader: Reader) -> str:
    """Return a part with its slots filled."""
    values = {
        MARKER: f"{newsletter.site_url}/u/{reader.unsubscribe_token}",
        PREFERENCES: f"{newsletter.site_url}/p/{reader.preferences_token}",
        NAMED: clean("name", reader.name) or "Hallo …",
        TOWN: legible(reader.fields["town"]),
    }
    # In one pass: a value that looks like a marker is a value.
    return SLOTS.sub(lambda marker: values[marker.group()], body)


def parsed(message: bytes) -> EmailMessage:
    """Parse a message strictly: every header is read, which is when defects show."""
    return message_from_bytes(message, policy=policy.default)


@settings(max_examples=150)
@given(filled())
def test_headers_come_back_as_they_were_set(
    example: Example,
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
    assert [each.addr_spec for each in mail["To"].addresses] == [reader.recipient]
    assert mail["Message-ID"] == f"<{reader.message_id}>"
    assert mail["Date"].datetime == DATE
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert not [header.defects for header in mail.values() if header.defects]
    assert not mail.defects


@settings(max_examples=100)
@given(filled())
def test_the_ways_out_are_whole(
    example: Example,
) -> None:
    """List-Unsubscribe holds the https URI first, unbroken, then mailto only with a mailbox."""
    _, newsletter, reader, message = example
    field = re.search(rb"^List-Unsubscribe: [^\r]*(?:\r\n [^\r]*)*", message, re.MULTILINE)

    assert field
    uris = re.findall(rb"<([^>\r\n]*)>", field.group())
    assert uris[0] == f"{newsletter.site_url}/u/{reader.unsubscribe_token}".encode()
    assert len(uris) == (2 if newsletter.unsubscribe_mailbox else 1)
    if newsletter.unsubscribe_mailbox:
        assert uris[1].startswith(b"mailto:")
        assert uris[1].endswith(b"?subject=" + reader.unsubscribe_token.encode())


@settings(max_examples=150)
@given(filled())
def test_parts_come_back_as_they_were_rendered(
    example: Example,
) -> None:
    """Text first, HTML last, with the reader's values in each slot; escaped only in HTML."""
    rendered, newsletter, reader, message = example
    text, html = parsed(message).iter_parts()

    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert [text.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    found = text.get_content().replace("\r\n", "\n")
    assert found == expected(rendered.text, newsletter, reader)
    found = html.get_content().replace("\r\n", "\n")
    assert found.isascii()
    assert unescape(found) == expected(unescape(rendered.html), newsletter, reader)
    assert "<" not in found or "<" in rendered.html
    assert not [part.defects for part in (text, html) if part.defects]


@settings(max_examples=100)
@given(filled())
def test_the_bytes_are_safe_to_carry(
    example: Example,
) -> None:
    """`Outgoing.plain`: ASCII, CRLF only and at the end, no line starts with a dot. Lines are short."""
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


TOKENS_OF_ANY_LENGTH = [("A.-_~z" * 40)[:length] for length in range(1, 201)]
NEARLY_ADDRESSES = st.one_of(
    ADDRESSES,
    st.from_regex(r"[A-Za-z0-9_.+-]{1,70}@[a-z0-9.-]{1,70}", fullmatch=True),
    st.text(st.sampled_from(list("aZ9_.+-@ =?\r\n")), max_size=20),
)


@settings(max_examples=200)
@given(NEARLY_ADDRESSES)
@seen(f"{'a' * 65}@example.org")
@seen(f"a@{'b' * 64}.org")
def test_a_common_address_is_an_address(text: str) -> None:
    """The short look at an address and a Message-ID lets nothing through that the long one stops."""
    if len(text) <= identifiers.LONGEST_LABEL and identifiers._COMMON.fullmatch(text):
        match = identifiers._ADDRESS.fullmatch(text)
        assert match
        assert "=?" not in text
        assert len(match[1]) <= identifiers.LONGEST_LOCAL_PART


@given(PHRASES | st.from_regex(r"[A-Za-z0-9',. -]{1,90}", fullmatch=True), ADDRESSES)
@seen("Ann  Lee", "a@example.org")
@seen(" Ann ", "a@example.org")
def test_a_common_name_is_written_as_every_name_is(text: str, address: str) -> None:
    """The short way to a mailbox field ends in the bytes of the long one."""
    name = clean("name", text)
    long_way = (
        headers.fold("To", [*headers.phrase(name, first=headers.LINE - 4), f"<{address}>"])
        if name
        else headers.fold("To", [address])
    )

    assert headers.mailbox_field("To", name, address) == long_way
    for length in range(1, 80):
        long_name = ("Ann " * 20)[:length].strip()
        tokens = [*headers.phrase(long_name, first=headers.LINE - 4), f"<{address}>"]
        assert headers.mailbox_field("To", long_name, address) == headers.fold("To", tokens)
    if headers._COMMON.fullmatch(text):
        assert name == re.sub(" +", " ", normalize("NFC", text)).strip(" ")
        assert not headers._FORBIDDEN.search(text)


@settings(max_examples=10)
@given(SITES)
def test_a_link_is_written_as_every_value_is(site: str) -> None:
    """A token of any length behind an address that was encoded before is the whole, encoded."""
    link = Link.to(f"{site}/u/")

    for token in TOKENS_OF_ANY_LENGTH:
        assert link.value(token) == slot_value(f"{site}/u/{token}")


@settings(max_examples=30, deadline=None)
@given(SITES, st.none() | ADDRESSES)
@seen("https://b.org", "a@b.org")
@seen("https://b.org", "ab@b.org")
def test_the_ways_out_are_folded_as_every_header_is(site: str, mailbox: str | None) -> None:
    """Both stand on one line as long as they fit; no URI is ever broken."""
    newsletter = Newsletter(site_url=site, unsubscribe_mailbox=mailbox)
    rendered = RenderedIssue(subject="x", preheader="", mjml="", html="", text="")
    template = compose(rendered, newsletter, entry_id="9")

    for token in TOKENS_OF_ANY_LENGTH:
        uris = [f"{site}/u/{token}"]
        if mailbox:
            uris.append(f"mailto:{quote(mailbox, safe='@')}?subject={token}")
        field = headers.fold(
            "List-Unsubscribe", [*(f"<{uri}>," for uri in uris[:-1]), f"<{uris[-1]}>"]
        )
        reader = Reader(recipient="a@example.org", message_id="a@b.org", unsubscribe_token=token)

        assert field in template.fill(reader, dated_at=0)
