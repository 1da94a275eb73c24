from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from pipeline.errors import ConfigError
from pipeline.model.subscriber import (
    MAIN,
    Consent,
    ConsentAction,
    ListId,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.engine import Database, open_database
from pipeline.storage.lists import Lists
from pipeline.storage.standing import Confirmed, NewSubscriber, Standing
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
WITHIN = timedelta(hours=72)
ANN = NewSubscriber(address="Ann@example.org", normalised="ann@example.org", name="Ann")
ACTIVE, PENDING, UNSUBSCRIBED = (
    SubscriberState.ACTIVE,
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
)


def word(action: str, at: datetime = NOW) -> Consent:
    """Return what somebody said on a form."""
    return Consent(
        action=action, method="web", source="/subscribe", at=at, wording="weekly", client="c1"
    )


def hash_backwards(normalised: str) -> str:
    """Stand in for the keyed hash: distinct for distinct addresses is all that is needed."""
    return normalised[::-1]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Give an empty database."""
    opened = open_database(tmp_path / "broadsheet.db")
    yield opened
    opened.close()


@pytest.fixture
def subscribers(database: Database) -> Subscribers:
    """Give the subscribers of the main list."""
    return Subscribers(database, hash_backwards)


@pytest.fixture
def products(database: Database) -> ListId:
    """Give another list."""
    return Lists(database).ensure(("products",))["products"]


def ask(subscribers: Subscribers, at: datetime = NOW) -> SubscriberId:
    """Let Ann ask."""
    return subscribers.ask(ANN, word("asked", at))


def confirm(subscribers: Subscribers, id_: SubscriberId, at: datetime = NOW) -> Confirmed:
    """Let Ann confirm."""
    return subscribers.confirm(id_, word("given", at), now=at, within=WITHIN)


def state(subscribers: Subscribers, id_: SubscriberId) -> SubscriberState | None:
    """Return where Ann stands."""
    found = subscribers.get(id_)
    return found.state if found else None


def everything(database: Database) -> list[tuple[object, ...]]:
    """Return all rows that a change to a person can touch."""
    tables = ("subscriber", "subscription", "tag", "consent", "suppression")
    with database.reading() as connection:
        return [
            tuple(row)
            for table in tables
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]


def test_lists_have_numbers_for_ever(database: Database) -> None:
    """A list that the settings forget keeps its number, as links name it by that."""
    lists = Lists(database)

    assert lists.all() == {"main": MAIN}
    assert lists.ensure(["products", "main"]) == {"products": 1, "main": 0}
    assert lists.ensure(["events", "products", "events"]) == {"events": 2, "products": 1}
    assert list(lists.all()) == ["main", "products", "events"]


def test_there_are_as_many_lists_as_a_token_can_name(database: Database) -> None:
    """The one too many is refused with the remedy, and those before it are not made by half."""
    lists = Lists(database)
    lists.ensure(f"list-{number}" for number in range(1, 256))

    with pytest.raises(ConfigError, match="use tags and segments"):
        lists.ensure(["one-more"])

    assert len(lists.all()) == 256


def test_who_confirms_in_time_is_active(subscribers: Subscribers) -> None:
    """Both words are kept with what the form said."""
    ann = ask(subscribers)
    assert state(subscribers, ann) is PENDING

    assert confirm(subscribers, ann, NOW + WITHIN) is Confirmed.CONFIRMED

    assert state(subscribers, ann) is ACTIVE
    assert subscribers.consents(ann) == (word("asked"), word("given", NOW + WITHIN))
    assert confirm(subscribers, ann, NOW + WITHIN) is Confirmed.ALREADY
    assert len(subscribers.consents(ann)) == 2


def test_a_link_does_not_work_for_ever(subscribers: Subscribers) -> None:
    """Too late changes nothing; asking anew makes it work again."""
    ann = ask(subscribers)
    late = NOW + WITHIN + timedelta(seconds=1)

    assert confirm(subscribers, ann, late) is Confirmed.EXPIRED
    assert state(subscribers, ann) is PENDING
    assert ask(subscribers, late) == ann
    assert confirm(subscribers, ann, late) is Confirmed.CONFIRMED


def test_an_old_confirm_link_does_not_undo_an_unsubscription(
    database: Database, subscribers: Subscribers
) -> None:
    """Their last word stands, whoever opens their old mails."""
    ann = ask(subscribers)
    confirm(subscribers, ann)
    subscribers.set_state(ann, UNSUBSCRIBED, word("withdrawn"))
    before = everything(database)

    assert confirm(subscribers, ann) is Confirmed.EXPIRED
    assert everything(database) == before


def test_whoever_asks_for_somebody_changes_nothing_that_counts(subscribers: Subscribers) -> None:
    """Who is active stays so, with their name; the question is on record."""
    subscribers.add(ANN, word("given"))
    ann = subscribers.ask(ANN._replace(name="Mallory", tags=frozenset({"x"})), word("asked"))

    found = subscribers.get(ann)
    assert found
    assert (found.state, found.name, found.tags) == (ACTIVE, "Ann", frozenset())
    assert [each.action for each in subscribers.consents(ann)] == ["given", "asked"]


def test_nobody_is_confirmed_who_is_not_there(subscribers: Subscribers, products: ListId) -> None:
    """Neither on another list nor at all."""
    ann = ask(subscribers)

    assert confirm(subscribers.on(products), ann) is Confirmed.GONE
    assert confirm(subscribers, SubscriberId(99)) is Confirmed.GONE


@pytest.mark.parametrize("reason", SuppressionReason)
def test_a_fresh_double_opt_in_lifts_what_is_theirs_to_lift(
    database: Database, subscribers: Subscribers, reason: SuppressionReason
) -> None:
    """A complaint and an operator's word stay, and stay stronger than the state."""
    suppressions = Suppressions(database, hash_backwards)
    suppressions.add(ANN.normalised, reason, now=NOW)
    ann = ask(subscribers)

    confirm(subscribers, ann)

    stays = reason in {SuppressionReason.COMPLAINED, SuppressionReason.MANUAL}
    assert suppressions.contains(ANN.normalised) is stays
    assert state(subscribers, ann) is ACTIVE


def test_who_bounced_can_come_back_by_asking(database: Database, subscribers: Subscribers) -> None:
    """They are active all the while; an old link alone lifts nothing."""
    suppressions = Suppressions(database, hash_backwards)
    ann = ask(subscribers)
    confirm(subscribers, ann)
    later = NOW + 30 * DAY
    suppressions.add(ANN.normalised, SuppressionReason.BOUNCED, now=later)

    assert confirm(subscribers, ann, later) is Confirmed.ALREADY
    assert suppressions.contains(ANN.normalised)
    ask(subscribers, later)
    assert confirm(subscribers, ann, later) is Confirmed.CONFIRMED
    assert not suppressions.contains(ANN.normalised)


def test_a_stranger_who_asks_does_not_open_the_door_for_an_import(
    subscribers: Subscribers,
) -> None:
    """Who left and is only asked for has still left for everybody but themselves."""
    subscribers.add(ANN, word("given"))
    ann = ask(subscribers)
    subscribers.set_state(ann, UNSUBSCRIBED, word("withdrawn"))
    ask(subscribers)
    assert state(subscribers, ann) is PENDING

    assert subscribers.add(ANN, word("given")) is Standing.UNSUBSCRIBED
    assert state(subscribers, ann) is PENDING
    assert confirm(subscribers, ann) is Confirmed.CONFIRMED


def test_who_never_confirmed_is_forgotten(subscribers: Subscribers) -> None:
    """Their row too, as nothing else is known of them; who asked later waits on."""
    ann = ask(subscribers)
    bob = subscribers.ask(
        NewSubscriber(address="bob@example.org", normalised="bob"), word("asked", NOW + DAY)
    )

    assert subscribers.expire(NOW + DAY) == 1

    assert subscribers.find(ANN.normalised) is None
    assert subscribers.consents(ann) == ()
    assert state(subscribers, bob) is PENDING
    assert subscribers.expire(NOW + DAY) == 0


def test_who_left_before_is_not_forgotten(subscribers: Subscribers, products: ListId) -> None:
    """A stranger's question never makes an import of them possible; other lists stay as well."""
    subscribers.add(ANN, word("given"))
    ann = ask(subscribers)
    subscribers.set_state(ann, UNSUBSCRIBED, word("withdrawn"))
    ask(subscribers)
    ask(subscribers.on(products))

    assert subscribers.expire(NOW + DAY) == 1
    assert subscribers.on(products).expire(NOW + DAY) == 1

    assert [(each.list, each.state) for each in subscribers.subscriptions(ann)] == [
        (MAIN, UNSUBSCRIBED)
    ]
    assert subscribers.on(products).consents(ann) == ()


def test_lists_do_not_see_one_another(subscribers: Subscribers, products: ListId) -> None:
    """One person, a state and a history on each."""
    other = subscribers.on(products)
    subscribers.add(ANN, word("given"))
    assert other.by_address(ANN.normalised) is None
    ann = other.find(ANN.normalised)
    assert ann

    assert other.add(ANN._replace(name=""), word("given", NOW + DAY)) is Standing.NEW
    assert other.set_state(ann, UNSUBSCRIBED, word("withdrawn", NOW + DAY))

    assert (state(subscribers, ann), state(other, ann)) == (ACTIVE, UNSUBSCRIBED)
    assert [each.action for each in subscribers.consents(ann)] == ["given"]
    assert [each.action for each in other.consents(ann)] == ["given", "withdrawn"]
    assert [found.id for found in subscribers.all(ACTIVE)] == [ann]
    assert list(other.all(ACTIVE)) == []
    assert other.count()[UNSUBSCRIBED] == subscribers.count()[ACTIVE] == 1
    found = other.get(ann)
    assert found
    assert found.name == "Ann"


def test_a_word_brings_a_person_to_another_list(
    subscribers: Subscribers, products: ListId
) -> None:
    """As their preferences do; leaving a list they were never on is nothing."""
    subscribers.add(ANN, word("given"))
    ann = ask(subscribers)
    other = subscribers.on(products)

    assert other.set_state(ann, UNSUBSCRIBED, word("withdrawn")) is False
    assert other.set_state(ann, ACTIVE, word("given")) is True
    assert other.set_state(ann, ACTIVE, word("given")) is False
    assert state(other, ann) is ACTIVE
    assert other.consents(ann) == (word("given"),)


def test_a_pause_is_known_and_ends(subscribers: Subscribers) -> None:
    """The same pause twice is one word."""
    subscribers.add(ANN, word("given"))
    ann = ask(subscribers)

    assert subscribers.pause(ann, NOW + DAY, word("given"))
    assert not subscribers.pause(ann, NOW + DAY, word("given"))
    [subscription] = subscribers.subscriptions(ann)
    assert (subscription.paused_until, subscription.since) == (NOW + DAY, NOW)
    assert subscribers.pause(ann, None, word("given"))
    assert subscribers.subscriptions(ann)[0].paused_until is None
    assert not subscribers.pause(SubscriberId(99), None, word("given"))


def test_facts_change_one_by_one(subscribers: Subscribers) -> None:
    """None leaves, empty takes away, and fields not named stay."""
    subscribers.add(ANN._replace(fields={"city": "Ghent", "team": "red"}), word("given"))
    ann = ask(subscribers)

    assert subscribers.change(ann, now=NOW, language="de", zone="Europe/Berlin")
    assert subscribers.change(ann, now=NOW, fields={"city": "", "shoe": "42"}, zone="")

    found = subscribers.get(ann)
    assert found
    assert (found.name, found.language, found.zone) == ("Ann", "de", None)
    assert found.fields == {"team": "red", "shoe": "42"}
    assert not subscribers.change(SubscriberId(99), now=NOW, name="X")


def test_tags_are_a_set(subscribers: Subscribers) -> None:
    """Given twice they are there once; people are found by them."""
    subscribers.upsert(
        [ANN, NewSubscriber(address="b@example.org", normalised="b")], word("given")
    )
    ann = ask(subscribers)

    assert subscribers.tag(ann, add=("vip", "press"))
    assert subscribers.tag(ann, add=("vip",), remove=("press", "none"))

    assert [(found.id, found.tags) for found in subscribers.all(tag="vip")] == [
        (ann, frozenset({"vip"}))
    ]
    assert list(subscribers.all(tag="press")) == []
    assert not subscribers.tag(SubscriberId(99), add=("vip",))


def test_an_import_adds_to_what_is_known(subscribers: Subscribers) -> None:
    """Fields and tags are joined, nothing is emptied, and the same again changes nothing."""
    first = ANN._replace(fields={"city": "Ghent"}, tags=frozenset({"a"}), language="de")
    second = ANN._replace(fields={"team": "red"}, tags=frozenset({"b"}), zone="UTC", name="")
    subscribers.add(first, word("given"))

    assert subscribers.add(second, word("given")) is Standing.UPDATED
    assert subscribers.add(first, word("given")) is Standing.UNCHANGED
    assert subscribers.upsert([second, first], word("given")) == (Standing.UNCHANGED,) * 2

    found = subscribers.by_address(ANN.normalised)
    assert found
    assert found.fields == {"city": "Ghent", "team": "red"}
    assert found.tags == {"a", "b"}
    assert (found.name, found.language, found.zone) == ("Ann", "de", "UTC")


@pytest.mark.parametrize("action", ConsentAction)
def test_every_word_there_is_can_be_kept(subscribers: Subscribers, action: ConsentAction) -> None:
    """The database knows the actions of the model."""
    subscribers.add(ANN, word("given"))
    ann = ask(subscribers)
    subscribers.set_state(ann, UNSUBSCRIBED, word(action))

    assert subscribers.consents(ann)[-1].action == action
