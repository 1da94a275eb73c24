"""What servers and networks do wrong, and what becomes of the readers: the whole loop each time.

After every run the same is proven: everybody is accounted for, nobody has two copies unless that
was asked for, and what the ledger says is what the server saw.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline.delivery.loop import Delivery, deliver
from pipeline.delivery.report import Report, Stop, Tally
from pipeline.delivery.throttle import Throttle
from pipeline.model.delivery import (
    Claim,
    DeliveryStatus,
    Envelope,
    Outgoing,
    RelayLimits,
)
from pipeline.model.retry import RetryPolicy
from pipeline.senders import smtp
from pipeline.senders.smtp import Smtp
from pipeline.senders.smtp.options import Deadlines
from pipeline.testing.inbox import Keep
from pipeline.testing.ledger import MemoryLedger
from pipeline.testing.plan import (
    At,
    Each,
    Plan,
    Rule,
    close_after,
    crowded,
    cut_after,
    cut_at_dot,
    cut_at_end,
    cut_in_body,
    greylist,
    refuse,
    stop_reading,
    throttle,
)
from pipeline.testing.sink import SmtpSink

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
READERS = tuple(f"r{number}@example.org" for number in range(60))
SHORT = b"Good morning, everybody.\r\n" * 40
LONG = b"Good morning, everybody.\r\n" * 500_000  # 13 MB: no socket takes it at once
ACCEPTED, REFUSED = DeliveryStatus.ACCEPTED, DeliveryStatus.REFUSED
PENDING, UNCERTAIN = DeliveryStatus.PENDING, DeliveryStatus.UNCERTAIN
USUAL = Deadlines()
QUICK = Deadlines(connect=5.0, reply=1.5, block=1.5, dot=1.5)
WAITS = (0.01, 0.02, 0.04, 0.04, 0.04, 0.04)  # more than any plan here cuts in a row


class World:
    """A dispatch to some readers, a journal, a server with a plan, and a clock set by hand."""

    def __init__(self, folder: Path, readers: tuple[str, ...] = READERS) -> None:
        self.ledger = MemoryLedger()
        self.dispatch = self.ledger.prepare(readers)
        self.readers = readers
        self.now = NOW
        self.body = SHORT
        self.resends = 0
        self.memory: Mapping[str, str] = {}
        self._journal = folder / "dispatch-1"
        self._born_at = time.monotonic()

    def send(self, sink: SmtpSink, *, deadlines: Deadlines = USUAL, **options: Any) -> Report:
        """Run the loop once against a server."""
        built = smtp.build({"host": sink.host, "port": sink.port, **options})
        relays = tuple(
            dataclasses.replace(relay, deadlines=deadlines, reconnect_waits=WAITS)
            for relay in built.relays
        )
        return self.carry(Smtp(relays, built.contexts))

    def carry(self, sender: Smtp) -> Report:
        """Run the loop once."""
        throttled = Throttle(sender.limits, {}, remembered=self.memory)
        report = deliver(
            self.dispatch,
            Delivery(
                ledger=self.ledger,
                sender=sender,
                message_for=self._message,
                throttle=throttled,
                remember=lambda _: None,
                policy=RetryPolicy(resends=self.resends),
                clock=self._clock,
                journal=self._journal,
                identity=b"0123456789abcdef",
                loop="asyncio",
            ),
            stop=lambda: Stop.NO,
            progress=lambda _: None,
        )
        self.memory = throttled.remembered()
        return report

    def those(self, status: DeliveryStatus) -> set[str]:
        """Return whose delivery stands so."""
        statuses = self.ledger.statuses(self.dispatch)
        return {reader for reader, stands in statuses.items() if stands is status}

    def prove(self, sink: SmtpSink, *, copies: int = 1) -> Counter[str]:
        """Compare the ledger with what the server saw, row by row; return the copies."""
        arrived = Counter(message.recipient for message in sink.messages)
        ids = {(message.recipient, message.message_id) for message in sink.messages}
        bodies = {
            message.data.partition(b"\r\n\r\n")[2] for message in sink.messages if message.data
        }
        assert set(self.ledger.statuses(self.dispatch)) == set(self.readers)
        assert self.those(ACCEPTED) <= set(arrived)
        assert set(arrived) <= self.those(ACCEPTED) | self.those(UNCERTAIN)
        assert max(arrived.values(), default=0) <= copies
        assert len(ids) == len(arrived)  # however many copies, one Message-ID
        assert bodies <= {self.body}
        return arrived

    def _clock(self) -> datetime:
        # Whoever waits for a token must see it come.
        return self.now + timedelta(seconds=time.monotonic() - self._born_at)

    def _message(self, claim: Claim, dated_at: int) -> Outgoing:
        head = f"Message-ID: <{claim.delivery}@news.example.org>\r\nX-Date: {dated_at}\r\n\r\n"
        envelope = Envelope("bounces@news.example.org", claim.address)
        return Outgoing(envelope, head.encode() + self.body, plain=True)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Sixty readers, nobody written to yet."""
    return World(tmp_path)


# 1


@pytest.mark.parametrize(
    "rule",
    [
        cut_in_body(200_000, times=3),
        Rule(at=At.BODY, reply=b"", after_bytes=300_000, times=3, drop=True, reset=True),
        cut_after(150, times=3),
        Rule(at=At.DATA, reply=b"", skip=3, times=3, drop=True),
    ],
    ids=["body", "reset", "early", "before the 354"],
)
def test_1_a_cut_before_the_end_is_sent_again(tmp_path: Path, rule: Rule) -> None:
    """The end of the message certainly did not leave: everybody gets one, nobody asks a person."""
    world = World(tmp_path, READERS[:8])
    world.body = LONG
    with SmtpSink(Plan(rules=(rule,), window_bytes=65_536), keep=Keep.DIGESTS) as sink:
        report = world.send(sink, connections=3)

    assert report.paused_reason is None
    assert report.put_back > 0
    assert world.those(ACCEPTED) == set(world.readers)
    assert len(world.prove(sink)) == len(world.readers)


def test_1_a_cut_between_the_dot_and_its_line_end(world: World) -> None:
    """Our last byte left, theirs did not come: nobody can know, and a person is asked."""
    with SmtpSink(Plan(rules=(cut_at_end(times=4),))) as sink:
        world.send(sink, connections=2)

    assert len(world.those(UNCERTAIN)) == 4
    assert len(world.those(ACCEPTED)) == len(READERS) - 4
    world.prove(sink)


# 2


@pytest.mark.parametrize("keep", [True, False])
def test_2_silence_after_the_dot_is_held(world: World, *, keep: bool) -> None:
    """By default nobody gets a second copy; exactly those in doubt are named."""
    with SmtpSink(Plan(rules=(cut_at_dot(keep=keep, times=5, skip=7),))) as sink:
        world.send(sink, connections=2)
    arrived = world.prove(sink)

    assert len(world.those(UNCERTAIN)) == 5
    assert len(set(arrived) & world.those(UNCERTAIN)) == (5 if keep else 0)


def test_2_silence_after_the_dot_is_resent_where_that_is_wished(world: World) -> None:
    """One second copy each, under the same Message-ID, and nobody is left in doubt."""
    world.resends = 1
    with SmtpSink(Plan(rules=(cut_at_dot(keep=True, times=5, skip=7),))) as sink:
        world.send(sink, connections=2)
    arrived = world.prove(sink, copies=2)

    assert world.those(ACCEPTED) == set(READERS)
    assert sum(arrived.values()) == len(READERS) + 5


# 3


@pytest.mark.parametrize("messages", [1, 5, 50])
def test_3_421_after_some_messages_teaches_how_many(world: World, messages: int) -> None:
    """Everybody gets one, and connections end by themselves before the server ends them."""
    with SmtpSink(Plan(rules=(close_after(messages),))) as sink:
        report = world.send(sink, connections=2)
    by_connection = Counter(message.connection for message in sink.messages)

    assert report.paused_reason is None
    assert world.those(ACCEPTED) == set(READERS)
    assert max(by_connection.values()) <= messages
    assert report.put_back <= 4  # two connections, each with what was behind the last one
    world.prove(sink)


def test_3_421_in_the_greeting_teaches_how_many_connections(world: World) -> None:
    """With others open it means "not so many", and nobody waits for it."""
    with SmtpSink(Plan(rules=(crowded(2),))) as sink:
        report = world.send(sink, connections=8)

    assert report.paused_reason is None
    assert len(world.prove(sink)) == len(READERS)


# 4


def test_4_greylisting_holds_up_nobody_else(world: World) -> None:
    """Whoever was put off comes later, with their attempts counted."""
    grey = frozenset(f"r{number}@example.org" for number in range(20, 30))
    with SmtpSink(Plan(rules=(replace(greylist(2), recipient="r2?@*"),))) as sink:
        first = world.send(sink)
        arrived_at_once = {message.recipient for message in sink.messages}
        for _ in range(2):
            world.now += timedelta(hours=1)
            world.send(sink)

    assert first.tally.deferred == 10
    assert arrived_at_once == set(READERS) - grey
    assert world.those(ACCEPTED) == set(READERS)
    assert {world.ledger.attempts(world.dispatch)[reader] for reader in grey} == {3}
    world.prove(sink)


# 5


def test_5_a_message_that_is_too_big_pauses_before_anything_is_sent(world: World) -> None:
    """The server says its limit beforehand: no reader is marked, and the issue is named."""
    with SmtpSink(Plan(size=500)) as sink:
        report = world.send(sink)

    assert report.sender_fault
    assert "500" in (report.paused_reason or "")
    assert world.those(PENDING) == set(READERS)
    assert sink.messages == ()


# 6


def test_6_a_354_that_nobody_can_use_sends_no_mail(world: World) -> None:
    """Refused readers get no empty message, and are counted as refused."""
    rules = (refuse("r1?@*"), Rule(at=At.DATA, reply="354 go on, to nobody", recipient=""))
    with SmtpSink(Plan(rules=rules)) as sink:
        world.send(sink)

    assert len(world.those(REFUSED)) == 10
    assert len(world.prove(sink)) == 50


# 7


@pytest.mark.parametrize(
    "plan",
    [
        Plan(extensions=("8BITMIME",)),
        Plan(extensions=("8BITMIME",), strict=True),
        Plan(strict=True),
        Plan(resets_groups=True),
    ],
    ids=["none offered", "hangs up on early input", "body before 354", "resets groups"],
)
def test_7_without_pipelining_it_goes_one_by_one(world: World, plan: Plan) -> None:
    """What the server does not take at once it gets in turn, and everybody gets one."""
    with SmtpSink(plan) as sink:
        report = world.send(sink, connections=3)

    assert report.paused_reason is None
    assert world.those(ACCEPTED) == set(READERS)
    world.prove(sink)


# 8


@pytest.mark.parametrize(
    "reply",
    [
        "250-2.1.0 one\r\n250-2.1.0 two\r\n250 2.1.0 three",
        b"250 2.1.0 ok\r\n250 2.1.0 and another one\r\n",
        b"\x00\xff\x80 what\r\n",
        b"250 " + b"x" * 10_000 + b"\r\n",
    ],
    ids=["many lines", "one too many", "garbage", "endless line"],
)
def test_8_replies_out_of_order_mix_up_nobody(world: World, reply: str | bytes) -> None:
    """A server that says nonsense is left; the message it was about goes again."""
    with SmtpSink(Plan(rules=(Rule(at=At.MAIL, reply=reply, skip=9, times=2),))) as sink:
        report = world.send(sink, connections=2)

    assert report.paused_reason is None
    assert world.those(ACCEPTED) == set(READERS)
    world.prove(sink)


def test_8_replies_may_drip(world: World) -> None:
    """A byte at a time is still one reply."""
    with SmtpSink(Plan(rules=(Rule(at=At.RCPT, drip_s=0.001, times=10),))) as sink:
        world.send(sink, connections=2)

    assert len(world.prove(sink)) == len(READERS)


# 9


def test_9_a_server_that_stops_reading_holds_nobody_else_up(tmp_path: Path) -> None:
    """Its message meets the deadline of writing and goes over another connection."""
    world = World(tmp_path, READERS[:8])
    world.body = LONG
    plan = Plan(rules=(stop_reading(1000, times=1),), window_bytes=65_536)
    with SmtpSink(plan, keep=Keep.DIGESTS) as sink:
        report = world.send(sink, deadlines=QUICK, connections=3)

    assert report.put_back >= 1
    assert world.those(ACCEPTED) == set(world.readers)
    world.prove(sink)


@pytest.mark.parametrize("at", [At.GREETING, At.MAIL, At.RCPT, At.DATA])
def test_9_a_slow_loris_meets_its_deadline(world: World, at: At) -> None:
    """A reply that drips for ever is none, however often a byte comes."""
    slow = Rule(at=at, drip_s=0.1, times=1, reply="250 " + "x" * 400)
    with SmtpSink(Plan(rules=(slow,))) as sink:
        report = world.send(sink, deadlines=QUICK, connections=3)

    assert report.paused_reason is None
    assert world.those(ACCEPTED) == set(READERS)
    world.prove(sink)


# 12


def test_12_a_refused_login_is_tried_once(world: World) -> None:
    """Ten tries would lock the account; nobody is marked, and the reason is said."""
    rule = Rule(at=At.AUTH, reply="535 5.7.8 no")
    with SmtpSink(Plan(login=("letter", "right"), rules=(rule,))) as sink:
        report = world.send(sink, user="letter", password="wrong", connections=10)
        again = world.send(sink, user="letter", password="wrong", connections=10)

    assert report.sender_fault
    assert again.sender_fault
    assert "535" in (report.paused_reason or "")
    assert world.those(PENDING) == set(READERS)


def test_12_a_missing_login_blames_nobody(world: World) -> None:
    """530 is about us."""
    with SmtpSink(Plan(login=("letter", "right"))) as sink:
        report = world.send(sink)

    assert report.sender_fault
    assert world.those(PENDING) == set(READERS)


# 13


def test_13_a_dead_server_marks_nobody(world: World) -> None:
    """An outage is for waiting; the next run goes on."""
    with SmtpSink() as gone:
        pass
    outage = world.send(gone)
    with SmtpSink() as sink:
        world.send(sink)

    assert outage.paused_reason
    assert not outage.sender_fault
    assert len(world.prove(sink)) == len(READERS)


# 14


def test_14_a_throttling_server_is_listened_to(world: World, tmp_path: Path) -> None:
    """454 slows the sender down; in the end everybody has one."""
    readers = tuple(f"r{number}@example.org" for number in range(300))
    world = World(tmp_path / "more", readers)
    with SmtpSink(Plan(rules=(throttle(200),))) as sink:
        reports = []
        while len(world.those(ACCEPTED)) < len(readers):
            reports.append(world.send(sink, connections=2))
            world.now += timedelta(minutes=20)
            assert len(reports) < 40

    assert len(world.prove(sink)) == len(readers)
    refused = sum(report.tally.deferred for report in reports)
    assert refused < len(readers)


def test_14_a_server_that_closes_when_pressed_is_listened_to(world: World) -> None:
    """421 gives the message back, costs nobody an attempt, and slows the next ones down."""
    rule = Rule(at=At.MAIL, reply="421 4.7.28 unusual rate of mail", skip=20, times=1, drop=True)
    with SmtpSink(Plan(rules=(rule,))) as sink:
        report = world.send(sink, connections=2)
        (learned,) = world.memory.values()

    assert report.tally == Tally(accepted=len(READERS))
    assert json.loads(learned)
    assert len(world.prove(sink)) == len(READERS)


def test_14_a_used_up_quota_is_waited_for(world: World) -> None:
    """The run ends, says until when, and the next one that is due goes on."""
    with SmtpSink() as sink:
        built = smtp.build({"host": sink.host, "port": sink.port, "daily": 25})
        reports = []
        for _ in range(3):
            reports.append(world.carry(built))
            resumes_at = reports[-1].resumes_at
            world.now = resumes_at or world.now

    assert [report.tally.accepted for report in reports] == [25, 25, 10]
    assert [bool(report.resumes_at) for report in reports] == [True, True, False]
    assert isinstance(built.relays[0].limits, RelayLimits)
    assert len(world.prove(sink)) == len(READERS)


def test_a_message_that_always_cuts_the_line_waits(world: World) -> None:
    """It is put off after three returns in a run, and the others get theirs."""
    with SmtpSink(Plan(rules=(Rule(at=At.DATA, reply=b"", recipient="r3@*", drop=True),))) as sink:
        report = world.send(sink, connections=2)

    assert report.tally.deferred == 1
    assert world.those(DeliveryStatus.DEFERRED) == {"r3@example.org"}
    assert len(world.prove(sink)) == len(READERS) - 1


# 18 is tests/unit/test_delivery_journal.py, 10 and 11 are tests/unit/test_senders_tls.py, 15 is
# test_delivery_disk.py, 16 is test_kill.py, 17 is test_send_interrupted.py


# 19


def test_19_an_address_that_is_two_commands_is_refused_alone(tmp_path: Path) -> None:
    """Whatever stands in a row of the database, it stays one recipient, with its reason."""
    bad = (
        "a@example.org>\r\nRCPT TO:<eve@example.org",
        "a b@example.org",
        '"quoted"@example.org',
        "a@example.org\n",
    )
    world = World(tmp_path, (*READERS[:5], *bad, "jörg@example.org"))
    with SmtpSink(Plan(extensions=("PIPELINING", "8BITMIME"))) as sink:
        world.send(sink)

    assert world.those(REFUSED) == {*bad, "jörg@example.org"}
    settled = world.ledger.settled(world.dispatch)
    assert all(settled[address].reply for address in world.those(REFUSED))
    assert set(world.prove(sink)) == set(READERS[:5])


# 20


def test_20_lines_that_start_with_dots_arrive(world: World) -> None:
    """What is not promised to be plain is stuffed, and arrives as it was rendered."""
    world.body = b".\r\n..\r\n.a\r\n\r\n...\r\nQUIT\r\n"
    unpromised = world._message

    def message(claim: Claim, dated_at: int) -> Outgoing:
        made = unpromised(claim, dated_at)
        return Outgoing(made.envelope, made.message)

    world._message = message  # type: ignore[method-assign] # the same, without its promise
    with SmtpSink() as sink:
        world.send(sink)

    assert len(world.prove(sink)) == len(READERS)


# 21


def test_21_a_restart_or_a_jumping_clock_changes_no_due_time(world: World) -> None:
    """Who was put off until nine is not tried before nine, whatever the clock did meanwhile."""
    with SmtpSink(Plan(rules=(greylist(1),))) as sink:
        world.send(sink)
        for jump in (timedelta(minutes=4), timedelta(hours=-5), timedelta(minutes=4)):
            world.now = NOW + jump
            assert world.send(sink).tally.total == 0
        world.now = NOW + timedelta(minutes=5)
        report = world.send(sink)

    assert report.tally.accepted == len(READERS)
    world.prove(sink)


CHAOS = Plan(
    rules=(
        cut_at_dot(keep=True, times=3, skip=20),
        cut_at_dot(keep=False, times=3, skip=60),
        Rule(at=At.DATA, reply=b"", skip=90, times=1, drop=True),
        Rule(at=At.MAIL, reply="421 4.3.2 restarting", skip=33, times=1, drop=True),
        close_after(7),
        refuse("gone*"),
        greylist(2),
        Rule(at=At.DOT, reply="452 4.3.1 disk full", recipient="full*", each=Each.RECIPIENT),
    )
)


def test_all_at_once_every_reader_ends_somewhere(tmp_path: Path) -> None:
    """Refused, greylisted, cut off and sent away: in the end each has one place and one copy."""
    kinds = ("good", "grey", "gone", "full", "odd")
    readers = tuple(f"{kind}{number}@example.org" for number in range(40) for kind in kinds)
    world = World(tmp_path, readers)
    with SmtpSink(CHAOS) as sink:
        for hours in range(0, 24 * 5, 4):
            world.now = NOW + timedelta(hours=hours)
            report = world.send(sink, connections=4)
            assert report.paused_reason is None
    arrived = world.prove(sink)

    accepted, uncertain = world.those(ACCEPTED), world.those(UNCERTAIN)
    assert accepted | uncertain | world.those(REFUSED) == set(readers)
    assert world.those(REFUSED) <= {who for who in readers if who.startswith(("gone", "full"))}
    assert len(uncertain) == 6
    assert len(set(arrived) - accepted) == 3


def test_a_relay_that_hates_the_issue_blames_nobody(world: World) -> None:
    """Content refused for everybody pauses after five, and all are still to be sent."""
    with SmtpSink(Plan(rules=(Rule(at=At.DOT, reply="554 5.6.0 looks like spam"),))) as sink:
        report = world.send(sink, connections=4)

    assert report.sender_fault
    assert report.tally.total == 0
    assert world.those(PENDING) == set(READERS)
