"""The archive in Chromium: axe finds nothing, nothing sticks out, it works by keys and by finger."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has none
from playwright.sync_api import Browser, Page, Route

from pipeline.formats import read
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.publish.frame import Frame
from tests.golden.test_feeds_golden import FLAT, QUAY
from tests.unit.archive_shelf import FEEDS, Shelf, issue

pytestmark = pytest.mark.browser

ISSUES: Final = Path(__file__).parents[2] / "issues"
HOME: Final = "https://harbour.example.org"
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
PAGES: Final = {
    "home": "/",
    "page": "/page/1/",
    "issue": "/issues/043/",
    "sectioned": "/issues/042-sectioned/",
    "labelled": "/issues/041-labelled/",
    "mixed": "/issues/quay/",
    "right to left": "/issues/flat/",
    "unbroken": "/issues/unbroken/",
    "tag": "/tags/winter/",
    "topics": "/topics/",
    "search": "/search/?q=harbour",
    "missing": "/nowhere/",
}
TOUCHED: Final = """
() => [...document.querySelectorAll("button, .button a, input, nav a, .topics li > a:first-child")]
  .filter(e => { const box = e.getBoundingClientRect(); return box.height < 24 || box.width < 24; })
  .map(e => e.outerHTML.slice(0, 100))
"""


def issues() -> Mapping[str, Issue]:
    """Return the samples, two from the golden files, and one without a place to break."""
    samples = {
        file.stem: read(file.read_bytes(), file.name).issue
        for file in sorted(ISSUES.iterdir())
        if file.suffix in {".md", ".txt"}
    }
    word = "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 3
    fillers = {f"n{number}": issue(f"Number {number}") for number in range(25)}
    unbroken = issue(word, section=word, tags=(word,), subtitle=word, authors=(word,))
    return {**fillers, "unbroken": unbroken, "quay": QUAY, "flat": FLAT, **samples}


def made() -> Mapping[str, bytes]:
    """Return the archive of them."""
    newsletter = Newsletter(
        name="The Harbour Letter",
        tagline="Ports, tides and the people who keep boats afloat",
        site_url=HOME,
    )
    shelf = Shelf(Frame(newsletter=newsletter, feeds=FEEDS, subscribe=True))
    for name, each in issues().items():
        shelf.put(name, each)
    return shelf.site()


@pytest.fixture(scope="module")
def site() -> Mapping[str, bytes]:
    """Give the files of the archive."""
    return made()


def opened(chromium: Browser, site: Mapping[str, bytes], *, script: bool = True) -> Page:
    """Return a page that knows this site and no other."""

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        path = unquote(url.path).lstrip("/")
        name = f"{path}index.html" if not path or path.endswith("/") else path
        if f"{url.scheme}://{url.netloc}" != HOME:
            route.abort()
            return
        found = name if name in site else "404.html"
        media_type = mimetypes.guess_type(found)[0] or "application/octet-stream"
        status = 200 if name in site else 404
        route.fulfill(status=status, body=site[found], content_type=f"{media_type}; charset=utf-8")

    page = chromium.new_page(java_script_enabled=script, viewport={"width": 390, "height": 844})
    page.route("**/*", answer)
    return page


@pytest.fixture
def page(chromium: Browser, site: Mapping[str, bytes]) -> Iterator[Page]:
    """Give a phone; an error in its console fails the test."""
    said: list[str] = []
    page = opened(chromium, site)
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    # Pictures and pages that are not there are part of the samples; policies are not.
    assert [line for line in said if "404" not in line and "ERR_FAILED" not in line] == []


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(page: Page, name: str) -> None:
    """No violation of any rule axe has, in either scheme."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.goto(HOME + PAGES[name])

        found = Axe().run(page)

        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"


@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out(page: Page, name: str) -> None:
    """From 320 px on nobody scrolls sideways, and everything can be hit (WCAG 2.5.8)."""
    page.goto(HOME + PAGES[name])
    for width in (320, 375, 600, 1280):
        page.set_viewport_size({"width": width, "height": 800})

        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(TOUCHED) == []


def test_dark_is_dark(page: Page) -> None:
    """The schemes differ, so axe above looks at two pages and not twice at one."""
    page.goto(HOME)
    grounds = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert len(set(grounds)) == 2


def test_the_first_key_leads_past_the_masthead(page: Page) -> None:
    """Tab shows the skip link, Enter goes to the content, and the next Tab is in it."""
    page.goto(f"{HOME}/issues/043/")
    page.keyboard.press("Tab")
    box = page.locator(".skip").bounding_box()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    assert box is not None
    assert box["x"] >= 0
    assert page.url.endswith("#content")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


@pytest.mark.parametrize("name", ["sectioned", "right to left"])
def test_the_contents_lead_to_their_sections(page: Page, name: str) -> None:
    """Each line scrolls to a heading, also in a page that is read from the right."""
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(HOME + PAGES[name])
    for link in page.locator(".contents a").all():
        link.click()
        target = unquote(page.url.partition("#")[2])

        assert page.evaluate("id => document.getElementById(id) !== null", target)
        assert page.evaluate(
            "id => Math.abs(document.getElementById(id).getBoundingClientRect().top) < 500", target
        )


def test_the_contents_do_not_lie_over_the_text(page: Page) -> None:
    """On a wide screen they stand beside the article, on either side of the script."""
    for name in ("sectioned", "issue"):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(HOME + PAGES[name])
        contents = page.locator(".contents").bounding_box()
        body = page.locator(".body").bounding_box()

        assert contents is not None
        assert body is not None
        assert contents["x"] >= 0
        assert contents["x"] + contents["width"] <= body["x"]


def test_the_search_finds_and_links(page: Page) -> None:
    """Words in any order, accents or not; the address keeps them; a result is a link."""
    page.goto(f"{HOME}/search/")
    page.get_by_label("Words in titles").fill("gauge DREDGER")
    page.keyboard.press("Enter")
    page.locator("#found a").first.wait_for()

    assert page.locator("#found h2").all_inner_texts() == [
        "A Quiet Dredger, a Tide Gauge Moved, and Oakum Wanted"
    ]
    assert page.url == f"{HOME}/search/?q=gauge+DREDGER"
    page.locator("#found a").click()
    assert page.url == f"{HOME}/issues/041-labelled/"


def test_the_search_says_when_there_is_nothing(page: Page) -> None:
    """It says so where a screen reader hears it, and markup stays text."""
    page.goto(f"{HOME}/search/?q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E")
    page.get_by_text("Nothing found.").wait_for()

    assert page.locator("main img").count() == 0
    assert page.locator("#said").get_attribute("role") == "status"


def test_the_search_without_script_leads_to_the_years(
    chromium: Browser, site: Mapping[str, bytes]
) -> None:
    """No form that does nothing, but a list that works."""
    page = opened(chromium, site, script=False)
    page.goto(f"{HOME}/search/")

    assert not page.locator("#search").is_visible()
    page.get_by_role("link", name="2026").click()
    assert page.locator("h1").inner_text() == "2026"
    page.close()


def test_print_is_the_article_alone(page: Page) -> None:
    """On paper there is no navigation and no form, and the text is black."""
    page.goto(f"{HOME}/issues/043/")
    page.emulate_media(media="print", color_scheme="dark")

    assert not page.locator("nav.site").is_visible()
    assert not page.locator("footer").is_visible()
    assert page.locator("h1").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.emulate_media(media="screen")
