from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest

from pipeline.delivery import books
from pipeline.delivery import journal as journal_module
from pipeline.delivery.journal import Journal
from pipeline.delivery.loop import Delivery, deliver
from pipeline.delivery.report import Progress, Report, Stop, Tally
from pipeline.delivery.run import MessageFor, Unrepresentable
from pipeline.delivery.throttle import Throttle
from pipeline.errors import SenderUnavailable, StorageBusy, StorageError
from pipeline.model.delivery import (
    Accepted,
    Claim,
    Deferred,
    DeliveryId,
    DeliveryStatus,
    Envelope,
    Outcome,
    Outgoing,
    Refused,
    RelayLimits,
    Settled,
    Unanswered,
)
from pipeline.model.dispatch import DispatchId
from pipeline.model.moment import microseconds
from pipeline.model.ports import Work
from pipeline.model.retry import RetryPolicy
from pipeline.senders.fault import SenderFault
from pipeline.testing.ledger import MemoryLedger

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
OK = Accepted(250, "2.0.0 taken")
IDENTITY = b"0123456789abcdef"
READERS = tuple(f"r{number}@example.org" for number in range(8))
PENDING, ACCEPTED = DeliveryStatus.PENDING, DeliveryStatus.ACCEPTED


@dataclass
class Scripted:
    """A sender that answers each address as it is told, and accepts the rest."""

    answers: dict[str, Outcome | BaseException] = field(default_factory=dict)
    closed: BaseException | None = None
    sent: list[str] = field(default_factory=list)
    sessions: int = 0
    then: Callable[[], None] = lambda: None  # after each message

    @contextmanager
    def open(self) -> Iterator[Scripted]:
        """Open, unless the way out is closed."""
        if self.closed:
            raise self.closed
        self.sessions += 1
        yield self

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Answer as scripted."""
        assert message
        self.sent.append(envelope.recipient)
        self.then()
        answer = self.answers.get(envelope.recipient, OK)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def message_for(claim: Claim, dated_at: int) -> Outgoing:
    """Make a message."""
    text = f"Date: {dated_at}\r\n\r\nhello\r\n"
    return Outgoing(Envelope("bounces@news.example.org", claim.address), text.encode())


class World:
    """A ledger with a dispatch to READERS, a journal folder, a sender."""

    def __init__(self, folder: Path, readers: tuple[str, ...] = READERS) -> None:
        self.journal = folder / "dispatch-1"
        self.sender = Scripted()
        self.ledger = MemoryLedger()
        self.dispatch: DispatchId = self.ledger.prepare(readers)
        self.told: list[Progress] = []
        self.now = NOW

    def deliver(
        self,
        *,
        message_for: MessageFor = message_for,
        stop: Callable[[], Stop] = lambda: Stop.NO,
        progress: Callable[[Progress], None] | None = None,
        proven: bool = False,
        resends: int = 0,
        throttle: Throttle | None = None,
    ) -> Report:
        """Run the loop once."""
        return deliver(
            self.dispatch,
            Delivery(
                ledger=self.ledger,
                sender=self.sender,
                message_for=message_for,
                throttle=throttle or Throttle({}, {}),
                remember=lambda _: None,
                policy=RetryPolicy(resends=resends),
                clock=lambda: self.now,
                journal=self.journal,
                identity=IDENTITY,
                loop="asyncio",
                proven=proven,
            ),
            stop=stop,
            progress=progress or self.told.append,
        )

    def count(self, status: DeliveryStatus) -> int:
        """Count the deliveries of a status."""
        return list(self.ledger.statuses(self.dispatch).values()).count(status)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Eight readers and a sender that takes everything."""
    return World(tmp_path)


def test_everybody_gets_one_message_over_one_session(world: World) -> None:
    """The loop ends when nothing is due, and says how many were accepted."""
    report = world.deliver()

    assert report == Report(tally=Tally(accepted=8), recovered=0)
    assert sorted(world.sender.sent) == sorted(READERS)
    assert world.sender.sessions == 1
    assert world.told[-1].tally.total == 8
    assert world.deliver() == Report(tally=Tally(), recovered=0)
    assert world.sender.sessions == 1  # nothing was due, so nobody was called


def test_thousands_come_page_by_page(tmp_path: Path) -> None:
    """Nobody is forgotten between two pages, nobody comes twice."""
    readers = tuple(f"r{number}@example.org" for number in range(1234))
    world = World(tmp_path, readers)
    report = world.deliver()

    assert report.tally == Tally(accepted=1234)
    assert sorted(world.sender.sent) == sorted(readers)


def test_each_outcome_has_its_place(world: World) -> None:
    """A refusal, a deferral and silence each concern one delivery only."""
    world.sender.answers = {
        READERS[1]: Refused(550, "5.1.1 no such mailbox"),
        READERS[3]: Deferred(451, "4.7.1 later"),
        READERS[5]: Unanswered("the line was cut"),
    }
    report = world.deliver()

    assert report.tally == Tally(accepted=5, deferred=1, refused=1, uncertain=1)
    assert report.paused_reason is None
    assert world.deliver().tally == Tally()  # the deferred one is not due yet


def test_a_deferred_delivery_keeps_its_date(world: World) -> None:
    """The second attempt sends the bytes of the first, whatever the clock says."""
    seen: list[bytes] = []

    def remember(claim: Claim, dated_at: int) -> Outgoing:
        made = message_for(claim, dated_at)
        if claim.address == READERS[3]:
            seen.append(made.message)
        return made

    world.sender.answers = {READERS[3]: Deferred(451, "4.7.1 later")}
    world.deliver(message_for=remember)
    world.sender.answers.clear()
    world.now += timedelta(hours=1)
    report = world.deliver(message_for=remember)

    assert report.tally == Tally(accepted=1)
    assert seen[0] == seen[1]


def test_start_is_in_the_journal_before_a_byte_leaves(world: World) -> None:
    """Whoever reads the journal while a message is sent finds it begun."""
    begun: list[tuple[int, ...]] = []

    def look() -> None:
        found = journal_module.read(world.journal, world.dispatch, IDENTITY)
        begun.append(tuple(each.delivery for each in found.begun))

    world.sender.then = look
    world.deliver()

    assert [len(each) for each in begun] == [1] * 8
    assert len({each[0] for each in begun}) == 8


def test_a_run_that_died_is_recovered_before_anything_is_sent(world: World) -> None:
    """What it had settled counts, what it had begun is uncertain, and nobody gets a second one."""
    at = microseconds(NOW)
    journal = Journal.open(world.journal, world.dispatch, IDENTITY)
    for number in (1, 2, 3):
        journal.start(DeliveryId(number), 1, at)
    journal.settle(Settled(DeliveryId(1), 1, ACCEPTED, at, at, None, 250, "2.0.0 queued as A1"))
    journal.flush()
    journal.close()
    report = world.deliver()

    assert (report.recovered, report.tally) == (2, Tally(accepted=5))
    assert world.count(DeliveryStatus.UNCERTAIN) == 2
    assert sorted(world.sender.sent) == sorted(READERS[3:])


def test_whoever_wants_it_so_sends_again_what_was_cut_off(world: World) -> None:
    """With the policy of resending, a START without an outcome goes out again."""
    journal = Journal.open(world.journal, world.dispatch, IDENTITY)
    journal.start(DeliveryId(1), 1, microseconds(NOW))
    journal.flush()
    journal.close()
    world.sender.answers = {READERS[4]: Unanswered("the line was cut")}
    report = world.deliver(resends=1)

    assert report.recovered == 1
    assert world.sender.sent.count(READERS[0]) == 1
    assert world.sender.sent.count(READERS[4]) == 2  # once more, and then a person is asked
    assert world.count(DeliveryStatus.UNCERTAIN) == 1
    assert world.count(ACCEPTED) == 7


def test_a_closed_way_out_is_found_before_anything_starts(world: World) -> None:
    """Nobody is touched when no session can be opened."""
    world.sender.closed = SenderUnavailable("connection refused")
    report = world.deliver()

    assert report == Report(tally=Tally(), recovered=0, paused_reason="connection refused")
    assert world.count(PENDING) == 8


@pytest.mark.parametrize(
    ("outage", "is_fault"),
    [(SenderUnavailable("421 restarting"), False), (SenderFault("535 wrong password"), True)],
)
def test_an_outage_puts_the_delivery_in_hand_back(
    world: World, outage: Exception, *, is_fault: bool
) -> None:
    """The way out closes in the middle: nobody is blamed, and the report says whose turn it is."""
    world.sender.answers = {READERS[2]: outage}
    report = world.deliver()

    assert report.paused_reason == str(outage)
    assert report.sender_fault is is_fault
    assert (report.tally.accepted, report.put_back) == (2, 1)
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
    assert world.deliver().recovered == 0  # what was put back is not taken for cut off


POLICY = Refused(550, "5.7.1 not wanted here")


def test_a_policy_refusal_among_acceptances_is_about_its_reader(world: World) -> None:
    """One guarded mailbox does not stop a newsletter."""
    world.sender.answers = {READERS[0]: POLICY}
    report = world.deliver()

    assert report.paused_reason is None
    assert (report.tally.accepted, report.tally.refused) == (7, 1)


def test_policy_refusals_and_no_acceptance_are_about_us(world: World) -> None:
    """A relay that lets nobody through blames nobody, however few they are."""
    world.sender.answers = dict.fromkeys(READERS[:3], POLICY)
    for address in READERS[3:]:
        world.sender.answers[address] = Refused(550, "5.1.1 no such mailbox")
    report = world.deliver()

    assert report.sender_fault
    assert "5.7.1" in (report.paused_reason or "")
    assert world.count(PENDING) == 3
    assert report.tally.refused == world.count(DeliveryStatus.REFUSED) == 5


def test_a_way_out_that_was_proven_is_not_doubted_for_one_reader(world: World) -> None:
    """A retry of the last reader alone may be refused by policy; others got theirs before."""
    world.sender.answers = dict.fromkeys(READERS[:2], POLICY)
    for address in READERS[2:]:
        world.sender.answers[address] = Deferred(451, "4.7.1 later")
    report = world.deliver(proven=True)

    assert report.paused_reason is None
    assert report.tally.refused == 2


def test_equal_refusals_take_their_blame_back(world: World) -> None:
    """Five in a row are about us: they are pending again and the dispatch pauses."""
    refusal = Refused(554, "5.6.0 content rejected")
    world.sender.answers = dict.fromkeys(READERS[2:], refusal)
    report = world.deliver()

    assert report.tally == Tally(accepted=2)
    assert (report.put_back, report.sender_fault) == (5, True)
    assert "554 5.6.0 content rejected" in (report.paused_reason or "")
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
    assert len(world.sender.sent) == 7


def test_a_message_that_cannot_be_made_is_refused_alone(world: World) -> None:
    """The reason is stored, no server is asked, and the others get their mail."""

    def picky(claim: Claim, dated_at: int) -> Outgoing | Unrepresentable:
        if claim.address == READERS[4]:
            return Unrepresentable("the name has a line end")
        return message_for(claim, dated_at)

    report = world.deliver(message_for=picky)

    assert report.tally == Tally(accepted=7, refused=1)
    assert READERS[4] not in world.sender.sent
    assert world.ledger.settled(world.dispatch)[READERS[4]].reply == "the name has a line end"


@pytest.mark.parametrize("before", [0, 3, 8])
def test_stopping_finishes_what_is_in_hand(world: World, before: int) -> None:
    """After the wish to stop nothing begins, and nothing begun is left half done."""
    asked = Stop.NO

    def ask() -> None:
        nonlocal asked
        asked = Stop.DRAIN if len(world.sender.sent) >= before else Stop.NO

    ask()
    world.sender.then = ask
    report = world.deliver(stop=lambda: asked)

    assert report.stopped is (before < 8) or before == 8
    assert report.tally.accepted == world.count(ACCEPTED) == len(world.sender.sent) >= before
    assert world.count(PENDING) == 8 - world.count(ACCEPTED)
    assert (world.count(ACCEPTED) == 0) is (before == 0)


def test_a_mistake_in_a_message_costs_nobody(world: World) -> None:
    """An exception of `message_for` passes through, and nothing stays in hand."""

    def broken(claim: Claim, dated_at: int) -> Outgoing:
        if claim.address == READERS[2]:
            raise ValueError("bug")
        return message_for(claim, dated_at)

    with pytest.raises(ValueError, match="bug"):
        world.deliver(message_for=broken)

    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
    assert world.deliver().recovered == 0


def test_a_mistake_of_who_watches_loses_nothing(world: World) -> None:
    """An exception of `stop` or `progress` passes through, and everything is stored before."""

    def fail(*_: object) -> NoReturn:
        raise ValueError("bug")

    with pytest.raises(ValueError, match="bug"):
        world.deliver(stop=fail)
    with pytest.raises(ValueError, match="bug"):
        world.deliver(progress=fail)

    assert world.count(ACCEPTED) + world.count(PENDING) == 8
    assert world.deliver().recovered == 0
    assert world.count(ACCEPTED) == 8


def test_a_mistake_inside_the_sender_is_uncertain(world: World) -> None:
    """Nobody knows how far the bytes came, so a person is asked."""
    world.sender.answers = {READERS[2]: ValueError("bug")}
    with pytest.raises(ValueError, match="bug"):
        world.deliver()
    world.sender.answers.clear()
    report = world.deliver()

    assert report.tally.accepted == 5
    assert world.count(DeliveryStatus.UNCERTAIN) == 1


def test_a_pause_from_elsewhere_ends_the_loop(world: World) -> None:
    """A dispatch that is no longer sending starts nothing, and the one in hand is settled."""
    world.sender.then = lambda: world.ledger.pause(world.dispatch)
    world.deliver()

    assert (world.count(ACCEPTED), world.count(PENDING)) == (1, 7)


def test_whoever_leaves_meanwhile_gets_nothing(world: World) -> None:
    """An unsubscription that is stored wins over a message that has not begun."""
    world.sender.then = lambda: world.ledger.suppress(READERS[6])
    report = world.deliver()

    assert report.tally.accepted == 7
    assert READERS[6] not in world.sender.sent
    assert world.ledger.statuses(world.dispatch)[READERS[6]] is DeliveryStatus.LEFT_OUT


def test_a_database_that_cannot_be_written_stops_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has what the database has not; the next run counts it and goes on."""

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryLedger, "settle", full)
        with pytest.raises(StorageError, match="full"):
            world.deliver()
    sent = len(world.sender.sent)
    report = world.deliver()

    assert report.recovered == 0
    assert len(world.sender.sent) == len(set(world.sender.sent)) == 8
    assert world.count(ACCEPTED) == 8
    assert report.tally.accepted == 8 - sent


def test_a_journal_that_cannot_be_written_stops_before_the_next_body(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent by then is in the database; the next run goes on."""
    flush = Journal.flush

    def failing(self: Journal) -> None:
        if len(world.sender.sent) == 3:
            raise StorageError("the disk is full")
        flush(self)

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "flush", failing)
        with pytest.raises(StorageError, match="full"):
            world.deliver()
    assert len(world.sender.sent) == 3
    report = world.deliver()

    assert len(world.sender.sent) == len(set(world.sender.sent))
    assert world.count(ACCEPTED) + world.count(DeliveryStatus.UNCERTAIN) == 8
    assert world.count(DeliveryStatus.UNCERTAIN) == report.recovered == 0


class SlowLedger(MemoryLedger):
    """Something happens between the reading of the second page and its arrival."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self.meanwhile = meanwhile
        self.pages = 0

    def due(
        self, dispatch: DispatchId, *, now: datetime, after: DeliveryId, limit: int
    ) -> tuple[Claim, ...]:
        """Read a page, and let time pass."""
        page = super().due(dispatch, now=now, after=after, limit=limit)
        self.pages += 1
        if self.pages == 2:
            self.meanwhile()
        return page


def test_whoever_leaves_while_a_page_is_read_gets_nothing(tmp_path: Path) -> None:
    """Claims that were read before somebody left are looked at again, also if others were."""
    readers = tuple(f"r{number}@example.org" for number in range(3000))
    world = World(tmp_path, readers)

    def meanwhile() -> None:
        ledger.suppress(readers[-1])
        sent = len(world.sender.sent)
        end = time.monotonic() + 10
        while len(world.sender.sent) < sent + 3 and time.monotonic() < end:
            time.sleep(0.001)  # until the sender has looked, in its thread

    ledger = world.ledger = SlowLedger(meanwhile)
    world.dispatch = ledger.prepare(readers)
    report = world.deliver()

    assert report.tally.accepted == 2999
    assert readers[-1] not in world.sender.sent


def test_a_database_that_others_keep_busy_ends_no_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import beside it passes; the journal has everything until then."""
    refusals = iter([True, False, True, True, False])

    def reluctant(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if next(refusals, False):
                raise StorageBusy("another process is writing")
            return real(*arguments, **named)

        return call

    monkeypatch.setattr(books, "BEAT", 0.001)
    monkeypatch.setattr(MemoryLedger, "settle", reluctant(MemoryLedger.settle))
    monkeypatch.setattr(MemoryLedger, "due", reluctant(MemoryLedger.due))

    assert world.deliver() == Report(tally=Tally(accepted=8), recovered=0)
    assert world.count(DeliveryStatus.ACCEPTED) == 8


@pytest.mark.parametrize("broken", ["settle", "due"])
def test_books_that_break_end_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Whatever it is, it shows, and nobody who was written to is written to again."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("bug")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryLedger, broken, fail)
        with pytest.raises(RuntimeError, match="bug"):
            world.deliver()
    world.deliver()

    assert sorted(world.sender.sent) == sorted(READERS)
    assert world.count(ACCEPTED) == 8


def test_a_slow_domain_at_the_front_holds_nobody_up(tmp_path: Path) -> None:
    """Pages behind it are read too, and who has to wait for long is told to the next run."""
    slow = tuple(f"r{number}@slow.example" for number in range(2500))
    world = World(tmp_path, (*slow, *READERS))
    report = world.deliver(throttle=Throttle({}, {"slow.example": 0.001}))

    assert set(READERS) < set(world.sender.sent)
    assert report.tally.accepted == 1 + len(READERS)
    assert report.resumes_at is not None


def test_a_run_that_reached_everybody_waits_for_nothing(world: World) -> None:
    """A quota that is used up by the last message is nobody's concern."""
    limits = {"sender": RelayLimits(daily=8)}
    report = world.deliver(throttle=Throttle(limits, {}))

    assert report.tally.accepted == 8
    assert report.resumes_at is None


def test_stopping_does_not_wait_for_a_sender_that_only_waits(world: World) -> None:
    """With nothing in hand, nobody becomes uncertain by not waiting."""

    class Connecting:
        limits: ClassVar[dict[str, RelayLimits]] = {}
        asked = Stop.NO

        async def carry(self, work: Work) -> None:
            assert await work.more("relay")
            self.asked = Stop.DRAIN
            await asyncio.sleep(3600)

    began = time.monotonic()
    connecting = Connecting()
    world.sender = connecting  # type: ignore[assignment] # a streaming one
    report = world.deliver(stop=lambda: connecting.asked)

    assert report.stopped
    assert time.monotonic() - began < 60
    assert world.count(PENDING) == 8


def test_a_sender_that_breaks_leaves_the_books_in_order(world: World) -> None:
    """Everything it settled is stored before its error shows."""

    class Breaking:
        limits: ClassVar[dict[str, RelayLimits]] = {}

        async def carry(self, work: Work) -> None:
            for _ in range(5):
                outgoing = work.take("relay")
                assert outgoing
                assert work.start(outgoing)
                work.settle(outgoing, OK, "relay")
            raise ValueError("bug")

    class Waiting(Breaking):
        async def carry(self, work: Work) -> None:
            assert await work.more("relay")
            await super().carry(work)

    world.sender = Waiting()  # type: ignore[assignment] # a streaming one
    with pytest.raises(ValueError, match="bug"):
        world.deliver()

    assert world.count(ACCEPTED) == 5
