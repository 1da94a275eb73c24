"""The default template in Chromium: nothing sticks out, everything can be read, nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.render import Renderer, packaged_templates

pytestmark = pytest.mark.browser

DATA: Final = Path(__file__).parents[1] / "golden" / "data" / "render"
NAMES: Final = ("flat", "sectioned", "mixed")
SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (320, 375, 600, 700)

NEWSLETTER: Final = Newsletter(
    name="The Harbour Letter",
    tagline="Boats, tides and the people who mind them",
    postal_address="Net Loft\nPort Example",
)

# Elements whose text leaves the window, or is cut off by an ancestor.
STICKING_OUT: Final = """
() => [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && e.textContent.trim())
  .map(e => e.outerHTML.slice(0, 120))
"""

# WCAG contrast of every run of text against the nearest ground painted behind it.
CONTRASTS: Final = """
() => {
  const rgb = css => css.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !e.checkVisibility()) continue;
    const pair = [rgb(getComputedStyle(e).color), ground(e)].map(luminance).sort((a, b) => b - a);
    found.push([(pair[0] + 0.05) / (pair[1] + 0.05), e.outerHTML.slice(0, 120)]);
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def mails() -> dict[str, str]:
    """Give the HTML of the golden issues."""
    renderer = Renderer([packaged_templates()])
    return {
        name: renderer.render(
            from_json(json.loads((DATA / f"{name}.json").read_text("utf-8"))),
            NEWSLETTER,
            web_url="https://news.example.org/issues/1/",
        ).html
        for name in NAMES
    }


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """Give a headless browser."""
    with sync_playwright() as playwright:
        # The sandbox of the browser needs rights a container does not give.
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Give a page that never reaches the network."""
    page = chromium.new_page()
    page.route("**/*", lambda route: route.abort())
    yield page
    page.close()


def without_styles(html: str) -> str:
    """Return the mail as clients show it that drop every style block."""
    return re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)


@pytest.mark.parametrize("styles", ["with styles", "without styles"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_sticks_out(page: Page, mails: dict[str, str], name: str, styles: str) -> None:
    """From 320 to 700 px nobody scrolls sideways, in either scheme, with or without styles."""
    page.set_content(mails[name] if styles == "with styles" else without_styles(mails[name]))

    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_all_text_can_be_read(
    page: Page, mails: dict[str, str], name: str, scheme: Literal["light", "dark"]
) -> None:
    """Each run of text has a contrast of 4.5 or more to what is behind it."""
    page.emulate_media(color_scheme=scheme)
    page.set_content(mails[name])

    contrasts = page.evaluate(CONTRASTS)

    assert len(contrasts) > 20
    assert [text for contrast, text in contrasts if contrast < 4.5] == []


@pytest.mark.parametrize("name", NAMES)
def test_only_the_pictures_of_the_author_are_fetched(
    page: Page, mails: dict[str, str], name: str
) -> None:
    """No font, no style sheet, no pixel: opening a mail tells nobody anything."""
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))

    page.set_content(mails[name], wait_until="networkidle")

    assert set(requested) == set(re.findall(r'<img[^>]* src="([^"]*)"', mails[name]))


def test_dark_mode_changes_the_ground(page: Page, mails: dict[str, str]) -> None:
    """The schemes differ, so the checks above look at two mails and not twice at one."""
    page.set_content(mails["flat"])
    grounds = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert len(set(grounds)) == 2
