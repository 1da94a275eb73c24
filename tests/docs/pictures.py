"""Takes the pictures of docs/pictures from the sample workspace: `make pictures`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, sync_playwright

from tests.docs import archive_pictures, studio_pictures, theme_pictures

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "docs" / "pictures"
Scheme = Literal["light", "dark"]

# File name, page in the outbox, width, height, colour scheme.
SHOTS: Final[tuple[tuple[str, str, int, int, Scheme], ...]] = (
    ("mail-desktop-light.png", "043/email.html", 700, 1400, "light"),
    ("mail-phone-dark.png", "043/email.html", 375, 1400, "dark"),
    ("outbox-light.png", "index.html", 900, 900, "light"),
)


def take(browser: Browser, folder: Path) -> None:
    """Write every picture into a folder."""
    with tempfile.TemporaryDirectory() as outbox:
        command = [sys.executable, "-m", "pipeline", "build", "--out", outbox]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        _take_outbox(browser, Path(outbox), folder)
    theme_pictures.take(browser, folder)
    studio_pictures.take(browser, folder)
    archive_pictures.take(browser, folder)


def _take_outbox(browser: Browser, outbox: Path, folder: Path) -> None:
    for name, page_name, width, height, scheme in SHOTS:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page = context.new_page()
        page.goto((outbox / page_name).as_uri())
        page.screenshot(path=folder / name)
        context.close()


def main() -> None:
    """Take the pictures of docs/ anew."""
    chromium = shutil.which("chromium") or sys.exit("chromium is not installed")
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, PICTURES)
        browser.close()


if __name__ == "__main__":
    main()
