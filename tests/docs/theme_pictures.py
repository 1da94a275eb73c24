"""Takes docs/pictures/theme-*.png: each theme's own sample, phone and desktop, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Route

from pipeline.model.newsletter import Newsletter
from pipeline.operations.read import ReadIssue
from pipeline.plugins import load_all
from pipeline.render import Renderer, packaged_templates

THEMES: Final = ("digest", "briefing", "essay")
SIZES: Final = {"phone": (375, 1500), "desktop": (700, 1500)}  # px
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

NEWSLETTER: Final = Newsletter(
    name="The Harbour Letter",
    tagline="Ports, tides and the people who keep boats afloat",
    site_url="https://harbour.example.org",
    postal_address="The Harbour Letter\n3 Chandlers Row\nOxmouth",
)
# What stands in for pictures of the samples: nothing is fetched.
_WHEEL: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="560" height="300" viewBox="0 0 560 300">'
    '<rect width="560" height="300" fill="#e9dcc3"/><g transform="translate(280 150)">'
    '<circle r="96" fill="none" stroke="#a67c2d" stroke-width="26"/>'
    '<circle r="112" fill="none" stroke="#a67c2d" stroke-width="14" stroke-dasharray="14 9.4"/>'
    '<circle r="22" fill="#a67c2d"/><path d="M-90 0H90M0-90V90" stroke="#a67c2d" stroke-width="14"/>'
    "</g></svg>"
)


def take(browser: Browser, folder: Path) -> None:
    """Write twelve pictures into a folder."""
    read = ReadIssue(formats=load_all("formats"), format=None, date_order=None)
    for theme in THEMES:
        issue = read(packaged_templates() / theme / "sample.md").issue
        html = (
            Renderer([packaged_templates()], theme)
            .render(issue, NEWSLETTER, web_url="https://harbour.example.org/issues/1/")
            .html
        )
        for size, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=scheme
                )
                page = context.new_page()
                page.route("**/*", _drawn)
                page.set_content(html)
                page.screenshot(path=folder / f"theme-{theme}-{size}-{scheme}.png")
                context.close()


def _drawn(route: Route) -> None:
    route.fulfill(content_type="image/svg+xml", body=_WHEEL)
