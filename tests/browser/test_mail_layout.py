"""Every theme in Chromium: nothing sticks out, everything can be read, nothing is fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Page

from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.operations.read import ReadIssue
from pipeline.plugins import load_all
from pipeline.render import Renderer, packaged_templates

pytestmark = pytest.mark.browser

DATA: Final = Path(__file__).parents[1] / "golden" / "data" / "render"
THEMES: Final = ("digest", "briefing", "essay")
ISSUES: Final = ("flat", "sectioned", "mixed")
SAMPLES: Final = {
    **{theme: f"{theme}/sample.md" for theme in THEMES},
    "arabic": "family/samples/arabic.md",
    "japanese": "family/samples/japanese.md",
}
NAMES: Final = tuple(f"{theme}-{name}" for theme in THEMES for name in (*ISSUES, *SAMPLES))
SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (320, 375, 600, 700, 1280)

NEWSLETTER: Final = Newsletter(
    name="The Harbour Letter",
    tagline="Boats, tides and the people who mind them",
    postal_address="Net Loft\nPort Example",
)

# Elements whose text leaves the window, or is cut off by an ancestor.
STICKING_OUT: Final = """
() => [...document.querySelectorAll("body *")]
  .filter(e => e.textContent.trim() && e.checkVisibility())
  .filter(e => {
    const box = e.getBoundingClientRect();
    return box.right > innerWidth + 1 || box.left < -1;
  })
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
    """Give the HTML of the golden issues and of the samples, in each theme."""
    read = ReadIssue(formats=load_all("formats"), format=None, date_order=None)
    issues = {
        name: from_json(json.loads((DATA / f"{name}.json").read_text("utf-8"))) for name in ISSUES
    } | {name: read(packaged_templates() / file).issue for name, file in SAMPLES.items()}
    rendered = {}
    for theme in THEMES:
        renderer = Renderer([packaged_templates()], theme)
        for name, issue in issues.items():
            url = "https://news.example.org/issues/1/"
            mail = renderer.render(issue, NEWSLETTER, web_url=url)
            rendered[f"{theme}-{name}"] = mail.html
    return rendered


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
    """From 320 to 1,280 px nobody scrolls sideways, in either scheme, with or without styles."""
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

    assert len(contrasts) > 15
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
    page.set_content(mails["briefing-flat"])
    grounds = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert len(set(grounds)) == 2


@pytest.mark.parametrize("theme", THEMES)
def test_from_right_to_left_the_page_is_mirrored(
    page: Page, mails: dict[str, str], theme: str
) -> None:
    """Every Arabic line is read from the right, the footer's too, and list marks begin there."""
    page.set_viewport_size({"width": 700, "height": 900})
    page.set_content(mails[f"{theme}-arabic"])

    read_from_the_left = page.evaluate(
        """() => [...document.querySelectorAll("p, li, h1, h2, h3, th, td, a")]
             .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
             .filter(e => /[\u0600-\u06ff]/.test(e.textContent))
             .filter(e => getComputedStyle(e).direction !== "rtl")
             .map(e => `${e.tagName}.${e.className} ${e.textContent}`)"""
    )
    margins = page.evaluate(
        """() => [...document.querySelectorAll(".t p.p, .t ul, .t ol")]
             .map(e => getComputedStyle(e).marginLeft)"""
    )

    assert read_from_the_left == []
    assert len(margins) >= 3
    assert set(margins) == {"0px"}
