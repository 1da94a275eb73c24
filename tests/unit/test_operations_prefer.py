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
    SuppressionReason,
)
from pipeline.operations.prefer import UNTIL_THEY_RETURN, Changes, Pause, Preferred
from tests.unit.consent_desk import ADA, Desk

HARBOUR, CREW = ListId(1), ListId(2)
ACTIVE, PENDING, UNSUBSCRIBED = (
    SubscriberState.ACTIVE,
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
)


@pytest.fixture
def ada(desk: Desk) -> SubscriberId:
    """Give somebody on the main list."""
    _ = desk.lists
    return desk.enrol(name="Ada", language="de")


def link(desk: Desk, ada: SubscriberId) -> str:
    """Return the token of the preferences."""
    return desk.token(Action.PREFERENCES, ada)


def test_the_page_shows_the_choices_and_changes_nothing(desk: Desk, ada: SubscriberId) -> None:
    """Public lists, and of the others those they are on."""
    before = desk.rows()

    view = desk.prefer.look(link(desk, ada))

    assert view is not None
    assert [(each.name, each.title, each.on) for each in view.choices] == [
        ("main", "The Quay", True),
        ("harbour", "Harbour news", False),
    ]
    assert (view.address, view.name, view.language) == ("A…@example.org", "Ada", "de")
    assert desk.rows() == before


def test_lists_are_joined_and_left(desk: Desk, ada: SubscriberId) -> None:
    """Each with its word; the mailbox hears of what was joined, as links get forwarded."""
    assert desk.prefer(link(desk, ada), Changes(lists=frozenset({"harbour"})))

    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (UNSUBSCRIBED, ACTIVE)
    assert desk.subscribers.consents(ada)[-1].action == "withdrawn"
    assert desk.pending_notices() == [("welcome", HARBOUR)]


def test_a_list_that_was_not_offered_is_not_joined(desk: Desk, ada: SubscriberId) -> None:
    """A forged form gets nobody into a private list; who is on it may leave it."""
    desk.prefer(link(desk, ada), Changes(lists=frozenset({"main", "crew", "no-such-list"})))
    assert desk.state(ada, CREW) is None

    desk.enrol(list_=CREW)
    desk.prefer(link(desk, ada), Changes(lists=frozenset({"main"})))
    desk.prefer(link(desk, ada), Changes(lists=frozenset({"main", "crew"})))
    assert desk.state(ada, CREW) is UNSUBSCRIBED


def test_the_same_form_again_changes_nothing(desk: Desk, ada: SubscriberId) -> None:
    """A browser that sends twice does no harm."""
    changes = Changes(lists=frozenset({"main", "harbour"}), name="Ada L.", zone="Europe/Berlin")
    desk.prefer(link(desk, ada), changes)
    before = desk.rows()

    desk.prefer(link(desk, ada), changes)

    assert desk.rows() == before


@pytest.mark.parametrize(
    ("pause", "days"),
    [(Pause.ONE_MONTH, 30), (Pause.TWO_MONTHS, 60), (Pause.THREE_MONTHS, 90)],
)
def test_a_pause_holds_every_list_and_ends_by_itself(
    desk: Desk, ada: SubscriberId, pause: Pause, days: int
) -> None:
    """The page shows until when, and nothing when it is over."""
    desk.enrol(list_=HARBOUR)

    desk.prefer(link(desk, ada), Changes(pause=pause))

    until = desk.now + timedelta(days=days)
    assert {each.paused_until for each in desk.subscribers.subscriptions(ada)} == {until}
    view = desk.prefer.look(link(desk, ada))
    assert view is not None
    assert view.paused_until == until
    desk.wait(days=days)
    view = desk.prefer.look(link(desk, ada))
    assert view is not None
    assert view.paused_until is None


def test_a_pause_without_end_ends_when_they_return(desk: Desk, ada: SubscriberId) -> None:
    """Both words are kept."""
    desk.prefer(link(desk, ada), Changes(pause=Pause.UNTIL_THEY_RETURN))
    view = desk.prefer.look(link(desk, ada))
    assert view is not None
    assert view.paused_until == UNTIL_THEY_RETURN

    desk.prefer(link(desk, ada), Changes(pause=Pause.NONE))

    assert [each.paused_until for each in desk.subscribers.subscriptions(ada)] == [None]
    assert len(desk.subscribers.consents(ada)) == 3


def test_odd_values_leave_everything_as_it_is(desk: Desk, ada: SubscriberId) -> None:
    """A name is mended to one line, as everywhere; a language or a zone that is none is ignored."""
    desk.prefer(
        link(desk, ada),
        Changes(name="Ada\r\nBcc: x\0", language="de'; DROP TABLE", zone="../../etc/passwd"),
    )

    person = desk.subscribers.get(ada)
    assert person is not None
    assert (person.name, person.language, person.zone) == ("Ada Bcc: x", "de", None)


def test_what_is_emptied_is_gone(desk: Desk, ada: SubscriberId) -> None:
    """Nobody has to have a name."""
    desk.prefer(link(desk, ada), Changes(name="", language="", zone="Europe/Paris"))

    person = desk.subscribers.get(ada)
    assert person is not None
    assert (person.name, person.language, person.zone) == ("", None, "Europe/Paris")


def test_no_other_token_opens_preferences(desk: Desk, ada: SubscriberId) -> None:
    """Nor does one of somebody erased."""
    token = link(desk, ada)
    wrong = [desk.token(action, ada) for action in Action if action is not Action.PREFERENCES]
    before = desk.rows()
    for each in (*wrong, token[:-1], token[:-1] + ("A" if token[-1] != "A" else "B"), ""):
        assert desk.prefer.look(each) is None
        assert not desk.prefer(each, Changes(name="Eve"))
    assert desk.rows() == before

    desk.erase.by_address(ADA)

    assert desk.prefer.look(token) is None
    assert not desk.prefer(token, Changes(lists=frozenset({"main"})))


def test_without_welcome_nothing_is_sent(desk: Desk, ada: SubscriberId) -> None:
    """The setting holds here, too."""
    replace(desk.prefer, welcome=False)(
        link(desk, ada), Changes(lists=frozenset({"main", "harbour"}))
    )

    assert desk.pending_notices() == []


MAIN_ONLY = Changes(lists=frozenset({"main"}))


def test_a_forwarded_link_brings_nobody_back(desk: Desk, ada: SubscriberId) -> None:
    """Years later only their mailbox does; the form again asks no second time that day."""
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, ada))
    desk.wait(days=800)
    both = Changes(lists=frozenset({"main", "harbour"}))

    assert desk.prefer(link(desk, ada), both) is Preferred.ASKED
    before = desk.rows()
    assert desk.prefer(link(desk, ada), both) is Preferred.ASKED

    assert desk.rows() == before
    assert desk.pending_notices() == [("confirm", MAIN)]
    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (PENDING, PENDING)
    desk.confirm(desk.token(Action.CONFIRM, ada))
    assert (desk.state(ada), desk.state(ada, HARBOUR)) == (ACTIVE, ACTIVE)


@pytest.mark.parametrize(("hours", "state"), [(24, ACTIVE), (25, PENDING)])
@pytest.mark.parametrize("by", ["one-click", "preferences"])
def test_who_left_a_moment_ago_may_think_again(
    desk: Desk, ada: SubscriberId, hours: int, state: SubscriberState, by: str
) -> None:
    """As long as undo would do the same."""
    if by == "one-click":
        desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, ada))
    else:
        desk.prefer(link(desk, ada), Changes(lists=frozenset()))
    desk.wait(hours=hours)

    desk.prefer(link(desk, ada), MAIN_ONLY)

    assert desk.state(ada) is state


def test_who_gets_another_list_may_join_at_once(desk: Desk, ada: SubscriberId) -> None:
    """The link is theirs as long as mail goes to them, though they left this list long ago."""
    desk.enrol(list_=HARBOUR)
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, ada))
    desk.wait(days=800)

    both = Changes(lists=frozenset({"main", "harbour"}))
    assert desk.prefer(link(desk, ada), both) is Preferred.SAVED
    assert desk.state(ada) is ACTIVE


@pytest.mark.parametrize("elsewhere", [False, True])
def test_whom_an_operator_removed_is_asked(
    desk: Desk, ada: SubscriberId, *, elsewhere: bool
) -> None:
    """At once or later, on another list or not."""
    if elsewhere:
        desk.enrol(list_=HARBOUR)
    word = Consent(action="withdrawn", method="command", source="a letter", at=desk.now)
    desk.subscribers.set_state(ada, UNSUBSCRIBED, word)

    assert desk.prefer(link(desk, ada), MAIN_ONLY) is Preferred.ASKED
    assert desk.state(ada) is PENDING


def test_who_must_not_be_written_to_is_told_so(desk: Desk, ada: SubscriberId) -> None:
    """What they want is saved, and nothing comes of it until an operator says so."""
    desk.suppress(SuppressionReason.COMPLAINED)

    assert desk.prefer(link(desk, ada), Changes(name="Ada L.")) is Preferred.BLOCKED
    person = desk.subscribers.get(ada)
    assert person is not None
    assert person.name == "Ada L."
