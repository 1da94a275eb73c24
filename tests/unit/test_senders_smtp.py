from __future__ import annotations

import pytest

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Accepted, Deferred, Envelope, Refused, Unanswered
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp import Smtp
from pipeline.senders.smtp.options import Deadlines, SmtpOptions, Tls
from pipeline.testing.carrying import ListedWork
from pipeline.testing.plan import (
    At,
    Plan,
    Rule,
    cut_at_dot,
    greylist,
    refuse,
)
from pipeline.testing.sink import SmtpSink
from tests.unit.relays import (
    FROM,
    LONG,
    LOOPS,
    MESSAGE,
    Run,
    carry,
    hasty,
    readers,
    send,
    sender_to,
)

# Short where the test waits for a deadline to pass, long where it must not.
SHORT_REPLY = Deadlines(reply=0.2)
SHORT_BLOCK = Deadlines(block=0.5)
SHORT_DOT = Deadlines(dot=1.0)


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    """Give each of the two event loops."""
    return LOOPS[request.param]


def test_each_recipient_has_a_transaction_of_their_own(run: Run) -> None:
    """One message, one recipient, one connection for all of them."""
    with SmtpSink() as sink:
        outcomes = send(sender_to(sink), "ada@example.org", "bob@example.org", run=run)

    assert outcomes == [Accepted(250, "2.0.0 taken")] * 2
    assert [(got.sender, got.recipient, got.connection) for got in sink.messages] == [
        (FROM, "ada@example.org", 1),
        (FROM, "bob@example.org", 1),
    ]


@pytest.mark.parametrize("pipelining", ["auto", "off"])
def test_many_messages_arrive_once_each(run: Run, pipelining: str) -> None:
    """Everybody gets the message, whole, and nobody gets it twice."""
    everybody = readers(300)
    with SmtpSink() as sink:
        outcomes = send(sender_to(sink, pipelining=pipelining), *everybody, run=run)

    assert outcomes == [Accepted(250, "2.0.0 taken")] * 300
    assert sorted(got.recipient for got in sink.messages) == sorted(everybody)
    assert {got.data for got in sink.messages} == {MESSAGE}


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA, At.DOT])
def test_421_again_and_again_closes_the_way_out(at: At) -> None:
    """Who is sent away each time gives up; the message certainly did not leave."""
    rule = Rule(at=at, reply="421 4.3.2 restarting", drop=True)
    with (
        SmtpSink(Plan(rules=(rule,))) as sink,
        pytest.raises(SenderUnavailable, match=r"421 4.3.2 restarting") as outage,
    ):
        send(sender_to(sink), "ada@example.org")

    assert not isinstance(outage.value, SenderFault)
    assert sink.messages == ()


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA, At.DOT])
def test_4xx_defers_one_delivery(at: At) -> None:
    """The session goes on after a temporary refusal at any step."""
    rule = Rule(at=at, reply="451 4.3.0 not now", times=1)
    with SmtpSink(Plan(rules=(rule,))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org", "bob@example.org")

    assert outcomes == [Deferred(451, "4.3.0 not now"), Accepted(250, "2.0.0 taken")]
    assert [got.recipient for got in sink.messages] == ["bob@example.org"]


@pytest.mark.parametrize("at", [At.RCPT, At.DATA, At.DOT])
def test_5xx_refuses_one_delivery(at: At) -> None:
    """The session goes on after a permanent refusal at any step but MAIL."""
    rule = Rule(at=at, reply="554 5.6.0 no", times=1)
    with SmtpSink(Plan(rules=(rule,))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org", "bob@example.org")

    assert outcomes == [Refused(554, "5.6.0 no"), Accepted(250, "2.0.0 taken")]
    assert [got.recipient for got in sink.messages] == ["bob@example.org"]


def test_greylisting_holds_up_nobody_else() -> None:
    """A greylisted recipient is deferred once, the others are accepted at once."""
    with SmtpSink(Plan(rules=(greylist(),))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org", "ada@example.org")

    assert [type(outcome) for outcome in outcomes] == [Deferred, Accepted]


def test_a_reply_is_kept_without_the_reader() -> None:
    """What a server says of an address is stored without the address."""
    rule = refuse("ada@*", "550 5.1.1 <Ada@Example.org>: no such mailbox")
    with SmtpSink(Plan(rules=(rule,))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org")

    assert outcomes == [Refused(550, "5.1.1 <...>: no such mailbox")]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(at=At.GREETING, reply="554 5.3.2 no mail here"),
        Rule(at=At.MAIL, reply="550 5.1.8 we do not know you"),
        Rule(at=At.RCPT, reply="550 5.7.25 no reverse name"),
        Rule(at=At.DOT, reply="550 5.7.26 not authenticated"),
    ],
)
def test_a_fault_of_ours_blames_nobody(rule: Rule) -> None:
    """The way out is closed until a person looks, and one connection was enough to know."""
    with (
        SmtpSink(Plan(rules=(rule,))) as sink,
        pytest.raises(SenderFault, match=rf"{str(rule.reply)[:9]}"),
    ):
        send(sender_to(sink), "ada@example.org")

    assert sink.messages == ()


def test_a_busy_greeting_is_an_outage() -> None:
    """421 or 4xx instead of a greeting passes by itself."""
    with (
        SmtpSink(Plan(rules=(Rule(at=At.GREETING, reply="421 4.3.2 busy", drop=True),))) as sink,
        pytest.raises(SenderUnavailable, match=r"421 4.3.2 busy") as outage,
    ):
        send(sender_to(sink), "ada@example.org")

    assert not isinstance(outage.value, SenderFault)


@pytest.mark.parametrize("keep", [True, False])
def test_silence_after_the_dot_is_not_resolved_by_sending_again(keep: bool) -> None:
    """Whether the server took the message or not, we cannot know, and the session goes on."""
    with SmtpSink(Plan(rules=(cut_at_dot(keep=keep),))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org", "bob@example.org")

    assert [type(outcome) for outcome in outcomes] == [Unanswered, Accepted]
    assert [got.recipient for got in sink.messages].count("ada@example.org") == int(keep)
    assert [got.recipient for got in sink.messages].count("bob@example.org") == 1


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    """After silence the connection is given up: its answer may still come."""
    late = Rule(at=At.DOT, reply="550 5.1.1 no such mailbox", delay_s=1.5, times=1)
    with SmtpSink(Plan(rules=(late,))) as sink:
        outcomes = send(sender_to(sink, deadlines=SHORT_DOT), "ada@example.org", "bob@example.org")

    assert outcomes == [Unanswered("the server took too long"), Accepted(250, "2.0.0 taken")]
    assert [got.connection for got in sink.messages] == [2]


@pytest.mark.parametrize(
    "reply", [b"what?\r\n", b"354 more\r\n", b"250-one\r\n550 two\r\n", b"2" * 5000, b""]
)
def test_an_unreadable_answer_to_the_message_is_silence(reply: bytes) -> None:
    """Garbage after the final dot says neither yes nor no."""
    with SmtpSink(Plan(rules=(Rule(at=At.DOT, reply=reply, keep=True),))) as sink:
        outcomes = send(sender_to(sink, deadlines=SHORT_DOT), "ada@example.org")

    assert [type(outcome) for outcome in outcomes] == [Unanswered]


@pytest.mark.parametrize("at", [At.GREETING, At.EHLO, At.MAIL, At.RCPT, At.DATA])
@pytest.mark.parametrize(
    "reply", [b"what?\r\n", b"2" * 5000, b"250-x\r\n" * 200, b"354 a\r\n250 b\r\n", b""]
)
def test_an_unreadable_answer_to_a_command_is_an_outage(at: At, reply: bytes) -> None:
    """Garbage, endless and missing replies end within the deadline, with nothing sent."""
    with (
        SmtpSink(Plan(rules=(Rule(at=at, reply=reply),))) as sink,
        pytest.raises(SenderUnavailable),
    ):
        send(sender_to(sink, deadlines=SHORT_REPLY), "ada@example.org")

    assert sink.messages == ()


@pytest.mark.parametrize("at", [At.GREETING, At.EHLO, At.MAIL, At.DATA])
def test_a_dripping_reply_meets_its_deadline(at: At) -> None:
    """A byte now and then does not prolong a reply."""
    with (
        SmtpSink(Plan(rules=(Rule(at=at, drip_s=0.05),))) as sink,
        pytest.raises(SenderUnavailable, match="took too long"),
    ):
        send(sender_to(sink, deadlines=SHORT_REPLY), "ada@example.org")

    assert sink.messages == ()


def test_a_dripping_answer_to_the_message_is_silence() -> None:
    """After the dot a missed deadline means that nobody knows."""
    with SmtpSink(Plan(rules=(Rule(at=At.DOT, drip_s=0.25),))) as sink:
        outcomes = send(sender_to(sink, deadlines=SHORT_DOT), "ada@example.org")

    assert outcomes == [Unanswered("the server took too long")]


def test_a_server_that_reads_nothing_meets_its_deadline() -> None:
    """A closed window does not hold a message for ever, and the message did not leave."""
    stuck = Rule(at=At.BODY, reply=b"", after_bytes=1, delay_s=60, deaf=True)
    with (
        SmtpSink(Plan(rules=(stuck,))) as sink,
        pytest.raises(SenderUnavailable, match="took too long"),
    ):
        send(sender_to(sink, deadlines=SHORT_BLOCK), "ada@example.org", message=LONG)

    assert sink.messages == ()


def test_a_reply_out_of_turn_ends_the_connection() -> None:
    """A server that says 250 before it has the message is not believed."""
    early = Rule(at=At.DATA, reply=b"354 go ahead\r\n250 2.0.0 taken\r\n", times=1)
    with SmtpSink(Plan(rules=(early,))) as sink:
        outcomes = send(sender_to(sink), "ada@example.org")

    assert outcomes == [Accepted(250, "2.0.0 taken")]
    assert [got.connection for got in sink.messages] == [2]


def test_replies_in_many_lines_are_one_reply() -> None:
    """Every reply of a dialogue may have several lines."""
    rules = tuple(
        Rule(at=at, reply=f"{code}-first\r\n{code}-second\r\n{code} last")
        for at, code in {
            At.GREETING: 220,
            At.MAIL: 250,
            At.RCPT: 250,
            At.DATA: 354,
            At.DOT: 250,
        }.items()
    )
    with SmtpSink(Plan(rules=rules)) as sink:
        assert send(sender_to(sink), "ada@example.org") == [Accepted(250, "first second last")]


def test_a_server_without_extensions_is_greeted_the_old_way() -> None:
    """HELO follows a refused EHLO."""
    with SmtpSink(Plan(rules=(Rule(at=At.EHLO, reply="502 5.5.1 what?"),))) as sink:
        assert send(sender_to(sink), "ada@example.org") == [Accepted(250, "2.0.0 taken")]


def test_a_message_that_is_too_big_is_known_before() -> None:
    """The announced SIZE stops the issue, not its readers."""
    with (
        SmtpSink(Plan(size=len(MESSAGE) - 1)) as sink,
        pytest.raises(SenderFault, match=f"the server takes {len(MESSAGE) - 1}"),
    ):
        send(sender_to(sink), "ada@example.org")


def test_bytes_that_the_server_does_not_take_are_not_sent() -> None:
    """8-bit bytes need 8BITMIME, and a bare line end never leaves."""
    with SmtpSink(Plan(extensions=())) as sink:
        for message in (MESSAGE + "å\r\n".encode(), MESSAGE + b"bare\n"):
            with pytest.raises(SenderFault):
                send(sender_to(sink), "ada@example.org", message=message)

    assert sink.messages == ()


def test_8_bit_bytes_arrive_where_they_are_taken() -> None:
    """With 8BITMIME the message is sent as it is."""
    with SmtpSink() as sink:
        send(sender_to(sink), "ada@example.org", message=MESSAGE + "å\r\n".encode())

    assert sink.messages[0].data == MESSAGE + "å\r\n".encode()


def test_a_local_part_that_cannot_be_carried_is_refused_alone() -> None:
    """Without SMTPUTF8 one recipient fails with the reason; with it they get their mail."""
    recipients = ("ådå@example.org", "bob@bücher.example")
    with SmtpSink(Plan(extensions=())) as plain:
        refused, accepted = send(sender_to(plain), *recipients)
    with SmtpSink() as sink:
        outcomes = send(sender_to(sink), *recipients)

    assert isinstance(refused, Refused)
    assert refused.reply.startswith("5.6.7")
    assert isinstance(accepted, Accepted)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted]
    assert [got.recipient for got in sink.messages] == [
        "ådå@example.org",
        "bob@xn--bcher-kva.example",
    ]


def test_a_bad_envelope_sender_is_our_fault() -> None:
    """Nobody is refused because of our own address."""
    work = ListedWork.of([(Envelope("a@e.org>\r\nDATA", "ada@example.org"), MESSAGE)])
    with SmtpSink() as sink, pytest.raises(SenderFault, match="envelope sender"):
        carry(sender_to(sink), work)

    assert (work.results, len(work.waiting)) == ([None], 1)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_login_comes_before_the_mail(mechanism: str) -> None:
    """Either mechanism opens a server that wants one."""
    plan = Plan(login=("ada", "grün"), mechanisms=("XOAUTH2", mechanism))
    with SmtpSink(plan) as sink:
        outcomes = send(sender_to(sink, user="ada", password="grün"), "bob@example.org")

    assert outcomes == [Accepted(250, "2.0.0 taken")]


def test_a_refused_login_is_tried_once() -> None:
    """A wrong password is a fault that no clock repeats, and no message shows it."""
    once = Rule(at=At.AUTH, reply="535 5.7.8 go away", times=1)
    with SmtpSink(Plan(login=("ada", "secret"), rules=(once,))) as sink:
        sender = sender_to(sink, user="ada", password="secret")
        with pytest.raises(SenderFault, match=r"535 5.7.8 go away") as fault:
            send(sender, "bob@example.org")
        again = send(sender, "bob@example.org")  # the rule was used up by exactly one attempt

    assert "secret" not in str(fault.value)
    assert [type(outcome) for outcome in again] == [Accepted]


def test_a_login_that_is_put_off_is_an_outage() -> None:
    """454 to AUTH passes by itself."""
    rule = Rule(at=At.AUTH, reply="454 4.7.0 try later")
    with (
        SmtpSink(Plan(login=("ada", "secret"), rules=(rule,))) as sink,
        pytest.raises(SenderUnavailable, match=r"454 4.7.0") as outage,
    ):
        send(sender_to(sink, user="ada", password="secret"), "bob@example.org")

    assert not isinstance(outage.value, SenderFault)


def test_a_missing_login_is_our_fault() -> None:
    """530 to MAIL says what to set."""
    with (
        SmtpSink(Plan(login=("ada", "secret"))) as sink,
        pytest.raises(SenderFault, match=r"530 5.7.0 authentication required"),
    ):
        send(sender_to(sink), "bob@example.org")


def test_an_unknown_login_is_our_fault() -> None:
    """A server that offers no mechanism of ours is told no password."""
    with (
        SmtpSink(Plan(login=("ada", "secret"), mechanisms=("GSSAPI",))) as sink,
        pytest.raises(SenderFault, match="it offers GSSAPI"),
    ):
        send(sender_to(sink, user="ada", password="secret"), "bob@example.org")


def test_an_unknown_host_is_our_fault() -> None:
    """A name that does not exist is a mistake in the settings (RFC 6761: .invalid never is)."""
    options = SmtpOptions(host="relay.invalid", port=25, tls=Tls.OFF)
    with pytest.raises(SenderUnavailable, match="the host is not found"):
        send(hasty(Smtp((options,), {})), "ada@example.org")
