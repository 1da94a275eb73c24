from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pipeline.audience.tokens import Action, Tokens
from pipeline.model.subscriber import (
    MAIN,
    ListId,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.storage.standing import Confirmed
from tests.unit.consent_desk import ADA, ADA_NORMALISED, NOW, Desk

HARBOUR = ListId(1)
ACTIVE, PENDING, UNSUBSCRIBED = (
    SubscriberState.ACTIVE,
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
)


def asked(desk: Desk, *lists: str) -> tuple[SubscriberId, str]:
    """Let Ada ask; return who she is and the token she was mailed."""
    desk.form(ADA, *lists)
    id_ = desk.subscribers.find(ADA_NORMALISED)
    assert id_ is not None
    return id_, desk.token(Action.CONFIRM, id_)


def test_looking_shows_and_changes_nothing(desk: Desk) -> None:
    """A scanner that opens the link is no consent."""
    id_, token = asked(desk, "main", "harbour")
    before = desk.rows()

    view = desk.confirm.look(token)

    assert view is not None
    assert (view.address, view.lists) == ("A…@example.org", ("The Quay", "Harbour news"))
    assert view.answer is Confirmed.CONFIRMED
    assert desk.rows() == before
    assert desk.state(id_) is PENDING


def test_the_button_confirms_once_and_welcomes_once(desk: Desk) -> None:
    """Pressed twice it says so and nothing else happens; who confirmed from where is kept."""
    id_, token = asked(desk)
    desk.send_notices()

    assert desk.confirm(token, client="c2") is Confirmed.CONFIRMED
    assert desk.confirm(token) is Confirmed.ALREADY

    assert desk.state(id_) is ACTIVE
    assert [(w.action, w.client) for w in desk.subscribers.consents(id_)] == [
        ("asked", "c1"),
        ("given", "c2"),
    ]
    assert desk.pending_notices() == [("welcome", MAIN)]
    view = desk.confirm.look(token)
    assert view is not None
    assert view.answer is Confirmed.ALREADY


def test_one_word_is_for_all_lists_of_its_form_and_for_no_other(desk: Desk) -> None:
    """What a stranger asks for afterwards is not confirmed along with it."""
    id_, token = asked(desk, "main")
    desk.wait(hours=25)
    desk.form(ADA, "harbour")

    assert desk.confirm(token) is Confirmed.CONFIRMED
    assert (desk.state(id_), desk.state(id_, HARBOUR)) == (ACTIVE, PENDING)


def test_all_lists_of_a_form_are_confirmed(desk: Desk) -> None:
    """The mail named them both."""
    id_, token = asked(desk, "main", "harbour")

    desk.confirm(token)

    assert (desk.state(id_), desk.state(id_, HARBOUR)) == (ACTIVE, ACTIVE)


def test_a_link_ends_after_72_hours(desk: Desk) -> None:
    """To the second; the page foresees it."""
    id_, token = asked(desk)
    desk.wait(hours=72)
    view = desk.confirm.look(token)
    assert view is not None
    assert view.answer is Confirmed.CONFIRMED
    desk.wait(seconds=1)
    view = desk.confirm.look(token)
    assert view is not None
    assert view.answer is Confirmed.EXPIRED

    assert desk.confirm(token) is Confirmed.EXPIRED
    assert desk.state(id_) is PENDING


def test_an_old_link_does_not_bring_back_who_left(desk: Desk) -> None:
    """Their last word counts, within the 72 hours, too."""
    id_, token = asked(desk)
    desk.confirm(token)
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, id_))

    view = desk.confirm.look(token)
    assert view is not None
    assert view.answer is Confirmed.EXPIRED
    assert desk.confirm(token) is Confirmed.EXPIRED
    assert desk.state(id_) is UNSUBSCRIBED


def test_who_was_forgotten_is_gone(desk: Desk) -> None:
    """Nothing is known of the question any more, so nothing can be told of its link."""
    _, token = asked(desk)
    desk.wait(days=8)
    desk.send_notices()

    assert desk.confirm.look(token) is None
    assert desk.confirm(token) is None


@pytest.mark.parametrize(
    "reason",
    [SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED, SuppressionReason.ERASED],
)
def test_a_fresh_word_lifts_what_it_can(desk: Desk, reason: SuppressionReason) -> None:
    """Also for somebody who never left the list, and whose address bounced."""
    desk.enrol()
    desk.suppress(reason)
    _, token = asked(desk)

    view = desk.confirm.look(token)
    assert view is not None
    assert view.answer is Confirmed.CONFIRMED
    assert desk.confirm(token) is Confirmed.CONFIRMED
    assert desk.suppressions.reason(ADA_NORMALISED) is None


def test_a_complaint_is_not_lifted_by_a_click(desk: Desk) -> None:
    """Only an operator does that."""
    _, token = asked(desk)
    desk.suppress(SuppressionReason.COMPLAINED)

    desk.confirm(token)

    assert desk.suppressions.reason(ADA_NORMALISED) is SuppressionReason.COMPLAINED


def test_no_other_token_confirms(desk: Desk) -> None:
    """Every other action, every flipped character, another list, another workspace: nobody."""
    id_, token = asked(desk)
    flipped = [
        token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in range(len(token))
    ]
    others = [desk.token(action, id_) for action in Action if action is not Action.CONFIRM]
    before = desk.rows()

    for wrong in (*flipped, *others, "", "x", token[:-1], token + "A", "ä" * 32):
        assert desk.confirm.look(wrong) is None
        assert desk.confirm(wrong) is None
    assert desk.confirm(desk.token(Action.CONFIRM, id_, HARBOUR)) is None

    assert desk.rows() == before


def test_an_old_link_does_not_answer_a_later_question(desk: Desk) -> None:
    """Somebody keeps a mail of years ago, and asks in the name of who left since."""
    id_, old = asked(desk)
    desk.confirm(old)
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, id_))
    desk.wait(days=900)
    desk.form()
    before = desk.rows()

    assert desk.confirm.look(old) is None
    assert desk.confirm(old) is None

    assert desk.rows() == before
    assert desk.confirm(desk.token(Action.CONFIRM, id_)) is Confirmed.CONFIRMED


@pytest.mark.parametrize("moment", [None, NOW + timedelta(microseconds=1)])
def test_a_link_holds_the_very_moment_of_its_question(desk: Desk, moment: datetime | None) -> None:
    """A link without one, as old mails may have it, answers nothing."""
    id_, _ = asked(desk)
    wrong = Tokens(desk.keys).mint(Action.CONFIRM, id_, moment=moment)

    assert desk.confirm(wrong) is None
    assert desk.state(id_) is PENDING


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_the_page_knows_whom_only_an_operator_lets_back(
    desk: Desk, reason: SuppressionReason
) -> None:
    """It must not say welcome to them."""
    _, token = asked(desk)
    desk.suppress(reason)

    view = desk.confirm.look(token)

    assert view is not None
    assert view.blocked == (reason in {SuppressionReason.COMPLAINED, SuppressionReason.MANUAL})
