from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.model.delivery import NEXT, Claim, DeliveryId, DeliveryStatus, Verdict
from pipeline.model.dispatch import DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import Consent, SubscriberState, SuppressionReason
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import open_database
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.progress import DeliveryRecord
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NAMES: Final = ("ann", "bob", "cid", "dan", "eve")
START: Final = datetime(2026, 5, 1, 8, tzinfo=UTC)
GIVEN: Final = Consent(action="given", method="import", source="people.csv", at=START)

WHO = st.sampled_from(NAMES)
WAITS = st.integers(1, 60).map(lambda minutes: timedelta(minutes=minutes))
VERDICTS = st.sampled_from(sorted(NEXT[DeliveryStatus.SENDING] - {DeliveryStatus.PENDING}))


@pytest.fixture(scope="module", autouse=True)
def empty(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make the database that every example starts from."""
    file = tmp_path_factory.mktemp("empty") / "broadsheet.db"
    open_database(file).close()
    LedgerLife.empty = file


class LedgerLife(RuleBasedStateMachine):
    """One dispatch, one sender that may die at any moment, and people who change their minds."""

    empty: Path

    def __init__(self) -> None:
        """Prepare a dispatch to five people of whom one did not confirm."""
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = open_database(Path(shutil.copy(self.empty, self.folder.name)))
        driver = self.database.engine.raw_connection()
        driver.driver_connection.execute("PRAGMA synchronous=OFF")  # type: ignore[union-attr] # it is open
        driver.close()
        self.now = START
        self.ledger = SqlLedger(self.database)
        self.dispatches = Dispatches(self.database)
        self.subscribers = Subscribers(self.database, str.upper)
        self.suppressions = Suppressions(self.database, str.upper)
        self.subscribers.upsert(
            [
                NewSubscriber(
                    address=f"{name}@example.org",
                    normalised=name,
                    state=SubscriberState.PENDING if name == "eve" else SubscriberState.ACTIVE,
                )
                for name in NAMES
            ],
            GIVEN,
        )
        self.id = self.dispatches.create(
            entry=EntryId("first-letter"), digest="d1", due_at=START, now=START
        ).id
        self.dispatches.prepare(self.id, START)
        self.held: Claim | None = None  # what the living sender has in hand
        self.accepted: Counter[DeliveryId] = Counter()
        self.before = self.look()

    def look(self) -> dict[DeliveryId, DeliveryRecord]:
        """Return every delivery as it stands."""
        return {record.id: record for record in self.dispatches.deliveries(self.id)}

    def of_status(self, status: DeliveryStatus) -> list[DeliveryId]:
        """Return the deliveries of a status."""
        return [id_ for id_, record in self.before.items() if record.status is status]

    @rule(status=VERDICTS, wait=WAITS)
    def advance(self, status: DeliveryStatus, wait: timedelta) -> None:
        """The sender goes on: the outcome of what it holds, then the next."""
        settled = None
        if self.held:
            due_at = self.now + wait if status is DeliveryStatus.DEFERRED else None
            settled = (self.held.delivery, Verdict(status=status, due_at=due_at))
            self.accepted[self.held.delivery] += status is DeliveryStatus.ACCEPTED
        self.held = self.ledger.advance(self.id, now=self.now, settled=settled)

    @rule()
    def die(self) -> None:
        """The sender is killed, whatever it held; the next one recovers."""
        self.held = None
        self.ledger.recover(self.id)

    @precondition(lambda self: self.held is not None)
    @rule()
    def lose_the_way_out(self) -> None:
        """The sender is told that the message certainly did not leave."""
        assert self.held
        self.ledger.put_back((self.held.delivery,))
        self.held = None

    @rule()
    def take_blame_back(self) -> None:
        """The circuit breaker finds that the refusals were our fault."""
        self.ledger.put_back(tuple(self.of_status(DeliveryStatus.REFUSED)))

    @rule(to=st.sampled_from((DeliveryStatus.PENDING, DeliveryStatus.ACCEPTED)))
    def decide(self, to: DeliveryStatus) -> None:
        """A person decides what is uncertain."""
        uncertain = self.of_status(DeliveryStatus.UNCERTAIN)
        assert self.ledger.resolve_uncertain(self.id, to, now=self.now) == len(uncertain)
        self.accepted.update(uncertain if to is DeliveryStatus.ACCEPTED else ())

    @rule(
        who=WHO,
        state=st.sampled_from((SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED)),
    )
    def change_mind(self, who: str, state: SubscriberState) -> None:
        """Somebody leaves or comes back."""
        found = self.subscribers.by_address(who)
        assert found
        self.subscribers.set_state(found.id, state, GIVEN)

    @rule(who=WHO)
    def complain(self, who: str) -> None:
        """Somebody presses the button."""
        self.suppressions.add(who, SuppressionReason.COMPLAINED, now=self.now)

    @rule(who=WHO)
    def forgive(self, who: str) -> None:
        """The operator lifts a suppression."""
        self.suppressions.remove(who)

    @rule()
    def pause_or_resume(self) -> None:
        """A person stops the dispatch, or lets it go on."""
        sending, paused = DispatchState.SENDING, DispatchState.PAUSED
        now_sending = self.dispatches.get(self.id).state is sending
        here, there = (sending, paused) if now_sending else (paused, sending)
        self.dispatches.set_state(self.id, [here], there, now=self.now)

    @rule(wait=WAITS)
    def wait(self, wait: timedelta) -> None:
        """Time passes."""
        self.now += wait

    @invariant()
    def everybody_is_accounted_for(self) -> None:
        """The five are in the sum, whatever happens."""
        counts = self.dispatches.counts(self.id)
        assert counts.balances
        assert counts.total == len(NAMES)

    @invariant()
    def only_what_the_model_allows_happens(self) -> None:
        """No delivery moves but along the table; nobody is accepted twice."""
        after = self.look()
        for id_, record in after.items():
            old = self.before[id_].status
            assert record.status is old or record.status in NEXT[old], (old, record.status)
            assert record.attempts >= 0
        self.before = after
        assert max(self.accepted.values(), default=0) <= 1
        assert sum(self.accepted.values()) == len(self.of_status(DeliveryStatus.ACCEPTED))

    @invariant()
    def what_is_sending_is_in_hand(self) -> None:
        """A crash makes one delivery uncertain and never more."""
        held = [self.held.delivery] if self.held else []
        assert self.of_status(DeliveryStatus.SENDING) == held

    def teardown(self) -> None:
        """Whatever happened, the dispatch can be brought to its end."""
        if self.dispatches.get(self.id).state is DispatchState.PAUSED:
            self.pause_or_resume()
        self.now += timedelta(hours=2)
        self.advance(DeliveryStatus.ACCEPTED, timedelta())
        while self.held:
            self.advance(DeliveryStatus.ACCEPTED, timedelta())
        self.dispatches.set_state(
            self.id, [DispatchState.SENDING], DispatchState.FINISHED, now=self.now
        )
        self.database.close()
        self.folder.cleanup()


TestLedgerLife = LedgerLife.TestCase
TestLedgerLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
