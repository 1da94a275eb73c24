from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.testing.inbox import Keep
from pipeline.testing.plan import At, Each, Plan, Rule, close_after
from pipeline.testing.sink import SmtpSink

ENVELOPE = b"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    """Run the default sink."""
    with SmtpSink() as running:
        yield running


def talk(sink: SmtpSink, *groups: bytes) -> list[bytes]:
    """Send groups of commands, QUIT last, and return all the lines of the replies."""
    with socket.create_connection((sink.host, sink.port), timeout=10) as line:
        line.sendall(b"EHLO test.example.org\r\n" + b"".join(groups) + b"QUIT\r\n")
        replies = b"".join(iter(lambda: line.recv(4096), b""))
    return replies.splitlines()


@pytest.mark.parametrize(
    ("on_the_wire", "data"),
    [
        (b"hello\r\n.\r\n", b"hello\r\n"),
        (b".\r\n", b""),
        (b"..\r\n...\r\n.x\r\n.\r\n", b".\r\n..\r\nx\r\n"),
        (b"a\n.\n\r.\r\r\n.\r\n", b"a\n.\n\r.\r\r\n"),
    ],
)
def test_only_crlf_dot_crlf_ends_a_message(
    sink: SmtpSink, on_the_wire: bytes, data: bytes
) -> None:
    """Dots are taken out line by line, and bare line ends are counted, not believed."""
    replies = talk(sink, ENVELOPE, on_the_wire)

    assert replies[-2:] == [b"250 2.0.0 taken", b"221 2.0.0 goodbye"]
    (message,) = sink.messages
    assert message.data == data
    assert message.sha256 == sha256(data).hexdigest()
    assert message.bare_line_ends == (4 if b"\n.\n" in data else 0)


def test_pipelined_groups_are_answered_in_order(sink: SmtpSink) -> None:
    """Several transactions in one segment come out as several messages."""
    replies = talk(sink, *[ENVELOPE + b"Message-ID: <1@x>\r\n\r\n.\r\n"] * 3)

    assert sum(reply.startswith(b"354") for reply in replies) == 3
    assert [message.message_id for message in sink.messages] == ["<1@x>"] * 3


def test_a_command_with_a_bare_line_end_is_refused(sink: SmtpSink) -> None:
    """Nothing smuggled behind a bare LF is a command."""
    replies = talk(sink, b"MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\r\n")

    assert b"500 5.5.2 bare line end" in replies
    assert sink.count == 0


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        (b"RCPT TO:<b@example.org>\r\n", b"503 5.5.1 MAIL first"),
        (b"DATA\r\n", b"503 5.5.1 RCPT first"),
        (b"MAIL a@example.org\r\n", b"501 5.5.4 MAIL FROM:<path>"),
        (b"MAIL FROM:<a@e.org>\r\nMAIL FROM:<a@e.org>\r\n", b"503 5.5.1 a transaction is open"),
        (b"MAIL FROM:<a@e.org>\r\nRCPT TO:<>\r\n", b"501 5.1.3 RCPT TO:<path>"),
        (b"MAIL FROM:<a@e.org> SIZE=99999999999\r\n", b"552 5.3.4 message too big"),
        (b"STARTTLS\r\n", b"502 5.5.1 not implemented"),
        (b"AUTH PLAIN AGEAYg==\r\n", b"502 5.5.1 not implemented"),
        (b"x" * 20_000, b"500 5.5.2 line too long"),
    ],
)
def test_it_is_strict(sink: SmtpSink, commands: bytes, reply: bytes) -> None:
    """Commands out of order or out of shape are refused."""
    assert reply in talk(sink, commands)


def test_a_rule_counts_over_its_scope() -> None:
    """Per sink, connection or recipient, a rule has its own count of moments."""
    sometimes = Rule(at=At.RSET, reply="250 rule", skip=1, times=1, each=Each.CONNECTION)
    with SmtpSink(Plan(rules=(sometimes,))) as sink:
        spoken = [talk(sink, b"RSET\r\n" * 3).count(b"250 rule") for _ in range(2)]
    with SmtpSink(Plan(rules=(close_after(1),))) as sink:
        replies = talk(sink, *[ENVELOPE + b".\r\n"] * 2)

    assert spoken == [1, 1]
    assert replies[-1] == b"421 4.7.0 too many messages"


@pytest.mark.parametrize("keep", Keep)
def test_memory_may_be_bounded(keep: Keep) -> None:
    """Bytes, or the messages altogether, need not stay in memory to be counted."""
    with SmtpSink(keep=keep) as sink:
        talk(sink, *[ENVELOPE + b"hello\r\n.\r\n"] * 2)

    assert sink.count == 2
    assert len(sink.messages) == (0 if keep is Keep.NOTHING else 2)
    assert {message.data for message in sink.messages} <= {
        b"hello\r\n" if keep is Keep.EVERYTHING else b""
    }


def test_the_sink_is_a_process_too(tmp_path: Path) -> None:
    """It says where it listens, and its audit has a line before the sender has an answer."""
    audit = tmp_path / "audit.jsonl"
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.testing.sink", "--audit", str(audit)],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        host, port = running.stdout.readline().split()
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(b"EHLO x\r\n" + ENVELOPE + b"Message-ID: <1@x>\r\n\r\nhello\r\n.\r\n")
            replies = b""
            while b"taken" not in replies:
                replies += line.recv(4096)
            running.kill()
    (facts,) = map(json.loads, audit.read_text().splitlines())

    assert facts["recipient"] == "b@example.org"
    assert facts["message_id"] == "<1@x>"
    assert facts["sha256"] == sha256(b"Message-ID: <1@x>\r\n\r\nhello\r\n").hexdigest()
