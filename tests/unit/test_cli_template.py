"""broadsheet template: what it prints, and with which code it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.place import Place
from pipeline.cli.template import template


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give an empty workspace."""
    (tmp_path / "newsletter.toml").write_text(
        '[newsletter]\npostal_address = "1 Quay Lane"\ntemplate = "essay"\n', encoding="utf-8"
    )
    return Place(workspace=str(tmp_path), no_input=True)


def run(place: Place, *arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(
        template, arguments, obj=place, catch_exceptions=False, standalone_mode=False
    )


def test_a_list_shows_which_is_chosen(place: Place) -> None:
    """By the settings."""
    rows = json.loads(run(place, "list", "--json").stdout)["items"]

    assert {row["name"]: row["chosen"] for row in rows} == {
        "briefing": "",
        "digest": "",
        "essay": "yes",
    }


def test_new_says_what_to_edit_and_how_to_use_it(place: Place, tmp_path: Path) -> None:
    """The files on stdout, the advice on stderr."""
    done = run(place, "new", "quay", "--from", "briefing")

    assert str(tmp_path / "templates/email/quay/theme.toml") in done.stdout.splitlines()
    assert "edit " in done.stderr
    assert 'template = "quay"' in done.stderr
    assert "template check quay" in done.stderr


def test_check_leaves_with_three_if_there_are_errors(place: Place, tmp_path: Path) -> None:
    """And with nothing if there are none; one line a template says how much was looked at."""
    run(place, "new", "quay")

    clean = run(place, "check", "quay")
    (tmp_path / "templates/email/quay/partials/toc.mjml.j2").write_text("{{ x }", encoding="utf-8")
    broken = run(place, "check", "quay")

    assert clean.return_value == 0
    assert "quay: 6 samples" in clean.stderr
    assert broken.return_value == 3
    assert "partials/toc.mjml.j2:1: T101 error" in broken.stderr
