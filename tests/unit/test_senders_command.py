from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.delivery import Envelope, Outgoing
from pipeline.senders.smtp import command
from pipeline.senders.smtp.reply import Extensions

LINES = st.lists(st.text("ab. ", max_size=5).map(str.encode), max_size=8)


def unstuffed(data: bytes) -> bytes:
    """Read a message as a receiver does, line by line (RFC 5321 4.5.2)."""
    lines = []
    for line in data.split(b"\r\n"):
        if line == b".":
            break
        lines.append(line.removeprefix(b"."))
    return b"".join(line + b"\r\n" for line in lines)


@given(LINES, st.booleans())
def test_a_receiver_reads_what_was_sent(lines: list[bytes], ended: bool) -> None:
    """Dot-stuffing loses nothing and ends once, whatever lines begin with."""
    message = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    data = command.dot_stuffed(message) + command.END
    expected = message if message.endswith(b"\r\n") or not message else message + b"\r\n"

    assert unstuffed(data) == expected
    assert data.endswith(b".\r\n")
    assert data.count(b"\r\n.\r\n") == (1 if message else 0)


@pytest.mark.parametrize("message", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n", b"\n", b"a\r\r\n"])
def test_a_bare_line_end_is_not_passed_on(message: bytes) -> None:
    """What receivers read in two ways is how a second message is smuggled."""
    with pytest.raises(command.BareLineEnd):
        command.dot_stuffed(message)


def outgoing(message: bytes, *, plain: bool = False) -> Outgoing:
    """Return a message to somebody."""
    return Outgoing(Envelope("a@example.org", "b@example.org"), message, plain)


def test_mail_announces_what_follows() -> None:
    """Size and 8-bit bytes are named before the message, each only if it may be."""
    sized = Extensions(size=1000)
    assert (
        command.mail("a@e.org", outgoing(b"12345"), sized, smtputf8=False, dsn=False)
        == b"MAIL FROM:<a@e.org> SIZE=5\r\n"
    )
    assert (
        command.mail("å@e.org", outgoing(b"\xc3\xa5"), Extensions(), smtputf8=True, dsn=False)
        == "MAIL FROM:<å@e.org> BODY=8BITMIME SMTPUTF8\r\n".encode()
    )


@pytest.mark.parametrize(
    ("header", "envid"),
    [
        (b"Message-ID: <a+b=c@example.org>\r\n", b" ENVID=a+2Bb+3Dc@example.org"),
        (b"Subject: none\r\n", b""),
        (b"Message-ID: <" + b"+" * 60 + b">\r\n", b""),  # longer than 100 when it is written
    ],
)
def test_a_notification_names_the_message(header: bytes, envid: bytes) -> None:
    """The envelope id is the Message-ID in xtext, and is left out rather than cut."""
    message = outgoing(header + b"\r\nMessage-ID: <in-the-body@example.org>\r\n")

    assert command.mail("a@e.org", message, Extensions(), smtputf8=False, dsn=True) == (
        b"MAIL FROM:<a@e.org> RET=HDRS" + envid + b"\r\n"
    )


def test_a_recipient_in_xtext_is_one_word() -> None:
    """What xtext reserves is written in hexadecimal; a non-ASCII address has no such form."""
    assert command.rcpt("a+b@e.org", dsn=True) == (
        b"RCPT TO:<a+b@e.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@e.org\r\n"
    )
    assert command.rcpt("å@e.org", dsn=True) == (
        "RCPT TO:<å@e.org> NOTIFY=FAILURE,DELAY\r\n".encode()
    )


def test_a_token_is_sent_in_one_line() -> None:
    """XOAUTH2 has its own separators, none of them a line end."""
    line = command.auth_xoauth2("ada@example.org", "token" * 100)

    assert line.count(b"\n") == 1
    assert b64decode(line.removeprefix(b"AUTH XOAUTH2 ")) == (
        b"user=ada@example.org\x01auth=Bearer " + b"token" * 100 + b"\x01\x01"
    )
