from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from msgspec.structs import replace

from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.notice import LINK, RenderedNotice
from pipeline.model.rendered import MergeSlot, TextSlot
from pipeline.outbox.headers import MessageError
from pipeline.outbox.notice import compose_notice

WAY_OUT = MergeSlot.UNSUBSCRIBE_URL.value
TARGET = f"https://quay.example.org/c/{'x' * 32}"
NEWSLETTER = Newsletter(
    name="The Quay",
    sender=Mailbox(address="quay@example.org", name="The Quay, größer"),
    reply_to=Mailbox(address="editor@example.org"),
)
RENDERED = RenderedNotice(
    subject="Bitte bestätigen: The Quay",
    html=f'<a href="{LINK}">x</a> <a href="{WAY_OUT}">y</a>',
    text=f".dot\nFrom here\n{LINK}\n{WAY_OUT}\nä",
)


def compose(rendered: RenderedNotice = RENDERED, /, **changes: object) -> bytes:
    """Compose a notice to Ada."""
    arguments: dict[str, object] = {
        "recipient": "ada@example.org",
        "message_id": "notice.1@example.org",
        "written_at": datetime(2026, 5, 1, 8, tzinfo=UTC),
        "link": TARGET,
        "unsubscribe": "https://quay.example.org/u/x?a=1&b=2",
    }
    return compose_notice(rendered, NEWSLETTER, **(arguments | changes))  # type: ignore[arg-type]


def parse(message: bytes) -> EmailMessage:
    """Parse as strictly as the standard library can."""
    return email.message_from_bytes(message, policy=email.policy.default)


def test_what_is_written_can_be_read() -> None:
    """Headers, both parts, and the links in both."""
    mail = parse(compose())

    assert not mail.defects
    assert (mail["To"], mail["Reply-To"]) == ("ada@example.org", "editor@example.org")
    assert mail["From"].addresses[0].display_name == "The Quay, größer"
    assert mail["Subject"] == RENDERED.subject
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<notice.1@example.org>"
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert TARGET in text.get_content()
    assert "a=1&amp;b=2" in html.get_content()


def test_bytes_are_fit_for_every_server() -> None:
    """`Outgoing.plain`: 7-bit, CRLF alone, no line starts with a dot."""
    message = compose()

    assert message.isascii()
    assert message.endswith(b"\r\n")
    lines = message.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line or line.startswith(b".") for line in lines)
    assert max(map(len, lines)) <= 78


def test_the_same_notice_is_the_same_bytes() -> None:
    """A retry can be told from a second message."""
    assert compose() == compose()


def test_where_nobody_is_subscribed_there_is_no_way_out() -> None:
    """No header of a list, either."""
    mail = parse(compose(replace(RENDERED, html=LINK, text=LINK), unsubscribe=None))

    assert [name for name in mail if name.lower().startswith("list-")] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "ada@example.org\r\nBcc: eve@example.org"},
        {"recipient": "ada@example.org, eve@example.org"},
        {"recipient": ""},
        {"message_id": "x"},
        {"message_id": "x@example.org>\r\nBcc: eve@example.org"},
        {"link": "javascript:alert(1)"},
        {"link": "https://quay.example.org/c/x\r\nBcc: eve@example.org"},
        {"unsubscribe": "https://quay.example.org/>\r\nBcc: eve@example.org"},
    ],
)
def test_nothing_gets_into_a_header(changes: dict[str, object]) -> None:
    """What is not plainly one of its kind is refused, and nothing is written."""
    with pytest.raises(MessageError):
        compose(RENDERED, **changes)


@pytest.mark.parametrize("subject", ["a\r\nBcc: x", "a\0", "=?utf-8?q?x?="])
def test_a_subject_is_one_line(subject: str) -> None:
    """Also one that a template made."""
    with pytest.raises(MessageError):
        compose(replace(RENDERED, subject=subject))


def test_a_notice_has_no_slot_of_a_reader() -> None:
    """A template that asks for a name is told so."""
    with pytest.raises(MessageError, match="merge slot"):
        compose(replace(RENDERED, text=TextSlot("name", "friend").marker))
