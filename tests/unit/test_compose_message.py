"""The message of an issue, byte for byte."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from email import message_from_bytes, policy

import pytest
from msgspec.structs import replace

from pipeline.model.moment import microseconds
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rendered import MergeSlot, RenderedIssue, TextSlot
from pipeline.outbox.compose import compose
from pipeline.outbox.headers import MessageError
from pipeline.outbox.message import MessageTemplate, Reader

SLOT = MergeSlot.UNSUBSCRIBE_URL.value

NEWSLETTER = Newsletter(
    name="Example Weekly",
    site_url="https://news.example.org",
    sender=Mailbox(address="weekly@news.example.org", name="Example Weekly"),
    reply_to=Mailbox(address="editor@news.example.org"),
    unsubscribe_mailbox="unsubscribe@news.example.org",
)
RENDERED = RenderedIssue(
    subject="What the tide tables do not say",
    preheader="",
    mjml="",
    html=f'<p>Gr&#252;&#223;e</p>\n<a href="{SLOT}">Unsubscribe</a>\n',
    text=f"Grüße \n..two dots\nUnsubscribe:\n{SLOT}\n",
)

EXPECTED = b"""\
Date: Fri, 20 Nov 2026 08:00:00 +0000
From: Example Weekly <weekly@news.example.org>
To: "Reader, A." <reader@example.net>
Reply-To: editor@news.example.org
Subject: What the tide tables do not say
Message-ID: <issue-91.k7Qk2mP9b3J1@news.example.org>
List-Id: Example Weekly <weekly.news.example.org>
List-Unsubscribe: <https://news.example.org/u/AQE>,
 <mailto:unsubscribe@news.example.org?subject=AQE>
List-Unsubscribe-Post: List-Unsubscribe=One-Click
List-Archive: <https://news.example.org/>
List-Post: NO
Feedback-ID: issue-91:weekly:newsexampleorg
Precedence: bulk
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_BOUNDARY"

--=_BOUNDARY
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe=20
=2E.two dots
Unsubscribe:
https://news.example.org/u/AQE=


--=_BOUNDARY
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Gr&#252;&#223;e</p>
<a href=3D"=
https://news.example.org/u/AQE=
">Unsubscribe</a>

--=_BOUNDARY--
"""


READER = Reader(
    recipient="reader@example.net",
    name="Reader, A.",
    message_id="issue-91.k7Qk2mP9b3J1@news.example.org",
    unsubscribe_token="AQE",
)
MOMENT = microseconds(datetime(2026, 11, 20, 8, 0, tzinfo=UTC))


def fill(template: MessageTemplate, reader: Reader = READER) -> bytes:
    """Fill a template for an invented reader."""
    return template.fill(reader, dated_at=MOMENT)


def test_the_message_is_this() -> None:
    """Header order, folding, encoding and structure are fixed, byte for byte."""
    message = fill(compose(RENDERED, NEWSLETTER, entry_id="issue-91"))

    boundary = message_from_bytes(message).get_boundary() or ""
    found = message.replace(boundary.encode(), b"=_BOUNDARY")
    assert found == EXPECTED.replace(b"\n", b"\r\n")


def test_without_mailboxes_there_are_fewer_fields() -> None:
    """No Reply-To and no mailto unless they are set."""
    plain = replace(NEWSLETTER, reply_to=None, unsubscribe_mailbox=None)

    message = fill(compose(RENDERED, plain, entry_id="issue-91"))

    assert b"Reply-To" not in message
    assert b"mailto:" not in message
    assert b"List-Unsubscribe: <https://news.example.org/u/AQE>\r\n" in message


def test_the_same_reader_gets_the_same_bytes() -> None:
    """A retry sends what was sent before, though the template is composed again."""
    first = fill(compose(RENDERED, NEWSLETTER, entry_id="issue-91"))
    again = fill(compose(RENDERED, NEWSLETTER, entry_id="issue-91"))

    assert first == again


def test_readers_differ_only_in_their_gaps() -> None:
    """Nothing of one reader is in the message of another."""
    template = compose(RENDERED, NEWSLETTER, entry_id="issue-91")
    fill(template)

    other = fill(
        template,
        Reader(
            recipient="other@example.net",
            message_id="other@news.example.org",
            unsubscribe_token="OTHER",
        ),
    )

    assert b"Reader" not in other
    assert b"AQE" not in other


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 11, 20, 9, 0, tzinfo=timezone(timedelta(hours=1))), b"08:00:00"),
        (datetime(2026, 11, 20, 8, 0, 0, 999_999, tzinfo=UTC), b"08:00:00"),
        (datetime(2026, 11, 20, 8, 0, 1, tzinfo=UTC), b"08:00:01"),
    ],
)
def test_the_date_is_the_second_in_utc(moment: datetime, expected: bytes) -> None:
    """A moment with another offset is the same; a part of a second is dropped, never rounded."""
    template = compose(RENDERED, NEWSLETTER, entry_id="issue-91")

    message = template.fill(READER, dated_at=microseconds(moment))

    assert message.startswith(b"Date: Fri, 20 Nov 2026 " + expected + b" +0000\r\n")


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        (date(2026, 11, 20), "Fri, 20 Nov 2026 00:00:00 +0000"),
        (None, "Sat, 01 Jan 2000 00:00:00 +0000"),
    ],
)
def test_the_sample_knows_no_clock_and_nobody(issued: date | None, expected: str) -> None:
    """message.eml is for an invented reader, on the day of the issue."""
    sample = compose(RENDERED, NEWSLETTER, entry_id="issue-91").sample(issued)

    mail = message_from_bytes(sample, policy=policy.default)
    assert mail["Date"] == expected
    assert mail["To"] == "reader@example.org"
    assert mail["Message-ID"] == "<sample.issue-91@news.example.org>"
    assert mail["List-Unsubscribe"].startswith("<https://news.example.org/u/sample>")


@pytest.mark.parametrize(
    ("rendered", "newsletter", "field"),
    [
        (replace(RENDERED, subject="a\r\nBcc: b@example.org"), NEWSLETTER, "subject"),
        (replace(RENDERED, subject="=?utf-8?q?x?="), NEWSLETTER, "subject"),
        (replace(RENDERED, text="half \ud83d"), NEWSLETTER, "text"),
        (replace(RENDERED, html="half \ud83d"), NEWSLETTER, "html"),
        (RENDERED, replace(NEWSLETTER, name="a\0b"), "newsletter.name"),
        (RENDERED, replace(NEWSLETTER, site_url="https://büro.example"), "site_url"),
        (RENDERED, replace(NEWSLETTER, sender=Mailbox(address="a@b@c")), "sender"),
        (
            RENDERED,
            replace(NEWSLETTER, sender=Mailbox(address="a@example.org", name="a\nb")),
            "sender.name",
        ),
        (RENDERED, replace(NEWSLETTER, reply_to=Mailbox(address="a, b@c")), "reply_to"),
        (RENDERED, replace(NEWSLETTER, unsubscribe_mailbox="a b@c"), "unsubscribe_mailbox"),
    ],
)
def test_what_cannot_stand_in_a_message_is_named(
    rendered: RenderedIssue, newsletter: Newsletter, field: str
) -> None:
    """Composing fails before anything is written, and says which value is at fault."""
    with pytest.raises(MessageError) as caught:
        compose(rendered, newsletter, entry_id="issue-91")

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "reader"),
    [
        ("recipient", READER._replace(recipient="a@example.org, b@example.org")),
        ("recipient_name", READER._replace(name="a\r\nBcc: b@example.org")),
        ("message_id", READER._replace(message_id="<a@example.org>")),
        ("unsubscribe_token", READER._replace(unsubscribe_token="a&cc=b@example.org")),
        ("unsubscribe_token", READER._replace(unsubscribe_token="a\r\nBcc: b")),
        ("unsubscribe_token", READER._replace(unsubscribe_token="")),
    ],
)
def test_a_reader_whose_values_cannot_stand_in_a_message_is_refused(
    field: str, reader: Reader
) -> None:
    """The error names the value; the template stays good for everybody else."""
    template = compose(RENDERED, NEWSLETTER, entry_id="issue-91")

    with pytest.raises(MessageError) as caught:
        fill(template, reader)

    assert caught.value.field == field
    assert fill(template)


PREFERENCES = MergeSlot.PREFERENCES_URL.value
NAMED = TextSlot("name", "friend").marker
TOWN = TextSlot("town", "your town").marker
PERSONAL = replace(
    RENDERED,
    html=f'<p title="{TOWN}">Dear {NAMED} in {TOWN}</p><a href="{PREFERENCES}">Change</a>',
    text=f"Dear {NAMED} in {TOWN}, {PREFERENCES}",
)


def parts(message: bytes) -> tuple[str, str]:
    """Return text and HTML as a mail program shows them."""
    text, html = message_from_bytes(message, policy=policy.default).iter_parts()
    return text.get_content().strip(), html.get_content().strip()


def test_names_and_fields_stand_where_the_template_has_them() -> None:
    """As they are in text, escaped in HTML; the preferences link ends in its own token."""
    template = compose(PERSONAL, NEWSLETTER, entry_id="issue-91")
    reader = READER._replace(
        name="Zoë <b>", fields={"town": 'Łódź & "Co"', "other": "unused"}, preferences_token="PRE"
    )

    text, html = parts(fill(template, reader))

    assert template.has_preferences
    assert text == 'Dear Zoë <b> in Łódź & "Co", https://news.example.org/p/PRE'
    town = "&#321;&#243;d&#378; &amp; &quot;Co&quot;"
    assert html == (
        f'<p title="{town}">Dear Zo&#235; &lt;b&gt; in {town}</p>'
        '<a href="https://news.example.org/p/PRE">Change</a>'
    )


@pytest.mark.parametrize("blank", ["", "  ", "\u202e", "\r\n"])
def test_what_is_not_known_of_a_reader_has_other_words(blank: str) -> None:
    """An empty name and a field that is missing or shows nothing become their fallbacks."""
    template = compose(PERSONAL, NEWSLETTER, entry_id="issue-91")
    reader = READER._replace(name="", fields={"town": blank}, preferences_token="PRE")

    text, _ = parts(fill(template, reader))

    assert text.startswith("Dear friend in your town,")
    assert fill(template, reader) == fill(template, reader._replace(fields={}))


def test_a_preferences_link_needs_a_token_and_nothing_else_does() -> None:
    """A template with the link refuses a reader without a token; others do not look for one."""
    assert not compose(RENDERED, NEWSLETTER, entry_id="issue-91").has_preferences
    with pytest.raises(MessageError, match="preferences_token"):
        fill(compose(PERSONAL, NEWSLETTER, entry_id="issue-91"))


@pytest.mark.parametrize("cut", [NAMED[:-1], NAMED[:12], "XX0READER0XXZ", f"{NAMED[:-2]}-Z"])
def test_a_marker_that_was_cut_is_not_sent(cut: str) -> None:
    """No reader sees what the machinery is made of."""
    with pytest.raises(MessageError, match="cut or changed") as caught:
        compose(replace(RENDERED, text=f"Dear {cut} and {NAMED}"), NEWSLETTER, entry_id="91")

    assert caught.value.field == "text"


def test_the_list_id_has_no_encoded_words() -> None:
    """A name that would need them is left out; filters go by the identifier anyway."""
    for name in ("Größe", "why =? not", "x" * 300, ""):
        message = fill(compose(RENDERED, replace(NEWSLETTER, name=name), entry_id="issue-91"))

        assert b"List-Id: <weekly.news.example.org>\r\n" in message


@pytest.mark.parametrize(
    ("sender", "entry_id", "expected"),
    [
        ("weekly@news.example.org", "issue-91", b"issue-91:weekly:newsexampleorg"),
        ("weekly@news.example.org", "weekly", b"weekly:newsexampleorg"),
        ("a@mail.quite-long.example.org", "9", b"9:a:elongexampleorg"),
        ("a@b.io", "9", b"9:a:biomail"),
        ("newsexampleorg@news.example.org", "9", b"9:newsexampleorg"),
    ],
)
def test_feedback_id_has_a_constant_sender_and_no_value_twice(
    sender: str, entry_id: str, expected: bytes
) -> None:
    """At most four fields, the last of 5 to 15 characters (Gmail's rules)."""
    newsletter = replace(NEWSLETTER, sender=Mailbox(address=sender))

    message = fill(compose(RENDERED, newsletter, entry_id=entry_id))

    assert b"Feedback-ID: " + expected + b"\r\n" in message
