"""A reader's life in Chromium: subscribe, confirm, leave, come back, prefer; mails and all."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from time import monotonic, sleep

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from pipeline.app import App
from pipeline.audience.tokens import Action
from pipeline.delivery.report import Stop
from pipeline.model.subscriber import MAIN, SubscriberId, SubscriberState
from pipeline.web.application import application
from pipeline.web.patience import PatientProtocol
from pipeline.workspace import utc_now
from tests.integration.web_door import everything, link, states, workspace

pytestmark = pytest.mark.browser

ADDRESS = "robin@example.org"


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Give a phone, with JavaScript and without."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=request.param
    )
    page = context.new_page()
    # No page has a script: what the console says, but for a status, is a violated policy.
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    yield page
    cookies = context.cookies()
    context.close()
    assert [words for words in said if not words.startswith("Failed to load resource")] == []
    assert cookies == []


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A workspace that lives now."""
    app = workspace(tmp_path)
    app = App(settings=app.settings, root=tmp_path, has_workspace=True, clock=utc_now)
    assert app.lists
    return app


@pytest.fixture
def site(app: App) -> Iterator[str]:
    """Serve the workspace; give the address of its door."""
    config = uvicorn.Config(
        application(app), port=0, http=PatientProtocol, log_level="error", proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = monotonic() + 20
    while not server.started:
        assert monotonic() < end
        sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def mailed_link(app: App, letter: str) -> str:
    """Send what waits into the folder of the `eml` sender; return the path its newest mail has."""
    with ThreadPoolExecutor(1) as another:  # this thread has the event loop of the browser
        assert another.submit(app.notify(), lambda: Stop.NO, app.clock()).result().sent == 1
    mails = sorted((app.data / "sent").rglob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    text = message_from_bytes(mails[-1].read_bytes(), policy=default).get_body(("plain",))
    assert text is not None
    found = re.search(rf"https://quay\.example\.org(/{letter}/\S{{32}})", text.get_content())
    assert found is not None
    return found[1]


def press(page: Page, name: str) -> None:
    """Reach a button by the keyboard alone, and press it."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator("button:focus", has_text=name).count():
            page.keyboard.press("Enter")
            return
    raise AssertionError(name)


def heading(page: Page, words: str) -> None:
    """Expect a page by its one heading."""
    expect(page.locator("h1")).to_have_text(words)


def test_a_reader_comes_goes_and_comes_back(app: App, site: str, page: Page) -> None:
    """Subscribe, confirm by the mail, leave, undo, prefer: by keyboard, without a script or cookie."""
    page.goto(f"{site}/subscribe")
    accent = page.locator("button").evaluate("e => getComputedStyle(e).backgroundColor")
    assert accent == "rgb(163, 41, 27)"  # the style passed its own policy
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type(ADDRESS)
    sleep(2.1)  # faster is a robot's way
    press(page, "Subscribe")
    heading(page, "Please look into your mailbox")

    page.goto(site + mailed_link(app, "c"))
    found = app.subscribers.find(ADDRESS)
    assert found is not None
    assert states(app, found)[MAIN] is SubscriberState.PENDING
    press(page, "Yes, subscribe me")
    heading(page, "You are subscribed")
    assert states(app, found)[MAIN] is SubscriberState.ACTIVE

    page.goto(site + link(app, Action.UNSUBSCRIBE, found))
    press(page, "Unsubscribe")
    heading(page, "You are unsubscribed")
    assert states(app, found)[MAIN] is SubscriberState.UNSUBSCRIBED
    press(page, "Subscribe me again")
    heading(page, "You are subscribed again")
    assert states(app, found)[MAIN] is SubscriberState.ACTIVE

    page.goto(site + mailed_link(app, "p"))  # the welcome
    page.get_by_label("Tide Tables").check()
    page.get_by_label("Name").fill("Robin")
    page.get_by_label("Language of mails and pages").select_option("de")
    press(page, "Save")
    heading(page, "Ihre Einstellungen")
    expect(page.get_by_label("Tide Tables")).to_be_checked()
    assert len(states(app, found)) == 2


def test_data_and_erasure_go_through_the_mailbox(app: App, site: str, page: Page) -> None:
    """A mail for each; the first gives a file, the second ends it all."""
    found = _subscriber(app)
    preferences = site + link(app, Action.PREFERENCES, found)
    page.goto(preferences)
    press(page, "Mail me my data")
    heading(page, "Please look into your mailbox")
    page.goto(site + mailed_link(app, "d"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    assert ADDRESS in download.value.path().read_text()

    page.goto(preferences)
    press(page, "Erase me")
    heading(page, "Please look into your mailbox")
    page.goto(site + mailed_link(app, "e"))
    press(page, "Erase me for good")
    heading(page, "You are erased")
    assert app.subscribers.find(ADDRESS) is None


def test_a_scanner_with_a_browser_changes_nothing(app: App, site: str, page: Page) -> None:
    """It opens every link, runs what there is to run, moves the mouse, and waits."""
    found = _subscriber(app)
    before = everything(app)
    for action in Action:
        page.goto(site + link(app, action, found))
        page.mouse.move(100, 100)
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(500)

    assert everything(app) == before


def _subscriber(app: App) -> SubscriberId:
    app.enrol().one(ADDRESS, name="Robin", source="asked")
    found = app.subscribers.find(ADDRESS)
    assert found is not None
    return found
