"""A hub on loopback hears of new issues (WebSub), whatever it did before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Final
from urllib.parse import parse_qs

import httpx2 as httpx
import pytest
import uvicorn

from pipeline.app import App
from pipeline.errors import ConfigError
from pipeline.operations.ping import GIVE_UP_AFTER, Ping
from pipeline.outbox.files import write_if_changed
from pipeline.settings import load
from pipeline.web.application import application
from tests.integration.web_door import Hands

pytestmark = pytest.mark.integration

NOW: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
PATIENCE_S: Final = 60.0
FEED: Final = "https://quay.example.org/feed.xml"
SETTINGS: Final = """\
[newsletter]
name = "The Quay"
site_url = "https://quay.example.org"
from = "quay@example.org"
postal_address = "1 Quay Lane"

[site]
hub = "{hub}"
"""
ISSUE: Final = """\
---
title: "A Title That Is Long Enough, Number {number}"
subtitle: "A line for the inbox that is long enough to be worth showing"
number: {number}
date: 2026-01-0{number}
tags: [tides]
---

## News

### A story

Its words.
"""


@dataclass
class Hub:
    """What a hub was told, and what it answers."""

    status: int = 202
    silent: bool = False
    dribbles: bool = False
    heard: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    port: int = 0
    rang: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hub?for=us"

    @property
    def feeds(self) -> list[str]:
        """The feeds it was told of."""
        return [form["hub.url"][0] for _, form in self.heard]


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Listen on a port of the kernel's choice."""
    told = Hub()

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Hear a ping."""
            length = int(self.headers["Content-Length"])
            form = parse_qs(self.rfile.read(length).decode("ascii"))
            told.heard.append((f"{self.path} {self.headers['Content-Type']}", form))
            told.rang.set()
            if told.silent:
                told.over.wait(PATIENCE_S)
                return
            until = monotonic() + PATIENCE_S
            while told.dribbles and monotonic() < until and not told.over.wait(0.05):
                self.wfile.write(b"H")
            self.send_response(told.status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        told.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield told
        told.over.set()
        server.shutdown()
        thread.join()


def workspace(root: Path, hub: str, clock: Hands | None = None) -> App:
    """Return a workspace with one issue approved."""
    (root / "newsletter.toml").write_text(SETTINGS.format(hub=hub))
    (root / "issues").mkdir(exist_ok=True)
    app = App(settings=load(root, {}), root=root, has_workspace=True, clock=clock or Hands())
    add(app, 1)
    return app


def add(app: App, number: int) -> None:
    """Write, build and approve an issue."""
    file = app.root / "issues" / f"00{number}.md"
    file.write_text(ISSUE.format(number=number))
    app.build()((file,))
    app.approve()(app.entry_named(f"00{number}"), by="editor")


def test_a_hub_hears_of_each_changed_feed(tmp_path: Path, hub: Hub) -> None:
    """One form a feed, as hubs read it; a run that changes nothing says nothing."""
    app = workspace(tmp_path, hub.url)

    publication = app.publish()()
    app.publish()()

    names = ("tags/tides/feed.xml", "feed.xml", "atom.xml", "feed.json")
    assert hub.feeds == [f"https://quay.example.org/{name}" for name in names]
    assert publication.pinged.told == tuple(hub.feeds)
    request, form = hub.heard[0]
    assert request == "/hub?for=us application/x-www-form-urlencoded"
    assert form["hub.mode"] == ["publish"]


def test_a_hub_that_is_down_does_not_stop_the_publishing(tmp_path: Path, hub: Hub) -> None:
    """The site is there, one attempt was made, and the waits grow until it hears."""
    clock = Hands()
    hub.status = 500
    app = workspace(tmp_path, hub.url, clock)

    first = app.publish()()
    app.publish()()
    clock.turn(timedelta(minutes=1))
    app.publish()()
    clock.turn(timedelta(minutes=1))
    app.publish()()
    tried = len(hub.heard)
    clock.turn(timedelta(minutes=3))
    hub.status = 204
    last = app.publish()()

    assert (tmp_path / "site" / "feed.xml").is_file()
    assert "answered 500" in (first.pinged.problem or "")
    assert tried == 2
    assert len(last.pinged.told) == 4
    assert json.loads((tmp_path / "data" / "pings.json").read_text()) == {}


@pytest.mark.parametrize("status", [301, 307, 404, 503])
def test_an_answer_that_is_no_yes_is_tried_again(tmp_path: Path, hub: Hub, status: int) -> None:
    """Nor is a redirect followed: it would lead where the settings do not say."""
    hub.status = status
    ping = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=PATIENCE_S)
    ping.note(FEED)

    said = ping(NOW)

    assert said.waiting == (FEED,)
    assert said.problem == f"127.0.0.1: answered {status}"
    assert len(hub.heard) == 1


def test_a_hub_that_never_answers_is_left(tmp_path: Path, hub: Hub) -> None:
    """It costs one wait, however many feeds there are."""
    hub.silent = True
    ping = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=0.2)
    for number in range(5):
        ping.note(f"https://quay.example.org/{number}.xml")

    said = ping(NOW)

    assert len(said.waiting) == 5
    assert hub.rang.wait(PATIENCE_S)  # on a busy machine the hub hears after we left
    assert len(hub.heard) == 1


def test_a_hub_that_answers_a_letter_at_a_time_is_left(tmp_path: Path, hub: Hub) -> None:
    """Each letter comes in time, and the answer never does."""
    hub.dribbles = True
    ping = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=0.5)
    ping.note(FEED)
    begun = monotonic()

    said = ping(NOW)

    assert said.waiting == (FEED,)
    assert said.problem == "127.0.0.1: timed out"
    assert monotonic() - begun < PATIENCE_S / 2


def test_nobody_listens(tmp_path: Path) -> None:
    """A refused connection is a problem in a line, not an exception."""
    ping = Ping(hub="http://127.0.0.1:1/", file=tmp_path / "pings.json")
    ping.note(FEED)

    assert "127.0.0.1" in (ping(NOW).problem or "")


def test_what_is_to_be_told_outlives_the_program(tmp_path: Path, hub: Hub) -> None:
    """Another process, later, tells what the first could not."""
    hub.status = 500
    first = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=PATIENCE_S)
    first.note(FEED)
    first(NOW)
    hub.status = 202

    said = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=PATIENCE_S)(
        NOW + timedelta(hours=1)
    )

    assert said.told == (FEED,)


class Killed(BaseException):
    """The power went."""


def test_a_feed_that_was_written_is_told_whatever_happens(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed as soon as the feed is there: the next run changes nothing, and tells of it."""
    app = workspace(tmp_path, hub.url)

    def write_and_stop(root: Path, name: str, data: bytes) -> bool:
        written = write_if_changed(root, name, data)
        if name == "feed.xml":
            raise Killed
        return written

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.operations.publish.write_if_changed", write_and_stop)
        with pytest.raises(Killed):
            app.publish()()
    before = list(hub.feeds)
    app.publish()()

    assert before == []
    assert FEED in hub.feeds


def test_a_feed_that_changes_again_is_told_at_once(tmp_path: Path, hub: Hub) -> None:
    """What is new does not wait because something old did."""
    hub.status = 500
    ping = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=PATIENCE_S)
    ping.note(FEED)
    ping(NOW)
    hub.status = 202
    ping.note(FEED)

    assert ping(NOW).told == (FEED,)


def test_a_hub_that_is_gone_is_given_up(tmp_path: Path, hub: Hub) -> None:
    """After two days nobody tries any more, and the run says so once."""
    hub.status = 500
    ping = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=PATIENCE_S)
    ping.note(FEED)
    ping(NOW)

    assert ping(NOW + GIVE_UP_AFTER).given_up == (FEED,)
    assert ping(NOW + GIVE_UP_AFTER).waiting == ()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"u": 1}', '{"u": {"since": "x"}}',
                                  '{"u": {"since": "", "attempts": 0, "after": "2026-01-01"}}'])  # fmt: skip
def test_a_damaged_note_stops_nothing(tmp_path: Path, hub: Hub, text: str) -> None:
    """A file nobody can read holds nothing that a next issue would not say again."""
    (tmp_path / "pings.json").write_text(text)
    ping = Ping(hub=hub.url, file=tmp_path / "pings.json", timeout_s=PATIENCE_S)

    assert ping(NOW).problem is None
    ping.note(FEED)
    assert ping(NOW).told == (FEED,)


def test_without_a_hub_nothing_is_told_and_nothing_kept(tmp_path: Path) -> None:
    """It is off unless the settings name one."""
    ping = Ping(hub=None, file=tmp_path / "pings.json")
    ping.note(FEED)

    assert ping(NOW).told == ()
    assert not (tmp_path / "pings.json").exists()


@pytest.mark.parametrize("hub", ["http://hub.example.org/", "hub.example.org", "file:///etc/x"])
def test_a_hub_has_to_be_safe_to_talk_to(tmp_path: Path, hub: str) -> None:
    """Only https, or this machine."""
    with pytest.raises(ConfigError, match=r"site\.hub"):
        workspace(tmp_path, hub)


@contextmanager
def served(app: App) -> Iterator[str]:
    """Serve a workspace on a real socket."""
    server = uvicorn.Server(
        uvicorn.Config(application(app), host="127.0.0.1", port=0, log_level="error")
    )
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    end = monotonic() + PATIENCE_S
    try:
        while not server.started:
            assert monotonic() < end
            thread.join(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


def test_readers_that_poll_get_304_until_something_is_new(tmp_path: Path, hub: Hub) -> None:
    """Conditional GET on the real server: by ETag and by date, for feeds and for pages."""
    app = workspace(tmp_path, hub.url)
    app.publish()()
    names = ("/feed.xml", "/atom.xml", "/feed.json", "/tags/tides/feed.xml", "/issues/001/", "/")
    with served(app) as base, httpx.Client(base_url=base, timeout=PATIENCE_S) as client:
        first = {name: client.get(name) for name in names}
        app.publish()(verify=True)  # the same bytes: no file is touched
        by_tag = [
            client.get(name, headers={"If-None-Match": first[name].headers["etag"]}).status_code
            for name in names
        ]
        by_date = [
            client.get(
                name, headers={"If-Modified-Since": first[name].headers["last-modified"]}
            ).status_code
            for name in names
        ]
        add(app, 2)
        app.publish()()
        after = [
            client.get(name, headers={"If-None-Match": first[name].headers["etag"]}).status_code
            for name in names
        ]
        missing = client.get("/nowhere/")

    assert [each.status_code for each in first.values()] == [200] * 6
    assert by_tag == by_date == [304] * 6
    assert after == [200] * 6
    assert missing.status_code == 404
    assert "There is nothing here" in missing.text
