"""Pages for those whom a link alone does not bring back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.model.subscriber import MAIN, SubscriberState, SuppressionReason
from tests.integration.web_door import Hands, door, link, states, subscribe, workspace

pytestmark = pytest.mark.integration

ROBIN = "robin@example.org"
WRITE_TO = "please write to quay@example.org"


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Give a workspace."""
    return workspace(tmp_path)


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """Give a browser at its door."""
    with door(app) as client:
        yield client


def test_preferences_say_that_a_mail_was_sent(app: App, client: TestClient) -> None:
    """The boxes still show what is so."""
    person = subscribe(app, ROBIN)
    client.post(link(app, Action.UNSUBSCRIBE, person))
    assert isinstance(app.clock, Hands)
    app.clock.turn(timedelta(days=800))
    path = link(app, Action.PREFERENCES, person)

    answer = client.post(path, data={"lists": "shown", "list": ["main"]})

    assert "press the button in the mail that we sent you" in answer.text
    assert "checked" not in answer.text
    assert states(app, person) == {MAIN: SubscriberState.PENDING}
    german = client.post(f"{path}?lang=de", data={"lists": "shown", "list": ["main"]})
    assert "Eines fehlt noch" in german.text
    assert "One thing" not in client.get(path).text


@pytest.mark.parametrize("reason", [SuppressionReason.COMPLAINED, SuppressionReason.MANUAL])
def test_who_must_not_be_written_to_learns_whom_to_ask(
    app: App, client: TestClient, reason: SuppressionReason
) -> None:
    """On every page that would promise a mail."""
    app.ask()(ROBIN, lists=["main"], form="f", wording="w", client="c")
    person = app.subscribers.find(ROBIN)
    assert person is not None
    confirm = link(app, Action.CONFIRM, person)
    app.suppressions.add(ROBIN, reason, now=app.clock())
    preferences = link(app, Action.PREFERENCES, person)

    for answer in (
        client.get(confirm),
        client.post(confirm),
        client.post(f"{preferences}/disclose"),
        client.post(f"{preferences}/erase"),
    ):
        assert answer.status_code == 403
        assert WRITE_TO in answer.text
    saved = client.post(preferences, data={"name": "Robin"})
    assert saved.status_code == 200
    assert WRITE_TO in saved.text
