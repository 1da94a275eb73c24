"""The studio in Chromium: every toggle, live reload, keys, no script, and axe."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Literal

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has none
from playwright.sync_api import Browser, FrameLocator, Page, Route, expect

from pipeline.model.entry import EntryId
from pipeline.studio.application import application
from pipeline.studio.desk import Desk
from pipeline.studio.guard import HOST
from pipeline.studio.server import Server
from pipeline.studio.view import Tab
from tests.unit.picture_files import encoded
from tests.unit.studio_desk import TOKEN, issue, opened, workspace

pytestmark = pytest.mark.browser

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
WAIT_S: Final = 150  # for a machine that is busy with other tests
expect.set_options(timeout=WAIT_S * 1000)
LONG: Final = (
    "A sentence that fills a line or two of the mail, so that there is a place to scroll to. "
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a workspace with two issues, one of them built and approved."""
    root = workspace(tmp_path, first=issue(), second=issue("Second tide", LONG * 40))
    app = opened(root)
    app.build()([root / "issues/first.md"])
    app.approve()(EntryId("first"), by="An editor")
    return root


@pytest.fixture
def origin(root: Path) -> Iterator[str]:
    """Give the address of its studio, served as the command does."""
    listening = socket.create_server((HOST, 0))
    port = listening.getsockname()[1]
    desk = Desk(lambda: opened(root))
    config = uvicorn.Config(
        application(desk, port=port, token=TOKEN),
        log_level="warning",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = Server(config, desk, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    end = monotonic() + WAIT_S
    while not server.started and monotonic() < end:
        sleep(0.01)
    yield f"http://{HOST}:{port}/{TOKEN}/"
    server.should_exit = True
    thread.join(WAIT_S)
    assert not thread.is_alive()


@pytest.fixture
def page(chromium: Browser, origin: str) -> Iterator[Page]:
    """Give a page of the studio that saw no error in the end."""
    # Playwright's own scheme would win over that of the frame.
    context = chromium.new_context(
        base_url=origin, viewport={"width": 1440, "height": 900}, color_scheme="null"
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    assert said == []


def mail(page: Page) -> FrameLocator:
    """Return the mail in the frame that is seen; another may be on its way."""
    return page.frame_locator("#view iframe:not(.coming)")


def live(page: Page, path: str) -> None:
    """Open a page and wait until it hears of changes."""
    page.goto(path)
    expect(page.locator("#live")).to_have_text(re.compile("live"))


def test_a_save_is_shown(root: Path, page: Page) -> None:
    """An edit appears in frame and inbox line without a reload, and the frame goes to it."""
    live(page, "issues/second.md")
    expect(mail(page).locator("body")).to_contain_text("A sentence that fills")

    text = issue("Third tide", LONG * 40 + "\n\nThe end came late.")
    (root / "issues/second.md").write_text(text)

    expect(page.locator("#inbox")).to_contain_text("Third tide")
    expect(mail(page).locator("body")).to_contain_text("The end came late.")


def test_the_frame_goes_to_what_changed(root: Path, page: Page) -> None:
    """A change far down is what one sees after the save."""
    text = issue("Second tide", f"{LONG * 40}\n\n{LONG}")
    (root / "issues/second.md").write_text(text)
    live(page, "issues/second.md?width=phone")
    expect(mail(page).locator("body")).to_contain_text("A sentence that fills")
    late = mail(page).get_by_text("The end came late.")

    (root / "issues/second.md").write_text(f"{text}\nThe end came late.\n")

    expect(late).to_be_in_viewport()
    page.reload()  # a page that nobody saved under begins at the beginning
    expect(late).to_be_attached()
    expect(late).not_to_be_in_viewport()


def test_an_editor_that_renames_is_followed(root: Path, page: Page) -> None:
    """A new file moved over the old one counts as a save."""
    live(page, "issues/second.md")
    fresh = root / "issues/.second.md.swp"
    fresh.write_text(issue("Moved into place"))

    fresh.rename(root / "issues/second.md")

    expect(page.locator("#inbox")).to_contain_text("Moved into place")


def test_a_broken_file_shows_its_diagnostic_and_recovers(root: Path, page: Page) -> None:
    """The mistake is shown with its line over the dimmed last good view, until it is mended."""
    live(page, "issues/second.md")
    file = root / "issues/second.md"
    file.write_text(issue("Second tide", date="2026-99-99"))

    expect(page.locator("#problems .caret")).to_contain_text("^^^")
    expect(page.locator("#problems .hit")).to_contain_text("2026-99-99")
    expect(page.locator("#view")).to_have_class("dimmed")
    expect(mail(page).locator("body")).to_contain_text("A sentence that fills")

    file.write_text(issue("Mended tide"))
    expect(page.locator("#problems")).to_have_text("")
    expect(page.locator("#view")).not_to_have_class("dimmed")
    expect(page.locator("#inbox")).to_contain_text("Mended tide")


def test_a_deleted_file_is_explained(root: Path, page: Page) -> None:
    """The page says that it is gone; it comes back with the file."""
    live(page, "issues/second.md")
    file = root / "issues/second.md"
    file.unlink()
    expect(page.locator("#problems")).to_contain_text("second.md is gone")

    file.write_text(issue("Back again"))

    expect(page.locator("#problems")).to_have_text("")


def test_a_new_file_appears_in_the_list(root: Path, page: Page) -> None:
    """Nobody has to reload to see an issue that was just begun."""
    live(page, "issues/second.md")

    (root / "issues/third.md").write_text(issue("A third one"))

    expect(page.locator("#list")).to_contain_text("A third one")


def test_a_template_of_the_workspace_is_followed(root: Path, page: Page) -> None:
    """A theme that is written while the studio is open changes the mail."""
    live(page, "issues/second.md")
    expect(mail(page).locator("body")).to_contain_text("A sentence that fills")
    source = page.locator("#view .stage").get_attribute("data-digest")
    assert source

    folder = root / "templates/email/digest"
    folder.mkdir(parents=True)
    (folder / "live.css").write_text(".never { color: #123456; }\n")

    expect(page.locator("#view .stage")).not_to_have_attribute("data-digest", source)


@pytest.mark.parametrize(("label", "width"), [("Tablet", 768), ("Phone", 375)])
def test_widths(page: Page, label: str, width: int) -> None:
    """The frame is as wide as the device, and the mail in it is not loaded again."""
    live(page, "issues/first.md")
    mail(page).locator("body").evaluate("() => { window.kept = true }")

    page.get_by_role("link", name=label, exact=True).click()

    expect(page.locator(".stage")).to_have_class(re.compile(label.lower()))
    assert page.locator(".screen").evaluate("e => e.clientWidth") == width
    assert f"width={label.lower()}" in page.url
    assert mail(page).locator("body").evaluate("() => window.kept") is True


def test_dark_is_what_the_mail_asks_for(page: Page) -> None:
    """In dark, the mail's own dark styles apply, in the sandbox too; in light they do not."""
    asked = "() => matchMedia('(prefers-color-scheme: dark)').matches"
    live(page, "issues/first.md")
    assert mail(page).locator("body").evaluate(asked) is False

    page.get_by_role("link", name="Dark", exact=True).click()

    expect(page.locator(".stage")).to_have_class(re.compile("dark"))
    mail(page).locator("body").evaluate(
        "() => new Promise((done) => { const dark = matchMedia('(prefers-color-scheme: dark)');"
        " if (dark.matches) done(); dark.addEventListener('change', () => done()); })"
    )
    assert mail(page).locator("body").evaluate(asked) is True


def test_forced_dark_is_called_a_guess(page: Page) -> None:
    """What programs do that do not ask is shown as the guess it is."""
    live(page, "issues/first.md")

    page.get_by_role("link", name="Forced dark").click()

    expect(page.locator(".hint")).to_contain_text("rough guess")
    assert "invert" in page.locator("#view iframe:not(.coming)").evaluate(
        "e => getComputedStyle(e).filter"
    )


def test_pictures_can_be_off(page: Page, origin: str) -> None:
    """The frame of a view without pictures may load none."""
    live(page, "issues/first.md")

    with page.expect_response(re.compile(r"/mail\?pictures=off")) as loading:
        page.get_by_role("link", name="Off", exact=True).click()

    assert "img-src 'none'" in loading.value.headers["content-security-policy"]
    assert page.url.startswith(origin)


def test_a_reader_is_chosen(page: Page) -> None:
    """Choosing a sample reader fills in that reader."""
    live(page, "issues/first.md?tab=headers")

    page.get_by_label("Reader").select_option("rtl")

    expect(page.locator(".headers")).to_contain_text("layla@example.org")


def test_the_keyboard_reaches_everything(page: Page) -> None:
    """Each key does what the list of keys says."""
    live(page, "issues/second.md")
    for key, part in (
        ("3", "width=phone"),
        ("2", "width=tablet"),
        ("1", "/issues/second.md?$"),
        ("d", "scheme=dark"),
        ("d", "scheme=forced"),
        ("i", "pictures=off"),
        ("t", "tab=text"),
        ("h", "tab=html"),
        ("f", "tab=findings"),
        ("c", "tab=compare"),
        ("m", "second.md?scheme=forced&pictures=off$"),
        ("r", "reader=unknown"),
        ("j", "/issues/first.md"),
        ("k", "/issues/second.md"),
    ):
        page.keyboard.press(key)
        pattern = re.escape(part.removesuffix("$")) + "$" * part.endswith("$")
        expect(page).to_have_url(re.compile(pattern))
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("light")
    expect(page.locator("#list li:visible")).to_have_count(2)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).not_to_be_visible()


def test_keys_pressed_at_once_all_count(page: Page) -> None:
    """Somebody who types faster than pages come gets what the keys say together."""
    live(page, "issues/second.md")

    page.evaluate(
        "() => { for (const key of '3dij')"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })) }"
    )

    expect(page).to_have_url(re.compile(r"first\.md\?width=phone&scheme=dark&pictures=off$"))


def test_a_save_does_not_call_somebody_back(page: Page) -> None:
    """News that come while another page is on its way do not undo the key that asked for it."""
    live(page, "issues/second.md")
    held: list[Route] = []

    def hold(route: Route) -> None:
        """Keep a page on its way."""
        held.append(route)

    page.route(re.compile(r"first\.md"), hold, times=1)
    news = "() => news.onmessage({ data: 'a newer version' })"

    with page.expect_request(re.compile(r"first\.md")):
        page.keyboard.press("j")
    page.evaluate(news)
    end = monotonic() + WAIT_S
    while not held and monotonic() < end:
        page.wait_for_timeout(20)
    held[0].continue_()

    expect(page).to_have_url(re.compile("/issues/first.md"))
    expect(page.locator("#inbox")).to_contain_text("First light")


def test_back_goes_back(page: Page) -> None:
    """What was shown before is one step back in the browser, too."""
    live(page, "issues/first.md")
    page.get_by_role("link", name="Text", exact=True).click()
    expect(page.locator("pre.plain")).to_be_visible()

    page.go_back()

    expect(mail(page).locator("body")).to_contain_text("It came at dawn.")


def test_everything_works_without_script(chromium: Browser, origin: str) -> None:
    """Links and forms do all but the reload."""
    context = chromium.new_context(base_url=origin, java_script_enabled=False)
    page = context.new_page()
    page.goto("issues/first.md")
    for name, shown in (("Phone", ".stage.phone"), ("Dark", ".stage.dark"), ("Text", "pre.plain")):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator(shown)).to_be_visible()
    page.get_by_label("Reader").select_option("long")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Reader")).to_have_value("long")
    page.get_by_role("link", name="Send a test").click()
    page.get_by_label("Address").fill("me@example.org")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator(".facts")).to_contain_text("me@example.org")
    page.get_by_role("button", name="Send it now").click()
    expect(page.locator(".outcome")).to_contain_text("Accepted")
    context.close()


@pytest.mark.parametrize("travel", ["archive", "attach"])
def test_pictures_of_an_issue_are_in_the_frame(root: Path, page: Page, travel: str) -> None:
    """A picture beside the issue is seen, be it a `cid:` or one that the site will have."""
    settings = root / "newsletter.toml"
    settings.write_text(f'{settings.read_text()}[images]\nas = "{travel}"\n')
    (root / "issues/boat.png").write_bytes(encoded())
    (root / "issues/second.md").write_text(issue(story="![A boat](boat.png)"))

    live(page, "issues/second.md")

    picture = mail(page).get_by_alt_text("A boat")
    expect(picture).to_have_js_property("complete", value=True)
    expect(picture).to_have_js_property("naturalWidth", 40)


@pytest.mark.parametrize("path", ["archive", "issues/first.md?tab=archive"])
def test_the_site_is_whole_in_its_frame(
    root: Path, chromium: Browser, origin: str, path: str
) -> None:
    """A page of the site has its style sheet and its pictures, and its links lead on."""
    folder = root / "site/issues/first"
    (folder / "next").mkdir(parents=True)
    (folder / "next/index.html").write_text("<p>The next page")
    for each in (root / "site", folder):
        (each / "look.css").write_text("p { color: rgb(1, 2, 3) }")
        (each / "boat.png").write_bytes(encoded())
        (each / "index.html").write_text(
            "<link rel=stylesheet href=look.css><p>Here<img alt='A boat' src=boat.png>"
            f"<a href='{'' if each == folder else 'issues/first/'}next/'>On</a>"
        )

    context = chromium.new_context(base_url=origin)  # its console tells of the tools of this test
    page = context.new_page()
    live(page, path)

    site = page.frame_locator("#view iframe")
    expect(site.get_by_alt_text("A boat")).to_have_js_property("naturalWidth", 40)
    expect(site.locator("p")).to_have_css("color", "rgb(1, 2, 3)")
    site.get_by_role("link", name="On").click()
    expect(site.locator("p")).to_have_text("The next page")
    context.close()


@pytest.mark.parametrize("tab", Tab)
def test_axe_finds_nothing(chromium: Browser, root: Path, origin: str, tab: Tab) -> None:
    """No violation of any rule axe has, in either scheme, on a desk and on a phone."""
    (root / "issues/first.md").write_text(issue(story="It came [here](notaurl) at noon."))
    context = chromium.new_context(base_url=origin)
    page = context.new_page()
    # Axe would wait for ever for an answer out of the frame, which runs no script.
    page.route("**/mail**", lambda route: route.abort())
    for scheme, width in product(SCHEMES, (1280, 375)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"issues/first.md?tab={tab}")
        page.evaluate("document.querySelectorAll('iframe').forEach((each) => each.remove())")

        found = Axe().run(page)

        assert found.violations_count == 0, f"{scheme} {width}: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_axe_finds_nothing_on_a_broken_file(chromium: Browser, root: Path, origin: str) -> None:
    """Diagnostics are as readable as anything else."""
    (root / "issues/first.md").write_text(issue(date="2026-99-99"))
    context = chromium.new_context(base_url=origin)
    page = context.new_page()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.goto("issues/first.md")

        found = Axe().run(page)

        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    context.close()


def test_a_hostile_mail_stays_in_its_frame(root: Path, chromium: Browser, origin: str) -> None:
    """Script in a mail does not run, in the frame or opened by itself, and asks us for nothing."""
    asked: list[str] = []
    context = chromium.new_context(base_url=origin)  # its console is full of what was blocked
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    hostile = (
        "<script>parent.document.title='owned';fetch('../../events')</script>"
        "<img src=x onerror=\"top.location='../../archive'\"><svg onload=\"top.location='../../archive'\"></svg>"
        "<meta http-equiv=refresh content='0;url=../../archive'><iframe src='../../archive'></iframe>"
        "<form id=f action='test' method=post><button autofocus>Go</button></form>"
    )

    def replaced(route: Route) -> None:
        """Answer with the hostile mail, under the headers of the studio."""
        route.fulfill(response=route.fetch(), body=hostile)

    page.route(re.compile("/mail"), replaced)
    page.goto("issues/first.md")
    expect(page.frame_locator("#view iframe").get_by_role("button", name="Go")).to_be_visible()
    page.frame_locator("#view iframe").get_by_role("button", name="Go").click()
    sleep(0.3)

    assert page.title().startswith("First light")
    assert "/issues/first.md" in page.url
    assert [url for url in asked if "/archive" in url or "/test" in url] == []
    assert not (root / "data/sent").exists()
    page.unroute_all(behavior="wait")  # else an answer on its way fails in the next test
    context.close()


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Give the address of another server, and the path and headers of what it was asked."""
    asked: list[tuple[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        """Notes a request, and answers with a page."""

        def do_GET(self) -> None:
            """Note it."""
            asked.append((self.path, str(self.headers)))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>Elsewhere</h1>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((HOST, 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_address[1]}", asked
        server.shutdown()
        thread.join(WAIT_S)


@pytest.mark.parametrize("framed", [True, False])
def test_a_mail_cannot_have_its_address_sent_on(
    chromium: Browser,
    origin: str,
    elsewhere: tuple[str, list[tuple[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    *,
    framed: bool,
) -> None:
    """A mail that asks for full referrers gets none: what it loads or links to sees no token."""
    other, asked = elsewhere
    context = chromium.new_context(base_url=origin)
    page = context.new_page()
    hostile = (
        "<meta name=referrer content=unsafe-url>"
        f"<img src='{other}/picture' referrerpolicy=unsafe-url>"
        f"<a target=_blank rel=opener referrerpolicy=unsafe-url href='{other}/link'>Read on</a>"
    )
    monkeypatch.setattr("pipeline.studio.pages.with_addresses", lambda *_: hostile)
    page.goto(f"issues/first.md{'' if framed else '/mail'}?pictures=remote")
    body = mail(page).locator("body") if framed else page.locator("body")
    with page.expect_popup() as opening:
        body.get_by_role("link", name="Read on").click()

    expect(opening.value.locator("h1")).to_have_text("Elsewhere")
    assert opening.value.evaluate("document.referrer") == ""
    end = monotonic() + WAIT_S
    while "/picture" not in dict(asked) and monotonic() < end:
        page.wait_for_timeout(20)
    assert {"/picture", "/link"} <= {*dict(asked)}
    assert TOKEN not in str(asked)
    context.close()
