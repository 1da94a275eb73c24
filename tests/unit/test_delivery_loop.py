from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from pipeline.delivery.loop import MessageFor, Unrepresentable, deliver
from pipeline.delivery.report import Progress, Report, Tally
from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import (
    Accepted,
    Claim,
    Deferred,
    DeliveryStatus,
    Envelope,
    Outcome,
    Refused,
    RetryPolicy,
    Unanswered,
)
from pipeline.model.dispatch import DispatchId
from pipeline.senders.fault import SenderFault
from pipeline.testing.ledger import MemoryLedger

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
OK = Accepted(250, "2.0.0 taken")
READERS = tuple(f"r{number}@example.org" for number in range(8))
PENDING, SENDING, ACCEPTED = (
    DeliveryStatus.PENDING,
    DeliveryStatus.SENDING,
    DeliveryStatus.ACCEPTED,
)


@dataclass
class Scripted:
    """A sender that answers each address as it is told, and accepts the rest."""

    answers: dict[str, Outcome | BaseException] = field(default_factory=dict)
    closed: BaseException | None = None
    sent: list[str] = field(default_factory=list)
    sessions: int = 0

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
        answer = self.answers.get(envelope.recipient, OK)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def message_for(claim: Claim) -> tuple[Envelope, bytes]:
    """Make a message."""
    return Envelope("bounces@news.example.org", claim.address), b"Subject: hello\r\n\r\n"


@dataclass
class World:
    """A ledger with a dispatch to READERS, a sender, and what progress was told."""

    sender: Scripted = field(default_factory=Scripted)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    told: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatch: DispatchId = self.ledger.prepare(READERS)

    def deliver(
        self,
        *,
        message_for: MessageFor = message_for,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[Progress], None] | None = None,
        proven: bool = False,
    ) -> Report:
        """Run the loop once."""
        return deliver(
            self.dispatch,
            ledger=self.ledger,
            sender=self.sender,
            message_for=message_for,
            policy=RetryPolicy(),
            clock=lambda: NOW,
            stop=stop,
            progress=progress or self.told.append,
            proven=proven,
        )

    def count(self, status: DeliveryStatus) -> int:
        """Count the deliveries of a status."""
        return list(self.ledger.statuses(self.dispatch).values()).count(status)


def test_everybody_gets_one_message_over_one_session() -> None:
    """The loop ends when nothing is due, and says how many were accepted."""
    world = World()
    report = world.deliver()

    assert report == Report(tally=Tally(accepted=8), recovered=0)
    assert world.sender.sent == list(READERS)
    assert world.sender.sessions == 1
    assert [told.tally.total for told in world.told] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_each_outcome_has_its_place() -> None:
    """A refusal, a deferral and silence each concern one delivery only."""
    answers: dict[str, Outcome | BaseException] = {
        READERS[1]: Refused(550, "5.1.1 no such mailbox"),
        READERS[3]: Deferred(451, "4.7.1 later"),
        READERS[5]: Unanswered("the line was cut"),
    }
    world = World(Scripted(answers))
    report = world.deliver()

    assert report.tally == Tally(accepted=5, deferred=1, refused=1, uncertain=1)
    assert report.paused_reason is None
    assert world.deliver().tally == Tally()  # the deferred one is not due yet


def test_start_is_written_before_a_byte_leaves() -> None:
    """Whoever looks while a message is made or sent sees it SENDING."""
    world = World()
    seen: list[DeliveryStatus] = []

    def look(claim: Claim) -> tuple[Envelope, bytes]:
        seen.append(world.ledger.statuses(world.dispatch)[claim.address])
        return message_for(claim)

    world.deliver(message_for=look)

    assert seen == [SENDING] * 8


def test_progress_is_told_of_settled_deliveries_only() -> None:
    """What progress hears is in the ledger already."""
    world = World()
    world.deliver(
        progress=lambda told: (
            world.told.append(told)
            if world.ledger.statuses(world.dispatch)[READERS[told.delivery - 1]] is ACCEPTED
            else None
        )
    )

    assert len(world.told) == 8


def test_a_closed_way_out_is_found_before_anything_starts() -> None:
    """Nobody is touched when no session can be opened."""
    world = World(Scripted(closed=SenderUnavailable("connection refused")))
    report = world.deliver()

    assert report == Report(tally=Tally(), recovered=0, paused_reason="connection refused")
    assert world.count(PENDING) == 8


@pytest.mark.parametrize(
    ("outage", "is_fault"),
    [(SenderUnavailable("421 restarting"), False), (SenderFault("535 wrong password"), True)],
)
def test_an_outage_puts_the_delivery_in_hand_back(outage: Exception, is_fault: bool) -> None:
    """The way out closes in the middle: nobody is blamed, and the report says whose turn it is."""
    world = World(Scripted({READERS[2]: outage}))
    report = world.deliver()

    assert report.paused_reason == str(outage)
    assert report.sender_fault is is_fault
    assert (report.tally.accepted, report.put_back) == (2, 1)
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)


POLICY = Refused(550, "5.7.1 not wanted here")


def test_a_policy_refusal_among_acceptances_is_about_its_reader() -> None:
    """One guarded mailbox does not stop a newsletter."""
    world = World(Scripted({READERS[0]: POLICY}))
    report = world.deliver()

    assert report.paused_reason is None
    assert (report.tally.accepted, report.tally.refused) == (7, 1)


def test_policy_refusals_and_no_acceptance_are_about_us() -> None:
    """A relay that lets nobody through blames nobody, however few they are."""
    world = World(Scripted(dict.fromkeys(READERS[:3], POLICY)))
    for address in READERS[3:]:
        world.sender.answers[address] = Refused(550, "5.1.1 no such mailbox")
    report = world.deliver()

    assert report.sender_fault
    assert "5.7.1" in (report.paused_reason or "")
    assert world.count(PENDING) == 3
    assert report.tally.refused == world.count(DeliveryStatus.REFUSED) == 5


def test_a_way_out_that_was_proven_is_not_doubted_for_one_reader() -> None:
    """A retry of the last reader alone may be refused by policy; others got theirs before."""
    world = World(Scripted(dict.fromkeys(READERS[:2], POLICY)))
    for address in READERS[2:]:
        world.sender.answers[address] = Deferred(451, "4.7.1 later")
    report = world.deliver(proven=True)

    assert report.paused_reason is None
    assert report.tally.refused == 2


def test_equal_refusals_take_their_blame_back() -> None:
    """Five in a row are about us: they are pending again and the dispatch pauses."""
    refusal = Refused(554, "5.6.0 content rejected")
    world = World(Scripted(dict.fromkeys(READERS[2:], refusal)))
    report = world.deliver()

    assert report.tally == Tally(accepted=2)
    assert (report.put_back, report.sender_fault) == (5, True)
    assert "554 5.6.0 content rejected" in (report.paused_reason or "")
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
    assert len(world.sender.sent) == 7


def test_a_message_that_cannot_be_made_is_refused_alone() -> None:
    """The reason is stored, no server is asked, and the others get their mail."""
    world = World()

    def picky(claim: Claim) -> tuple[Envelope, bytes] | Unrepresentable:
        if claim.address == READERS[4]:
            return Unrepresentable("the name has a line end")
        return message_for(claim)

    report = world.deliver(message_for=picky)

    assert report.tally == Tally(accepted=7, refused=1)
    assert READERS[4] not in world.sender.sent
    assert world.ledger.verdicts(world.dispatch)[READERS[4]].reply == "the name has a line end"


@pytest.mark.parametrize("before", [0, 3, 8])
def test_stopping_finishes_what_is_in_hand(before: int) -> None:
    """After the wish to stop nothing begins, and nothing begun is left half done."""
    world = World()
    report = world.deliver(stop=lambda: len(world.sender.sent) >= before)

    assert report.tally.accepted == before
    assert report.stopped is (before < 8)
    assert (world.count(ACCEPTED), world.count(PENDING)) == (before, 8 - before)


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt()])
def test_a_mistake_before_the_bytes_leave_costs_nobody(error: BaseException) -> None:
    """Exceptions of the caller's functions pass through, and nothing stays in hand."""

    def broken(claim: Claim) -> tuple[Envelope, bytes]:
        if claim.address == READERS[2]:
            raise error
        return message_for(claim)

    def fail() -> bool:
        raise error

    def deaf(_: Progress) -> None:
        raise error

    world = World()
    with pytest.raises(type(error)):
        world.deliver(message_for=broken)
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
    with pytest.raises(type(error)):
        world.deliver(stop=fail)
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
    with pytest.raises(type(error)):
        world.deliver(progress=deaf)
    assert (world.count(ACCEPTED), world.count(PENDING)) == (3, 5)


def test_a_mistake_inside_the_sender_is_uncertain() -> None:
    """Nobody knows how far the bytes came, so the next run asks a person."""
    world = World(Scripted({READERS[2]: ValueError("bug")}))
    with pytest.raises(ValueError, match="bug"):
        world.deliver()
    world.sender.answers.clear()
    report = world.deliver()

    assert report.recovered == 1
    assert report.tally.accepted == 5
    assert world.count(DeliveryStatus.UNCERTAIN) == 1


def test_a_pause_from_elsewhere_ends_the_loop() -> None:
    """A dispatch that is no longer sending starts nothing, and the one in hand is settled."""
    world = World()
    world.deliver(progress=lambda told: world.ledger.pause(world.dispatch) if told else None)

    # The second was claimed before progress could tell of the first.
    assert (world.count(ACCEPTED), world.count(PENDING)) == (2, 6)
