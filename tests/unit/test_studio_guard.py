"""Who gets an answer, what it may do, and that nothing of a mail acts in the studio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.unit.studio_desk import OURS, PORT, issue, studio, workspace

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a workspace whose title and file names are markup."""
    root = workspace(tmp_path, first=issue(title=f'"{SCRIPT}"'))
    (root / "issues" / "<img src=x onerror=alert(1)>.md").write_text(issue())
    return root


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    """Give its studio."""
    with studio(root) as client:
        yield client


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.org",
        f"evil.example.org:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1:{PORT}.evil.example.org",
        f"localhost.evil.example.org:{PORT}",
        "",
    ],
)
def test_another_name_gets_nothing(client: TestClient, host: str) -> None:
    """A request under any other Host is refused, so DNS rebinding shows nothing."""
    for path in ("/", "/issues/first.md", "/issues/first.md/mail", "/events", "/site/"):
        answer = client.get(path, headers={"Host": host})

        assert answer.status_code == 403, path
        assert "First" not in answer.text


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    """The address that was printed works, and localhost."""
    assert client.get("/issues/first.md", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://127.0.0.1:{PORT}"},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
def test_another_site_cannot_send_a_test(
    root: Path, client: TestClient, headers: dict[str, str]
) -> None:
    """A POST that the browser does not call our own is refused, and nothing leaves."""
    answer = client.post(
        "/issues/first.md/test", data={"address": "me@example.org"}, headers=headers
    )

    assert answer.status_code == 403
    assert not (root / "data/sent").exists()


def test_a_get_sends_nothing(root: Path, client: TestClient) -> None:
    """The address that sends answers to POST only (decision D10)."""
    assert client.get("/issues/first.md/test?address=me@example.org").status_code == 405
    assert not (root / "data/sent").exists()


def test_an_old_browser_says_its_origin(client: TestClient) -> None:
    """Where there is no Sec-Fetch-Site, Origin decides."""
    answer = client.post(
        "/issues/first.md/test",
        data={"address": "me@example.org"},
        headers={"Origin": f"http://127.0.0.1:{PORT}"},
    )

    assert answer.status_code == 200


def test_markup_of_an_issue_is_text_in_the_studio(client: TestClient) -> None:
    """Titles and file names with markup are shown, never run, on every page."""
    for tab in ("mail", "text", "source", "html", "headers", "raw", "compare", "test", "findings"):
        text = client.get("/issues/first.md", params={"tab": tab}).text

        assert SCRIPT not in text, tab
        assert "<img src=x" not in text, tab
    assert "&lt;script&gt;" in text


def test_what_one_types_is_text_in_the_studio(client: TestClient) -> None:
    """A query cannot bring markup into a page."""
    view = {
        "reader": "own",
        "name": SCRIPT,
        "address": '"><b>x',
        "against": "<b>x",
        "tab": "compare",
    }

    text = client.get("/issues/first.md", params=view).text

    assert SCRIPT not in text
    assert "<b>x" not in text


def test_a_page_runs_its_own_files_only(client: TestClient) -> None:
    """The policy of a page has no inline script or style, and nobody frames it."""
    answer = client.get("/issues/first.md")
    policy = answer.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("pictures", "images"),
    [("own", "'self' data:"), ("remote", "'self' data: https: http:"), ("off", "'none'")],
)
def test_a_mail_has_an_origin_of_its_own(client: TestClient, pictures: str, images: str) -> None:
    """The frame's answer is sandboxed by itself, also when it is opened without the frame."""
    answer = client.get("/issues/first.md/mail", params={"pictures": pictures})
    policy = answer.headers["content-security-policy"].split("; ")

    assert policy[0] == "sandbox allow-popups allow-popups-to-escape-sandbox"
    assert "default-src 'none'" in policy
    assert f"img-src {images}" in policy
    assert "form-action 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_frame_lets_nothing_out(client: TestClient) -> None:
    """The frame allows popups for links, and neither script nor our origin."""
    text = client.get("/issues/first.md").text

    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in text
    assert "allow-scripts" not in text
    assert "allow-same-origin" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/issues/..%2fnewsletter.toml",
        "/issues/%2e%2e%2fnewsletter.toml/message.eml",
        "/issues/%2fetc%2fpasswd",
        "/issues/..%252fnewsletter.toml",
        "/outbox/..%2fissues",
        "/feeds/..%2fnewsletter.toml",
        "/feeds/newsletter.toml",
        "/site/..%2fnewsletter.toml",
        "/site/%2e%2e/newsletter.toml",
        "/assets/..%2fguard.py",
        "/issues/first.md/pictures/..%2f..%2fnewsletter.toml",
    ],
)
def test_no_path_leads_out(root: Path, client: TestClient, path: str) -> None:
    """A path names what the list has; nothing else on the disk can be had."""
    (root / "site").mkdir()

    answer = client.get(path)

    assert answer.status_code == 404
    assert "postal_address" not in answer.text


def test_a_link_in_the_site_does_not_lead_out(root: Path, client: TestClient) -> None:
    """A symbolic link in the site shows nothing that is not in it."""
    (root / "site").mkdir()
    (root / "site/out").symlink_to(root)

    assert client.get("/site/out/newsletter.toml").status_code == 404


def test_a_long_form_is_refused(client: TestClient) -> None:
    """A body beyond a form's size is not read to its end."""
    answer = client.post("/issues/first.md/test", data={"address": "x" * 5000}, headers=OURS)

    assert answer.status_code == 413
