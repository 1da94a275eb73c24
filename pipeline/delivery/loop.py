"""The loop that sends: one delivery in hand at a time (decision D7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.delivery.breaker import Breaker, EverybodyRefused
from pipeline.delivery.report import Progress, Report, Tally
from pipeline.delivery.retry import decide
from pipeline.errors import ConfigError, SenderUnavailable
from pipeline.model.delivery import (
    Claim,
    DeliveryId,
    DeliveryStatus,
    Envelope,
    Outcome,
    RetryPolicy,
    Verdict,
)
from pipeline.model.dispatch import DispatchId
from pipeline.model.ports import Clock, Ledger, Sender, Session


@dataclass(frozen=True, slots=True)
class Unrepresentable:
    """No message can be made for this one subscriber."""

    reason: str


MessageFor = Callable[[Claim], tuple[Envelope, bytes] | Unrepresentable]


def deliver(
    dispatch_id: DispatchId,
    *,
    ledger: Ledger,
    sender: Sender,
    message_for: MessageFor,
    policy: RetryPolicy,
    clock: Clock,
    stop: Callable[[], bool],
    progress: Callable[[Progress], None],
    proven: bool = False,
) -> Report:
    """Send what is due of a dispatch, until nothing is, or until the way out closes.

    START is durable before a body leaves, so a kill -9 makes at most the one delivery in hand
    uncertain. An exception of `message_for`, `stop` or `progress` passes through, and the delivery
    in hand is pending again.

    Args:
        dispatch_id: a dispatch whose lock the caller holds.
        ledger: its deliveries.
        sender: the way out.
        message_for: makes envelope and bytes for a claim, or says why there are none.
        policy: when to try again and when to give up.
        clock: the present moment.
        stop: asked before each message; once it is true, none is begun any more.
        progress: told of each settled delivery.
        proven: whether the way out took a message of this dispatch before.

    Returns:
        What happened. A closed way out is in it, and not an exception: the caller pauses.
    """
    loop = _Loop(
        dispatch=dispatch_id,
        ledger=ledger,
        message_for=message_for,
        policy=policy,
        clock=clock,
        stop=stop,
        progress=progress,
        proven=proven,
        recovered=ledger.recover(dispatch_id),
    )
    try:
        with sender.open() as session:
            stopped = loop.run(session)
    except SenderUnavailable as outage:
        return loop.report(paused_reason=str(outage), sender_fault=isinstance(outage, ConfigError))
    return loop.report(stopped=stopped)


@dataclass(slots=True, kw_only=True)
class _Loop:
    """One run, and what it knows so far."""

    dispatch: DispatchId
    ledger: Ledger
    message_for: MessageFor
    policy: RetryPolicy
    clock: Clock
    stop: Callable[[], bool]
    progress: Callable[[Progress], None]
    proven: bool
    recovered: int
    tally: Tally = field(default_factory=Tally)
    breaker: Breaker = field(default_factory=Breaker)
    put_back: int = 0

    def run(self, session: Session) -> bool:
        """Go from claim to claim; tell whether it ended because somebody asked."""
        claim = self.ledger.advance(self.dispatch, now=self.clock(), settled=None)
        while claim and not self._is_stopped(claim):
            verdict = self._attempt(session, claim)
            claim = self._settle(claim, verdict)
        if claim is None and self.breaker.suspects_us and not (self.proven or self.tally.accepted):
            self._take_blame_back(uncounted=0)
        return claim is not None

    def report(
        self,
        *,
        stopped: bool = False,
        paused_reason: str | None = None,
        sender_fault: bool = False,
    ) -> Report:
        """Sum up."""
        return Report(
            tally=self.tally,
            recovered=self.recovered,
            put_back=self.put_back,
            paused_reason=paused_reason,
            sender_fault=sender_fault,
            stopped=stopped,
        )

    def _is_stopped(self, claim: Claim) -> bool:
        with self._back_on(BaseException, claim):
            stopped = self.stop()
        if stopped:
            self._put_back((claim.delivery,))
        return stopped

    def _attempt(self, session: Session, claim: Claim) -> Verdict:
        with self._back_on(BaseException, claim):
            made = self.message_for(claim)
        if isinstance(made, Unrepresentable):
            return Verdict(status=DeliveryStatus.REFUSED, reply=made.reason)
        with self._back_on(SenderUnavailable, claim):
            # Any other exception leaves START as it is: nobody knows how far the bytes came.
            outcome = session.send(*made)
        self._watch(claim, outcome)
        return decide(
            outcome,
            attempts=claim.attempts,
            first_tried_at=claim.first_tried_at,
            now=self.clock(),
            policy=self.policy,
        )

    def _watch(self, claim: Claim, outcome: Outcome) -> None:
        """Take the blame back from everybody in a run of equal refusals.

        Raises:
            EverybodyRefused: the run is long enough.
        """
        self.breaker = self.breaker.observe(claim.delivery, outcome)
        if self.breaker.tripped:
            self._take_blame_back(uncounted=1)  # the last one has no verdict yet

    def _take_blame_back(self, *, uncounted: int) -> None:
        run, refusal = self.breaker.deliveries, self.breaker.refusal
        if refusal:
            self._put_back(run)
            self.tally = self.tally.without_refused(len(run) - uncounted)
            raise EverybodyRefused(refusal, len(run))

    def _settle(self, claim: Claim, verdict: Verdict) -> Claim | None:
        """Store a verdict, say so, and return the next claim."""
        following = self.ledger.advance(
            self.dispatch, now=self.clock(), settled=(claim.delivery, verdict)
        )
        self.tally = self.tally.plus(verdict.status)
        with self._back_on(BaseException, following):
            self.progress(Progress(delivery=claim.delivery, verdict=verdict, tally=self.tally))
        return following

    @contextmanager
    def _back_on(self, kind: type[BaseException], claim: Claim | None) -> Iterator[None]:
        """Put a claim back if what happens here fails before its bytes leave."""
        try:
            yield
        except kind:
            if claim:
                self._put_back((claim.delivery,))
            raise

    def _put_back(self, deliveries: tuple[DeliveryId, ...]) -> None:
        self.ledger.put_back(deliveries)
        self.put_back += len(deliveries)
