from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.model.audience import Audience
from pipeline.model.delivery import Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import Consent, SubscriberId, SubscriberState
from pipeline.storage.changing import has_tag
from pipeline.storage.dispatches import EVERYBODY, Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.lists import Lists
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
GIVEN = Consent(action="given", method="import", source="people.csv", at=NOW)
WITHDRAWN = Consent(action="withdrawn", method="one-click", source="link", at=NOW)
LETTER = EntryId("first-letter")
PRODUCTS = Audience(list="products")
VIPS = Audience(rule="tag is vip")

PENDING, DEFERRED, ACCEPTED, REFUSED, UNCERTAIN, LEFT_OUT = (
    DeliveryStatus.PENDING,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.REFUSED,
    DeliveryStatus.UNCERTAIN,
    DeliveryStatus.LEFT_OUT,
)


@pytest.fixture
def database(empty: Path, tmp_path: Path) -> Iterator[Database]:
    """Give a database with Ann (a vip) and Bob on one list, Bob and Cid on the other."""
    opened = open_database(Path(shutil.copy(empty, tmp_path)))
    products = Lists(opened).ensure(["products"])["products"]
    subscribers = Subscribers(opened, str.upper)
    ann = person("ann")._replace(fields={"city": "Ghent"}, tags=frozenset({"vip"}))
    subscribers.upsert([ann, person("bob")], GIVEN)
    subscribers.on(products).upsert([person("bob"), person("cid")], GIVEN)
    yield opened
    opened.close()


def person(name: str) -> NewSubscriber:
    """Return somebody to write down."""
    return NewSubscriber(address=f"{name}@example.org", normalised=name)


def prepare(database: Database, audience: Audience = EVERYBODY, at: datetime = NOW) -> DispatchId:
    """Write down an audience of the letter."""
    dispatches = Dispatches(database)
    id_ = dispatches.create(entry=LETTER, digest="d1", audience=audience, due_at=at, now=at).id
    dispatches.prepare(id_, at, has_tag("vip") if audience.rule else None)
    return id_


def due(database: Database, id_: DispatchId, now: datetime = NOW) -> tuple[Claim, ...]:
    """Return everybody who is to be tried."""
    return SqlLedger(database).due(id_, now=now, after=DeliveryId(0), limit=100)


def names(database: Database, id_: DispatchId, now: datetime = NOW) -> list[str]:
    """Return who is to be tried."""
    return [claim.address.partition("@")[0] for claim in due(database, id_, now)]


def settle(database: Database, id_: DispatchId, claim: Claim, status: DeliveryStatus) -> None:
    """Store how the attempt of a claim ended."""
    at = microseconds(NOW)
    due_at = at if status is DEFERRED else None
    ended = Settled(claim.delivery, claim.attempt, status, at, at, due_at, 550, "so it is")
    SqlLedger(database).settle(id_, [ended])


def statuses(database: Database, id_: DispatchId) -> dict[str, DeliveryStatus]:
    """Return where each delivery stands."""
    records = Dispatches(database).deliveries(id_)
    return {record.address.partition("@")[0]: record.status for record in records}


def id_of(database: Database, name: str) -> SubscriberId:
    """Return the number of somebody."""
    found = Subscribers(database, str.upper).find(name)
    assert found
    return found


def left_out(database: Database, id_: DispatchId) -> dict[str, int]:
    """Return how many were left out when the audience was written down, by reason."""
    return dict(Dispatches(database).counts(id_).excluded)


def test_a_dispatch_goes_to_its_list(database: Database) -> None:
    """Who is on another list only is not in the audience, and is no exclusion either."""
    id_ = prepare(database, PRODUCTS)

    assert names(database, id_) == ["bob", "cid"]
    assert left_out(database, id_) == {}
    assert Dispatches(database).get(id_).audience == "products"


def test_a_rule_picks_who_is_in_the_audience(database: Database) -> None:
    """Who is not in the segment is not in the audience; the forecast says the same."""
    dispatches = Dispatches(database)
    rule = has_tag("vip")
    forecast = dispatches.forecast(LETTER, now=NOW, audience=VIPS, rule=rule)
    id_ = prepare(database, VIPS)

    assert names(database, id_) == ["ann"]
    assert (forecast.to_send, forecast.left_out) == (1, {})
    assert dispatches.get(id_).audience == "main: tag is vip"
    assert dispatches.find(LETTER, VIPS) == dispatches.get(id_)
    assert dispatches.find(LETTER) is None
    assert dispatches.sample(3, LETTER, now=NOW, audience=VIPS, rule=rule) == ()
    mine = dispatches.sample(3, LETTER, now=NOW, dispatch=id_, audience=VIPS, rule=rule)
    assert mine == ("ann@example.org",)


def test_a_segment_never_goes_to_its_whole_list(database: Database) -> None:
    """Whoever forgets the rule, or brings one that is not asked for, is stopped."""
    dispatches = Dispatches(database)
    segment = dispatches.create(entry=LETTER, digest="d", audience=VIPS, due_at=NOW, now=NOW).id
    whole = dispatches.create(entry=LETTER, digest="d", due_at=NOW, now=NOW).id

    with pytest.raises(ValueError, match="differ"):
        dispatches.prepare(segment, NOW)
    with pytest.raises(ValueError, match="differ"):
        dispatches.prepare(whole, NOW, has_tag("vip"))

    assert dispatches.counts(segment).people == dispatches.counts(whole).people == 0


@pytest.mark.parametrize("status", [PENDING, DEFERRED, ACCEPTED, UNCERTAIN])
def test_nobody_gets_an_entry_from_two_dispatches(
    database: Database, status: DeliveryStatus
) -> None:
    """Whatever became of the first, Bob is on both lists and is left out of the second."""
    first = prepare(database)
    if status is not PENDING:
        settle(database, first, due(database, first)[1], status)
    forecast = Dispatches(database).forecast(LETTER, now=NOW, audience=PRODUCTS)

    second = prepare(database, PRODUCTS)

    assert names(database, second) == ["cid"]
    assert left_out(database, second) == {"already": 1} == forecast.left_out
    assert prepare(database, VIPS)
    assert left_out(database, DispatchId(3)) == {"already": 1}


def test_who_was_refused_or_left_out_may_get_it_from_another(database: Database) -> None:
    """They have nothing; another list is another promise."""
    first = prepare(database)
    settle(database, first, due(database, first)[1], REFUSED)

    assert names(database, prepare(database, PRODUCTS)) == ["bob", "cid"]


def test_another_entry_is_another_matter(database: Database) -> None:
    """Only the same entry is never sent twice."""
    prepare(database)
    dispatches = Dispatches(database)
    other = dispatches.create(entry=EntryId("second"), digest="d", due_at=NOW, now=NOW).id

    assert dispatches.prepare(other, NOW).to_send == 2


@pytest.mark.parametrize("by", ["the breaker", "a person"])
def test_a_refusal_taken_back_does_not_make_a_second_copy(database: Database, by: str) -> None:
    """Bob was refused, got it by another list, and then the refusal turns out to be our fault."""
    first = prepare(database)
    ann, bob = due(database, first)
    for claim in (ann, bob):
        settle(database, first, claim, REFUSED)
    second = prepare(database, PRODUCTS)

    if by == "a person":
        changed = SqlLedger(database).resolve(first, REFUSED, PENDING, now=NOW)
        assert changed == 1
    else:
        for claim in (ann, bob):
            settle(database, first, claim, PENDING)

    assert names(database, first) == ["ann"]
    assert statuses(database, first)["bob"] is REFUSED
    assert names(database, second) == ["bob", "cid"]


def test_a_cancelled_dispatch_that_never_began_stands_in_nobodys_way(database: Database) -> None:
    """What was only planned there can be taken back here."""
    first = prepare(database)
    bob = due(database, first)[1]
    settle(database, first, bob, REFUSED)
    second = prepare(database, PRODUCTS)
    Dispatches(database).set_state(
        second, [DispatchState.SENDING], DispatchState.CANCELLED, now=NOW
    )

    settle(database, first, bob, PENDING)

    assert names(database, first) == ["ann", "bob"]


def test_who_pauses_is_left_out_until_then(database: Database) -> None:
    """At the moment itself they are readers again."""
    subscribers = Subscribers(database, str.upper)
    subscribers.pause(id_of(database, "bob"), NOW + DAY, GIVEN)
    dispatches = Dispatches(database)

    early = dispatches.forecast(LETTER, now=NOW + DAY - timedelta(microseconds=1))
    assert (early.to_send, early.left_out) == (1, {"paused": 1})
    assert dispatches.forecast(LETTER, now=NOW + DAY).to_send == 2
    assert names(database, prepare(database)) == ["ann"]
    assert left_out(database, DispatchId(1)) == {"paused": 1}


def test_who_pauses_meanwhile_gets_no_more(database: Database) -> None:
    """Not even what a run has in hand; the reason is told."""
    id_ = prepare(database)
    ledger = SqlLedger(database)
    ann, bob = due(database, id_)
    before = ledger.version()
    Subscribers(database, str.upper).pause(bob.subscriber, NOW + DAY, GIVEN)

    assert ledger.version() != before
    assert ledger.wanted(id_, [ann.delivery, bob.delivery]) == {ann.delivery}
    assert names(database, id_) == ["ann"]
    [record] = Dispatches(database).deliveries(id_, LEFT_OUT)
    assert (record.subscriber, record.reply) == (bob.subscriber, "paused")


def test_a_pause_that_is_over_keeps_nobody_back(database: Database) -> None:
    """They wait for a retry, and when it is due they are readers again."""
    id_ = prepare(database)
    Subscribers(database, str.upper).pause(id_of(database, "bob"), NOW + DAY, GIVEN)

    assert names(database, id_, NOW + DAY) == ["ann", "bob"]


def test_the_word_for_one_list_says_nothing_of_another(database: Database) -> None:
    """Bob leaves one list in the middle of both: only that one stops."""
    main, products = prepare(database), DispatchId(2)
    dispatches = Dispatches(database)
    other = dispatches.create(
        entry=EntryId("other"), digest="d", audience=PRODUCTS, due_at=NOW, now=NOW
    )
    dispatches.prepare(other.id, NOW)
    bob = id_of(database, "bob")
    Subscribers(database, str.upper).set_state(bob, SubscriberState.UNSUBSCRIBED, WITHDRAWN)

    assert names(database, main) == ["ann"]
    assert names(database, products) == ["bob", "cid"]
    in_hand = [claim.delivery for claim in due(database, products)]
    assert SqlLedger(database).wanted(products, in_hand) == set(in_hand)


def test_a_claim_has_the_fields_of_its_reader_as_they_were(database: Database) -> None:
    """What changes afterwards changes no message of this dispatch; no fields are no fields."""
    id_ = prepare(database)
    Subscribers(database, str.upper).change(
        id_of(database, "ann"), now=NOW, fields={"city": "Gdańsk"}
    )

    ann, bob = due(database, id_)

    assert (dict(ann.fields), dict(bob.fields)) == ({"city": "Ghent"}, {})
