"""A workspace with its HTTP door, and what tests do at it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.audience.tokens import Action, Tokens
from pipeline.model.subscriber import MAIN, Consent, ListId, SubscriberId, SubscriberState
from pipeline.settings import load
from pipeline.storage.engine import open_database
from pipeline.storage.standing import NewSubscriber
from pipeline.web.application import application
from pipeline.web.rates import LIMITS, Limit, Rates, Rule

SETTINGS: Final = """
[newsletter]
name = "The <Quay>"
site_url = "https://quay.example.org"
from = "quay@example.org"
postal_address = "1 Quay Lane"

[lists.main]
[lists.tides]
title = "Tide Tables"
"""
HOST: Final = "quay.example.org"
SOON_S: Final = 60.0  # for who does not wait for a `patient` database, on a busy machine
START: Final = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Hands:
    """A clock that a test turns."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return the time it shows."""
        return self.now

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by

    def seconds(self) -> float:
        """Return the time as limits count it."""
        return self.now.timestamp()


def workspace(root: Path, clock: Hands | None = None, *, proxies: Sequence[str] = ()) -> App:
    """Return a workspace in an empty folder.

    Args:
        root: the folder.
        clock: its time.
        proxies: whose X-Forwarded-For is believed.
    """
    web = f"[web]\ntrusted_proxies = {json.dumps(list(proxies))}\n"
    (root / "newsletter.toml").write_text(SETTINGS + web)
    settings = load(root, {})
    return App(settings=settings, root=root, has_workspace=True, clock=clock or Hands())


def patient(app: App) -> App:
    """Open the database so that it waits two minutes for others: who waits for it is found out."""
    open_patiently = partial(open_database, busy_timeout=timedelta(minutes=2))
    with patch("pipeline.storage.engine.open_database", open_patiently):
        assert app.database.patience == timedelta(minutes=2)
    return app


@contextmanager
def door(
    app: App,
    client: tuple[str, int] = ("192.0.2.1", 40000),
    *,
    pace_s: float = 0.0,
    limits: Mapping[Rule, Limit] = LIMITS,
) -> Iterator[TestClient]:
    """Open the door: a browser that knows the site by its public name."""
    assert isinstance(app.clock, Hands)
    served = application(app, rates=Rates(app.clock.seconds, limits), pace_s=pace_s)
    with TestClient(
        served, base_url=f"https://{HOST}", client=client, raise_server_exceptions=False
    ) as opened:
        yield opened


def subscribe(app: App, address: str, *lists: ListId) -> SubscriberId:
    """Write down an ACTIVE person on some lists; without any, on the main one."""
    new = NewSubscriber(address=address, normalised=address.lower(), name="Robin")
    word = Consent(action="given", method="command", source="test", at=app.clock())
    for list_ in lists or (MAIN,):
        app.subscribers.on(list_).add(new, word)
    found = app.subscribers.find(address.lower())
    assert found is not None
    return found


def link(app: App, action: Action, subscriber: SubscriberId, list_: ListId = MAIN) -> str:
    """Return the path of a link in a mail of now."""
    letter = {
        Action.UNSUBSCRIBE: "u",
        Action.CONFIRM: "c",
        Action.PREFERENCES: "p",
        Action.DISCLOSE: "d",
        Action.ERASE: "e",
    }[action]
    moment: datetime | None = None
    if action is Action.CONFIRM:
        moment = app.bearers.asked_at(subscriber, list_)
    elif action in {Action.DISCLOSE, Action.ERASE}:
        moment = app.notices.newest(action.name.lower(), subscriber)
    return f"/{letter}/{Tokens(app.keys).mint(action, subscriber, list_, moment=moment)}"


def states(app: App, subscriber: SubscriberId) -> dict[ListId, SubscriberState]:
    """Return where a person stands with each list."""
    return {each.list: each.state for each in app.subscribers.subscriptions(subscriber)}


def stamp(html: str) -> str:
    """Return the time that a form carries."""
    found = re.search(r'name="shown" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def everything(app: App) -> str:
    """Return the whole content of the database, to be compared."""
    with app.database.reading() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        return "\n".join(raw.iterdump())
