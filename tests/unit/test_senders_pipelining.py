from __future__ import annotations

import pytest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Deferred, Envelope, Refused, Unanswered
from pipeline.senders.smtp.options import Deadlines
from pipeline.testing.carrying import ListedWork
from pipeline.testing.plan import At, Plan, Rule, refuse
from pipeline.testing.sink import SmtpSink
from tests.unit.relays import FROM, LOOPS, MESSAGE, Run, carry, readers, send, sender_to, work_for

# What a receiver and a repairing sender would read in two ways, and what dots do to lines.
BODIES = (
    b".\r\n",
    b"..\r\n",
    b".leading\r\n...\r\n",
    b"a line\r\n.\r\nQUIT\r\n",
    b"no final line end",
    b"\r\n.no final line end",
    b"",
)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Give each of the two event loops."""
    return LOOPS[request.param]


def test_a_server_that_hangs_up_on_early_input_gets_none() -> None:
    """Without PIPELINING in EHLO, or with the option off, one command follows one reply."""
    with SmtpSink(Plan(strict=True, extensions=("8BITMIME",))) as sink:
        outcomes = send(sender_to(sink), *readers(20))

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 20
    assert len(sink.messages) == 20


def test_a_body_waits_for_its_354(run: Run) -> None:
    """A server that pipelines commands and hangs up on an early body sees none (Exim)."""
    with SmtpSink(Plan(strict=True)) as sink:
        outcomes = send(sender_to(sink), *readers(50), run=run)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 50


def test_a_server_that_resets_groups_is_spoken_to_slowly(run: Run) -> None:
    """It announces PIPELINING and cannot take it; one connection is enough to learn that."""
    work = work_for(*readers(20))
    with SmtpSink(Plan(resets_groups=True)) as sink:
        outcomes = carry(sender_to(sink, connections=1), work, run)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 20
    assert sum(work.returns.values()) == 1
    assert {got.connection for got in sink.messages} == {2}


def test_pipelining_can_be_turned_off() -> None:
    """The operator knows better than EHLO."""
    work = work_for(*readers(20))
    with SmtpSink(Plan(resets_groups=True)) as sink:
        carry(sender_to(sink, connections=1, pipelining="off"), work)

    assert work.returns == {}
    assert len(sink.messages) == 20


@pytest.mark.parametrize("pipelining", ["auto", "off"])
def test_a_refusal_in_a_group_concerns_one_message(pipelining: str) -> None:
    """Every third recipient is refused; the others have their own mail, and nobody another's."""
    everybody = [
        f"bad{number}@example.org" if number % 3 == 0 else f"r{number}@example.org"
        for number in range(60)
    ]
    work = ListedWork.of(
        (Envelope(FROM, reader), MESSAGE + reader.encode() + b"\r\n") for reader in everybody
    )
    with SmtpSink(Plan(rules=(refuse("bad*"),))) as sink:
        outcomes = carry(sender_to(sink, connections=2, pipelining=pipelining), work)

    expected = [Refused if reader.startswith("bad") else Accepted for reader in everybody]
    assert [type(outcome) for outcome in outcomes] == expected
    assert len(sink.messages) == 40
    assert all(got.data == MESSAGE + got.recipient.encode() + b"\r\n" for got in sink.messages)


def test_a_354_that_nobody_may_use_is_answered_with_a_lone_dot(run: Run) -> None:
    """All recipients are refused and still DATA is answered with 354 (RFC 2920 3.1)."""
    everybody = ["bad1@example.org", "ada@example.org", "bad2@example.org", "bob@example.org"]
    rules = (refuse("bad*"), Rule(at=At.DATA, reply="354 go ahead"))
    with SmtpSink(Plan(rules=rules)) as sink:
        outcomes = send(sender_to(sink, connections=1), *everybody, run=run)

    assert [type(outcome) for outcome in outcomes] == [Refused, Accepted, Refused, Accepted]
    assert [(got.recipient, got.data) for got in sink.messages] == [
        ("ada@example.org", MESSAGE),
        ("bob@example.org", MESSAGE),
    ]


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA, At.DOT])
@pytest.mark.parametrize("pipelining", ["auto", "off"])
def test_a_put_off_message_is_settled_and_the_next_goes_on(at: At, pipelining: str) -> None:
    """451 at any step leaves the connection in step with its server."""
    rule = Rule(at=at, reply="451 4.3.0 not now", skip=2, times=2)
    with SmtpSink(Plan(rules=(rule,))) as sink:
        sender = sender_to(sink, connections=1, pipelining=pipelining)
        outcomes = send(sender, *readers(8))

    expected = [Accepted] * 2 + [Deferred] * 2 + [Accepted] * 4
    assert [type(outcome) for outcome in outcomes] == expected
    assert {got.connection for got in sink.messages} == {1}


@pytest.mark.parametrize("at", [At.GREETING, At.EHLO, At.MAIL, At.RCPT, At.DATA, At.DOT])
def test_a_reply_may_come_byte_by_byte(run: Run, at: At) -> None:
    """However the network cuts, each reply belongs to its command."""
    rule = Rule(at=at, drip_s=0.001, times=3)
    with SmtpSink(Plan(rules=(rule,))) as sink:
        outcomes = send(sender_to(sink, connections=2), *readers(12), run=run)

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 12
    assert len({got.recipient for got in sink.messages}) == len(sink.messages) == 12


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA, At.DOT])
@pytest.mark.parametrize(
    "reply",
    [
        b"250 2.0.0 ok\r\n250 2.0.0 once more\r\n",
        b"what?\r\n",
        b"250 " + b"x" * 10_000 + b"\r\n",
        b"250-a\r\n" * 500,
        b"354 go ahead\r\n250 2.0.0 taken\r\n",
    ],
)
def test_a_server_out_of_step_is_left_and_nobody_is_mixed_up(at: At, reply: bytes) -> None:
    """Extra replies and garbage end a connection; what is accepted has arrived."""
    rule = Rule(at=at, reply=reply, skip=3, times=1)
    work = work_for(*readers(12))
    with SmtpSink(Plan(rules=(rule,))) as sink:
        outcomes = carry(sender_to(sink, connections=1, deadlines=Deadlines(reply=1)), work)

    got = {message.recipient for message in sink.messages}
    for outgoing, outcome in zip(work.listed, outcomes, strict=True):
        assert isinstance(outcome, Accepted | Unanswered)
        if isinstance(outcome, Accepted):
            assert outgoing.envelope.recipient in got
    assert sum(isinstance(outcome, Unanswered) for outcome in outcomes) <= 1


@pytest.mark.parametrize("pipelining", ["auto", "off"])
def test_bytes_arrive_as_they_were(run: Run, pipelining: str) -> None:
    """Dots at line starts are doubled on the way and whole again at the end."""
    messages = [MESSAGE + body for body in BODIES]
    work = ListedWork.of((Envelope(FROM, "ada@example.org"), message) for message in messages)
    with SmtpSink() as sink:
        carry(sender_to(sink, connections=1, pipelining=pipelining), work, run)

    assert [got.data for got in sink.messages] == [
        message if message.endswith(b"\r\n") else message + b"\r\n" for message in messages
    ]


@pytest.mark.parametrize("size", [65_533, 65_535, 65_536, 65_537, 131_072, 3_000_000])
def test_long_messages_go_block_by_block(run: Run, size: int) -> None:
    """Around the size of a block nothing is lost, and the next envelope follows."""
    message = (MESSAGE + b"0123456789 abcde\r\n" * (size // 18))[: size - 2] + b"\r\n"
    with SmtpSink() as sink:
        outcomes = carry(
            sender_to(sink, connections=1),
            work_for(*readers(5), message=message, plain=True),
            run,
        )

    assert [type(outcome) for outcome in outcomes] == [Accepted] * 5
    assert [got.data for got in sink.messages] == [message] * 5


def test_notifications_are_asked_for_only_where_they_are_known() -> None:
    """DSN parameters need the option and the extension (RFC 3461)."""
    offers = Plan(extensions=("PIPELINING", "DSN"))
    with SmtpSink(offers) as knows, SmtpSink() as does_not:
        for sink in (knows, does_not):
            send(sender_to(sink, dsn=True), "ada+news@example.org")
        send(sender_to(knows), "ada+news@example.org")

    asked, unasked = knows.messages
    assert asked.sender_options.endswith("RET=HDRS ENVID=1@news.example.org")
    assert asked.recipient_options == ("NOTIFY=FAILURE,DELAY ORCPT=rfc822;ada+2Bnews@example.org")
    assert "RET" not in unasked.sender_options + does_not.messages[0].sender_options


def test_a_dripping_server_does_not_prolong_its_deadline() -> None:
    """A byte now and then is no reply, in the middle of a run either."""
    rule = Rule(at=At.MAIL, skip=5, drip_s=0.25)
    with SmtpSink(Plan(rules=(rule,))) as sink, pytest.raises(SenderUnavailable, match="too long"):
        send(sender_to(sink, deadlines=Deadlines(reply=1.0)), *readers(9))

    assert len(sink.messages) == 5
