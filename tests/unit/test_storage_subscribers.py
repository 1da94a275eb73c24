from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from pipeline.errors import BroadsheetError
from pipeline.model.subscriber import (
    Consent,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.engine import Database
from pipeline.storage.lists import PROBE, Lists
from pipeline.storage.standing import Known, NewSubscriber, Standing, stand
from pipeline.storage.subscribers import PAGE, ROUND, Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
GIVEN = Consent(action="given", method="import", source="people.csv", at=NOW)
WITHDRAWN = Consent(
    action="withdrawn", method="one-click", source="header", at=NOW + timedelta(days=1)
)
ACTIVE, PENDING, UNSUBSCRIBED = (
    SubscriberState.ACTIVE,
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
)


def hash_backwards(normalised: str) -> str:
    """Stand in for the keyed hash: distinct for distinct addresses is all that is needed."""
    return normalised[::-1]


def person(who: str = "ann", /, **changes: object) -> NewSubscriber:
    """Return somebody to write down."""
    new = NewSubscriber(address=f"{who.title()}@example.org", normalised=f"{who}@example.org")
    return new._replace(**changes)  # type: ignore[arg-type]  # its fields


@pytest.fixture
def subscribers(database: Database) -> Subscribers:
    """Give its subscribers."""
    return Subscribers(database, hash_backwards)


@pytest.fixture
def suppressions(database: Database) -> Suppressions:
    """Give its suppressions."""
    return Suppressions(database, hash_backwards)


def id_of(subscribers: Subscribers, name: str) -> SubscriberId:
    """Return the id of somebody who is there."""
    found = subscribers.by_address(f"{name}@example.org")
    assert found
    return found.id


@pytest.mark.parametrize(
    ("new", "known", "suppressed", "standing", "after"),
    [
        (person(), None, False, Standing.NEW, Known("", ACTIVE)),
        (person(state=PENDING), None, False, Standing.NEW, Known("", PENDING)),
        (person(), None, True, Standing.SUPPRESSED, None),
        (
            person(name="Ann", state=UNSUBSCRIBED),
            None,
            False,
            Standing.UNSUBSCRIBED,
            Known("", UNSUBSCRIBED),
        ),
        (person(state=UNSUBSCRIBED), None, True, Standing.SUPPRESSED, None),
        (
            person(name="Anna", state=UNSUBSCRIBED),
            Known("Ann", ACTIVE),
            False,
            Standing.UNSUBSCRIBED,
            Known("Ann", UNSUBSCRIBED),
        ),
        (person(name="Ann"), Known("", ACTIVE), False, Standing.UPDATED, Known("Ann", ACTIVE)),
        (person(), Known("Ann", ACTIVE), False, Standing.UNCHANGED, Known("Ann", ACTIVE)),
        (person(), Known("Ann", PENDING), False, Standing.UPDATED, Known("Ann", ACTIVE)),
        (
            person(state=PENDING),
            Known("", ACTIVE),
            False,
            Standing.UNCHANGED,
            Known("", ACTIVE),
        ),
        (
            person(name="Ann"),
            Known("", UNSUBSCRIBED),
            False,
            Standing.UNSUBSCRIBED,
            Known("", UNSUBSCRIBED),
        ),
        (person(name="Ann"), Known("", ACTIVE), True, Standing.SUPPRESSED, Known("", ACTIVE)),
    ],
)
def test_standing_follows_from_what_is_known(
    new: NewSubscriber,
    known: Known | None,
    suppressed: bool,
    standing: Standing,
    after: Known | None,
) -> None:
    """Nobody who left comes back by it, no name is emptied, and who confirmed stays so."""
    assert stand(new, known, suppressed=suppressed) == (standing, after)


def test_the_doctors_own_list_is_no_list_of_people(database: Database) -> None:
    """It has a number for its links, and nobody is shown it."""
    lists = Lists(database)
    number = lists.ensure(["weekly", PROBE])[PROBE]

    assert list(lists.all()) == ["main", "weekly"]
    assert lists.ensure([PROBE]) == {PROBE: number}


def test_who_is_added_is_found_by_address_and_by_id(subscribers: Subscribers) -> None:
    """The address is kept as given; it is found in its normal form."""
    assert subscribers.add(person(name="Ann Lee"), GIVEN) is Standing.NEW

    found = subscribers.by_address("ann@example.org")
    assert found
    assert (found.address, found.name, found.state) == ("Ann@example.org", "Ann Lee", ACTIVE)
    assert found.created_at == NOW
    assert subscribers.get(found.id) == found


def test_who_is_not_there_is_none(subscribers: Subscribers) -> None:
    """A stranger is no error."""
    assert subscribers.by_address("ann@example.org") is None
    assert subscribers.get(SubscriberId(1)) is None
    assert subscribers.set_state(SubscriberId(1), UNSUBSCRIBED, WITHDRAWN) is False


def test_consent_is_recorded_once_by_who_becomes_active(subscribers: Subscribers) -> None:
    """An import says how people agreed; importing again adds no second word."""
    rows = [person("ann"), person("bob", state=PENDING)]
    subscribers.upsert(rows, GIVEN)
    subscribers.upsert(rows, replace(GIVEN, source="again.csv"))

    assert subscribers.consents(id_of(subscribers, "ann")) == (GIVEN,)
    assert subscribers.consents(id_of(subscribers, "bob")) == ()


def test_a_pending_person_who_confirms_elsewhere_becomes_active(subscribers: Subscribers) -> None:
    """A later row that says active counts as the confirmation, and is recorded."""
    subscribers.add(person(state=PENDING), GIVEN)

    assert subscribers.add(person(), GIVEN) is Standing.UPDATED
    assert subscribers.consents(id_of(subscribers, "ann")) == (GIVEN,)


def test_a_batch_answers_row_by_row(subscribers: Subscribers, suppressions: Suppressions) -> None:
    """Each row has its own answer, a second row of one address the one after the first."""
    subscribers.upsert([person("ann", name="Ann"), person("bob"), person("cid")], GIVEN)
    subscribers.set_state(id_of(subscribers, "bob"), UNSUBSCRIBED, WITHDRAWN)
    suppressions.add("cid@example.org", SuppressionReason.BOUNCED, now=NOW)
    suppressions.add("dan@example.org", SuppressionReason.COMPLAINED, now=NOW)
    rows = ["ann", "bob", "cid", "dan", "eve", "eve", "ann"]

    standings = subscribers.upsert(
        [person(who, name=name) for who, name in zip(rows, "ABCDEEA", strict=True)], GIVEN
    )

    assert standings == (
        Standing.UPDATED,
        Standing.UNSUBSCRIBED,
        Standing.SUPPRESSED,
        Standing.SUPPRESSED,
        Standing.NEW,
        Standing.UNCHANGED,
        Standing.UNCHANGED,
    )
    assert subscribers.by_address("dan@example.org") is None
    assert [found.name for found in subscribers.all()] == ["A", "", "", "E"]


def test_the_same_address_twice_in_a_batch_is_one_person(subscribers: Subscribers) -> None:
    """The second row updates what the first wrote."""
    first, second = person(), person(name="Ann", address="ANN@example.org")

    assert subscribers.upsert([first, second], GIVEN) == (Standing.NEW, Standing.UPDATED)

    [found] = subscribers.all()
    assert (found.address, found.name) == ("Ann@example.org", "Ann")


def test_more_rows_than_a_round_holds_are_one_transaction(
    database: Database, subscribers: Subscribers
) -> None:
    """All of them or none; the later rounds know of the earlier ones."""
    rows = [person(f"p{number}") for number in range(ROUND)]

    assert subscribers.upsert([*rows, *rows[:1]], GIVEN) == (
        *[Standing.NEW] * ROUND,
        Standing.UNCHANGED,
    )
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER late BEFORE INSERT ON subscriber WHEN new.name = 'last'"
            " BEGIN SELECT raise(ABORT, 'late'); END"
        )
    more = [person(f"q{number}") for number in range(ROUND)]
    with pytest.raises(BroadsheetError):
        subscribers.upsert([*more, person("q", name="last")], GIVEN)
    assert subscribers.count() == {ACTIVE: ROUND, PENDING: 0, UNSUBSCRIBED: 0}


def test_each_word_has_the_proof_of_the_row_that_it_rests_on(subscribers: Subscribers) -> None:
    """The operator's words, and behind them what the file says of just this person."""
    rows = [
        person("ann", proof="2024-05-01"),
        person("bob", proof="2025-06-02"),
        person("cid"),
        person("dan", state=PENDING, proof="asked only"),
        person("eve", state=PENDING, proof="asked only"),
        person("eve", proof="2026-07-03"),
        person("ann", name="Ann", proof="a later row"),
    ]

    subscribers.upsert(rows, GIVEN)
    subscribers.upsert([person("dan")], GIVEN)

    told = {
        name: [word.source for word in subscribers.consents(id_of(subscribers, name))]
        for name in ("ann", "bob", "cid", "dan", "eve")
    }
    assert told == {
        "ann": ["people.csv; 2024-05-01"],
        "bob": ["people.csv; 2025-06-02"],
        "cid": ["people.csv"],
        "dan": ["people.csv"],
        "eve": ["people.csv; 2026-07-03"],
    }


def test_many_are_tagged_in_one_transaction(database: Database, subscribers: Subscribers) -> None:
    """Strangers and erased people are passed over; a tag is had once, and taken only if had."""
    subscribers.upsert([person("ann", tags=frozenset({"vip", "old"})), person("bob")], GIVEN)
    ann, bob = id_of(subscribers, "ann"), id_of(subscribers, "bob")
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)

    changed = subscribers.tag_all([ann, bob, SubscriberId(99)], add={"vip"}, remove={"old"})

    assert changed == 2
    assert len(commits) == 1
    assert [found.tags for found in subscribers.all()] == [{"vip"}, {"vip"}]


def test_nobody_is_lost_between_pages(subscribers: Subscribers) -> None:
    """Everybody comes once, in the order they were added, and by state if asked."""
    rows = [
        person(f"p{number}", state=ACTIVE if number % 3 else PENDING) for number in range(PAGE + 7)
    ]
    subscribers.upsert(rows, GIVEN)

    assert [found.address for found in subscribers.all()] == [row.address for row in rows]
    pending = [row.address for row in rows if row.state is PENDING]
    assert [found.address for found in subscribers.all(PENDING)] == pending


def test_what_is_foreseen_is_what_happens_and_nothing_is_written(
    subscribers: Subscribers, suppressions: Suppressions
) -> None:
    """A rehearsal of an import gives its numbers and leaves no trace."""
    subscribers.upsert([person("ann"), person("bob")], GIVEN)
    subscribers.set_state(id_of(subscribers, "bob"), UNSUBSCRIBED, WITHDRAWN)
    suppressions.add("cid@example.org", SuppressionReason.BOUNCED, now=NOW)
    rows = [person(who, name="X") for who in ("ann", "ann", "bob", "cid", "dan", "dan")]
    before = list(subscribers.all())

    foreseen = subscribers.foresee(rows)

    assert list(subscribers.all()) == before
    assert foreseen == subscribers.upsert(rows, GIVEN)


def test_unsubscribing_twice_is_unsubscribing_once(subscribers: Subscribers) -> None:
    """A mailbox provider may repeat a one-click request as often as it likes."""
    subscribers.add(person(), GIVEN)
    ann = id_of(subscribers, "ann")

    assert subscribers.set_state(ann, UNSUBSCRIBED, WITHDRAWN) is True
    assert subscribers.set_state(ann, UNSUBSCRIBED, WITHDRAWN) is False
    assert subscribers.consents(ann) == (GIVEN, WITHDRAWN)
    assert subscribers.count()[UNSUBSCRIBED] == 1


def test_who_left_can_come_back_by_their_own_word(subscribers: Subscribers) -> None:
    """What an import may not do a confirmed request may."""
    subscribers.add(person(), GIVEN)
    ann = id_of(subscribers, "ann")
    subscribers.set_state(ann, UNSUBSCRIBED, WITHDRAWN)
    again = Consent(action="given", method="web", source="/subscribe", at=NOW + timedelta(days=2))

    assert subscribers.set_state(ann, ACTIVE, again) is True
    assert subscribers.consents(ann) == (GIVEN, WITHDRAWN, again)


@pytest.mark.parametrize("nasty", ["'; DROP TABLE subscriber; --", '"', "%s", ":name", "\\", "🗞"])
def test_no_text_is_taken_for_sql(subscribers: Subscribers, nasty: str) -> None:
    """Quotes and markers in every field come back as they went in."""
    new = NewSubscriber(address=f"A{nasty}@example.org", normalised=f"a{nasty}", name=nasty)

    subscribers.add(new, replace(GIVEN, source=nasty))

    found = subscribers.by_address(f"a{nasty}")
    assert found
    assert (found.address, found.name) == (new.address, nasty)
    assert subscribers.consents(found.id)[0].source == nasty


def test_an_id_is_never_given_twice(database: Database, subscribers: Subscribers) -> None:
    """An old unsubscribe link of somebody erased must not reach whoever came next."""
    subscribers.add(person("ann"), replace(GIVEN))
    ann = id_of(subscribers, "ann")
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM consent")
        connection.exec_driver_sql("DELETE FROM subscription")
        connection.exec_driver_sql("DELETE FROM subscriber")

    subscribers.add(person("bob"), GIVEN)

    assert id_of(subscribers, "bob") != ann


def test_a_suppression_stays_until_it_is_lifted(suppressions: Suppressions) -> None:
    """It is known by the hash alone, and says why."""
    suppressions.add("ann@example.org", SuppressionReason.BOUNCED, now=NOW)

    assert suppressions.contains("ann@example.org")
    assert suppressions.reason("ann@example.org") is SuppressionReason.BOUNCED
    assert suppressions.remove("ann@example.org") is True
    assert suppressions.remove("ann@example.org") is False
    assert not suppressions.contains("ann@example.org")


def test_the_first_reason_stays_but_a_complaint_wins(suppressions: Suppressions) -> None:
    """What is lifted least easily is remembered, in whatever order the news came."""
    rows = [
        ("ann", SuppressionReason.BOUNCED),
        ("ann", SuppressionReason.MANUAL),
        ("bob", SuppressionReason.BOUNCED),
        ("bob", SuppressionReason.COMPLAINED),
        ("cid", SuppressionReason.COMPLAINED),
        ("cid", SuppressionReason.UNSUBSCRIBED),
    ]

    suppressions.add_all(rows, now=NOW)

    assert suppressions.reason("ann") is SuppressionReason.BOUNCED
    assert suppressions.reason("bob") is SuppressionReason.COMPLAINED
    assert suppressions.reason("cid") is SuppressionReason.COMPLAINED
    assert suppressions.count()[SuppressionReason.COMPLAINED] == 2


def test_suppressing_nobody_is_nothing(suppressions: Suppressions) -> None:
    """An empty batch is no error."""
    suppressions.add_all([], now=NOW)

    assert set(suppressions.count().values()) == {0}
