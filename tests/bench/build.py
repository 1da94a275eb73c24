"""Measures whole commands, as a person waits for them, for docs/benchmarks.md.

    python tests/bench/build.py [--quick]

Quick writes nothing. Every round runs each command once, in turn, so that a busy spell of the machine falls on all of
them; the ratio to the command beside it is what to read.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.settings import load
from tests.bench.page import ROOT, prose, surroundings, write_section
from tests.unit.inliner_mails import mail

ROUNDS: Final = 11
LIBRARIES: Final = ("click", "jinja2", "mjml-python", "premailer", "lxml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A command line, and what to hold it against."""

    shown: str  # as the page prints it
    argv: tuple[str, ...]
    inside: Path | None = None  # the folder to run it in; None: the workspace
    beside: str | None = None  # `shown` of the yardstick; None: it is one


BROADSHEET: Final = str(Path(sys.executable).with_name("broadsheet"))
NOTHING: Final = 'python -c "pass"'
IMPORTS: Final = 'python -c "import jinja2, mjml, premailer"'
BUILD: Final = "broadsheet build issues/043.md"
COMMANDS: Final = (
    Measured(shown=NOTHING, argv=(sys.executable, "-c", "pass")),
    Measured(shown="broadsheet --help", argv=(BROADSHEET, "--help"), beside=NOTHING),
    Measured(shown=IMPORTS, argv=(sys.executable, "-c", "import jinja2, mjml, premailer")),
    Measured(
        shown=BUILD,
        argv=(BROADSHEET, "build", "issues/043.md"),
        beside=IMPORTS,
    ),
)

# Both compile the MJML that the build made of its issue, and inline the same rules.
NODE: Final = ROOT / ".cache" / "node"
MJML: Final = ("mjml@4", "mjml@latest")
SCRIPT: Final = """
const fs = require("node:fs");
const [name, mjml, css, out] = process.argv.slice(1);
const own = (module) => module.default ?? module;
(async () => {
  const { html } = await own(require(name))(fs.readFileSync(mjml, "utf8"), { fonts: {} });
  const inlined = own(require("juice")).inlineContent(html, fs.readFileSync(css, "utf8"));
  fs.writeFileSync(out, inlined);
})();
"""


def workspace(folder: Path) -> Path:
    """Copy the sample workspace, so that measuring leaves no entry behind."""
    shutil.copy(ROOT / "newsletter.toml", folder)
    for name in ("issues", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "outbox").mkdir()
    return folder


def node_commands(folder: Path) -> tuple[Measured, ...]:
    """Install the yardsticks of the build; none where there is no npm.

    Args:
        folder: a workspace, which is built here for the MJML.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return ()
    NODE.mkdir(parents=True, exist_ok=True)
    aliases = {f"mjml-{number}": package for number, package in enumerate(MJML)}
    quietly = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
    wanted = [f"{alias}@npm:{package}" for alias, package in aliases.items()]
    run((npm, "install", "--prefix", str(NODE), *quietly, *wanted, "juice@latest"), NODE)

    run((BROADSHEET, "build", "issues/043.md"), folder)
    css = folder / "inline.css"
    css.write_text(mail(load(folder).newsletter.template, "043").css, encoding="ascii")
    mjml = folder / "issue.mjml"
    shutil.copy(folder / "outbox" / "043" / "email.mjml", mjml)
    files = (str(mjml), str(css), str(folder / "out.html"))
    juice = _version("juice")
    return tuple(
        Measured(
            shown=f"node: mjml {_version(alias)} + juice {juice}",
            argv=(node, "-e", SCRIPT, alias, *files),
            inside=NODE,
            beside=BUILD,
        )
        for alias in aliases
    )


def _version(package: str) -> str:
    about = json.loads((NODE / "node_modules" / package / "package.json").read_text("utf-8"))
    return str(about["version"])


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


def medians(commands: Sequence[Measured], folder: Path) -> dict[str, float]:
    """Run all commands ROUNDS times in turn, after one round that fills the caches."""
    seconds: dict[str, list[float]] = {command.shown: [] for command in commands}
    for number in range(ROUNDS + 1):
        for command in commands:
            shutil.rmtree(folder / "outbox" / "043", ignore_errors=True)
            taken = run(command.argv, command.inside or folder)
            if number > 0:
                seconds[command.shown].append(taken)
    return {shown: statistics.median(taken) for shown, taken in seconds.items()}


def section(commands: Sequence[Measured], median: Mapping[str, float]) -> list[str]:
    """Return the lines of the section for these medians, in seconds."""
    rows = [
        f"| `{command.shown}` | {median[command.shown] * 1000:.0f} ms | {_ratio(command, median)} |"
        for command in commands
    ]
    return [
        *prose(
            f"`tests/bench/build.py`: fresh processes, {ROUNDS} rounds in turn after one to warm"
            " up, medians. A build is measured beside the bare import of the three libraries it"
            " cannot do without, and is the yardstick of one node process that compiles the same"
            " MJML and inlines the same rules; the build also reads the issue, checks and freezes."
        ),
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
    with tempfile.TemporaryDirectory() as temporary:
        folder = workspace(Path(temporary))
        commands = (*COMMANDS, *node_commands(folder))
        lines = section(commands, medians(commands, folder))
    if "--quick" in sys.argv:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("Whole commands", lines))


if __name__ == "__main__":
    main()
