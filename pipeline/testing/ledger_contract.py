"""What every ledger of deliveries promises; subclass it under the name Test... and name yours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.errors import Locked
from pipeline.model.delivery import Claim, DeliveryStatus, Verdict
from pipeline.model.dispatch import DispatchId
from pipeline.model.ports import Ledger

NOW: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
SOON: Final = NOW + timedelta(minutes=5)
ADA, BOB, CYD = READERS = ("ada@example.org", "bob@example.org", "cyd@example.org")

ACCEPTED: Final = Verdict(status=DeliveryStatus.ACCEPTED, code=250, reply="2.0.0 taken")
REFUSED: Final = Verdict(status=DeliveryStatus.REFUSED, code=550, reply="5.1.1 no such mailbox")
UNCERTAIN: Final = Verdict(status=DeliveryStatus.UNCERTAIN, reply="the line was cut")
DEFERRED: Final = Verdict(
    status=DeliveryStatus.DEFERRED, due_at=SOON, code=451, reply="4.7.1 come back later"
)


class LedgerContract(ABC):
    """Needs a ledger, and hands on the world around it."""

    @abstractmethod
    def ledger(self) -> Ledger:
        """Return the ledger under test, always the same within a test, empty at its start."""

    @abstractmethod
    def prepare(self, addresses: Sequence[str]) -> DispatchId:
        """Write down a dispatch in state SENDING with a PENDING delivery for each address."""

    @abstractmethod
    def statuses(self, dispatch: DispatchId) -> Mapping[str, DeliveryStatus]:
        """Return where each address stands, read anew from wherever it is durable."""

    @abstractmethod
    def suppress(self, address: str) -> None:
        """Let an address never be written to again."""

    @abstractmethod
    def pause(self, dispatch: DispatchId) -> None:
        """Let the dispatch be no longer in state SENDING."""

    def claim(self, dispatch: DispatchId, *, now: datetime = NOW) -> Claim:
        """Claim the next delivery, of which there is one."""
        claim = self.ledger().advance(dispatch, now=now, settled=None)
        assert claim is not None
        return claim

    def test_each_delivery_is_claimed_once(self) -> None:
        """Nobody is forgotten, nobody is written to twice."""
        dispatch = self.prepare(READERS)
        claim = self.ledger().advance(dispatch, now=NOW, settled=None)
        claimed = []
        while claim:
            claimed.append(claim.address)
            claim = self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, ACCEPTED))

        assert sorted(claimed) == sorted(READERS)
        assert set(self.statuses(dispatch).values()) == {DeliveryStatus.ACCEPTED}

    def test_an_empty_dispatch_has_nothing_due(self) -> None:
        """Nothing to send is not an error."""
        dispatch = self.prepare(())

        assert self.ledger().advance(dispatch, now=NOW, settled=None) is None

    def test_start_is_written_before_anybody_holds_a_claim(self) -> None:
        """A claim is SENDING for everybody who looks."""
        dispatch = self.prepare((ADA,))
        claim = self.claim(dispatch)

        assert self.statuses(dispatch) == {ADA: DeliveryStatus.SENDING}
        assert (claim.address, claim.attempts, claim.first_tried_at) == (ADA, 1, NOW)

    def test_a_verdict_and_the_next_start_are_one_step(self) -> None:
        """Settling one delivery begins the next, and nothing lies between."""
        dispatch = self.prepare((ADA, BOB))
        first = self.claim(dispatch)
        second = self.ledger().advance(dispatch, now=NOW, settled=(first.delivery, REFUSED))

        assert second is not None
        assert self.statuses(dispatch) == {
            first.address: DeliveryStatus.REFUSED,
            second.address: DeliveryStatus.SENDING,
        }

    def test_a_deferred_delivery_waits_until_it_is_due(self) -> None:
        """It is not claimed before, and then with everything a receiver can compare the same."""
        dispatch = self.prepare((ADA,))
        first = self.claim(dispatch)
        just_before = SOON - timedelta(seconds=1)

        assert self.ledger().advance(dispatch, now=NOW, settled=(first.delivery, DEFERRED)) is None
        assert self.ledger().advance(dispatch, now=just_before, settled=None) is None
        again = self.claim(dispatch, now=SOON)
        assert (again.delivery, again.attempts) == (first.delivery, 2)
        assert (again.dated_at, again.first_tried_at) == (first.dated_at, NOW)

    def test_what_is_put_back_was_never_tried(self) -> None:
        """An outage costs nobody an attempt."""
        dispatch = self.prepare((ADA,))
        claim = self.claim(dispatch)
        self.ledger().put_back((claim.delivery,))

        assert self.statuses(dispatch) == {ADA: DeliveryStatus.PENDING}
        assert self.claim(dispatch).attempts == 1

    def test_blame_can_be_taken_back(self) -> None:
        """Refusals that turn out to be about us are pending again, all in one call."""
        dispatch = self.prepare(READERS)
        first = self.claim(dispatch)
        second = self.ledger().advance(dispatch, now=NOW, settled=(first.delivery, REFUSED))
        assert second is not None
        self.ledger().put_back((first.delivery, second.delivery))

        assert set(self.statuses(dispatch).values()) == {DeliveryStatus.PENDING}
        assert self.claim(dispatch).attempts == 1

    def test_an_acceptance_cannot_be_put_back(self) -> None:
        """Whoever has the mail does not get it again."""
        dispatch = self.prepare((ADA,))
        claim = self.claim(dispatch)
        self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, ACCEPTED))
        self.ledger().put_back((claim.delivery,))

        assert self.statuses(dispatch) == {ADA: DeliveryStatus.ACCEPTED}

    def test_recovery_asks_a_person_about_what_was_in_hand(self) -> None:
        """What a dead sender had begun is uncertain, and no machine begins it again."""
        dispatch = self.prepare((ADA, BOB))
        in_hand = self.claim(dispatch)

        assert self.ledger().recover(dispatch) == 1
        assert self.ledger().recover(dispatch) == 0
        assert self.statuses(dispatch)[in_hand.address] is DeliveryStatus.UNCERTAIN
        other = self.claim(dispatch)
        assert other.address != in_hand.address
        assert (
            self.ledger().advance(dispatch, now=SOON, settled=(other.delivery, ACCEPTED)) is None
        )

    def test_recovery_leaves_other_dispatches_alone(self) -> None:
        """Their senders may be alive."""
        mine, other = self.prepare((ADA,)), self.prepare((ADA,))
        self.claim(other)

        assert self.ledger().recover(mine) == 0
        assert self.statuses(other) == {ADA: DeliveryStatus.SENDING}

    def test_a_late_verdict_does_not_overrule_a_recovery(self) -> None:
        """Whoever lost a delivery to somebody else hears of it, and begins nothing."""
        dispatch = self.prepare((ADA, BOB))
        claim = self.claim(dispatch)
        self.ledger().recover(dispatch)
        try:
            self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, DEFERRED))
        except Locked:
            pass
        else:
            raise AssertionError("a delivery that is not in hand was settled")

        assert sorted(self.statuses(dispatch).values()) == [
            DeliveryStatus.PENDING,
            DeliveryStatus.UNCERTAIN,
        ]

    def test_silence_is_uncertain(self) -> None:
        """An unanswered message is not tried again by itself."""
        dispatch = self.prepare((ADA,))
        claim = self.claim(dispatch)

        assert (
            self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, UNCERTAIN)) is None
        )
        assert self.statuses(dispatch) == {ADA: DeliveryStatus.UNCERTAIN}

    def test_whoever_left_meanwhile_is_left_out(self) -> None:
        """An unsubscription wins until the moment a message begins."""
        dispatch = self.prepare(READERS)
        first = self.claim(dispatch)
        gone = next(address for address in READERS if address != first.address)
        self.suppress(gone)
        claim: Claim | None = first
        claimed = set()
        while claim:
            claimed.add(claim.address)
            claim = self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, ACCEPTED))

        assert claimed == set(READERS) - {gone}
        assert self.statuses(dispatch)[gone] is DeliveryStatus.LEFT_OUT

    def test_whoever_left_is_not_retried(self) -> None:
        """A deferred delivery asks again whether it is still wanted."""
        dispatch = self.prepare((ADA,))
        claim = self.claim(dispatch)
        self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, DEFERRED))
        self.suppress(ADA)

        assert self.ledger().advance(dispatch, now=SOON, settled=None) is None
        assert self.statuses(dispatch) == {ADA: DeliveryStatus.LEFT_OUT}

    def test_a_paused_dispatch_begins_nothing_and_forgets_nothing(self) -> None:
        """The delivery in hand is settled, and no other is begun."""
        dispatch = self.prepare((ADA, BOB))
        claim = self.claim(dispatch)
        self.pause(dispatch)

        assert self.ledger().advance(dispatch, now=NOW, settled=(claim.delivery, ACCEPTED)) is None
        assert sorted(self.statuses(dispatch).values()) == [
            DeliveryStatus.ACCEPTED,
            DeliveryStatus.PENDING,
        ]
