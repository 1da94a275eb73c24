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
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.settings import load
from tests.bench.page import ROOT, prose, surroundings, write_section
from tests.bench.sinks import Ran, run
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

# All compile the MJML that the build made of its issue, and inline the same rules: as the two
# commands that are installed with the packages, and as one process of both libraries, which is
# the least node can take. `mjml` alone would also lay its HTML out for people to read.
NODE: Final = ROOT / ".cache" / "node"
MJML: Final = ("mjml@4", "mjml@latest")
LINE: Final = (
    '"$0" "$1/bin/mjml" "$2" --config.beautify false -o "$4" && "$0" juice/bin/juice '
    '--css "$3" --apply-style-tags false --remove-style-tags false "$4" "$5"'
)
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


def node_commands(folder: Path) -> Iterator[Measured]:
    """Install the yardsticks of the build and yield them; none where there is no npm.

    Args:
        folder: a workspace, which is built here for the MJML.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return
    NODE.mkdir(parents=True, exist_ok=True)
    aliases = {f"mjml-{number}": package for number, package in enumerate(MJML)}
    quietly = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
    wanted = [f"{alias}@npm:{package}" for alias, package in aliases.items()]
    run((npm, "install", "--prefix", str(NODE), *quietly, *wanted, "juice@latest"))

    run((BROADSHEET, "build", "issues/043.md"), folder=folder)
    css = folder / "inline.css"
    css.write_text(mail(load(folder).newsletter.template, "043").css, encoding="ascii")
    mjml = folder / "issue.mjml"
    shutil.copy(folder / "outbox" / "043" / "email.mjml", mjml)
    given = (str(mjml), str(css))
    juice = f"juice {_version('juice')}"
    for alias in aliases:
        out = [str(folder / f"{alias}{number}.html") for number in range(3)]
        yield Measured(
            shown=f"mjml {_version(alias)} && {juice}",
            argv=("sh", "-c", LINE, node, alias, *given, *out[:2]),
            inside=NODE / "node_modules",
            beside=BUILD,
        )
        yield Measured(
            shown=f"node: mjml {_version(alias)} + {juice}",
            argv=(node, "-e", SCRIPT, alias, *given, out[2]),
            inside=NODE,
            beside=BUILD,
        )


def _version(package: str) -> str:
    about = json.loads((NODE / "node_modules" / package / "package.json").read_text("utf-8"))
    return str(about["version"])


def rounds(commands: Sequence[Measured], folder: Path) -> dict[str, list[Ran]]:
    """Run all commands ROUNDS times in turn, after one round that fills the caches."""
    # Without bytecode files every start would compile all of us anew.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    seen: dict[str, list[Ran]] = {command.shown: [] for command in commands}
    for number in range(ROUNDS + 1):
        for command in commands:
            shutil.rmtree(folder / "outbox" / "043", ignore_errors=True)
            ran = run(command.argv, environment, folder=command.inside or folder)
            if number > 0:
                seen[command.shown].append(ran)
    return seen


def section(commands: Sequence[Measured], seen: Mapping[str, Sequence[Ran]]) -> list[str]:
    """Return the lines of the section."""
    waited = {each: statistics.median(ran.seconds for ran in runs) for each, runs in seen.items()}
    worked = {each: min(ran.cpu_s for ran in runs) for each, runs in seen.items()}
    rows = [
        f"| `{each.shown}` | {waited[each.shown] * 1000:.0f} ms | {_ratio(each, waited)} "
        f"| {worked[each.shown] * 1000:.0f} ms | {_ratio(each, worked)} "
        f"| {f'`{each.beside}`' if each.beside else ''} |"
        for each in commands
    ]
    return [
        *prose(
            f"`tests/bench/build.py`: fresh processes, {ROUNDS} rounds in turn after one to warm"
            " up: the median that a person waits, and the least CPU. A build is measured beside"
            " the bare import of the three libraries it cannot do without. It is the yardstick of"
            " node compiling the same MJML and inlining the same rules, by the two commands of"
            " the packages and by one process that is nothing but both libraries; the build also"
            " reads the issue, checks and freezes."
        ),
        "| command | waited | ratio | CPU | ratio | beside |",
        "|---|---:|---:|---:|---:|---|",
        *rows,
        "",
        surroundings(*LIBRARIES),
    ]


def _ratio(command: Measured, taken: Mapping[str, float]) -> str:
    return f"{taken[command.shown] / taken[command.beside]:.1f} x" if command.beside else "1"


def main() -> None:
    """Measure, write the section, and show it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = workspace(Path(temporary))
        commands = (*COMMANDS, *node_commands(folder))
        lines = section(commands, rounds(commands, folder))
    if "--quick" in sys.argv:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("Whole commands", lines))


if __name__ == "__main__":
    main()
