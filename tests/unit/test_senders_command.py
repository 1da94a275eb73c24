from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.senders.smtp import command

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
    data = command.dot_stuffed(message)
    expected = message if message.endswith(b"\r\n") or not message else message + b"\r\n"

    assert unstuffed(data) == expected
    assert data.endswith(b".\r\n")
    assert data.count(b"\r\n.\r\n") == (1 if message else 0)


@pytest.mark.parametrize("message", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n", b"\n", b"a\r\r\n"])
def test_a_bare_line_end_is_not_passed_on(message: bytes) -> None:
    """What receivers read in two ways is how a second message is smuggled."""
    with pytest.raises(command.BareLineEnd):
        command.dot_stuffed(message)


def test_mail_announces_what_follows() -> None:
    """Size and 8-bit bytes are named before the message, each only if it may be."""
    assert command.mail("a@e.org", b"12345", size=True, smtputf8=False) == (
        b"MAIL FROM:<a@e.org> SIZE=5\r\n"
    )
    assert command.mail("å@e.org", b"\xc3\xa5", size=False, smtputf8=True) == (
        "MAIL FROM:<å@e.org> BODY=8BITMIME SMTPUTF8\r\n".encode()
    )
