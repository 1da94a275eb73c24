"""Both inliners draw what a browser draws that applies the style sheet itself, to the pixel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, Route

from pipeline.render.inline import Inliner, inline
from tests.unit.inliner_mails import THEMES, Mail, mail, sample

pytestmark = pytest.mark.browser

INLINERS: Final[tuple[Inliner, ...]] = get_args(Inliner)
WIDTHS: Final = (700, 375)

_STYLE: Final = re.compile(r"(<style[^>]*>)(.*?)(</style>)", re.DOTALL)


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """Give a page for which every picture of the network is the same one."""
    picture = BytesIO()
    Image.linear_gradient("L").resize((1200, 700)).save(picture, "png")

    def answer(route: Route) -> None:
        route.fulfill(body=picture.getvalue(), content_type="image/png")

    page = chromium.new_page()
    page.route("**/*", answer)
    yield page
    page.close()


def applied_by_the_browser(given: Mail) -> str:
    """Return the mail with its rules in a style sheet that weighs what attributes would weigh.

    What is in no layer wins over all that is in one, but for what is important there.
    """
    layered = _STYLE.sub(r"\1@layer mail {\2}\3", given.html)
    return layered.replace("</head>", f"<style>{given.css}</style></head>", 1)


def photograph(page: Page, html: str, width: int, scheme: Literal["light", "dark"]) -> Image.Image:
    """Return a picture of the whole mail."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.set_content(html, wait_until="networkidle")
    return Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")


def difference(one: Image.Image, other: Image.Image) -> Image.Image | None:
    """Return a picture that is black where two are the same; None: they are the same."""
    # The shorter of the two is black below its end, so that a difference in height shows too.
    size = (max(one.width, other.width), max(one.height, other.height))
    found = ImageChops.difference(
        *(picture.crop((0, 0, *size)) for picture in (one.convert("RGB"), other.convert("RGB")))
    )
    return found if one.size != other.size or found.getbbox() else None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_both_inliners_draw_what_the_browser_draws(
    page: Page, tmp_path: Path, theme: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    """Of each theme with its sample no pixel differs, wide and narrow, light and dark."""
    given = mail(theme, sample(theme))
    drawn = photograph(page, applied_by_the_browser(given), width, scheme)
    assert drawn.height > 2 * width

    for inliner in INLINERS:
        inlined = inline(given.html, css=given.css, inliner=inliner)
        found = difference(drawn, photograph(page, inlined, width, scheme))
        if found is not None:
            file = tmp_path / f"{theme}-{inliner}-{width}-{scheme}.png"
            found.save(file)
            pytest.fail(f"{inliner} draws {theme} differently at {found.getbbox()}: {file}")


@pytest.mark.parametrize("theme", THEMES)
def test_without_its_rules_a_mail_looks_different(page: Page, theme: str) -> None:
    """The pictures above depend on the style sheet, the width and the scheme."""
    given = mail(theme, sample(theme))
    html = applied_by_the_browser(given)
    drawn = photograph(page, html, 700, "light")

    assert difference(drawn, photograph(page, given.html, 700, "light"))
    assert difference(drawn, photograph(page, html, 375, "light"))
    assert difference(drawn, photograph(page, html, 700, "dark"))
