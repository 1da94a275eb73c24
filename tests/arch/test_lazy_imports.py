"""What a fresh interpreter loads: start-up time is the sum of its imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]

# 40 to 200 ms each; `--help` and shell completion must not pay for what they do not use.
HEAVY: Final = {
    "alembic",
    "apscheduler",
    "babel",
    "flufl",
    "feedgen",
    "jinja2",
    "lxml",
    "mjml",
    "msgspec",
    "premailer",
    "rich",
    "sqlalchemy",
    "starlette",
    "uvicorn",
}

REPORT_MODULES: Final = """
import json, sys
json.dump(sorted({name.partition(".")[0] for name in sys.modules}), sys.stdout)
"""

IMPORT_MODEL: Final = """
import importlib, pkgutil, pipeline.model
for module in pkgutil.walk_packages(pipeline.model.__path__, "pipeline.model."):
    importlib.import_module(module.name)
"""

RUN_HELP: Final = """
import contextlib, io, runpy, sys
sys.argv = ["broadsheet", "--help"]
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    runpy.run_module("pipeline", run_name="__main__")
"""


def loaded_by(code: str) -> set[str]:
    """Return the top-level names that a new interpreter has loaded after `code`."""
    run = subprocess.run(
        [sys.executable, "-c", code + REPORT_MODULES],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=True,
    )
    names: list[str] = json.loads(run.stdout)
    return set(names)


def test_the_model_needs_nothing_but_what_values_are_made_of() -> None:
    """The nouns of the domain load msgspec and no other library, whichever of them one imports."""
    # An environment may load modules of its own at every start (.pth files).
    of_the_environment = loaded_by("")

    loaded = loaded_by(IMPORT_MODEL) - of_the_environment - loaded_by("import msgspec\n")

    assert loaded - set(sys.stdlib_module_names) == {"pipeline"}


def test_importing_the_command_line_is_light() -> None:
    """`import pipeline.cli`, as shell completion does at each TAB, loads nothing heavy."""
    assert loaded_by("import pipeline.cli\n") & HEAVY == set()


def test_help_is_light() -> None:
    """`python -m pipeline --help` prints the command table and loads nothing heavy."""
    loaded = loaded_by(RUN_HELP)

    assert "click" in loaded
    assert loaded & HEAVY == set()


def test_an_issue_in_plain_text_needs_no_markdown() -> None:
    """What reads Markdown is loaded by who writes it; every format has looked at the file."""
    code = """
from pathlib import Path
from pipeline.formats import read
for file in Path("issues").glob("*.txt"):
    assert read(file.read_bytes(), file.name).issue.sections
"""
    assert loaded_by(code) & {"markdown_it", "yaml"} == set()
