"""Measures what a preview does after each save, for docs/benchmarks.md: read, render, compose, check.

    python tests/bench/rebuild.py [--quick]

Quick writes nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from msgspec.structs import replace

from pipeline.editorship import Editorship
from pipeline.operations.examine import Examine
from pipeline.render.inline import Inliner
from pipeline.settings import load
from tests.bench.page import ROOT, prose, surroundings, write_section

RUNS: Final = 61
LIMIT_MS: Final = 50  # of CPU, for either seed
INLINERS: Final[tuple[Inliner, ...]] = get_args(Inliner)
SEEDS: Final = ROOT.parent / "shared" / "seeds"  # beside the checkout where they are available
NOTHING: Final = (sys.executable, "-c", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An issue that somebody is writing."""

    name: str
    text: str

    def saved(self, folder: Path, number: int, *, mark: str = "") -> Path:
        """Write it as it is after so many changes of a word in its middle."""
        file = folder / "draft.txt"
        middle = self.text.index(" the ", len(self.text) // 2)
        file.write_text(
            f"{self.text[:middle]} {mark}{number}{self.text[middle:]}", encoding="utf-8"
        )
        return file


def drafts() -> list[Draft]:
    """Return both seeds where they are, and otherwise a sample of each of their layouts."""
    files = sorted(SEEDS.glob("*.txt")) or sorted((ROOT / "issues").glob("*.txt"))
    return [Draft(name=file.stem, text=file.read_text(encoding="utf-8")) for file in files]


def examine(inliner: Inliner) -> Examine:
    """Return the operation as a preview keeps it open."""
    settings = load(None, {})
    settings = replace(settings, newsletter=replace(settings.newsletter, inliner=inliner))
    return Editorship(settings=settings, root=ROOT, has_workspace=False).examine()


def rebuilt(look: Examine, draft: Draft) -> float:
    """Return the median CPU time of a rebuild, in seconds, after three that fill the caches."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS + 3):
            file = draft.saved(Path(folder), number)
            start = time.process_time()
            look(file)
            taken.append(time.process_time() - start)
    return statistics.median(taken[3:])


def nothing() -> float:
    """Return the median CPU time of an interpreter that starts and ends, in seconds."""
    taken = []
    for _ in range(11):
        start = _children()
        subprocess.run(NOTHING, check=True)
        taken.append(_children() - start)
    return statistics.median(taken)


def section(seconds: Mapping[tuple[str, Inliner], float], idle: float) -> list[str]:
    """Return the lines of the section for these medians."""
    rows = [
        f"| `{name}` | {inliner} | {taken * 1000:.0f} ms | {taken / idle:.1f} x |"
        for (name, inliner), taken in seconds.items()
    ]
    return [
        *prose(
            f"`tests/bench/rebuild.py`: one word of the issue is changed, then it is read, rendered,"
            f" composed and checked by what is already loaded; CPU time, medians of {RUNS} runs,"
            f" beside that of `python -c pass` ({idle * 1000:.0f} ms). At most {LIMIT_MS} ms."
        ),
        "| issue | inliner | CPU | `python -c pass` |",
        "|---|---|---:|---:|",
        *rows,
        "",
        surroundings("jinja2", "mjml-python", "premailer", "css-inline", "lxml"),
    ]


def _children() -> float:
    from resource import RUSAGE_CHILDREN, getrusage

    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure, write the section, and show it."""
    seconds = {
        (draft.name, inliner): rebuilt(examine(inliner), draft)
        for draft in drafts()
        for inliner in INLINERS
    }
    lines = section(seconds, nothing())
    if "--quick" in sys.argv:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("Rebuilding on save", lines))


if __name__ == "__main__":
    main()
