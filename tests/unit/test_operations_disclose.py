from __future__ import annotations

import json

import pytest

from pipeline.audience.tokens import Action
from pipeline.model.subscriber import MAIN, SubscriberId, SuppressionReason
from pipeline.operations.bearer import Mailed
from tests.unit.consent_desk import ADA, Desk


def test_a_link_is_mailed_once_a_day_and_works_for_a_day(desk: Desk, ada: SubscriberId) -> None:
    """A forwarded newsletter shows nobody's data to whom it was forwarded."""
    early = desk.token(Action.DISCLOSE, ada)
    assert desk.disclose.read(early) is None

    for _ in range(2):
        assert desk.disclose.ask(desk.token(Action.PREFERENCES, ada))
    assert desk.pending_notices() == [("disclose", MAIN)]
    link = desk.token(Action.DISCLOSE, ada)
    assert desk.disclose.read(early) is None

    desk.wait(hours=24)
    view = desk.disclose.look(link)
    assert view is not None
    assert (view.address, view.expired) == ("A…@example.org", False)
    assert desk.disclose.read(link) is not None
    desk.wait(seconds=1)
    view = desk.disclose.look(link)
    assert view is not None
    assert view.expired
    assert desk.disclose.read(link) is None


def test_what_is_read_is_json_with_the_person_in_it(desk: Desk, ada: SubscriberId) -> None:
    """Theirs and nobody else's."""
    desk.enrol("bob@example.org")
    desk.disclose.ask(desk.token(Action.PREFERENCES, ada))

    data = desk.disclose.read(desk.token(Action.DISCLOSE, ada))

    assert data is not None
    assert ADA in data.decode()
    assert "people.csv" in data.decode()  # how they agreed
    assert "bob" not in data.decode()
    assert isinstance(json.loads(data), dict)


def test_reading_changes_nothing(desk: Desk, ada: SubscriberId) -> None:
    """Nor does looking."""
    desk.disclose.ask(desk.token(Action.PREFERENCES, ada))
    before = desk.rows()

    desk.disclose.look(desk.token(Action.DISCLOSE, ada))
    desk.disclose.read(desk.token(Action.DISCLOSE, ada))

    assert desk.rows() == before


def test_no_other_token_asks_or_reads(desk: Desk, ada: SubscriberId) -> None:
    """The token of one step does not do the other."""
    desk.disclose.ask(desk.token(Action.PREFERENCES, ada))
    before = desk.rows()

    for action in Action:
        if action is not Action.PREFERENCES:
            assert not desk.disclose.ask(desk.token(action, ada))
        if action is not Action.DISCLOSE:
            assert desk.disclose.look(desk.token(action, ada)) is None
            assert desk.disclose.read(desk.token(action, ada)) is None

    assert desk.rows() == before


def test_an_old_link_does_not_answer_a_later_question(desk: Desk, ada: SubscriberId) -> None:
    """Whoever got hold of one mail needs the newest."""
    desk.disclose.ask(desk.token(Action.PREFERENCES, ada))
    old = desk.token(Action.DISCLOSE, ada)
    desk.wait(hours=25)
    desk.disclose.ask(desk.token(Action.PREFERENCES, ada))

    assert desk.disclose.look(old) is None
    assert desk.disclose.read(old) is None
    assert desk.disclose.read(desk.token(Action.DISCLOSE, ada))


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_who_must_not_be_written_to_is_told_so(
    desk: Desk, ada: SubscriberId, reason: SuppressionReason
) -> None:
    """No page says "look into your mailbox" where nothing comes."""
    desk.suppress(reason)

    answer = desk.disclose.ask(desk.token(Action.PREFERENCES, ada))

    blocked = reason in {SuppressionReason.COMPLAINED, SuppressionReason.MANUAL}
    assert answer is (Mailed.BLOCKED if blocked else Mailed.MAILED)
    assert desk.send_notices().sent == (0 if blocked else 1)
