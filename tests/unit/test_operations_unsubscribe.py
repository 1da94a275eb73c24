from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from pipeline.audience.tokens import Action
from pipeline.model.subscriber import (
    MAIN,
    Consent,
    ListId,
    SubscriberId,
    SubscriberState,
)
from tests.unit.consent_desk import ADA, Desk

HARBOUR = ListId(1)
ACTIVE, PENDING, UNSUBSCRIBED = (
    SubscriberState.ACTIVE,
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
)


@pytest.fixture
def ada(desk: Desk) -> SubscriberId:
    """Give somebody on two lists."""
    desk.enrol()
    return desk.enrol(list_=HARBOUR)


def link(desk: Desk, ada: SubscriberId, list_: ListId = MAIN) -> str:
    """Return the token of a mail of a list."""
    return desk.token(Action.UNSUBSCRIBE, ada, list_)


def test_looking_shows_and_changes_nothing(desk: Desk, ada: SubscriberId) -> None:
    """Scanners open every link."""
    before = desk.rows()

    view = desk.unsubscribe.look(link(desk, ada))

    assert view is not None
    assert (view.address, view.list) == ("A…@example.org", "The Quay")
    assert (view.subscribed, view.elsewhere, view.undoable) == (True, True, False)
    assert desk.rows() == before


def test_one_click_leaves_the_list_of_the_mail_alone(desk: Desk, ada: SubscriberId) -> None:
    """Once is recorded, twice is the same."""
    for _ in range(2):
        assert desk.unsubscribe(link(desk, ada, HARBOUR))

    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (ACTIVE, UNSUBSCRIBED)
    words = desk.subscribers.on(HARBOUR).consents(ada)
    assert [(word.action, word.method) for word in words] == [
        ("given", "import"),
        ("withdrawn", "one-click"),
    ]


def test_everything_leaves_all_lists(desk: Desk, ada: SubscriberId) -> None:
    """The button on the page."""
    assert desk.unsubscribe(link(desk, ada), everything=True, method="page")

    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (UNSUBSCRIBED, UNSUBSCRIBED)
    assert desk.subscribers.consents(ada)[-1].method == "web"


@pytest.mark.parametrize("everything", [False, True])
def test_undo_gives_back_what_that_word_took(
    desk: Desk, ada: SubscriberId, *, everything: bool
) -> None:
    """And no list that was left before."""
    third = desk.enrol(list_=ListId(2))
    assert third == ada
    desk.unsubscribe(link(desk, ada, ListId(2)))
    desk.wait(minutes=1)
    desk.unsubscribe(link(desk, ada), everything=everything)
    view = desk.unsubscribe.look(link(desk, ada))
    assert view is not None
    assert view.undoable

    assert desk.unsubscribe.undo(link(desk, ada))
    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (ACTIVE, ACTIVE)
    assert desk.state(ada, ListId(2)) is UNSUBSCRIBED
    assert not desk.unsubscribe.undo(link(desk, ada))


def test_undo_ends_after_a_day(desk: Desk, ada: SubscriberId) -> None:
    """A mail that somebody finds later brings nobody back."""
    desk.unsubscribe(link(desk, ada))
    desk.wait(hours=24, seconds=1)
    view = desk.unsubscribe.look(link(desk, ada))
    assert view is not None
    assert not view.undoable

    assert not desk.unsubscribe.undo(link(desk, ada))
    assert desk.state(ada) is UNSUBSCRIBED


def test_undo_subscribes_nobody_who_had_only_been_asked(desk: Desk, ada: SubscriberId) -> None:
    """Double opt-in has no way round it."""
    desk.form("bob@example.org", "main")
    bob = desk.subscribers.find("bob@example.org")
    assert bob is not None
    desk.unsubscribe(link(desk, bob))

    assert not desk.unsubscribe.undo(link(desk, bob))
    assert desk.state(bob) is UNSUBSCRIBED
    assert desk.state(ada) is ACTIVE


def test_undo_does_not_overrule_the_operator(desk: Desk, ada: SubscriberId) -> None:
    """Who was removed by a command stays removed."""
    word = Consent(action="withdrawn", method="command", source="phone call", at=desk.now)
    desk.subscribers.set_state(ada, UNSUBSCRIBED, word)

    assert not desk.unsubscribe.undo(link(desk, ada))


def test_a_goodbye_is_sent_if_it_is_wanted_and_once(desk: Desk, ada: SubscriberId) -> None:
    """By default silence is the best goodbye."""
    desk.unsubscribe(link(desk, ada, HARBOUR))
    assert desk.pending_notices() == []

    polite = replace(desk.unsubscribe, goodbye=True)
    polite(link(desk, ada))
    polite(link(desk, ada))

    assert desk.pending_notices() == [("goodbye", MAIN)]


def test_the_link_of_an_erased_person_still_answers(desk: Desk, ada: SubscriberId) -> None:
    """A provider that posts it gets its 200; nobody is shown."""
    desk.erase.by_address(ADA)

    assert desk.unsubscribe(link(desk, ada))
    view = desk.unsubscribe.look(link(desk, ada))
    assert view is not None
    assert (view.address, view.subscribed, view.undoable) == ("", False, False)
    assert not desk.unsubscribe.undo(link(desk, ada))


def test_no_other_token_unsubscribes(desk: Desk, ada: SubscriberId) -> None:
    """Every other action, every flipped character: nothing changes, and nothing is told."""
    token = link(desk, ada)
    flipped = [
        token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token))
    ]
    others = [desk.token(action, ada) for action in Action if action is not Action.UNSUBSCRIBE]
    before = desk.rows()

    for wrong in (*flipped, *others, "", "test", token[:-1]):
        assert desk.unsubscribe.look(wrong) is None
        assert not desk.unsubscribe(wrong)
        assert not desk.unsubscribe(wrong, everything=True)
        assert not desk.unsubscribe.undo(wrong)

    assert desk.rows() == before


def test_a_strangers_form_does_not_kill_undo(desk: Desk, ada: SubscriberId) -> None:
    """What is asked in somebody's name is not their word; every list comes back, the day ends."""
    desk.unsubscribe(link(desk, ada), everything=True)
    desk.wait(hours=23)
    desk.form()
    assert desk.state(ada) is PENDING
    view = desk.unsubscribe.look(link(desk, ada))
    assert view is not None
    assert (view.subscribed, view.undoable) == (False, True)
    desk.unsubscribe(link(desk, ada))  # a provider that posts it again

    assert desk.unsubscribe.undo(link(desk, ada))
    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (ACTIVE, ACTIVE)


def test_a_strangers_form_does_not_make_undo_last(desk: Desk, ada: SubscriberId) -> None:
    """The day is counted from when they left, whatever was asked and taken back since."""
    desk.unsubscribe(link(desk, ada))
    desk.wait(hours=23)
    desk.form()
    desk.unsubscribe(link(desk, ada))
    desk.wait(hours=1, seconds=1)

    assert not desk.unsubscribe.undo(link(desk, ada))


def test_who_comes_back_is_not_paused(desk: Desk, ada: SubscriberId) -> None:
    """A pause of their former time would let them wait for an issue in vain."""
    word = Consent(action="given", method="web", source="pause", at=desk.now)
    desk.subscribers.pause(ada, desk.now + timedelta(days=90), word)
    desk.unsubscribe(link(desk, ada))

    assert desk.unsubscribe.undo(link(desk, ada))
    assert {each.paused_until for each in desk.subscribers.subscriptions(ada)} == {None}
