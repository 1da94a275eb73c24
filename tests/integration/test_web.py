"""The HTTP door: what it shows to whom, and that only a POST acts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.audience.tokens import Action, Tokens
from pipeline.model.subscriber import SubscriberState
from pipeline.settings import load
from pipeline.web.application import application

pytestmark = pytest.mark.integration

SETTINGS = """
[newsletter]
name = "The <Quay>"
site_url = "https://quay.example.org"
from = "quay@example.org"
postal_address = "1 Quay Lane"
"""
ISSUE = """\
---
title: "A Title That Is Long Enough"
subtitle: "A line for the inbox that is long enough to be worth showing"
number: 1
date: 2026-01-02
---

## News

### A story

Its words.
"""


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A workspace with one published issue and one subscriber."""
    (tmp_path / "newsletter.toml").write_text(SETTINGS)
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "001.md").write_text(ISSUE)
    app = App(settings=load(tmp_path, {}), root=tmp_path, has_workspace=True)
    app.build()(app.issue_files())
    app.approve()(app.entry_named("001"), by="editor")
    app.publish()()
    app.subscribe().add("reader@example.org", name="", source="asked")
    return app


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """A browser on this machine."""
    with TestClient(application(app), base_url="http://localhost") as client:
        yield client


def link(app: App) -> str:
    """Return the path of the subscriber's unsubscribe link."""
    subscriber = next(iter(app.subscribers.all()))
    return f"/u/{Tokens(app.keys).mint(Action.UNSUBSCRIBE, subscriber.id)}"


def state(app: App) -> SubscriberState:
    """Return where the subscriber stands."""
    return next(iter(app.subscribers.all())).state


def test_feeds_have_their_media_types_and_answer_304(client: TestClient) -> None:
    """Readers poll; an unchanged feed costs nothing."""
    for name, media_type in (
        ("feed.xml", "application/rss+xml"),
        ("atom.xml", "application/atom+xml"),
        ("feed.json", "application/feed+json"),
    ):
        answer = client.get(f"/{name}")
        again = client.get(f"/{name}", headers={"If-None-Match": answer.headers["etag"]})

        assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert again.status_code == 304


def test_the_home_page_and_the_issue_are_served(client: TestClient) -> None:
    """The link of the mail leads somewhere."""
    assert client.get("/").status_code == 200
    assert "Its words." in client.get("/issues/001/").text


def test_the_outbox_is_for_this_machine_only(client: TestClient) -> None:
    """Behind a public name there is no outbox."""
    assert client.get("/outbox/").status_code == 200
    assert client.get("/outbox/001/email.html").status_code == 200
    assert client.get("/outbox/", headers={"Host": "quay.example.org"}).status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1:8025", "localhost", "[::1]", "[::1]:8025"])
def test_every_loopback_name_works(client: TestClient, host: str) -> None:
    """IPv6 is a loopback too."""
    assert client.get("/outbox/", headers={"Host": host}).status_code == 200


def test_a_foreign_host_name_is_refused(client: TestClient) -> None:
    """DNS rebinding gets nowhere."""
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_a_mail_is_shown_in_a_sandbox(client: TestClient) -> None:
    """A script in a mail would have no origin, no network and no permission."""
    policy = client.get("/outbox/001/email.html").headers["content-security-policy"]

    assert policy.startswith("sandbox ")
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "path",
    [
        "/outbox/../newsletter.toml",
        "/outbox/%2e%2e/newsletter.toml",
        "/outbox/..%2fdata%2fsecret.key",
        "/..%2fdata/broadsheet.db",
        "/issues/%00",
    ],
)
def test_no_path_leads_out_of_the_folders(client: TestClient, path: str) -> None:
    """Settings, keys and the database are nobody's business."""
    assert client.get(path).status_code in {400, 404}


def test_reading_an_unsubscribe_link_changes_nothing(app: App, client: TestClient) -> None:
    """Scanners open every link, with every harmless method."""
    for _ in range(3):
        assert "Unsubscribe" in client.get(link(app)).text
        client.head(link(app))
        client.options(link(app))

    assert state(app) is SubscriberState.ACTIVE


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {},
    ],
)
def test_one_click_unsubscribes_at_once(
    app: App, client: TestClient, body: dict[str, dict[str, str]]
) -> None:
    """Both encodings of RFC 8058 and an empty body: 200, no cookie, no redirect, idempotent."""
    for _ in range(2):
        answer = client.post(link(app), follow_redirects=False, **body)  # type: ignore[arg-type] # one of three forms

        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert state(app) is SubscriberState.UNSUBSCRIBED
    assert len(app.subscribers.consents(next(iter(app.subscribers.all())).id)) == 2


def test_a_forged_token_is_told_nothing_and_does_nothing(app: App, client: TestClient) -> None:
    """Whoever flips a character gets the same polite page."""
    path = link(app)
    for forged in (path[:-1] + ("A" if path[-1] != "A" else "B"), path[:-4], "/u/x", "/u/test"):
        assert client.post(forged).status_code == 404

    assert state(app) is SubscriberState.ACTIVE


def test_pages_carry_a_strict_policy_and_escape_names(app: App, client: TestClient) -> None:
    """The newsletter's name is text, whatever is in it."""
    answer = client.get(link(app))

    assert "The &lt;Quay&gt;" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
