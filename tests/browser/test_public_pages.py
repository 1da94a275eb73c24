"""Every public page in Chromium: axe finds nothing, nothing sticks out, fingers and keys reach it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has none
from playwright.sync_api import Browser, Page

from tests.browser.public_pages import SAMPLES, rendered

pytestmark = pytest.mark.browser

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
# What a finger touches: at least 44 px high, and as wide.
TOUCHED: Final = """
() => [...document.querySelectorAll("button, .button, input:not([type=hidden]), select, nav a, .choice")]
  .filter(e => !e.closest(".trap") && e.type !== "checkbox")
  .filter(e => { const box = e.getBoundingClientRect(); return box.height < 44 || box.width < 44; })
  .map(e => e.outerHTML.slice(0, 100))
"""
# How many pixels of outline the focused element has.
OUTLINE: Final = """
() => { const style = getComputedStyle(document.activeElement);
  return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth); }
"""
FOCUSED: Final = "document.activeElement.name || document.activeElement.textContent.trim()"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Give a phone that never reaches the network."""
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.route("**/*", lambda route: route.abort())
    yield page
    page.close()


@pytest.mark.parametrize("name", SAMPLES)
def test_axe_finds_nothing(page: Page, name: str) -> None:
    """No violation of any rule axe has, in either scheme."""
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.set_content(rendered(name))

        found = Axe().run(page)

        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"


@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "pl", "ar", "ja"])
def test_every_page_fits_in_every_language(page: Page, language: str) -> None:
    """From 320 px on nobody scrolls sideways, and everything is large enough for a finger."""
    for name in SAMPLES:
        page.set_content(rendered(name, language))
        for width in (320, 390, 768):
            page.set_viewport_size({"width": width, "height": 800})

            assert page.evaluate("document.documentElement.scrollWidth") == width, name
            assert page.evaluate(TOUCHED) == [], name


def test_dark_is_dark(page: Page) -> None:
    """The schemes differ, so the checks above look at two pages and not twice at one."""
    page.set_content(rendered("subscribe"))
    grounds = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert len(set(grounds)) == 2


def test_the_keyboard_goes_through_the_form_in_order(page: Page) -> None:
    """Tab visits what is seen, visibly, and nothing that is not."""
    page.set_content(rendered("subscribe"))
    visited = []
    for _ in range(7):
        page.keyboard.press("Tab")
        visited.append(page.evaluate(FOCUSED))
        assert page.evaluate(OUTLINE) >= 2, visited[-1]

    assert visited == [
        "The Harbour Letter",
        "address",
        "name",
        "list",
        "list",
        "Subscribe",
        "Deutsch",
    ]
