"""What every ledger of deliveries promises; subclass it under the name Test... and name yours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.model.delivery import Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.moment import microseconds
from pipeline.model.ports import Ledger

NOW: Final = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
SOON: Final = NOW + timedelta(minutes=5)
LATER: Final = NOW + timedelta(minutes=15)
ADA, BOB, CYD = READERS = ("ada@example.org", "bob@example.org", "cyd@example.org")
NOBODY: Final = DeliveryId(0)

PENDING, DEFERRED, ACCEPTED, REFUSED, UNCERTAIN, LEFT_OUT = (
    DeliveryStatus.PENDING,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.REFUSED,
    DeliveryStatus.UNCERTAIN,
    DeliveryStatus.LEFT_OUT,
)


def ended(
    claim: Claim, status: DeliveryStatus, *, at: datetime = NOW, due_at: datetime = SOON
) -> Settled:
    """Return the end of the attempt that a claim is for; a deferred one is due again SOON."""
    return Settled(
        claim.delivery,
        claim.attempt,
        status,
        microseconds(at),
        microseconds(at),
        due_at=microseconds(due_at) if status is DEFERRED else None,
        code={ACCEPTED: 250, DEFERRED: 451, REFUSED: 550}.get(status),
        reply=f"as {status} as it gets",
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
        """Let an address never be written to again; somebody else does it."""

    @abstractmethod
    def pause(self, dispatch: DispatchId) -> None:
        """Let the dispatch be no longer in state SENDING; somebody else does it."""

    def due(
        self,
        dispatch: DispatchId,
        *,
        now: datetime = NOW,
        after: DeliveryId = NOBODY,
        limit: int = 100,
    ) -> tuple[Claim, ...]:
        """Return what is to be tried."""
        return self.ledger().due(dispatch, now=now, after=after, limit=limit)

    def settle(self, dispatch: DispatchId, *settled: Settled) -> None:
        """Store what became of attempts, all in one call."""
        self.ledger().settle(dispatch, settled)

    def test_everybody_is_due_once_in_a_steady_order(self) -> None:
        """Page after page nobody is forgotten and nobody comes twice."""
        dispatch = self.prepare(READERS)
        first = self.due(dispatch, limit=2)
        second = self.due(dispatch, after=first[-1].delivery, limit=2)
        everybody = [*first, *second]

        assert [len(first), len(second)] == [2, 1]
        assert [claim.address for claim in everybody] == list(READERS)
        assert [claim.attempt for claim in everybody] == [1, 1, 1]
        assert sorted(claim.delivery for claim in everybody) == [c.delivery for c in everybody]
        assert self.due(dispatch, after=everybody[-1].delivery) == ()

    def test_a_claim_of_the_first_attempt_has_no_date_yet(self) -> None:
        """Nothing was sent that a receiver could compare."""
        [claim] = self.due(self.prepare((ADA,)))

        assert (claim.dated_at, claim.first_tried_at) == (None, None)

    def test_to_look_is_not_to_begin(self) -> None:
        """What is due stays due until somebody says what became of it."""
        dispatch = self.prepare(READERS)

        assert self.due(dispatch) == self.due(dispatch)
        assert set(self.statuses(dispatch).values()) == {PENDING}

    def test_an_empty_dispatch_has_nothing_due(self) -> None:
        """Nothing to send is not an error, and nothing to store neither."""
        dispatch = self.prepare(())
        self.settle(dispatch)

        assert self.due(dispatch) == ()

    def test_dispatches_do_not_see_one_another(self) -> None:
        """A delivery is settled where it belongs, and nowhere else."""
        mine, other = self.prepare((ADA,)), self.prepare((ADA,))
        [claim] = self.due(mine)
        self.settle(other, ended(claim, ACCEPTED))

        assert self.statuses(mine) == self.statuses(other) == {ADA: PENDING}
        assert self.ledger().wanted(other, (claim.delivery,)) == frozenset()

    def test_every_end_of_an_attempt_is_stored(self) -> None:
        """Each delivery stands where its attempt ended, and only a deferred one is due again."""
        for status in (ACCEPTED, REFUSED, UNCERTAIN, DEFERRED):
            dispatch = self.prepare((ADA,))
            [claim] = self.due(dispatch)
            self.settle(dispatch, ended(claim, status))

            assert self.statuses(dispatch) == {ADA: status}
            assert len(self.due(dispatch, now=LATER)) == (status is DEFERRED)

    def test_what_is_no_end_of_an_attempt_is_a_mistake(self) -> None:
        """It is refused before anything is stored."""
        dispatch = self.prepare((ADA, BOB))
        ada, bob = self.due(dispatch)
        try:
            self.settle(dispatch, ended(ada, ACCEPTED), ended(bob, LEFT_OUT))
        except ValueError:
            pass
        else:
            raise AssertionError("an attempt cannot end so")

        assert self.statuses(dispatch) == {ADA: PENDING, BOB: PENDING}

    def test_a_deferred_delivery_waits_until_it_is_due(self) -> None:
        """It comes after what was never tried, and with everything a receiver can compare."""
        dispatch = self.prepare((ADA, BOB, CYD))
        ada, bob, _ = self.due(dispatch)
        self.settle(dispatch, ended(ada, DEFERRED, due_at=LATER), ended(bob, DEFERRED))

        def addresses(now: datetime, limit: int = 100) -> list[str]:
            return [claim.address for claim in self.due(dispatch, now=now, limit=limit)]

        assert addresses(SOON - timedelta(seconds=1)) == [CYD]
        assert addresses(SOON) == [CYD, BOB]
        assert addresses(LATER) == [CYD, BOB, ADA]
        assert addresses(LATER, limit=2) == [CYD, BOB]
        again = self.due(dispatch, now=LATER)[-1]
        assert (again.delivery, again.attempt) == (ada.delivery, 2)
        assert again.dated_at == again.first_tried_at == microseconds(NOW)

    def test_dates_are_those_of_the_first_attempt(self) -> None:
        """However often it is tried, the message and its patience stay the same."""
        dispatch = self.prepare((ADA,))
        [first] = self.due(dispatch)
        self.settle(dispatch, ended(first, DEFERRED))
        [second] = self.due(dispatch, now=SOON)
        self.settle(dispatch, ended(second, DEFERRED, at=SOON))
        [third] = self.due(dispatch, now=SOON)

        assert (third.attempt, third.dated_at, third.first_tried_at) == (
            3,
            microseconds(NOW),
            microseconds(NOW),
        )

    def test_the_same_again_changes_nothing(self) -> None:
        """A journal can be read as often as a machine crashes."""
        dispatch = self.prepare(READERS)
        ada, bob, cyd = self.due(dispatch)
        journal = (
            ended(ada, DEFERRED),
            ended(bob, REFUSED),
            ended(cyd, REFUSED),
            ended(ada._replace(attempt=2), ACCEPTED, at=SOON),
            ended(cyd, PENDING),
        )
        self.settle(dispatch, *journal)
        once = self.statuses(dispatch), self.due(dispatch)
        for start in range(len(journal)):
            self.settle(dispatch, *journal[start:])

            assert (self.statuses(dispatch), self.due(dispatch)) == once
        assert once[0] == {ADA: ACCEPTED, BOB: REFUSED, CYD: PENDING}

    def test_an_attempt_counts_only_after_the_one_before(self) -> None:
        """What comes late or from nowhere overrules nothing."""
        dispatch = self.prepare((ADA,))
        [claim] = self.due(dispatch)
        for status in (ACCEPTED, REFUSED, UNCERTAIN, DEFERRED):
            self.settle(dispatch, ended(claim._replace(attempt=2), status))
            assert self.statuses(dispatch) == {ADA: PENDING}
        self.settle(dispatch, ended(claim, ACCEPTED))
        self.settle(dispatch, ended(claim, UNCERTAIN), ended(claim._replace(attempt=2), DEFERRED))

        assert self.statuses(dispatch) == {ADA: ACCEPTED}

    def test_blame_can_be_taken_back(self) -> None:
        """Refusals that turn out to be about us were never made."""
        dispatch = self.prepare((ADA, BOB))
        ada, bob = self.due(dispatch)
        self.settle(dispatch, ended(ada, REFUSED), ended(bob, DEFERRED))
        self.settle(dispatch, ended(ada, PENDING), ended(bob, PENDING))

        assert self.statuses(dispatch) == {ADA: PENDING, BOB: PENDING}
        assert self.due(dispatch) == (ada, bob)

    def test_a_later_attempt_taken_back_keeps_the_earlier(self) -> None:
        """The server has seen the first: its date and its number stay."""
        dispatch = self.prepare((ADA,))
        [first] = self.due(dispatch)
        self.settle(dispatch, ended(first, DEFERRED))
        [second] = self.due(dispatch, now=SOON)
        self.settle(dispatch, ended(second, REFUSED, at=SOON))
        self.settle(dispatch, ended(second, PENDING, at=SOON))

        assert self.due(dispatch) == (second,)

    def test_what_may_have_arrived_is_not_taken_back(self) -> None:
        """Nobody gets a message twice because of a wrong call."""
        for status in (ACCEPTED, UNCERTAIN):
            dispatch = self.prepare((ADA,))
            [claim] = self.due(dispatch)
            self.settle(dispatch, ended(claim, status), ended(claim, PENDING))

            assert self.statuses(dispatch) == {ADA: status}

    def test_to_take_back_what_was_not_counted_changes_nothing(self) -> None:
        """A message put back before anything was known of it is still the first."""
        dispatch = self.prepare((ADA,))
        [claim] = self.due(dispatch)
        self.settle(dispatch, ended(claim, PENDING))

        assert self.due(dispatch) == (claim,)

    def test_whoever_left_meanwhile_is_left_out(self) -> None:
        """Their place in the page goes to the next, so that a short page is the last."""
        dispatch = self.prepare(READERS)
        self.suppress(ADA)

        assert [claim.address for claim in self.due(dispatch, limit=2)] == [BOB, CYD]
        assert self.statuses(dispatch) == {ADA: LEFT_OUT, BOB: PENDING, CYD: PENDING}

    def test_everybody_may_leave(self) -> None:
        """Then nobody is due, and the dispatch is done."""
        dispatch = self.prepare(READERS)
        for address in READERS:
            self.suppress(address)

        assert self.due(dispatch, limit=1) == ()
        assert set(self.statuses(dispatch).values()) == {LEFT_OUT}

    def test_whoever_left_is_not_retried(self) -> None:
        """A deferred delivery asks again whether it is still wanted."""
        dispatch = self.prepare((ADA,))
        [claim] = self.due(dispatch)
        self.settle(dispatch, ended(claim, DEFERRED))
        self.suppress(ADA)

        assert self.due(dispatch, now=SOON) == ()
        assert self.statuses(dispatch) == {ADA: LEFT_OUT}

    def test_what_arrived_before_its_reader_was_left_out_has_arrived(self) -> None:
        """A retry on the wire cannot be called back; what the server said is the truth."""
        for status, expected in (
            (ACCEPTED, ACCEPTED),
            (UNCERTAIN, UNCERTAIN),
            (DEFERRED, LEFT_OUT),
            (REFUSED, LEFT_OUT),
        ):
            reader = f"{status}@example.org"
            dispatch = self.prepare((reader,))
            [first] = self.due(dispatch)
            self.settle(dispatch, ended(first, DEFERRED))
            [second] = self.due(dispatch, now=SOON)
            self.suppress(reader)
            self.due(dispatch, now=SOON)
            self.settle(dispatch, ended(second, status, at=SOON))

            assert self.statuses(dispatch) == {reader: expected}

    def test_wanted_is_who_may_still_be_sent(self) -> None:
        """Not who left or has got it, and nobody who was not asked for."""
        dispatch = self.prepare((*READERS, "dan@example.org"))
        ada, bob, cyd, dan = self.due(dispatch)
        self.settle(dispatch, ended(ada, ACCEPTED), ended(bob, DEFERRED))
        self.suppress(CYD)

        asked = (ada.delivery, bob.delivery, cyd.delivery)
        assert self.ledger().wanted(dispatch, asked) == {bob.delivery}
        assert self.ledger().wanted(dispatch, (*asked, dan.delivery)) == {
            bob.delivery,
            dan.delivery,
        }
        assert self.ledger().wanted(dispatch, ()) == frozenset()

    def test_the_version_tells_of_others_and_not_of_ourselves(self) -> None:
        """A sender looks again when somebody left, and not after its own outcomes."""
        dispatch = self.prepare(READERS)
        before = self.ledger().version()
        ada, bob, _ = self.due(dispatch)
        self.settle(dispatch, ended(ada, ACCEPTED), ended(bob, DEFERRED))
        after_ours = self.ledger().version()
        self.suppress(CYD)
        after_suppression = self.ledger().version()
        self.due(dispatch)
        after_leaving_out = self.ledger().version()
        self.pause(dispatch)

        assert after_ours == before
        assert after_suppression != before
        assert after_leaving_out == after_suppression
        assert self.ledger().version() not in {before, after_suppression}

    def test_a_paused_dispatch_begins_nothing_and_forgets_nothing(self) -> None:
        """What was on the wire is settled, and nothing else is wanted."""
        dispatch = self.prepare((ADA, BOB))
        ada, bob = self.due(dispatch)
        self.pause(dispatch)
        self.settle(dispatch, ended(ada, ACCEPTED))

        assert self.due(dispatch) == ()
        assert self.ledger().wanted(dispatch, (ada.delivery, bob.delivery)) == frozenset()
        assert self.statuses(dispatch) == {ADA: ACCEPTED, BOB: PENDING}
