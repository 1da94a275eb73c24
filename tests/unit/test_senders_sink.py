from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.testing.inbox import Keep
from pipeline.testing.plan import (
    At,
    Each,
    Plan,
    Rule,
    close_after,
    crowded,
    cut_after,
    cut_at_end,
    stop_reading,
)
from pipeline.testing.script import Script
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


def step(line: socket.socket, command: bytes = b"") -> bytes:
    """Say one command, wait for the answer, and return it; nothing if the line was cut."""
    try:
        line.sendall(command)
        return line.recv(65_536)
    except ConnectionError:
        return b""


def test_what_was_not_offered_may_not_be_used(sink: SmtpSink) -> None:
    """A parameter of an extension nobody announced is refused; what was used is kept."""
    plan = Plan(extensions=("DSN",), size=None)
    with SmtpSink(plan) as other:
        talk(
            other,
            b"MAIL FROM:<a@example.org> RET=HDRS ENVID=x\r\n",
            b"RCPT TO:<b@example.org> NOTIFY=FAILURE\r\nDATA\r\n.\r\n",
        )
        assert b"555 5.5.4 SIZE was not offered" in talk(other, b"MAIL FROM:<a@e.org> SIZE=1\r\n")

    (message,) = other.messages
    assert (message.sender_options, message.recipient_options) == (
        "RET=HDRS ENVID=x",
        "NOTIFY=FAILURE",
    )
    assert b"555 5.5.4 RET was not offered" in talk(sink, b"MAIL FROM:<a@e.org> RET=FULL\r\n")


@pytest.mark.parametrize(
    ("extensions", "early"),
    [
        (("8BITMIME",), b"RSET\r\nNOOP\r\n"),
        (("PIPELINING",), ENVELOPE + b"a body that did not wait\r\n.\r\n"),
    ],
)
def test_a_strict_sink_hangs_up_on_early_input(extensions: tuple[str, ...], early: bytes) -> None:
    """Without PIPELINING nothing may come early, and a body never; who waits is served."""
    with SmtpSink(Plan(extensions=extensions, strict=True)) as sink:
        for before, words in ((b"EHLO x\r\n", early), (early, b"")):
            with socket.create_connection((sink.host, sink.port), timeout=10) as line:
                step(line)
                step(line, before)
                if words:
                    assert step(line, words).endswith(b"500 5.5.1 it was not your turn\r\n")
                assert step(line) == b""
        with socket.create_connection((sink.host, sink.port), timeout=10) as line:
            step(line)
            for command in (b"EHLO x", *ENVELOPE.split(b"\r\n")[:-1], b".", b"QUIT"):
                last = step(line, command + b"\r\n")

    assert last == b"221 2.0.0 goodbye\r\n"
    assert sink.count == 1


def test_a_sink_may_lie_about_pipelining() -> None:
    """It announces it, and resets the connection, unanswered, when a group comes."""
    with SmtpSink(Plan(resets_groups=True)) as sink:
        with socket.create_connection((sink.host, sink.port), timeout=10) as line:
            step(line)
            assert b"PIPELINING" in step(line, b"EHLO x\r\n")
            assert step(line, ENVELOPE) == b""
        with socket.create_connection((sink.host, sink.port), timeout=10) as line:
            step(line)
            for command in (b"EHLO x", *ENVELOPE.split(b"\r\n")[:-1], b"."):
                last = step(line, command + b"\r\n")

    assert last == b"250 2.0.0 taken\r\n"


WHOLE = b"EHLO x\r\n" + ENVELOPE + b"hello\r\n.\r\n"


@pytest.mark.parametrize("received", [1, 8, len(WHOLE) - 3, len(WHOLE) - 1, len(WHOLE)])
def test_a_connection_is_cut_at_any_byte(received: int) -> None:
    """What came before is worked on, what comes after is not, once as told."""
    with SmtpSink(Plan(rules=(cut_after(received),))) as sink:
        for _ in range(2):
            with socket.create_connection((sink.host, sink.port), timeout=10) as line:
                line.sendall(WHOLE + b"QUIT\r\n")
                while step(line):
                    pass

    assert sink.count == 1 + (received == len(WHOLE))


def test_a_connection_is_cut_between_the_dot_and_its_line_end() -> None:
    """Nothing is taken, whatever the client has sent."""
    with SmtpSink(Plan(rules=(cut_at_end(),))) as sink:
        replies = [talk(sink, ENVELOPE + b"hello\r\n.\r\n") for _ in range(2)]

    assert replies[0][-1] == b"354 go ahead"
    assert sink.count == 1


def test_a_crowd_is_sent_away_in_the_greeting() -> None:
    """So many are served at a time; who comes later is greeted with 421, until one leaves."""
    with SmtpSink(Plan(rules=(crowded(2),))) as sink, ExitStack() as lines:
        greetings = []
        for _ in range(3):
            line = socket.create_connection((sink.host, sink.port), timeout=10)
            lines.enter_context(line)
            greetings.append(step(line)[:3])
        step(line)  # hung up
        assert greetings == [b"220", b"220", b"421"]


def test_a_rate_lets_so_many_pass_in_a_second() -> None:
    """In any second as many as told and no more; refused ones do not count against it."""
    script = Script(Plan(rules=(Rule(at=At.MAIL, reply="454 slower", faster_than=10.0),)))
    passed = [
        tenth / 100
        for tenth in range(500)  # a hundred a second, for five seconds
        if script.rule(At.MAIL, connection=1, live=1, now=tenth / 100) is None
    ]

    assert len(passed) in range(50, 60)
    assert sum(moment >= 1.0 for moment in passed) in range(39, 42)


@pytest.mark.parametrize(
    ("token", "after", "answers"),
    [("right", b"", [b"235"]), ("wrong", b"\r\n", [b"334", b"535"])],
)
def test_a_token_is_a_login_too(token: str, after: bytes, answers: list[bytes]) -> None:
    """XOAUTH2 says in a challenge what is wrong with a token, and refuses after any answer."""
    plan = Plan(login=("me@example.org", "right"), mechanisms=("XOAUTH2",))
    words = f"user=me@example.org\x01auth=Bearer {token}\x01\x01".encode()
    with SmtpSink(plan) as sink:
        replies = talk(sink, b"AUTH XOAUTH2 ", b64encode(words), b"\r\n", after)

    assert [reply[:3] for reply in replies if reply[:3] in {b"235", b"334", b"535"}] == answers


def test_a_closed_window_stops_the_client() -> None:
    """A sink that no longer reads lets the client write what buffers hold, and no more."""
    with (
        SmtpSink(Plan(rules=(stop_reading(),), window_bytes=4096)) as sink,
        socket.create_connection((sink.host, sink.port), timeout=10) as line,
    ):
        step(line)
        step(line, b"EHLO x\r\n")
        step(line, ENVELOPE)
        line.setblocking(False)
        written = 0
        while select.select([], [line], [], 0.2)[1]:
            written += line.send(bytes(65_536))

    assert 0 < written < 16_000_000


def test_replies_are_whatever_a_script_says() -> None:
    """An extra reply, garbage or a line of 10 KB stand where the usual reply would."""
    strange = b"250 ok\r\n250 extra\r\n\xff\0garbage\n" + b"250 " + b"x" * 10_240 + b"\r\n"
    with SmtpSink(Plan(rules=(Rule(at=At.RSET, reply=strange),))) as sink:
        replies = talk(sink, b"RSET\r\n")

    assert b"\r\n".join([*strange.splitlines()[:2], b""]) in b"\r\n".join(replies)
    assert max(map(len, replies)) == 10_244


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
