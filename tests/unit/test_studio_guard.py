"""Who gets an answer, what it may do, and that nothing of a mail acts in the studio."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from pipeline.studio.desk import Desk
from pipeline.studio.pages import Pages
from pipeline.studio.view import Tab
from tests.unit.picture_files import encoded
from tests.unit.studio_desk import ORIGIN, OURS, PORT, TOKEN, issue, opened, studio, workspace

SCRIPT = "<script>alert(1)</script>"
REFUSAL: Final = "The studio answers only to the address it printed.\n"
EVERYTHING: Final = (
    "/",
    "/issues/first.md",
    "/issues/first.md/mail",
    "/issues/first.md/message.eml",
    "/issues/first.md/pictures/boat.png",
    "/issues/first.md/test",
    "/issues/none.md",
    "/feeds/feed.xml",
    "/archive",
    "/site/",
    "/assets/studio.js",
    "/events",  # last: where it is answered, it does not end
)


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


def pictured(root: Path, travel: str) -> None:
    """Put a picture into the issue, to be linked or attached."""
    settings = root / "newsletter.toml"
    settings.write_text(f'{settings.read_text()}[images]\nas = "{travel}"\n')
    (root / "issues/boat.png").write_bytes(encoded())
    (root / "issues/first.md").write_text(issue(story="![A boat](boat.png)"))


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
    "before",
    [
        "",
        f"/{TOKEN[:-1]}",
        f"/{TOKEN}x",
        f"/{TOKEN[:-1]}x",
        f"/{TOKEN.swapcase()}",
        f"/x/{TOKEN}",
        f"//{TOKEN}",
        f"/.{TOKEN}",
        f"/%20{TOKEN}",
        "/%C3%A9%FF",
    ],
)
def test_who_does_not_know_the_token_gets_nothing(
    root: Path, client: TestClient, before: str
) -> None:
    """Whatever is asked for in whatever way, the answer is the same and has no token in it."""
    for path in EVERYTHING:
        for method in ("POST", "HEAD", "OPTIONS", "GET"):
            answer = client.request(
                method,
                f"{ORIGIN}{before}{path}",
                headers=OURS,
                data={"address": "me@example.org"} if method == "POST" else None,
                follow_redirects=False,
            )

            assert answer.status_code == 403, (method, path)
            assert answer.text == ("" if method == "HEAD" else REFUSAL), (method, path)
            assert TOKEN not in str(answer.headers)
    assert not (root / "data/sent").exists()


@pytest.mark.parametrize(
    "asked", [f"?{TOKEN}", f"?token={TOKEN}", f"?/{TOKEN}/", f"issues/first.md?{TOKEN}"]
)
def test_the_token_counts_in_the_path_alone(client: TestClient, asked: str) -> None:
    """A query, a cookie or a header that has it opens nothing."""
    answer = client.get(
        f"{ORIGIN}/{asked}", headers={"Cookie": f"token={TOKEN}", "Authorization": TOKEN}
    )

    assert answer.status_code == 403
    assert answer.text == REFUSAL


def test_a_wrong_token_is_all_that_is_said(client: TestClient) -> None:
    """A POST of another site without the token is not told what else is wrong with it."""
    answer = client.post(f"{ORIGIN}/issues/first.md/test", headers={"Origin": "null"})

    assert answer.text == REFUSAL


class Addresses(HTMLParser):
    """Collects every attribute of a page that is an address, or may be used as one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep links, sources, actions, and what the script reads."""
        del tag
        for name, value in attrs:
            if name in {"href", "src", "action", "formaction", "srcset"} or name[:5] == "data-":
                self.found.append((name, value or ""))


def test_every_address_of_every_page_is_inside(root: Path, client: TestClient) -> None:
    """What pages lead to has the token, and is there: every tab, entry, feed, form and mistake."""
    pictured(root, "attach")
    (root / "issues/bad.md").write_text(issue(date="2026-99-99"))
    opened(root).build()([root / "issues/first.md"])
    (root / "site/issues/first").mkdir(parents=True)
    for name in ("feed.xml", "index.html", "issues/first/index.html"):
        (root / "site" / name).write_text("<h1>On the web</h1>")
    tabs = [f"{at}?tab={tab}" for at in ("/issues/first.md", "/outbox/first") for tab in Tab]
    pages = [client.get(path) for path in (*tabs, "/archive", "/feeds/feed.xml", "/issues/bad.md")]
    pages += [client.get("/issues/none.md"), client.get("/none/of/these/")]
    data = {"address": "me@example.org"}
    pages += [client.post("/issues/first.md/test", data=data, headers=OURS)]
    linked = set()

    for page in pages:
        found = Addresses(page.text).found
        assert any(name == "data-events" for name, _ in found)
        for name, value in found:
            address = urljoin(str(page.url), value)
            assert address.startswith(f"{ORIGIN}/{TOKEN}/"), (page.url, name, value)
            if name in {"href", "src"} and page.status_code == 200:
                linked.add(address.partition("#")[0])

    assert len(linked) > 40
    for address in linked:
        assert client.get(address).status_code == 200, address


def test_an_empty_workspace_is_inside_too(root: Path, client: TestClient) -> None:
    """The page without issues has no address outside of the token's folder."""
    for file in (root / "issues").iterdir():
        file.unlink()

    found = Addresses(client.get("/").text).found

    assert found
    assert all(urljoin(f"/{TOKEN}/", value).startswith(f"/{TOKEN}/") for _, value in found)


@pytest.mark.parametrize("path", ["", "/", "/site", "/site/issues/first", "/archive/"])
def test_redirects_stay_inside(root: Path, client: TestClient, path: str) -> None:
    """Where an address leads elsewhere, that has the token, too."""
    (root / "site/issues/first").mkdir(parents=True)
    (root / "site/issues/first/index.html").write_text("<h1>On the web</h1>")

    answer = client.get(f"{ORIGIN}/{TOKEN}{path}", follow_redirects=False)

    assert answer.status_code in {303, 307}
    assert urljoin(f"{ORIGIN}/", answer.headers["location"]).startswith(f"{ORIGIN}/{TOKEN}/")


def test_the_style_sheet_names_no_address_of_this_machine(client: TestClient) -> None:
    """Nothing in it begins at the root, where the token is missing."""
    assert not re.search(r"url\(|@import", client.get("/assets/studio.css").text)


@pytest.mark.parametrize("travel", ["archive", "attach"])
def test_a_mail_never_has_the_token(root: Path, client: TestClient, travel: str) -> None:
    """Neither the frame, pictures and all, nor the message nor a page of the site contains it."""
    pictured(root, travel)
    (root / "site").mkdir()
    (root / "site/index.html").write_text("<h1>On the web</h1>")

    frame = client.get("/issues/first.md/mail")

    assert 'src="pictures/' in frame.text
    for answer in (frame, client.get("/issues/first.md/message.eml"), client.get("/site/")):
        assert answer.status_code == 200
        assert TOKEN not in answer.text
        assert TOKEN not in str(answer.headers)


def test_the_token_is_not_in_a_repr(root: Path) -> None:
    """What a log might show of the pages is without it."""
    assert repr(Pages(Desk(lambda: opened(root)), TOKEN)).count(TOKEN) == 0


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
    """The address that sends does so for POST only (decision D10); else it leads to the page."""
    asked = client.get("/issues/first.md/test?tab=test&address=me@example.org")

    assert str(asked.url).startswith(f"{ORIGIN}/{TOKEN}/issues/first.md?")
    assert "Send a test" in asked.text
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
