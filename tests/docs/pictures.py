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
    ("mail-desktop-dark.png", "043/email.html", 700, 1400, "dark"),
    ("mail-phone-light.png", "043/email.html", 375, 1400, "light"),
    ("mail-phone-dark.png", "043/email.html", 375, 1400, "dark"),
    ("mail-labelled-light.png", "041-labelled/email.html", 700, 1400, "light"),
    ("mail-sectioned-light.png", "042-sectioned/email.html", 700, 1400, "light"),
    ("outbox-light.png", "index.html", 900, 900, "light"),
)


def take(browser: Browser, outbox: Path) -> None:
    """Take every picture of an outbox."""
    for name, page_name, width, height, scheme in SHOTS:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        page = context.new_page()
        page.goto((outbox / page_name).as_uri())
        page.screenshot(path=PICTURES / name)
        context.close()


def main() -> None:
    """Build the sample in a scratch folder and take its pictures."""
    chromium = shutil.which("chromium") or sys.exit("chromium is not installed")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [sys.executable, "-m", "pipeline", "build", "--out", folder]
        subprocess.run(command, cwd=ROOT, check=True)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take(browser, Path(folder))
        theme_pictures.take(browser, PICTURES)
        studio_pictures.take(browser, PICTURES)
        archive_pictures.take(browser, PICTURES)
        browser.close()


if __name__ == "__main__":
    main()
