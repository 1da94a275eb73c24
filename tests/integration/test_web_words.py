"""Words kept on disk: whole, private, once, and never for nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.errors import StorageError
from pipeline.model.subscriber import MAIN, SubscriberState
from tests.integration.web_door import Hands, link, states, subscribe, workspace

pytestmark = pytest.mark.integration


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A workspace with a clock to turn."""
    return workspace(tmp_path, Hands())


def test_a_word_said_often_is_one_word(app: App) -> None:
    """Saying it again replaces it; leaving one list and leaving all are two."""
    token = link(app, Action.UNSUBSCRIBE, subscribe(app, "robin@example.org"))[3:]
    keep = app.keep_word()

    for _ in range(3):
        assert keep(token)
    assert keep(token, everything=True)

    assert len(list(keep.folder.iterdir())) == 2
    assert {file.stat().st_mode & 0o777 for file in keep.folder.iterdir()} == {0o600}
    assert keep.folder.stat().st_mode & 0o777 == 0o700


def test_a_young_word_is_left_to_who_wrote_it(app: App) -> None:
    """They may still be at it with the database; ten seconds later they are not."""
    assert isinstance(app.clock, Hands)
    person = subscribe(app, "robin@example.org")
    keep = app.keep_word()
    keep(link(app, Action.UNSUBSCRIBE, person)[3:])

    assert keep.carry_out() == 1
    assert states(app, person)[MAIN] is SubscriberState.ACTIVE
    app.clock.turn(timedelta(seconds=11))
    assert keep.carry_out() == 0
    assert states(app, person)[MAIN] is SubscriberState.UNSUBSCRIBED
    assert keep.carry_out() == 0


def test_only_links_to_leave_are_words(app: App) -> None:
    """Whatever else is sent is not promised, and leaves no file."""
    person = subscribe(app, "robin@example.org")
    keep = app.keep_word()
    others = [link(app, action, person)[3:] for action in Action if action != Action.UNSUBSCRIBE]

    assert not any(keep(token) for token in (*others, "", "A" * 32, "../../x", "\x00"))
    assert not keep.folder.exists()


def test_a_damaged_word_does_not_stop_the_others(app: App) -> None:
    """A file that holds no word is set aside, and the next one is carried out."""
    assert isinstance(app.clock, Hands)
    person = subscribe(app, "robin@example.org")
    keep = app.keep_word()
    keep(link(app, Action.UNSUBSCRIBE, person)[3:])
    damaged = [b"", b"{}", b"\xff", b'{"token": 1, "at": "x"}', b"[]"]
    for number, content in enumerate(damaged):
        (keep.folder / f"000{number}.json").write_bytes(content)
    app.clock.turn(timedelta(minutes=1))

    assert keep.carry_out() == 0
    assert states(app, person)[MAIN] is SubscriberState.UNSUBSCRIBED
    assert len(list(keep.folder.glob("*.damaged"))) == len(damaged)


def test_many_words_are_carried_out_in_few_commits(app: App) -> None:
    """A call takes some of them and is soon over, so that a server can stop; none is lost."""
    assert isinstance(app.clock, Hands)
    people = [subscribe(app, f"r{number}@example.org") for number in range(120)]
    keep = app.keep_word()
    for person in people:
        keep(link(app, Action.UNSUBSCRIBE, person)[3:])
    app.clock.turn(timedelta(minutes=1))
    before = commits(app)

    left = [keep.carry_out() for _ in range(4)]

    assert left == [70, 20, 0, 0]
    assert commits(app) - before == 3
    assert {states(app, person)[MAIN] for person in people} == {SubscriberState.UNSUBSCRIBED}
    assert not list(keep.folder.iterdir())


def commits(app: App) -> int:
    """Return the database's own count of them (SQLite file format 1.3.7)."""
    return int.from_bytes(app.database.path.read_bytes()[24:28], "big")


def test_what_cannot_be_written_is_not_promised(app: App) -> None:
    """A full or forbidden disk is an outage, not a yes."""
    token = link(app, Action.UNSUBSCRIBE, subscribe(app, "robin@example.org"))[3:]
    keep = app.keep_word()
    keep.folder.parent.mkdir(exist_ok=True)
    keep.folder.symlink_to("/nowhere/at/all")

    with pytest.raises(StorageError, match="cannot be written"):
        keep(token)


def test_a_kept_word_can_be_taken_back(app: App) -> None:
    """Undo drops it before it is carried out, and gives back what was carried out."""
    assert isinstance(app.clock, Hands)
    person = subscribe(app, "robin@example.org")
    token = link(app, Action.UNSUBSCRIBE, person)[3:]
    keep = app.keep_word()
    keep(token)

    assert keep.undo(token)
    app.clock.turn(timedelta(minutes=1))
    keep.carry_out()
    assert states(app, person)[MAIN] is SubscriberState.ACTIVE

    keep(token)
    app.clock.turn(timedelta(minutes=1))
    keep.carry_out()
    assert states(app, person)[MAIN] is SubscriberState.UNSUBSCRIBED
    assert keep.undo(token)
    assert states(app, person)[MAIN] is SubscriberState.ACTIVE


def test_a_sender_at_work_hears_of_a_kept_word(app: App) -> None:
    """It is told, as of a change in the database, before the promise is given."""
    token = link(app, Action.UNSUBSCRIBE, subscribe(app, "robin@example.org"))[3:]
    before = app.ledger.version()

    assert app.keep_word()(token)

    assert app.ledger.version() != before
