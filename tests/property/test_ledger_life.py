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

from pipeline.model.delivery import NEXT, Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.moment import microseconds
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

SENDING: Final = DeliveryStatus.SENDING

WHO = st.sampled_from(NAMES)
WAITS = st.integers(1, 60).map(lambda minutes: timedelta(minutes=minutes))
RESULTS = st.sampled_from(sorted(NEXT[SENDING]))


def is_legal(old: DeliveryStatus, new: DeliveryStatus) -> bool:
    """Tell whether a delivery may be seen first so and then so; SENDING is never seen."""
    return new in NEXT[old] or (SENDING in NEXT[old] and new in NEXT[SENDING])


@pytest.fixture(scope="module", autouse=True)
def empty(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make the database that every example starts from."""
    file = tmp_path_factory.mktemp("empty") / "broadsheet.db"
    open_database(file).close()
    LedgerLife.empty = file


class LedgerLife(RuleBasedStateMachine):
    """One dispatch, a sender that may die at any moment, and people who change their minds."""

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
        self.held: dict[DeliveryId, Claim] = {}  # what the living sender has in hand
        self.unstored: list[Settled] = []  # in its journal only
        self.stored: list[Settled] = []  # in its journal and in the database
        self.accepted: Counter[DeliveryId] = Counter()  # by the server or by a person
        self.before = self.look()

    def look(self) -> dict[DeliveryId, DeliveryRecord]:
        """Return every delivery as it stands."""
        return {record.id: record for record in self.dispatches.deliveries(self.id)}

    def of_status(self, status: DeliveryStatus) -> list[DeliveryId]:
        """Return the deliveries of a status."""
        return [id_ for id_, record in self.before.items() if record.status is status]

    def ended(self, id_: DeliveryId, attempt: int, status: DeliveryStatus) -> Settled:
        """Return the end of an attempt; a deferred one is due again at once."""
        now = microseconds(self.now)
        due_at = now if status is DeliveryStatus.DEFERRED else None
        return Settled(id_, attempt, status, now, now, due_at)

    @rule(limit=st.integers(1, 5))
    def take(self, limit: int) -> None:
        """The sender looks what is to be tried, and takes what it does not know."""
        busy = {*self.held, *(item.delivery for item in self.unstored)}
        for claim in self.ledger.due(self.id, now=self.now, after=DeliveryId(0), limit=limit):
            assert claim.attempt == self.look()[claim.delivery].attempts + 1
            if claim.delivery not in busy:
                self.held[claim.delivery] = claim

    @precondition(lambda self: self.held)
    @rule(data=st.data(), status=RESULTS)
    def answer(self, data: st.DataObject, status: DeliveryStatus) -> None:
        """A message that is on the wire gets its answer, or is put back."""
        claim = self.held.pop(data.draw(st.sampled_from(sorted(self.held))))
        self.unstored.append(self.ended(claim.delivery, claim.attempt, status))
        self.accepted[claim.delivery] += status is DeliveryStatus.ACCEPTED

    @rule(count=st.integers(1, 4))
    def store(self, count: int) -> None:
        """Some of the journal goes into the database, one by one to be seen."""
        for item in self.unstored[:count]:
            self.ledger.settle(self.id, [item])
            self.only_what_the_model_allows_happens()
        self.stored += self.unstored[:count]
        del self.unstored[:count]

    @precondition(lambda self: self.stored)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """A journal is read again, from any of its files on."""
        start = data.draw(st.integers(0, len(self.stored) - 1))
        before = self.look()
        self.ledger.settle(self.id, self.stored[start:])
        assert self.look() == before

    @rule()
    def die(self) -> None:
        """The sender is killed, whatever it held; the next one reads its journal."""
        cut_off = [
            self.ended(claim.delivery, claim.attempt, DeliveryStatus.UNCERTAIN)
            for claim in self.held.values()
        ]
        self.ledger.settle(self.id, [*self.stored, *self.unstored, *cut_off])
        after = self.look()
        assert all(after[id_].status is DeliveryStatus.UNCERTAIN for id_ in self.held)
        self.before = {
            **after,
            **{item.delivery: after[item.delivery] for item in (*self.unstored, *cut_off)},
        }
        self.held, self.unstored, self.stored = {}, [], []

    @rule(data=st.data(), status=RESULTS, off=st.sampled_from((-2, -1, 1, 2)))
    def settle_nonsense(self, data: st.DataObject, status: DeliveryStatus, off: int) -> None:
        """An outcome comes that follows nothing; it changes nothing."""
        id_ = data.draw(st.sampled_from(sorted(self.before)))
        follows = self.before[id_].attempts + (status is not DeliveryStatus.PENDING)
        self.ledger.settle(self.id, [self.ended(id_, follows + off, status)])
        assert self.look() == self.before

    @rule()
    def take_blame_back(self) -> None:
        """The circuit breaker finds that the refusals were our fault."""
        for id_ in self.of_status(DeliveryStatus.REFUSED):
            attempt = self.before[id_].attempts
            if any(item[:2] == (id_, attempt) for item in self.stored):
                self.unstored.append(self.ended(id_, attempt, DeliveryStatus.PENDING))

    @rule(
        choice=st.sampled_from(
            (
                (DeliveryStatus.UNCERTAIN, DeliveryStatus.PENDING),
                (DeliveryStatus.UNCERTAIN, DeliveryStatus.ACCEPTED),
                (DeliveryStatus.REFUSED, DeliveryStatus.PENDING),
            )
        )
    )
    def decide(self, choice: tuple[DeliveryStatus, DeliveryStatus]) -> None:
        """A person decides what is uncertain or refused."""
        status, to = choice
        found = self.of_status(status)
        assert self.ledger.resolve(self.id, status, to, now=self.now) == len(found)
        self.accepted.update(found if to is DeliveryStatus.ACCEPTED else ())

    @rule(
        who=WHO,
        state=st.sampled_from((SubscriberState.ACTIVE, SubscriberState.UNSUBSCRIBED)),
    )
    def change_mind(self, who: str, state: SubscriberState) -> None:
        """Somebody leaves or comes back."""
        found = self.subscribers.by_address(who)
        assert found
        self.subscribers.set_state(found.id, state, GIVEN)

    @rule(who=WHO, days=st.sampled_from((-1, 1, None)))
    def pause(self, who: str, days: int | None) -> None:
        """Somebody wants nothing before a day, or takes that back."""
        found = self.subscribers.by_address(who)
        assert found
        until = None if days is None else self.now + timedelta(days=days)
        self.subscribers.pause(found.id, until, GIVEN)

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
        assert counts.by_status[SENDING] == 0

    @invariant()
    def only_what_the_model_allows_happens(self) -> None:
        """No delivery moves but along the table."""
        after = self.look()
        for id_, record in after.items():
            old = self.before[id_].status
            assert record.status is old or is_legal(old, record.status), (old, record.status)
            assert record.attempts >= 0
        self.before = after

    @invariant()
    def nobody_is_accepted_twice_or_forgotten(self) -> None:
        """Each acceptance is in the database once its outcome is stored, and stays."""
        waiting = {item.delivery for item in self.unstored}
        now = self.look().items()
        accepted = {id_ for id_, record in now if record.status is DeliveryStatus.ACCEPTED}
        assert max(self.accepted.values(), default=0) <= 1
        assert accepted <= {id_ for id_, times in self.accepted.items() if times}
        assert {id_ for id_, times in self.accepted.items() if times} - waiting <= accepted

    def teardown(self) -> None:
        """Whatever happened, the dispatch can be brought to its end."""
        if self.dispatches.get(self.id).state is DispatchState.PAUSED:
            self.pause_or_resume()
        self.die()
        self.now += timedelta(hours=2)
        while claims := self.ledger.due(self.id, now=self.now, after=DeliveryId(0), limit=2):
            ends = [
                self.ended(claim.delivery, claim.attempt, DeliveryStatus.ACCEPTED)
                for claim in claims
            ]
            self.ledger.settle(self.id, ends)
        self.dispatches.set_state(
            self.id, [DispatchState.SENDING], DispatchState.FINISHED, now=self.now
        )
        self.database.close()
        self.folder.cleanup()


TestLedgerLife = LedgerLife.TestCase
TestLedgerLife.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
