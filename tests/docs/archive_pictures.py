"""Takes docs/pictures/archive-*.png: the first page of the archive, and an issue in the dark."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Route

from pipeline.formats import read
from pipeline.publish.frame import Frame
from tests.docs.theme_pictures import NEWSLETTER
from tests.unit.archive_shelf import FEEDS, Shelf

ISSUES: Final = Path(__file__).parents[2] / "issues"
UNDATED: Final = date(2026, 11, 13)  # of a sample without a date
SIZE: Final = (1280, 1000)  # px
# File name, page, colour scheme.
SHOTS: Final[tuple[tuple[str, str, Literal["light", "dark"]], ...]] = (
    ("archive-home-light.png", "/", "light"),
    ("archive-issue-dark.png", "/issues/042-sectioned/", "dark"),
)


def take(browser: Browser, folder: Path) -> None:
    """Write both pictures into a folder."""
    site = _site()

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path.lstrip("/")
        name = f"{path}index.html" if not path or path.endswith("/") else path
        if route.request.url.startswith(f"{NEWSLETTER.site_url}/") and name in site:
            media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
            route.fulfill(body=site[name], content_type=f"{media_type}; charset=utf-8")
        else:
            route.abort()

    width, height = SIZE
    for name, path, scheme in SHOTS:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page = context.new_page()
        page.route("**/*", answer)
        page.goto(NEWSLETTER.site_url + path)
        page.screenshot(path=folder / name)
        context.close()


def _site() -> Mapping[str, bytes]:
    """Return the archive of the samples."""
    shelf = Shelf(Frame(newsletter=NEWSLETTER, feeds=FEEDS, subscribe=True))
    for file in sorted(each for each in ISSUES.iterdir() if each.suffix in {".md", ".txt"}):
        issue = read(file.read_bytes(), file.name).issue
        day = issue.date or UNDATED
        published = datetime.combine(day, time(9), tzinfo=UTC)
        shelf.put(file.stem, issue, published=published)
    return shelf.site()
