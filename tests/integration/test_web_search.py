"""The search of the archive behind the HTTP door: its script runs, and no other page's does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Final

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from pipeline.app import App
from pipeline.settings import load
from pipeline.web.application import application
from pipeline.web.headers import POLICY
from tests.integration.web_door import Hands, door

SETTINGS: Final = """\
[newsletter]
name = "The Quay"
site_url = "{site_url}"
from = "quay@example.org"
postal_address = "1 Quay Lane"
"""
ISSUE: Final = """\
---
title: "A Dredger That Is Quiet Enough"
subtitle: "A line for the inbox that is long enough to be worth showing"
number: 1
date: 2026-01-02
---

## News

### A story

Its words.
"""
SITE: Final = "https://quay.example.org"
PATIENCE_S: Final = 60.0


def published(root: Path, site_url: str = SITE) -> App:
    """Return a workspace with one published issue; no mail may lead to an address of loopback."""
    (root / "issues").mkdir()
    file = root / "issues" / "001.md"
    file.write_text(ISSUE)
    app = workspace(root, SITE)
    app.build()((file,))
    app.approve()(app.entry_named("001"), by="editor")
    app = workspace(root, site_url)
    app.publish()()
    return app


def workspace(root: Path, site_url: str) -> App:
    """Return a workspace whose site has this address."""
    (root / "newsletter.toml").write_text(SETTINGS.format(site_url=site_url))
    return App(settings=load(root, {}), root=root, has_workspace=True, clock=Hands())


@contextmanager
def served(app: App, listener: socket.socket) -> Iterator[None]:
    """Serve a workspace on a socket that listens already."""
    server = uvicorn.Server(uvicorn.Config(application(app), log_level="error"))
    thread = Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    end = monotonic() + PATIENCE_S
    try:
        while not server.started:
            assert monotonic() < end
            sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


@pytest.mark.integration
def test_the_search_alone_may_run_a_script(tmp_path: Path) -> None:
    """One page has the wider policy, also in a 304; its own parts and all others have not."""
    app = published(tmp_path)
    (app.site / "other.html").write_text("<p>Not ours.</p>")
    (app.site / "search" / "other.html").write_text("<p>Not ours.</p>")
    names = ("", "issues/001/", "topics/", "search/other.html", "search/search.js",
             "search/1.json", "other.html", "feed.xml", "nowhere/", "healthz")  # fmt: skip
    with door(app) as client:
        search = client.get("/search/")
        again = client.get("/search/", headers={"If-None-Match": search.headers["etag"]})
        others = {
            name: client.get(f"/{name}").headers["content-security-policy"] for name in names
        }

    wider = f"{POLICY}; script-src 'self'; connect-src 'self'"
    assert search.headers["content-security-policy"] == wider
    assert again.status_code == 304
    assert again.headers["content-security-policy"] == wider
    assert others == dict.fromkeys(names, POLICY)


@pytest.mark.integration
def test_a_link_gives_no_other_page_a_script(tmp_path: Path) -> None:
    """Somebody's page that the search was linked to is not the search."""
    app = published(tmp_path)
    (app.site / "other.html").write_text("<p>Not ours.</p>")
    (app.site / "search" / "index.html").unlink()
    (app.site / "search" / "index.html").symlink_to("../other.html")
    with door(app) as client:
        answers = [client.get("/other.html"), client.get("/search/")]

    assert [each.headers["content-security-policy"] for each in answers] == [POLICY] * 2


@pytest.mark.browser
def test_the_search_finds_under_serve(tmp_path: Path, chromium_path: str) -> None:
    """Both policies hold, of the header and of the page, and the script runs under both."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        home = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with served(published(tmp_path, home), listener), sync_playwright() as playwright:
            # The sandbox of the browser needs rights a container does not give.
            browser = playwright.chromium.launch(
                executable_path=chromium_path, args=["--no-sandbox"], timeout=PATIENCE_S * 1e3
            )
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_S * 1e3)
            page.goto(f"{home}/search/?q=dredger")
            page.locator("#found a").first.wait_for()
            found = page.locator("#found h2").all_inner_texts()
            # Nothing that stands in the page runs, whoever wrote it there.
            page.evaluate(
                "document.head.append(Object.assign(document.createElement('script'),"
                " {textContent: 'window.ran = true'}))"
            )
            ran = page.evaluate("window.ran === true")
            browser.close()

    assert found == ["A Dredger That Is Quiet Enough"]
    assert not ran
