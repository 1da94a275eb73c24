from __future__ import annotations

import io

import pytest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Envelope
from pipeline.senders.console import Console, build

ENVELOPE = Envelope("bounces@news.example.org", "ada@example.org")


def printed(message: bytes) -> str:
    """Return what the console shows of a message."""
    stream = io.StringIO()
    with Console(stream).open() as session:
        assert session.send(ENVELOPE, message) == Accepted(250, "printed")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b"Subject: Issue 7", "Issue 7"),
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"Subject: two\r\n lines", "two lines"),
        (b"Subject: =?no-such-charset?q?a?=", "=?no-such-charset?q?a?="),
        (b"Subject: =?utf-8?b?/w==?=", "=?utf-8?b?/w==?="),
        (b"Subject: =?utf-8?q?=1B[2J?=", "\N{REPLACEMENT CHARACTER}[2J"),
        (b"From: nobody", ""),
    ],
)
def test_a_message_is_one_readable_line(subject: bytes, shown: str) -> None:
    """Envelope and subject stand on one line that cannot move the cursor."""
    expected = f"bounces@news.example.org -> ada@example.org  {shown}\n"

    assert printed(subject + b"\r\n\r\nGood morning.\r\n") == expected


def test_it_prints_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output stays free for data."""
    with build({}).open() as session:
        session.send(ENVELOPE, b"Subject: hello\r\n\r\n")
    captured = capsys.readouterr()

    assert captured.out == ""
    assert "hello" in captured.err


def test_a_closed_stream_is_an_outage() -> None:
    """When nobody reads any more, the dispatch stops and nobody is blamed."""
    stream = io.StringIO()
    with Console(stream).open() as session:
        stream.close()
        with pytest.raises(SenderUnavailable):
            session.send(ENVELOPE, b"Subject: hello\r\n\r\n")
