from __future__ import annotations

import pytest
from msgspec.structs import replace

from pipeline.audience.address import AddressError
from pipeline.audience.tokens import Action
from pipeline.model.notice import NoticeKind
from pipeline.model.subscriber import MAIN, ListId, SubscriberState, SuppressionReason
from tests.unit.consent_desk import ADA, ADA_NORMALISED, Desk

HARBOUR = ListId(1)
CREW = ListId(2)
ACTIVE, PENDING, UNSUBSCRIBED = (
    SubscriberState.ACTIVE,
    SubscriberState.PENDING,
    SubscriberState.UNSUBSCRIBED,
)


def sent(desk: Desk) -> int:
    """Return how many mails left at this tick."""
    return desk.send_notices().sent


def test_a_question_is_written_down_with_its_proof(desk: Desk) -> None:
    """Nobody is subscribed by a form; who asked how is kept."""
    desk.form(name="Ada", language="de")

    id_ = desk.subscribers.find(ADA_NORMALISED)
    assert id_ is not None
    person = desk.subscribers.get(id_)
    assert person is not None
    assert (person.state, person.name, person.language) == (PENDING, "Ada", "de")
    (word,) = desk.subscribers.consents(id_)
    assert (word.action, word.wording, word.client) == ("asked", "Send me The Quay.", "c1")
    assert desk.pending_notices() == [("confirm", MAIN)]


def test_what_is_no_address_is_refused_and_nothing_is_written(desk: Desk) -> None:
    """Ten megabytes, look-alikes, line ends: an error that the page can show."""
    before = desk.rows()
    for text in ("", "ada", "ada@", "a" * 65_536 + "@example.org", "a@example.org\r\nBcc: b@x"):
        with pytest.raises(AddressError):
            desk.form(text)

    assert desk.rows() == before


def test_a_mailbox_is_asked_once_a_day_and_three_times_in_all(desk: Desk) -> None:
    """A thousand posts for one victim: one mail a day, three until they are forgotten."""
    mails = []
    for _ in range(12):
        for _ in range(20):
            desk.form()
        mails.append(sent(desk))
        desk.wait(days=1)

    # They are forgotten seven days after the third, and somebody new may be asked.
    assert mails == [1, 1, 1, *[0] * 8, 1]


def test_several_lists_are_one_question(desk: Desk) -> None:
    """One form, one mail, whatever it names; a list that is not public is not there."""
    desk.form(ADA, "main", "harbour", "crew", "no-such-list")

    id_ = desk.subscribers.find(ADA_NORMALISED)
    assert id_ is not None
    assert {each.list for each in desk.subscribers.subscriptions(id_)} == {MAIN, HARBOUR}
    assert desk.pending_notices() == [("confirm", MAIN)]


def test_an_unknown_list_is_answered_by_silence(desk: Desk) -> None:
    """Nobody learns the names of private lists, and nothing is written."""
    before = desk.rows()

    desk.form(ADA, "crew")
    desk.form(ADA, "no-such-list")

    assert desk.rows() == before


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINED, SuppressionReason.MANUAL])
def test_who_only_an_operator_lets_back_is_not_written_to(
    desk: Desk, reason: SuppressionReason
) -> None:
    """No row, no mail, no difference on the page."""
    desk.suppress(reason)
    before = desk.rows()

    desk.form()

    assert desk.rows() == before


@pytest.mark.parametrize(
    "reason",
    [SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED, SuppressionReason.ERASED],
)
def test_who_may_come_back_by_their_own_word_is_asked(
    desk: Desk, reason: SuppressionReason
) -> None:
    """Also if they are still on the list: their mailbox bounced, and works again."""
    desk.enrol()
    desk.suppress(reason)

    desk.form()

    assert desk.pending_notices() == [("confirm", MAIN)]
    assert sent(desk) == 1


def test_a_stranger_changes_nothing_of_somebody_known(desk: Desk) -> None:
    """Name and language of a form are anybody's; a subscription stays what it is."""
    id_ = desk.enrol(name="Ada", language="fr")

    desk.form(ADA, "main", "harbour", name="Buy pills at spam.example", language="de")

    person = desk.subscribers.get(id_)
    assert person is not None
    assert (person.name, person.language, person.state) == ("Ada", "fr", ACTIVE)
    assert desk.state(id_, HARBOUR) is PENDING


def test_who_is_subscribed_hears_so_once_a_week(desk: Desk) -> None:
    """They look into their mailbox as the page says, and find an answer; no flood of them."""
    desk.enrol()
    mails = []
    for _ in range(15):
        desk.form()
        mails.append(sent(desk))
        desk.wait(days=1)

    assert mails == [1, *[0] * 6, 1, *[0] * 6, 1]


def test_who_left_is_asked_and_stays_away_until_they_confirm(desk: Desk) -> None:
    """A stranger cannot bring anybody back, and silence brings the old state back."""
    id_ = desk.enrol()
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, id_))

    desk.form()
    assert desk.state(id_) is PENDING
    desk.wait(days=8)
    desk.send_notices()

    assert desk.state(id_) is UNSUBSCRIBED


def test_who_never_confirms_is_forgotten_after_a_week(desk: Desk) -> None:
    """Of a form that a stranger sent nothing remains."""
    before = {name: rows for name, rows in desk.rows().items() if name != "sqlite_sequence"}
    desk.form(name="Ada")
    assert sent(desk) == 1

    desk.wait(days=7, seconds=1)
    desk.send_notices()

    after = {name: rows for name, rows in desk.rows().items() if name != "sqlite_sequence"}
    assert after.items() >= {k: v for k, v in before.items() if k != "list"}.items()


def test_without_double_opt_in_a_form_is_enough_but_never_revives(desk: Desk) -> None:
    """The operator chose so; whoever left is asked all the same."""
    ask = replace(desk.ask, double_opt_in=False)
    gone = desk.enrol("bob@example.org")
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, gone))
    more = {"lists": ("main",), "form": "", "wording": "", "client": ""}

    ask("bob@example.org", **more)  # type: ignore[arg-type]
    ask(ADA, **more)  # type: ignore[arg-type]

    ada = desk.subscribers.find(ADA_NORMALISED)
    assert ada is not None
    assert desk.state(ada) is ACTIVE
    assert desk.state(gone) is PENDING
    assert {kind for kind, _ in desk.pending_notices()} == {NoticeKind.CONFIRM, NoticeKind.WELCOME}


def test_strangers_cannot_lock_out_who_left(desk: Desk) -> None:
    """Three forms, or thirty: the reader's own form is answered the day after, at the latest."""
    id_ = desk.enrol()
    desk.unsubscribe(desk.token(Action.UNSUBSCRIBE, id_))
    mails = []
    for _ in range(30):
        desk.form()
        desk.form()
        mails.append(sent(desk))
        desk.wait(days=1)

    assert mails == [1] * 30
    desk.form()
    assert desk.confirm(desk.token(Action.CONFIRM, id_)) == "confirmed"


def test_without_welcome_a_form_sends_none(desk: Desk) -> None:
    """Neither to who is subscribed already nor to who is by this form."""
    desk.enrol()
    more = {"lists": ("main",), "form": "", "wording": "", "client": ""}

    replace(desk.ask, welcome=False)(ADA, **more)  # type: ignore[arg-type]
    replace(desk.ask, welcome=False, double_opt_in=False)("bob@example.org", **more)  # type: ignore[arg-type]

    assert desk.subscribers.find("bob@example.org") is not None
    assert desk.pending_notices() == []
