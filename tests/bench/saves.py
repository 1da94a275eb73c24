"""Measures how soon a save is seen in the studio, for docs/benchmarks.md.

    python tests/bench/saves.py [--quick]

Quick writes nothing. A real `broadsheet preview` and a real Chromium: from the moment the file is
written to the moment the new word stands in the frame of the mail.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, Page, sync_playwright

from tests.bench.page import ROOT, prose, surroundings, write_section
from tests.bench.rebuild import Draft, drafts

SAVES: Final = 21
LIMIT_MS: Final = 300
WAIT_S: Final = 60
PAUSE_S: Final = 0.5  # nobody saves faster, and what a save leaves behind is done by then
ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+")


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """Run `broadsheet preview` in a workspace and give its address."""
    command = (str(Path(sys.executable).with_name("broadsheet")), "preview", "--port", "0")
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := ADDRESS.search(line):
                    yield found[0]
                    break
            else:
                raise RuntimeError("the studio did not start")
        finally:
            process.terminate()


def seen(page: Page, draft: Draft, folder: Path) -> Iterator[float]:
    """Save the draft again and again; yield the seconds until the frame has each change."""
    for number in range(SAVES + 3):
        time.sleep(PAUSE_S)
        begun = time.perf_counter()
        draft.saved(folder, number, mark="save")
        # Playwright's own waiting looks less and less often.
        while not shows(page, f"save{number} "):
            if time.perf_counter() - begun > WAIT_S:
                raise RuntimeError("the studio does not follow")
        yield time.perf_counter() - begun


def shows(page: Page, words: str) -> bool:
    """Say whether the frame that is seen has the words."""
    with suppress(Error):  # it was replaced while we looked
        seen_frame = page.query_selector("#view iframe:not(.coming)")
        mail = seen_frame.content_frame() if seen_frame else None
        return bool(mail and mail.evaluate("w => document.body.textContent.includes(w)", words))
    return False


def measure(draft: Draft) -> list[float]:
    """Return the seconds of each save, after three that fill the caches."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        shutil.copy(ROOT / "newsletter.toml", folder)
        (folder / "issues").mkdir()
        file = draft.saved(folder / "issues", 0, mark="save")
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with studio(folder) as address:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{address}/issues/{file.name}")
            page.get_by_text(re.compile("^live")).wait_for(timeout=WAIT_S * 1000)
            taken = list(seen(page, draft, folder / "issues"))
        browser.close()
    return taken[3:]


def section(seconds: dict[str, list[float]]) -> list[str]:
    """Return the lines of the section."""
    rows = []
    for name, taken in seconds.items():
        ordered = sorted(each * 1000 for each in taken)
        slow = ordered[int(len(ordered) * 0.9)]
        rows.append(
            f"| `{name}` | {ordered[0]:.0f} ms | {statistics.median(ordered):.0f} ms"
            f" | {slow:.0f} ms |"
        )
    return [
        *prose(
            f"`tests/bench/saves.py`: `broadsheet preview` and Chromium, {SAVES} saves of one word:"
            " from the write to the new word in the frame of the mail, noticing, rendering,"
            f" checking and painting included. At most {LIMIT_MS} ms are wanted."
        ),
        "| issue | best | median | nine in ten |",
        "|---|---:|---:|---:|",
        *rows,
        "",
        surroundings("watchfiles", "starlette", "uvicorn"),
    ]


def main() -> None:
    """Measure, write the section, and show it."""
    lines = section({draft.name: measure(draft) for draft in drafts()})
    if "--quick" in sys.argv:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("From save to frame", lines))


if __name__ == "__main__":
    main()
