from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from pipeline.errors import ConfigError, NotAllowed
from pipeline.model.audience import Audience
from pipeline.model.delivery import Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import NEXT, Dispatch, DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import Consent, SubscriberId, SubscriberState, SuppressionReason
from pipeline.storage import progress
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.slots import Slot, Slots
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
GIVEN = Consent(action="given", method="import", source="people.csv", at=NOW)
WITHDRAWN = Consent(action="withdrawn", method="web", source="/u", at=NOW)
LETTER = EntryId("first-letter")
EIGHT = "2026-05-01T08:00"


@pytest.fixture
def dispatches(database: Database) -> Dispatches:
    """Give its dispatches."""
    return Dispatches(database)


def hasher(normalised: str) -> str:
    """Stand in for the keyed hash."""
    return f"hash of {normalised}"


def people(database: Database, *names: str) -> list[SubscriberId]:
    """Write down active people; return their ids."""
    subscribers = Subscribers(database, hasher)
    subscribers.upsert(
        [NewSubscriber(address=f"{name}@example.org", normalised=name) for name in names], GIVEN
    )
    ids = {subscriber.address: subscriber.id for subscriber in subscribers.all()}
    return [ids[f"{name}@example.org"] for name in names]


def schedule(
    dispatches: Dispatches,
    entry: str = LETTER,
    *,
    due_at: datetime = NOW,
    occurrence: str | None = None,
) -> Dispatch:
    """Decide that an entry goes to everyone."""
    return dispatches.create(
        entry=EntryId(entry), digest="d1", due_at=due_at, occurrence=occurrence, now=NOW
    )


def claim(database: Database, id_: DispatchId, now: datetime = NOW) -> Claim:
    """Return the delivery that is to be tried next."""
    (found,) = SqlLedger(database).due(id_, now=now, after=DeliveryId(0), limit=1)
    return found


def settle(database: Database, claimed: Claim, status: DeliveryStatus) -> None:
    """Store what became of a delivery; a deferred one is due again LATER."""
    due_at = LATER if status is DeliveryStatus.DEFERRED else None
    with database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE delivery SET status = ?, due_at = ? WHERE id = ?",
            (
                status.value,
                None if due_at is None else int(due_at.timestamp() * 1_000_000),
                claimed.delivery,
            ),
        )


def force(database: Database, id_: DispatchId, state: DispatchState) -> None:
    """Put a dispatch into a state whatever it was."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE dispatch SET state = ?, started_at = 1 WHERE id = ?", (state.value, id_)
        )


def test_what_is_decided_is_found_again(dispatches: Dispatches) -> None:
    """By id, by entry, and among all, the newest first."""
    first = schedule(dispatches)
    second = schedule(dispatches, "second-letter", due_at=LATER)

    assert (first.state, first.due_at, first.started_at) == (DispatchState.SCHEDULED, NOW, None)
    assert dispatches.get(first.id) == first
    assert dispatches.find(LETTER) == first
    assert dispatches.all() == (second, first)


def test_an_unknown_dispatch_is_named(dispatches: Dispatches) -> None:
    """A mistyped number is told apart from a failure."""
    with pytest.raises(ConfigError, match="no dispatch 7"):
        dispatches.get(DispatchId(7))
    assert dispatches.find(EntryId("nothing")) is None


def test_an_unknown_audience_is_refused(dispatches: Dispatches) -> None:
    """Nobody is mailed because of a typing mistake."""
    with pytest.raises(ConfigError, match="there is: main"):
        dispatches.create(
            entry=LETTER, digest="d1", audience=Audience(list="mian"), due_at=NOW, now=NOW
        )


@pytest.mark.parametrize(
    "state", [state for state in DispatchState if state is not DispatchState.CANCELLED]
)
def test_an_entry_goes_to_an_audience_once(
    database: Database, dispatches: Dispatches, state: DispatchState
) -> None:
    """Whatever the first dispatch is by now, the second is refused with its facts."""
    first = schedule(dispatches)
    force(database, first.id, state)

    with pytest.raises(NotAllowed, match=f"dispatch {first.id} is {state}.*2026-05-01 08:00 UTC"):
        schedule(dispatches, due_at=LATER)

    assert len(dispatches.all()) == 1


def test_a_cancelled_entry_may_go_after_all(dispatches: Dispatches) -> None:
    """Cancelling is not for ever, and only the dispatch that counts is found."""
    first = schedule(dispatches)
    dispatches.set_state(first.id, [DispatchState.SCHEDULED], DispatchState.CANCELLED, now=NOW)
    assert dispatches.find(LETTER) is None

    second = schedule(dispatches)

    assert dispatches.find(LETTER) == second


def test_a_slot_is_filled_once(database: Database, dispatches: Dispatches) -> None:
    """Two entries cannot take the same Friday, and the refused one leaves no row."""
    first = schedule(dispatches, occurrence=EIGHT)

    with pytest.raises(NotAllowed, match="filled by another dispatch"):
        schedule(dispatches, "second-letter", occurrence=EIGHT)

    assert dispatches.all() == (first,)
    assert Slots(database).get(EIGHT) == Slot(
        occurrence=EIGHT, due_at=NOW, dispatch=first.id, note=""
    )


def test_a_slot_that_went_by_is_not_filled_later(
    database: Database, dispatches: Dispatches
) -> None:
    """What was decided without a dispatch is decided too; half of it is not written."""
    slots = Slots(database)
    assert slots.record(EIGHT, due_at=NOW, dispatch=None, note="nothing was approved")
    assert not slots.record(EIGHT, due_at=LATER, dispatch=None)

    with pytest.raises(NotAllowed, match="decided before"):
        schedule(dispatches, occurrence=EIGHT)

    assert dispatches.all() == ()
    assert slots.latest() == NOW


def test_no_slot_was_decided_at_first(database: Database) -> None:
    """A new workspace has no past."""
    assert Slots(database).latest() is None
    assert Slots(database).get(EIGHT) is None


@pytest.mark.parametrize(("state", "to"), [*product(DispatchState, repeat=2)])
def test_a_dispatch_goes_only_where_the_model_says(
    database: Database, dispatches: Dispatches, state: DispatchState, to: DispatchState
) -> None:
    """Every pair of states is allowed by the table or refused, and refused changes nothing."""
    id_ = schedule(dispatches).id
    force(database, id_, state)

    if to in NEXT[state]:
        assert (
            dispatches.set_state(id_, tuple(DispatchState), to, now=LATER, note="why").state is to
        )
        assert dispatches.get(id_).note == "why"
    else:
        before = dispatches.get(id_)
        with pytest.raises(NotAllowed, match=f"is {state}"):
            dispatches.set_state(id_, tuple(DispatchState), to, now=LATER)
        assert dispatches.get(id_) == before


def test_a_state_that_the_caller_does_not_reckon_with_is_left(dispatches: Dispatches) -> None:
    """Two people who decide at once do not overrule each other unseen."""
    id_ = schedule(dispatches).id

    with pytest.raises(NotAllowed, match="is scheduled"):
        dispatches.set_state(id_, [DispatchState.SENDING], DispatchState.CANCELLED, now=NOW)


def test_the_end_is_dated(dispatches: Dispatches) -> None:
    """When a dispatch was over can be told."""
    id_ = schedule(dispatches).id

    cancelled = dispatches.set_state(
        id_, [DispatchState.SCHEDULED], DispatchState.CANCELLED, now=LATER, note="wrong issue"
    )

    assert (cancelled.finished_at, cancelled.note) == (LATER, "wrong issue")


def test_sending_needs_an_audience(dispatches: Dispatches) -> None:
    """A dispatch without deliveries would be finished at once, and nobody would have got it."""
    id_ = schedule(dispatches).id
    dispatches.set_state(id_, [DispatchState.SCHEDULED], DispatchState.PREPARING, now=NOW)

    with pytest.raises(NotAllowed, match="not written down"):
        dispatches.set_state(id_, [DispatchState.PREPARING], DispatchState.SENDING, now=NOW)


@pytest.mark.parametrize("status", progress.OPEN)
def test_finished_needs_every_delivery_closed(
    database: Database, dispatches: Dispatches, status: DeliveryStatus
) -> None:
    """Nobody is forgotten because somebody counted a moment too early."""
    people(database, "ann")
    id_ = schedule(dispatches).id
    dispatches.prepare(id_, NOW)
    settle(database, claim(database, id_), status)

    with pytest.raises(NotAllowed, match="still has deliveries"):
        dispatches.set_state(id_, [DispatchState.SENDING], DispatchState.FINISHED, now=NOW)


def test_everybody_is_sent_to_or_left_out_with_the_reason(
    database: Database, dispatches: Dispatches
) -> None:
    """The audience is evaluated once, suppression before state, and the sum is everybody."""
    _, bob, *_ = people(database, "ann", "bob", "cid", "dan", "eve")
    subscribers, suppressions = Subscribers(database, hasher), Suppressions(database, hasher)
    subscribers.set_state(bob, SubscriberState.UNSUBSCRIBED, WITHDRAWN)
    subscribers.add(
        NewSubscriber(address="fay@example.org", normalised="fay", state=SubscriberState.PENDING),
        GIVEN,
    )
    suppressions.add("cid", SuppressionReason.BOUNCED, now=NOW)
    suppressions.add("dan", SuppressionReason.COMPLAINED, now=NOW)
    id_ = schedule(dispatches).id
    expected = {"unsubscribed": 1, "pending": 1, "bounced": 1, "complained": 1}

    forecast = dispatches.forecast(LETTER, now=LATER)
    prepared = dispatches.prepare(id_, LATER)

    assert (prepared.to_send, prepared.left_out) == (2, expected)
    assert prepared.people == 6
    assert forecast == prepared
    counts = dispatches.counts(id_)
    assert (counts.people, counts.total, counts.open) == (6, 6, 2)
    assert counts.balances
    found = dispatches.get(id_)
    assert (found.state, found.started_at) == (DispatchState.SENDING, LATER)
    addresses = [record.address for record in dispatches.deliveries(id_)]
    assert addresses == ["ann@example.org", "eve@example.org"]


def test_preparing_twice_is_preparing_once(database: Database, dispatches: Dispatches) -> None:
    """After a crash it may be called again, and who joined in between is not added."""
    people(database, "ann")
    id_ = schedule(dispatches).id
    dispatches.set_state(id_, [DispatchState.SCHEDULED], DispatchState.PREPARING, now=NOW)
    first = dispatches.prepare(id_, NOW)
    people(database, "bob")

    assert dispatches.prepare(id_, LATER) == first
    assert dispatches.counts(id_).total == 1


@pytest.mark.parametrize("state", [DispatchState.CANCELLED, DispatchState.MISSED])
def test_what_was_called_off_is_not_prepared(dispatches: Dispatches, state: DispatchState) -> None:
    """A tick that comes late changes nothing."""
    people(dispatches.database, "ann")
    id_ = schedule(dispatches).id
    dispatches.set_state(id_, [DispatchState.SCHEDULED], state, now=NOW)

    with pytest.raises(NotAllowed, match=f"is {state}"):
        dispatches.prepare(id_, NOW)

    assert dispatches.counts(id_).total == 0


def test_who_got_it_from_a_cancelled_dispatch_is_not_written_to_again(
    database: Database, dispatches: Dispatches
) -> None:
    """Stopping halfway and starting over reaches the other half only."""
    people(database, "ann", "bob", "cid", "dan")
    first = schedule(dispatches).id
    dispatches.prepare(first, NOW)
    for status in (DeliveryStatus.ACCEPTED, DeliveryStatus.UNCERTAIN, DeliveryStatus.REFUSED):
        settle(database, claim(database, first), status)
    dispatches.set_state(first, [DispatchState.SENDING], DispatchState.CANCELLED, now=NOW)
    second = schedule(dispatches).id
    forecast = dispatches.forecast(LETTER, now=NOW)

    prepared = dispatches.prepare(second, NOW)

    assert (prepared.to_send, prepared.left_out) == (2, {"already": 2})
    assert prepared == forecast
    addresses = [record.address for record in dispatches.deliveries(second)]
    assert addresses == ["cid@example.org", "dan@example.org"]


def test_nobody_is_a_possible_audience(dispatches: Dispatches) -> None:
    """An empty workspace can dispatch; it is done at once."""
    id_ = schedule(dispatches).id

    assert dispatches.prepare(id_, NOW).people == 0
    assert dispatches.due(NOW) == (dispatches.get(id_),)
    dispatches.set_state(id_, [DispatchState.SENDING], DispatchState.FINISHED, now=NOW)
    assert dispatches.counts(id_).balances


def test_deliveries_come_page_by_page_and_none_is_lost(
    database: Database, dispatches: Dispatches
) -> None:
    """However they are asked for, everybody comes once and in a known order."""
    number = progress.PAGE + 3
    people(database, *(f"p{at}" for at in range(number)))
    id_ = schedule(dispatches).id
    dispatches.prepare(id_, NOW)
    everybody = [record.id for record in dispatches.deliveries(id_)]

    pending = list(dispatches.deliveries(id_, DeliveryStatus.PENDING))
    with database.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE delivery SET status = 'deferred', due_at = 1000 - id % 7, code = 451"
        )
    deferred = list(dispatches.deliveries(id_, DeliveryStatus.DEFERRED))

    assert len(everybody) == number
    assert [record.id for record in pending] == everybody == sorted(everybody)
    assert sorted(record.id for record in deferred) == everybody
    due = [(record.due_at, record.id) for record in deferred if record.due_at]
    assert due == sorted(due)
    assert len(due) == number
    assert list(dispatches.deliveries(id_, DeliveryStatus.REFUSED)) == []


def test_due_is_what_a_tick_can_work_on(database: Database, dispatches: Dispatches) -> None:
    """Due or left behind or with a retry due; not what waits, is paused or is over."""
    people(database, "ann")
    due = schedule(dispatches, "due")
    future = schedule(dispatches, "future", due_at=LATER)
    left_behind = schedule(dispatches, "left-behind")
    paused = schedule(dispatches, "paused")
    deferred = schedule(dispatches, "deferred")
    cut_off = schedule(dispatches, "cut-off")
    done = schedule(dispatches, "done")
    dispatches.set_state(
        left_behind.id, [DispatchState.SCHEDULED], DispatchState.PREPARING, now=NOW
    )
    for dispatch, status in (
        (deferred, DeliveryStatus.DEFERRED),
        (cut_off, DeliveryStatus.PENDING),
        (done, DeliveryStatus.ACCEPTED),
        (paused, DeliveryStatus.PENDING),
    ):
        dispatches.prepare(dispatch.id, NOW)
        settle(database, claim(database, dispatch.id), status)
    dispatches.set_state(paused.id, [DispatchState.SENDING], DispatchState.PAUSED, now=NOW)

    def due_at(now: datetime) -> set[DispatchId]:
        return {dispatch.id for dispatch in dispatches.due(now)}

    assert due_at(NOW) == {due.id, left_behind.id, cut_off.id, done.id}
    assert due_at(LATER) == due_at(NOW) | {future.id, deferred.id}


def test_what_was_due_first_comes_first(dispatches: Dispatches) -> None:
    """A later entry does not overtake."""
    late = schedule(dispatches, "late", due_at=LATER)
    early = schedule(dispatches, "early")

    assert [dispatch.id for dispatch in dispatches.due(LATER)] == [early.id, late.id]


def test_a_verdict_is_listed_with_the_servers_words(
    database: Database, dispatches: Dispatches
) -> None:
    """Who was refused, and why, can be read."""
    people(database, "ann")
    id_ = schedule(dispatches).id
    dispatches.prepare(id_, NOW)
    claimed = claim(database, id_)
    refused = Settled(
        claimed.delivery,
        claimed.attempt,
        DeliveryStatus.REFUSED,
        started_at=microseconds(NOW),
        ended_at=microseconds(LATER),
        code=550,
        reply="5.1.1 no such user",
    )

    SqlLedger(database).settle(id_, [refused])

    [record] = dispatches.deliveries(id_, DeliveryStatus.REFUSED)
    assert (record.code, record.reply, record.attempts) == (550, "5.1.1 no such user", 1)
    assert record.updated_at == LATER
