"""What can be documented is: a command, a diagnostic or a decision without its page fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import cli
from pipeline.formats import codes
from pipeline.preflight import checks

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
SECTIONS = ["## Context", "## Decision", "## Consequences", "## What would change our mind"]


def commands(group: click.Group, *path: str) -> Iterator[str]:
    """Yield every command below a group by the words a person types after `broadsheet`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        elif command is not None and not command.hidden:
            yield " ".join((*path, name))


def test_every_command_is_described() -> None:
    """docs/commands.md shows each command, subcommands included, as `broadsheet NAME`."""
    page = (DOCS / "commands.md").read_text(encoding="utf-8")

    missing = [name for name in commands(cli) if not re.search(rf"\bbroadsheet {name}\b", page)]

    assert missing == []


def test_every_diagnostic_is_explained() -> None:
    """docs/diagnostics.md lists each code that reading an issue or preflight can report."""
    page = (DOCS / "diagnostics.md").read_text(encoding="utf-8")

    missing = [code for code in (*codes.CODES, *checks()) if not re.search(rf"\b{code}\b", page)]

    assert missing == []


def test_a_diagnostic_code_has_one_meaning() -> None:
    """Reading and preflight share no code."""
    assert set(codes.CODES).isdisjoint(checks())


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_what_else_was_possible(page: Path) -> None:
    """A decision record has its number in the title and the four sections, in order."""
    lines = page.read_text(encoding="utf-8").splitlines()

    assert lines[0].startswith(f"# {page.name[:4]} ")
    assert [line for line in lines if line.startswith("## ")] == SECTIONS


def test_every_decision_is_in_the_index() -> None:
    """docs/decisions/README.md links each record once, in the order of their numbers."""
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", index)

    assert linked == [page.name for page in DECISIONS]
    assert len({page.name[:4] for page in DECISIONS}) == len(DECISIONS)


def test_a_decision_that_is_referred_to_exists() -> None:
    """Each `docs/decisions/NNNN` in code and documents names a record that is there."""
    known = {page.name[:4] for page in DECISIONS}
    texts = [*(ROOT / "pipeline").rglob("*.py"), *DOCS.rglob("*.md"), *ROOT.glob("*.md")]
    mentioned = {
        number
        for text in texts
        for number in re.findall(r"decisions/(\d{4})", text.read_text(encoding="utf-8"))
    }

    assert mentioned <= known
