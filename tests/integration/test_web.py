"""The files behind the HTTP door: the site for everybody, the outbox for this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipeline.app import App
from tests.integration.web_door import door, workspace

pytestmark = pytest.mark.integration

HERE = ("127.0.0.1", 40000)

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
    """A workspace with one published issue."""
    app = workspace(tmp_path)
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "001.md").write_text(ISSUE)
    app.build()(app.issue_files())
    app.approve()(app.entry_named("001"), by="editor")
    app.publish()()
    return app


@pytest.fixture
def client(app: App) -> Iterator[TestClient]:
    """A browser on this machine."""
    with door(app, HERE) as client:
        client.base_url = "http://localhost"
        yield client


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


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "testclient"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]"])
def test_a_loopback_name_does_not_make_a_neighbour(app: App, peer: str, host: str) -> None:
    """Anybody can write "localhost" into a request; where it came from has to be here, too."""
    with door(app, (peer, 40000)) as client:
        assert client.get("/outbox/", headers={"Host": host}).status_code == 404


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_every_address_of_this_machine_is_here(app: App, peer: str) -> None:
    """However the connection was made."""
    with door(app, (peer, 40000)) as client:
        assert client.get("/outbox/", headers={"Host": "localhost"}).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["Forwarded", "Via", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "x-forwarded-host"],
)
@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
def test_what_was_passed_on_does_not_reach_the_outbox(
    app: App, header: str, proxies: list[str]
) -> None:
    """A proxy on this machine is no author, whatever it says of those behind it."""
    with door(workspace(app.root, proxies=proxies), HERE) as client:
        answer = client.get("/outbox/", headers={"Host": "localhost", header: "127.0.0.1"})

    assert answer.status_code == 404


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


def test_nothing_published_is_not_an_error(tmp_path: Path) -> None:
    """Before the first issue there is no page, said politely, with the headers of every page."""
    with door(workspace(tmp_path)) as client:
        for path in ("/", "/feed.xml", "/outbox/"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_pages_of_the_site_carry_a_policy(client: TestClient) -> None:
    """Beside the one in their head, for what is no page."""
    answer = client.get("/")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
