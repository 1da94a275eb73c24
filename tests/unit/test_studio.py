"""The pages of the studio, asked for as a browser does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from pipeline.model.entry import EntryId
from pipeline.model.sample_reader import SAMPLE_READERS
from pipeline.operations.sample import sample_message
from pipeline.studio.view import Tab
from tests.unit.studio_desk import OURS, TOKEN, issue, opened, saved, studio, workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a workspace with one issue."""
    return workspace(tmp_path)


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    """Give its studio."""
    with studio(root) as client:
        yield client


@pytest.mark.parametrize("tab", Tab)
@pytest.mark.parametrize("kind", ["issues/first.md", "outbox/first"])
def test_every_view_of_files_and_entries_opens(
    root: Path, client: TestClient, kind: str, tab: Tab
) -> None:
    """Each tab answers for an issue file and for an entry."""
    opened(root).build()([root / "issues/first.md"])

    answer = client.get(f"/{kind}", params={"tab": tab})

    assert answer.status_code == 200
    assert "First light" in answer.text


def test_the_frame_has_the_bytes_that_would_be_sent(root: Path, client: TestClient) -> None:
    """What the frame shows is the HTML part of the message of a build, filled for the reader."""
    app = opened(root)
    app.build()([root / "issues/first.md"])
    reader = SAMPLE_READERS[0]
    template = app.preview().entry(EntryId("first")).template
    sent = message_from_bytes(
        sample_message(template, reader, app.preview().entry(EntryId("first")).issued),
        policy=policy.default,
    )
    part = sent.get_body(("html",))
    assert part is not None

    answer = client.get("/issues/first.md/mail", params={"reader": reader.key})

    assert answer.text == part.get_content().replace("\r\n", "\n")


def test_the_download_is_the_message(root: Path, client: TestClient) -> None:
    """message.eml has the very bytes, as a file."""
    answer = client.get("/issues/first.md/message.eml")

    assert answer.headers["content-disposition"] == 'attachment; filename="first.eml"'
    assert answer.content.startswith(b"Date: ")
    assert b"\r\n\r\n" in answer.content
    assert (
        opened(root)
        .preview()
        .message(opened(root).preview().file(root / "issues/first.md"), SAMPLE_READERS[0])
        == answer.content
    )


def test_a_reader_one_types_is_filled_in(client: TestClient) -> None:
    """Name and address of somebody else stand in the headers."""
    view = {"tab": "headers", "reader": "own", "name": "Bo Reed", "address": "bo@example.net"}

    answer = client.get("/issues/first.md", params=view)

    assert "Bo Reed &lt;bo@example.net&gt;" in answer.text


def test_a_reader_nobody_can_write_to_is_explained(client: TestClient) -> None:
    """An address that is none gives a sentence and not a failure."""
    answer = client.get("/issues/first.md", params={"reader": "own", "address": "not an address"})

    assert answer.status_code == 200
    assert "No message for this reader" in answer.text


def test_a_broken_file_shows_where_and_keeps_the_last_good_view(
    root: Path, client: TestClient
) -> None:
    """The diagnostic has the line and a caret; the frame still has what was good; a save mends it."""
    file = root / "issues/first.md"
    client.get("/issues/first.md")
    file.write_text(issue(date="2026-99-99"))
    saved(client)

    broken = client.get("/issues/first.md").text

    assert "last good view" in broken
    assert "2026-99-99" in broken
    assert "^^^" in broken
    assert "It came at dawn." in client.get("/issues/first.md/mail").text
    file.write_text(issue(story="It came at noon."))
    saved(client)
    assert "last good view" not in client.get("/issues/first.md").text
    assert "It came at noon." in client.get("/issues/first.md/mail").text


def test_a_file_that_was_never_good_shows_its_diagnostic(root: Path, client: TestClient) -> None:
    """Without a good view there is the diagnostic alone, and no frame."""
    (root / "issues/bad.md").write_text(issue(date="2026-99-99"))

    answer = client.get("/issues/bad.md")

    assert answer.status_code == 200
    assert "Nothing to show yet" in answer.text
    assert "<iframe" not in answer.text


def test_a_deleted_file_is_explained_and_comes_back(root: Path, client: TestClient) -> None:
    """Where a file was, the page says that it is gone, until it is there again."""
    file = root / "issues/first.md"
    client.get("/issues/first.md")
    file.rename(root / "issues/away.txt.bak")
    saved(client)

    assert "first.md is gone" in client.get("/issues/first.md").text
    (root / "issues/away.txt.bak").rename(file)
    saved(client)
    assert "is gone" not in client.get("/issues/first.md").text


def test_broken_settings_are_shown_in_place_and_mended(root: Path, client: TestClient) -> None:
    """A mistake in newsletter.toml has its line on every page; a save mends it."""
    client.get("/issues/first.md")
    settings = root / "newsletter.toml"
    good = settings.read_text()
    settings.write_text(good + "nonsense = 1\n")
    saved(client)

    assert "no such setting" in client.get("/issues/first.md").text
    settings.unlink()
    settings.write_text(good.replace("The Quay", "The Pier"))
    saved(client)
    mended = client.get("/issues/first.md").text
    assert "no such setting" not in mended
    assert "The Pier" in mended


def test_the_list_says_how_each_issue_stands(root: Path, client: TestClient) -> None:
    """Not built, draft, changed since built, approved: the chip is the truth about the disk."""
    app = opened(root)
    file = root / "issues/first.md"

    def chips() -> list[str]:
        saved(client)
        text = client.get("/issues/first.md").text
        issues = text[text.index('id="of-issues"') : text.index('id="of-outbox"')]
        return re.findall(r'class="chip [a-z]+">([^<]+)<', issues)

    assert chips() == ["not built"]
    app.build()([file])
    assert chips() == ["draft"]
    app.approve()(EntryId("first"), by="An editor")
    assert chips() == ["approved"]
    file.write_text(issue(story="Another story."))
    assert chips() == ["changed since built", "approved"]


def test_findings_lead_to_the_line(root: Path, client: TestClient) -> None:
    """A finding names file, line and column, and links to that line of the source view."""
    (root / "issues/first.md").write_text(issue(story="Read it [here](notaurl) now."))
    findings = client.get("/issues/first.md", params={"tab": "findings"}).text

    place = re.search(r'href="(\?tab=source)#L(\d+)">issues/first\.md:(\d+)(?::\d+)?<', findings)

    assert place is not None
    assert place[2] == place[3]
    source = client.get("/issues/first.md", params={"tab": "source"}).text
    assert f'id="L{place[2]}" class="noted"' in source


def test_a_comparison_shows_what_an_edit_did(root: Path, client: TestClient) -> None:
    """The text of the entry and of the file stand beside each other where they differ."""
    file = root / "issues/first.md"
    opened(root).build()([file])
    file.write_text(issue(story="It came at noon."))

    for layout in ("unified", "side"):
        view = {"tab": "compare", "layout": layout}
        answer = client.get("/issues/first.md", params=view).text
        assert "<del>dawn</del>" in answer
        assert "<ins>noon</ins>" in answer


def test_a_test_is_confirmed_and_goes_to_one_address(root: Path, client: TestClient) -> None:
    """The first POST asks, the second sends one message with exactly what was looked at."""
    asked = client.post("/issues/first.md/test", data={"address": "me@example.org"}, headers=OURS)
    assert "me@example.org</b>, and nobody else" in asked.text
    sent = root / "data/sent"
    assert not list(sent.glob("*.eml"))
    sure = re.search(r'name="sure" value="([0-9a-f]+)"', asked.text)
    assert sure is not None

    done = client.post(
        "/issues/first.md/test",
        data={"address": "me@example.org", "sure": sure[1]},
        headers=OURS,
    )

    assert "Accepted" in done.text
    (file,) = sent.glob("*.eml")
    assert b"To: me@example.org" in file.read_bytes()


def test_a_test_of_what_was_saved_meanwhile_is_asked_again(root: Path, client: TestClient) -> None:
    """A confirmation is for the bytes that were shown; others need another one."""
    asked = client.post("/issues/first.md/test", data={"address": "me@example.org"}, headers=OURS)
    sure = re.search(r'name="sure" value="([0-9a-f]+)"', asked.text)
    assert sure is not None
    (root / "issues/first.md").write_text(issue(story="It came at noon."))
    saved(client)

    answer = client.post(
        "/issues/first.md/test",
        data={"address": "me@example.org", "sure": sure[1]},
        headers=OURS,
    )

    assert "saved again meanwhile" in answer.text
    assert not list((root / "data/sent").glob("*.eml"))


def test_a_test_that_fails_says_so(root: Path) -> None:
    """A relay nobody answers at is an outcome on the page."""
    settings = root / "newsletter.toml"
    settings.write_text(
        settings.read_text()
        + '[sender]\nkind = "smtp"\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
    )
    with studio(root) as client:
        data = {"address": "me@example.org"}
        asked = client.post("/issues/first.md/test", data=data, headers=OURS)
        sure = re.search(r'name="sure" value="([0-9a-f]+)"', asked.text)
        assert sure is not None

        answer = client.post("/issues/first.md/test", data=data | {"sure": sure[1]}, headers=OURS)

    assert answer.status_code == 400
    assert "It did not leave" in answer.text


def test_a_file_without_a_workspace_has_a_page(tmp_path: Path) -> None:
    """One file is enough; the defaults stand in for settings."""
    (tmp_path / "ws").mkdir()
    file = tmp_path / "alone.md"
    file.write_text(issue(title="Alone"))
    with studio(workspace(tmp_path / "ws"), file) as client:
        assert "Alone" in client.get("/issues/alone.md").text


def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    """Without issues there is a remedy, not an error."""
    root = workspace(tmp_path)
    (root / "issues/first.md").unlink()
    with studio(root) as client:
        assert "broadsheet new" in client.get("/").text


def test_feeds_and_pages_of_the_site_are_shown(root: Path, client: TestClient) -> None:
    """What `broadsheet feeds` wrote is there: the feed as source, the page in a frame."""
    site = root / "site"
    (site / "issues/first").mkdir(parents=True)
    (site / "feed.xml").write_text("<rss><channel/></rss>")
    (site / "index.html").write_text("<h1>The archive</h1>")
    (site / "issues/first/index.html").write_text("<h1>On the web</h1>")

    assert "rss" in client.get("/feeds/feed.xml").text
    assert f'src="/{TOKEN}/site/"' in client.get("/archive").text
    assert f'src="/{TOKEN}/site/issues/first/"' in client.get("/issues/first.md?tab=archive").text
    assert "On the web" in client.get("/site/issues/first/").text


def test_a_page_of_the_site_has_its_pictures(root: Path, client: TestClient) -> None:
    """They name the address of the site, and come from the files that were written for it."""
    Image.new("RGB", (40, 30), "navy").save(root / "issues/boat.png")
    (root / "issues/first.md").write_text(issue() + "\n![A boat](boat.png)\n")
    app = opened(root)
    app.build()([root / "issues/first.md"])
    app.approve()(EntryId("first"), by="test")
    app.publish()()

    page = client.get("/site/issues/first/").text
    addresses = re.findall(r'<img [^>]*src="([^"]+)"', page)

    assert addresses
    for address in addresses:
        assert address.startswith(f"/{TOKEN}/site/images/first/boat-")
        answer = client.get(address.removeprefix(f"/{TOKEN}"))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert page.count("https://") == (root / "site/issues/first/index.html").read_text().count(
        "https://"
    ) - len(addresses)
