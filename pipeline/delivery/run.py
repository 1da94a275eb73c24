"""The hot path of a run: a message is taken, started, settled. Nothing here waits for a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec import Struct

from pipeline.delivery.breaker import Breaker, EverybodyRefused
from pipeline.delivery.journal import Journal
from pipeline.delivery.queue import Queue
from pipeline.delivery.report import Tally
from pipeline.delivery.retry import decide
from pipeline.delivery.throttle import Throttle
from pipeline.errors import StorageError
from pipeline.model.delivery import (
    Accepted,
    Claim,
    Deferred,
    DeliveryStatus,
    Outcome,
    Outgoing,
    Refused,
    Settled,
)
from pipeline.model.dispatch import DispatchId
from pipeline.model.moment import microseconds, moment
from pipeline.model.ports import Clock, Ledger
from pipeline.model.retry import RetryPolicy

PATIENCE: Final = 60.0  # seconds; a quota that takes longer ends the run, and a later one goes on

LONGEST: Final = 86_400.0  # seconds; a quota that never comes back is asked about once a day
BATCH: Final = 2000  # outcomes; as many are stored without waiting for the next beat

TAKEN_BACK: Final = "taken back: the refusal was about us"
CUT_TOO_OFTEN: Final = "the connection was cut each time before the message was whole"


class Unrepresentable(Struct, frozen=True):
    """No message can be made for this one subscriber."""

    reason: str


# The message of a claim, dated so many microseconds since 1970: the same on every attempt.
MessageFor = Callable[[Claim, int], Outgoing | Unrepresentable]


class _Hand(NamedTuple):
    """A message a sender has in hand."""

    claim: Claim
    relay: str
    taken_at: int  # microseconds: its attempt began


class Run:
    """The messages of one run of a dispatch; see `ports.Work`."""

    def __init__(
        self,
        dispatch: DispatchId,
        *,
        ledger: Ledger,
        journal: Journal,
        throttle: Throttle,
        message_for: MessageFor,
        policy: RetryPolicy,
        clock: Clock,
    ) -> None:
        self.dispatch = dispatch
        self.queue = Queue(throttle)
        self.unstored: list[Settled] = []  # in the journal, not yet in the database
        self.complete = False  # the database has nothing more
        self.all_known = False  # there is nothing else to be read, or no room for it
        self.failure: Exception | None = None  # why it ended early; the first one counts
        self.resumes_at: float | None = None
        self.put_back_count = 0
        self._ledger = ledger
        self._journal = journal
        self._throttle = throttle
        self._message_for = message_for
        self._policy = policy
        self._clock = clock
        self._in_hand: dict[Outgoing, _Hand] = {}
        self._begun: set[Outgoing] = set()
        self._breaker = Breaker()
        self._counts = dict.fromkeys(DeliveryStatus, 0)
        self._version = ledger.version()
        self._closed = False
        self._news = asyncio.Event()  # for senders: messages, or the end
        self._business = asyncio.Event()  # for the books: outcomes to store, claims to read

    @property
    def closed(self) -> bool:
        """Whether no message is handed out any more."""
        return self._closed

    @property
    def backlog(self) -> int:
        """How many messages wait; see `ports.Work.backlog`."""
        return 0 if self._closed else len(self.queue)

    @property
    def on_the_wire(self) -> int:
        """How many messages senders have in hand."""
        return len(self._in_hand)

    @property
    def tally(self) -> Tally:
        """What was settled so far."""
        counts = self._counts
        return Tally(
            accepted=counts[DeliveryStatus.ACCEPTED],
            deferred=counts[DeliveryStatus.DEFERRED],
            refused=counts[DeliveryStatus.REFUSED],
            uncertain=counts[DeliveryStatus.UNCERTAIN],
        )

    def take(self, relay: str) -> Outgoing | None:
        """Make the next message; see `ports.Work.take`."""
        while not self._closed:
            now = self._clock().timestamp()
            claim = self.queue.next(relay, now)
            if claim is None:
                self._business.set()
                return None
            hand = _Hand(claim, relay, int(now * 1e6))
            dated_at = hand.taken_at if claim.dated_at is None else claim.dated_at
            try:
                made = self._message_for(claim, dated_at)
            except Exception as error:  # noqa: BLE001 - senders call from callbacks that swallow it
                self.fail(error)
                return None
            if isinstance(made, Outgoing):
                self._in_hand[made] = hand
                return made
            self._record(hand, DeliveryStatus.REFUSED, hand.taken_at, reply=made.reason)
        return None

    async def more(self, relay: str) -> bool:
        """Wait for messages; see `ports.Work.more`."""
        while not self._closed:
            now = self._clock().timestamp()
            wait = self.queue.wait(relay, now)
            if wait is not None and wait <= 0:
                return True
            if wait is not None and wait > PATIENCE and self._gives_up(relay, now):
                self.resumes_at = min(self.resumes_at or now + wait, now + wait, now + LONGEST)
                return False
            if wait is None and self.complete and not self._in_hand:
                return False
            await self._change(None if wait is None else min(wait, PATIENCE))
        return False

    def _gives_up(self, relay: str, now: float) -> bool:
        """Tell whether a long wait is for all: a slow domain may only stand before the others."""
        return self.all_known or self._throttle.relay_wait(relay, now) > PATIENCE

    def start(self, outgoing: Outgoing) -> bool:
        """Write START; see `ports.Work.start`."""
        if self._ledger.version() != self._version:
            self._look_again()
        hand = self._in_hand.get(outgoing)
        if hand is None:  # the reader left while the envelope was under way
            return False
        if self._journal.full:
            self.fail(StorageError("the disk is full; make room, then run the same command again"))
        if self.failure:
            self.put_back(outgoing)
            return False
        try:
            self._journal.start(hand.claim.delivery, hand.claim.attempt, hand.taken_at)
            self._journal.flush()
        except StorageError as error:
            self._forget(outgoing)  # its START may be written, but its body never leaves
            self.fail(error)
            return False
        self._begun.add(outgoing)
        return True

    def settle(self, outgoing: Outgoing, outcome: Outcome, relay: str) -> None:
        """Decide what follows from an outcome; see `ports.Work.settle`."""
        hand = self._forget(outgoing)
        if hand is None:
            return
        now = self._clock()
        seconds = now.timestamp()
        ended_at = int(seconds * 1e6)  # a third of the time that `microseconds` takes
        self._throttle.heard(relay, outcome, seconds)
        if isinstance(outcome, Accepted):
            if self._breaker.run:
                self._breaker = Breaker()
            status = DeliveryStatus.ACCEPTED
            self._record(hand, status, ended_at, code=outcome.code, reply=outcome.reply)
            return
        if isinstance(self.failure, EverybodyRefused) and isinstance(outcome, Refused):
            self._record(hand, DeliveryStatus.PENDING, ended_at, reply=TAKEN_BACK)
            return
        first_tried_at = hand.claim.first_tried_at
        verdict = decide(
            outcome,
            attempts=hand.claim.attempt,
            first_tried_at=moment(hand.taken_at if first_tried_at is None else first_tried_at),
            now=now,
            policy=self._policy,
        )
        settled = self._record(
            hand,
            verdict.status,
            ended_at,
            due_at=microseconds(verdict.due_at) if verdict.due_at else None,
            code=verdict.code,
            reply=verdict.reply,
        )
        self._breaker = self._breaker.observe(settled, outcome)
        if self._breaker.tripped:
            self.take_blame_back()

    def put_back(self, outgoing: Outgoing, said: Deferred | None = None) -> None:
        """Let a message wait again; see `ports.Work.put_back`."""
        begun = outgoing in self._begun
        hand = self._forget(outgoing)
        if hand is None:
            return
        now = self._clock()
        if said:
            self._throttle.heard(hand.relay, said, now.timestamp())
        if not self.queue.give_back(hand.claim, hand.relay, now.timestamp()):
            self._in_hand[outgoing] = hand
            self.settle(outgoing, Deferred(421, CUT_TOO_OFTEN), hand.relay)
            return
        self.put_back_count += 1
        if begun:  # close its START, or a crash would make it uncertain
            claim = hand.claim
            self._note(
                Settled(claim.delivery, claim.attempt, DeliveryStatus.PENDING, hand.taken_at)
            )
        self.tell()

    def flush(self) -> None:
        """Write what was settled; see `ports.Work.flush`."""
        try:
            self._journal.flush()
        except StorageError as error:
            self.fail(error)

    def take_blame_back(self) -> None:
        """Let everybody in the run of equal refusals wait again, and end: it was about us."""
        run, refusal = self._breaker.run, self._breaker.refusal
        if refusal is None:
            return
        for settled in run:
            taken_back = settled._replace(
                status=DeliveryStatus.PENDING, due_at=None, code=None, reply=TAKEN_BACK
            )
            self._note(taken_back)
            self._counts[DeliveryStatus.REFUSED] -= 1
        self.put_back_count += len(run)
        self._breaker = Breaker()
        self.fail(EverybodyRefused(refusal, len(run)))

    def blames_us(self) -> bool:
        """Whether the last refusals are about us if nobody was accepted."""
        return self._breaker.suspects_us and not self._counts[DeliveryStatus.ACCEPTED]

    def fail(self, error: Exception) -> None:
        """End the run because of an error."""
        self.failure = self.failure or error
        self.close()

    def doubt(self, seen: int) -> None:
        """Let the next START look again if anything changed since claims were read.

        A START may have looked again meanwhile, when these claims were not here yet.
        """
        if seen != self._ledger.version():
            self._version = seen

    def close(self) -> None:
        """Hand out nothing any more; what is in hand may finish."""
        self._closed = True
        self.tell()

    def tell(self) -> None:
        """Wake whoever waits for messages, and the books."""
        self._news.set()
        self._business.set()

    async def business(self, at_most: float) -> None:
        """Wait until the books have something to do, or for so many seconds."""
        self._business.clear()
        if len(self.unstored) < BATCH:
            await set_or_late(self._business, at_most)

    async def _change(self, at_most: float | None) -> None:
        """Wait until something is new, or for so many seconds."""
        self._news.clear()
        await set_or_late(self._news, at_most)

    def _forget(self, outgoing: Outgoing) -> _Hand | None:
        """Take a message out of the sender's hand; None: its reader left, so it is nobody's."""
        hand = self._in_hand.pop(outgoing, None)
        self._begun.discard(outgoing)
        if not self._in_hand:
            self.tell()
        return hand

    def _record(
        self,
        hand: _Hand,
        status: DeliveryStatus,
        ended_at: int,
        *,
        due_at: int | None = None,
        code: int | None = None,
        reply: str = "",
    ) -> Settled:
        claim = hand.claim
        settled = Settled(
            claim.delivery, claim.attempt, status, hand.taken_at, ended_at, due_at, code, reply
        )
        self._note(settled)
        self._counts[status] += 1
        if len(self.unstored) >= BATCH:
            self._business.set()
        return settled

    def _note(self, settled: Settled) -> None:
        """Let journal and database know, the journal first."""
        self._journal.settle(settled)
        self.unstored.append(settled)

    def _look_again(self) -> None:
        """Drop whoever left meanwhile, or everybody if the dispatch was stopped.

        The version is read first: what changes during the question is asked about again.
        """
        self._version = self._ledger.version()
        waiting = {
            hand.claim.delivery: outgoing
            for outgoing, hand in self._in_hand.items()
            if outgoing not in self._begun
        }
        try:
            wanted = self._ledger.wanted(self.dispatch, (*waiting, *self.queue.known()))
        except StorageError as error:
            self.fail(error)
            wanted = frozenset()
        self.queue.keep(wanted)
        for delivery in waiting.keys() - wanted:
            hand = self._in_hand.pop(waiting[delivery])
            self.queue.forget(hand.claim, hand.relay, self._clock().timestamp())
        self.complete = False  # somebody has to be marked as left out


async def set_or_late(event: asyncio.Event, at_most: float | None) -> bool:
    """Wait for an event, for so many seconds at most; tell whether it came."""
    try:
        return await asyncio.wait_for(event.wait(), at_most)
    except TimeoutError:
        return False
