from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.errors import Locked, NotAllowed
from pipeline.model.delivery import Claim, DeliveryId, DeliveryStatus, Verdict
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.ports import Ledger
from pipeline.model.subscriber import Consent, SubscriberState, SuppressionReason
from pipeline.storage import statements
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.ledger import CUT_OFF, PUT_BACK, SqlLedger
from pipeline.storage.progress import DeliveryRecord
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GIVEN = Consent(action="given", method="import", source="people.csv", at=NOW)
WITHDRAWN = Consent(action="withdrawn", method="web", source="/u", at=NOW)
LETTER = EntryId("first-letter")

ACCEPTED = Verdict(status=DeliveryStatus.ACCEPTED, code=250, reply="ok")
REFUSED = Verdict(status=DeliveryStatus.REFUSED, code=550, reply="no such user")
UNCERTAIN = Verdict(status=DeliveryStatus.UNCERTAIN, reply="the line was cut")


def deferred(due_at: datetime) -> Verdict:
    """Return the verdict of a refusal for now."""
    return Verdict(status=DeliveryStatus.DEFERRED, due_at=due_at, code=451, reply="later")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of an empty database; making it takes longer than a copy."""
    file = tmp_path_factory.mktemp("empty") / "broadsheet.db"
    open_database(file).close()
    return file


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a database with four subscribers."""
    opened = open_database(Path(shutil.copy(empty, tmp_path)))
    subscribers = Subscribers(opened, str.upper)
    subscribers.upsert(
        [
            NewSubscriber(address=f"{name}@example.org", normalised=name, name=name.title())
            for name in ("ann", "bob", "cid", "dan")
        ],
        GIVEN,
    )
    yield opened
    opened.close()


@pytest.fixture
def ledger(database: Database) -> SqlLedger:
    """Give the ledger of the database."""
    return SqlLedger(database)


@pytest.fixture
def dispatch(database: Database) -> DispatchId:
    """Give a dispatch that was prepared."""
    dispatches = Dispatches(database)
    id_ = dispatches.create(entry=LETTER, digest="d1", due_at=NOW, now=NOW).id
    dispatches.prepare(id_, NOW)
    return id_


def start(ledger: SqlLedger, dispatch: DispatchId, now: datetime = NOW) -> Claim:
    """START the next delivery."""
    claim = ledger.advance(dispatch, now=now, settled=None)
    assert claim
    return claim


def settle(ledger: SqlLedger, claim: Claim, verdict: Verdict, now: datetime = NOW) -> Claim | None:
    """Store a verdict and START the next delivery."""
    return ledger.advance(claim.dispatch, now=now, settled=(claim.delivery, verdict))


def records(ledger: SqlLedger, dispatch: DispatchId) -> list[DeliveryRecord]:
    """Return every delivery of a dispatch."""
    return list(Dispatches(ledger.database).deliveries(dispatch))


def statuses(ledger: SqlLedger, dispatch: DispatchId) -> list[DeliveryStatus]:
    """Return where every delivery of a dispatch stands."""
    return [record.status for record in records(ledger, dispatch)]


def history(ledger: SqlLedger, id_: DeliveryId) -> list[tuple[int, str, bool, str]]:
    """Return the attempts of a delivery: number, status, whether it has an end, reply."""
    query = """SELECT number, status, ended_at IS NOT NULL, reply FROM attempt
                WHERE delivery_id = ? ORDER BY number"""
    with ledger.database.reading() as connection:
        rows = connection.exec_driver_sql(query, (id_,))
        return [(number, status, bool(ended), reply) for number, status, ended, reply in rows]


def move(ledger: SqlLedger, dispatch: DispatchId, to: DispatchState) -> None:
    """Change the state of a dispatch."""
    Dispatches(ledger.database).set_state(dispatch, tuple(DispatchState), to, now=NOW)


def test_it_is_the_ledger_of_the_delivery_loop(ledger: SqlLedger) -> None:
    """The port is implemented as it is declared; the type checker compares."""
    port: Ledger = ledger

    assert port.recover(DispatchId(1)) == 0


def test_a_claim_says_who_and_when(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """All that a message needs of its reader is in it, and START is stored."""
    claim = start(ledger, dispatch)

    assert claim == Claim(
        delivery=claim.delivery,
        dispatch=dispatch,
        subscriber=claim.subscriber,
        address="ann@example.org",
        name="Ann",
        attempts=1,
        dated_at=NOW,
        first_tried_at=NOW,
    )
    assert history(ledger, claim.delivery) == [(1, "sending", False, "")]


def test_a_verdict_is_stored_with_the_next_start(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """One call is one commit: the answer to the last and the claim of the next."""
    first = start(ledger, dispatch)

    second = settle(ledger, first, ACCEPTED)

    assert second
    assert second.address == "bob@example.org"
    assert statuses(ledger, dispatch)[:2] == [DeliveryStatus.ACCEPTED, DeliveryStatus.SENDING]
    assert history(ledger, first.delivery) == [(1, "accepted", True, "ok")]


def test_everybody_is_claimed_once_and_then_nobody(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """The end is None, however often it is asked for."""
    addresses = []
    claim: Claim | None = start(ledger, dispatch)
    while claim:
        addresses.append(claim.address)
        claim = settle(ledger, claim, ACCEPTED)

    assert addresses == [f"{name}@example.org" for name in ("ann", "bob", "cid", "dan")]
    assert ledger.advance(dispatch, now=NOW, settled=None) is None
    assert set(statuses(ledger, dispatch)) == {DeliveryStatus.ACCEPTED}


def test_a_retry_waits_for_its_time_and_for_those_not_tried(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """Pending goes first, then what was deferred longest; the date stays that of the first try."""
    ann = start(ledger, dispatch)
    bob = settle(ledger, ann, deferred(NOW + 5 * MINUTE))
    assert bob
    cid = settle(ledger, bob, deferred(NOW + 3 * MINUTE))
    assert cid

    dan = settle(ledger, cid, ACCEPTED, NOW + 9 * MINUTE)
    assert dan
    assert dan.address == "dan@example.org"
    again = settle(ledger, dan, ACCEPTED, NOW + 9 * MINUTE)

    assert again
    assert (again.address, again.attempts) == ("bob@example.org", 2)
    assert (again.dated_at, again.first_tried_at) == (NOW, NOW)
    assert history(ledger, again.delivery) == [
        (1, "deferred", True, "later"),
        (2, "sending", False, ""),
    ]


def test_nothing_is_due_before_its_time(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """A dispatch of retries rests until the first is due."""
    claim: Claim | None = start(ledger, dispatch)
    while claim:
        claim = settle(ledger, claim, deferred(NOW + MINUTE))

    assert ledger.advance(dispatch, now=NOW + MINUTE * 0.99, settled=None) is None
    assert start(ledger, dispatch, NOW + MINUTE).attempts == 2


@pytest.mark.parametrize(
    "state", [state for state in DispatchState if state is not DispatchState.SENDING]
)
def test_only_a_sending_dispatch_gives_claims_but_verdicts_are_always_stored(
    ledger: SqlLedger, dispatch: DispatchId, state: DispatchState
) -> None:
    """Pausing stops the next message; the answer to the last is kept."""
    claim = start(ledger, dispatch)
    with ledger.database.writing() as connection:
        connection.exec_driver_sql("UPDATE dispatch SET state = ?", (state.value,))

    assert settle(ledger, claim, ACCEPTED) is None
    assert statuses(ledger, dispatch)[:2] == [DeliveryStatus.ACCEPTED, DeliveryStatus.PENDING]


@pytest.mark.parametrize("again", [False, True])
def test_who_unsubscribes_meanwhile_is_left_out(
    ledger: SqlLedger, dispatch: DispatchId, again: bool
) -> None:
    """A word given after the audience was written down wins, before a retry too."""
    claim = start(ledger, dispatch)
    who = "ann" if again else "bob"
    if again:
        settle(ledger, claim, deferred(NOW))
    subscribers = Subscribers(ledger.database, str.upper)
    found = subscribers.by_address(who)
    assert found
    subscribers.set_state(found.id, SubscriberState.UNSUBSCRIBED, WITHDRAWN)

    left = start(ledger, dispatch) if again else settle(ledger, claim, ACCEPTED)
    while left:
        assert left.address != f"{who}@example.org"
        left = settle(ledger, left, ACCEPTED)

    [record] = Dispatches(ledger.database).deliveries(dispatch, DeliveryStatus.LEFT_OUT)
    assert (record.address, record.reply) == (f"{who}@example.org", "unsubscribed")
    assert record.code is None


def test_who_is_suppressed_meanwhile_is_left_out(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """A complaint about the last message stops the one in the queue; even all of them."""
    rows = [(name, SuppressionReason.COMPLAINED) for name in ("ann", "bob", "cid", "dan")]
    Suppressions(ledger.database, str.upper).add_all(rows, now=NOW)

    assert ledger.advance(dispatch, now=NOW, settled=None) is None

    found = records(ledger, dispatch)
    assert {record.status for record in found} == {DeliveryStatus.LEFT_OUT}
    assert {record.reply for record in found} == {"complained"}


def test_what_was_cut_off_is_uncertain(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """After a crash a person is asked; the end of the attempt is not invented."""
    claim = start(ledger, dispatch)

    assert ledger.recover(dispatch) == 1
    assert ledger.recover(dispatch) == 0

    assert statuses(ledger, dispatch)[0] is DeliveryStatus.UNCERTAIN
    assert records(ledger, dispatch)[0].reply == CUT_OFF
    assert history(ledger, claim.delivery) == [(1, "uncertain", False, CUT_OFF)]


def test_recovery_leaves_other_dispatches_alone(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """Their sender may be alive and at work."""
    start(ledger, dispatch)

    assert ledger.recover(DispatchId(dispatch + 1)) == 0
    assert statuses(ledger, dispatch)[0] is DeliveryStatus.SENDING


def test_what_was_put_back_was_never_tried(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """No blame, no attempt, and a new date; the history alone knows."""
    claim = start(ledger, dispatch)

    ledger.put_back((claim.delivery,))
    ledger.put_back((claim.delivery,))
    again = start(ledger, dispatch, NOW + MINUTE)

    assert again.delivery == claim.delivery
    assert again.attempts == 1
    assert again.dated_at == again.first_tried_at == NOW + MINUTE
    assert history(ledger, claim.delivery) == [
        (1, "pending", False, PUT_BACK),
        (2, "sending", False, ""),
    ]


def test_a_second_attempt_put_back_keeps_the_first(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """The server has seen the first: its date and its count stay."""
    claim = start(ledger, dispatch)
    settle(ledger, claim, deferred(NOW + MINUTE))
    ledger.put_back(tuple(record.id for record in records(ledger, dispatch)))
    left: Claim | None = start(ledger, dispatch)
    while left and left.delivery != claim.delivery:
        left = settle(ledger, left, ACCEPTED, NOW + MINUTE)
    assert left
    ledger.put_back((left.delivery,))

    again = start(ledger, dispatch, NOW + 2 * MINUTE)

    assert (again.attempts, again.dated_at, again.first_tried_at) == (2, NOW, NOW)


def test_blame_can_be_taken_back(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """Refusals that were the sender's fault are tried again as if for the first time."""
    claim = start(ledger, dispatch)
    settle(ledger, claim, REFUSED)

    ledger.put_back((claim.delivery,))

    record = records(ledger, dispatch)[0]
    assert (record.status, record.attempts) == (DeliveryStatus.PENDING, 0)
    assert (record.code, record.reply) == (None, "")
    assert history(ledger, claim.delivery) == [(1, "refused", True, "no such user")]


@pytest.mark.parametrize("verdict", [ACCEPTED, UNCERTAIN, deferred(NOW + MINUTE)])
def test_what_may_have_arrived_is_not_put_back(
    ledger: SqlLedger, dispatch: DispatchId, verdict: Verdict
) -> None:
    """Nobody gets a message twice because of a wrong call."""
    claim = start(ledger, dispatch)
    settle(ledger, claim, verdict)

    ledger.put_back((claim.delivery,))

    assert statuses(ledger, dispatch)[0] is verdict.status


def test_putting_nothing_back_is_nothing(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """An empty tuple is no error."""
    ledger.put_back(())

    assert set(statuses(ledger, dispatch)) == {DeliveryStatus.PENDING}


def test_a_verdict_on_a_delivery_that_was_taken_away_is_refused(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """Two senders on one dispatch are noticed, and the second starts nothing."""
    claim = start(ledger, dispatch)
    ledger.recover(dispatch)

    with pytest.raises(Locked, match="another process works on dispatch"):
        settle(ledger, claim, ACCEPTED)

    assert statuses(ledger, dispatch) == [DeliveryStatus.UNCERTAIN] + [DeliveryStatus.PENDING] * 3


def test_a_verdict_of_another_dispatch_is_refused(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """A delivery is settled where it belongs."""
    claim = start(ledger, dispatch)

    with pytest.raises(Locked):
        ledger.advance(DispatchId(dispatch + 1), now=NOW, settled=(claim.delivery, ACCEPTED))


@pytest.mark.parametrize(
    "status", [DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.LEFT_OUT]
)
def test_what_is_no_verdict_is_a_mistake_in_the_program(
    ledger: SqlLedger, dispatch: DispatchId, status: DeliveryStatus
) -> None:
    """It is refused before anything is written."""
    claim = start(ledger, dispatch)

    with pytest.raises(ValueError, match="no verdict"):
        settle(ledger, claim, Verdict(status=status))

    assert statuses(ledger, dispatch)[0] is DeliveryStatus.SENDING


def test_a_person_decides_what_is_uncertain(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """One by one or all at once; sent again it is the same message, so both can be told as one."""
    ann = start(ledger, dispatch)
    bob = settle(ledger, ann, UNCERTAIN)
    assert bob
    settle(ledger, bob, UNCERTAIN)

    one = ledger.resolve_uncertain(
        dispatch, DeliveryStatus.ACCEPTED, now=NOW, deliveries=[bob.delivery]
    )
    rest = ledger.resolve_uncertain(dispatch, DeliveryStatus.PENDING, now=NOW)

    assert (one, rest) == (1, 1)
    again = start(ledger, dispatch, NOW + MINUTE)
    assert (again.delivery, again.attempts, again.dated_at) == (ann.delivery, 2, NOW)


def test_only_the_uncertain_is_decided(ledger: SqlLedger, dispatch: DispatchId) -> None:
    """Whatever is asked for, what is known stays."""
    settle(ledger, start(ledger, dispatch), REFUSED)
    before = statuses(ledger, dispatch)

    everything = [record.id for record in records(ledger, dispatch)]
    found = ledger.resolve_uncertain(
        dispatch, DeliveryStatus.ACCEPTED, now=NOW, deliveries=everything
    )

    assert found == 0
    assert statuses(ledger, dispatch) == before


def test_an_uncertain_delivery_is_sent_again_or_taken_for_accepted(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """Nothing else can be decided about it."""
    with pytest.raises(ValueError, match="cannot become refused"):
        ledger.resolve_uncertain(dispatch, DeliveryStatus.REFUSED, now=NOW)


def test_nothing_becomes_pending_where_nobody_sends(
    ledger: SqlLedger, dispatch: DispatchId
) -> None:
    """A delivery that waits for ever would look as if it was on its way."""
    settle(ledger, start(ledger, dispatch), UNCERTAIN)
    move(ledger, dispatch, DispatchState.CANCELLED)

    with pytest.raises(NotAllowed, match="is cancelled"):
        ledger.resolve_uncertain(dispatch, DeliveryStatus.PENDING, now=NOW)

    assert ledger.resolve_uncertain(dispatch, DeliveryStatus.ACCEPTED, now=NOW) == 1


@pytest.mark.parametrize("query", ["NEXT_PENDING", "NEXT_DEFERRED"])
def test_the_claim_is_a_seek_and_no_sort(database: Database, query: str) -> None:
    """It costs the same after a million deliveries as before the first."""
    with database.reading() as connection:
        plan = " | ".join(
            row[3]
            for row in connection.exec_driver_sql(
                "EXPLAIN QUERY PLAN " + getattr(statements, query), {"dispatch": 1, "now": 1}
            )
        )

    assert "SEARCH delivery USING INDEX ix_delivery_claim (dispatch_id=? AND status=?" in plan
    assert "due_at" in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN" not in plan
