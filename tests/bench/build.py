"""Measures whole commands, as a person waits for them, for docs/benchmarks.md.

Every round runs each command once, in turn, so that a busy spell of the machine falls on all of
them; the ratio to the command beside it is what to read.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.page import ROOT, surroundings, write_section

ROUNDS: Final = 11
LIBRARIES: Final = ("click", "jinja2", "mjml-python", "premailer", "lxml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A command line, and what to hold it against."""

    shown: str  # as the page prints it
    argv: tuple[str, ...]
    beside: str | None = None  # `shown` of the yardstick; None: it is one


BROADSHEET: Final = str(Path(sys.executable).with_name("broadsheet"))
NOTHING: Final = 'python -c "pass"'
IMPORTS: Final = 'python -c "import jinja2, mjml, premailer"'
COMMANDS: Final = (
    Measured(shown=NOTHING, argv=(sys.executable, "-c", "pass")),
    Measured(shown="broadsheet --help", argv=(BROADSHEET, "--help"), beside=NOTHING),
    Measured(shown=IMPORTS, argv=(sys.executable, "-c", "import jinja2, mjml, premailer")),
    Measured(
        shown="broadsheet build issues/043.md",
        argv=(BROADSHEET, "build", "issues/043.md"),
        beside=IMPORTS,
    ),
)


def workspace(folder: Path) -> Path:
    """Copy the sample workspace, so that measuring leaves no entry behind."""
    shutil.copy(ROOT / "newsletter.toml", folder)
    for name in ("issues", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "outbox").mkdir()
    return folder


def run(argv: tuple[str, ...], folder: Path) -> float:
    """Run a command in `folder` and return the seconds a person waited.

    Raises:
        subprocess.CalledProcessError: it failed; a figure of it would mean nothing.
    """
    # Without bytecode files every start would compile all of us anew.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=True)
    return time.perf_counter() - start


def medians(folder: Path) -> dict[str, float]:
    """Run all commands ROUNDS times in turn, after one round that fills the caches."""
    seconds: dict[str, list[float]] = {command.shown: [] for command in COMMANDS}
    for number in range(ROUNDS + 1):
        for command in COMMANDS:
            taken = run(command.argv, folder)
            if number > 0:
                seconds[command.shown].append(taken)
    return {shown: statistics.median(taken) for shown, taken in seconds.items()}


def section(median: Mapping[str, float]) -> list[str]:
    """Return the lines of the section for these medians, in seconds."""
    rows = [
        f"| `{command.shown}` | {median[command.shown] * 1000:.0f} ms | {_ratio(command, median)} |"
        for command in COMMANDS
    ]
    return [
        f"`tests/bench/build.py`: fresh processes, {ROUNDS} rounds in turn after one to warm up,",
        "medians. A build is measured beside the bare import of the three libraries it cannot do",
        "without.",
        "",
        "| command | median | ratio |",
        "|---|---:|---|",
        *rows,
        "",
        surroundings(*LIBRARIES),
    ]


def _ratio(command: Measured, median: Mapping[str, float]) -> str:
    if command.beside is None:
        return "1"
    return f"{median[command.shown] / median[command.beside]:.1f} x `{command.beside}`"


def main() -> None:
    """Measure, write the section, and show it."""
    with tempfile.TemporaryDirectory() as folder:
        lines = section(medians(workspace(Path(folder))))
    sys.stdout.write(write_section("Whole commands", lines))


if __name__ == "__main__":
    main()
