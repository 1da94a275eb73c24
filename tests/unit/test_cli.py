"""The command line's frame: help, names, forms of output, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pipeline.cli import COMMANDS, cli, run
from pipeline.cli.report import as_text, summary
from pipeline.diagnostic import Diagnostic, Severity


def commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its words, groups apart."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            for rest, inner in commands(command):
                yield f"{name} {rest}", inner
        else:
            yield name, command


def test_every_command_has_help_and_an_example() -> None:
    """`broadsheet X --help` shows how X is used, by its own name."""
    for name, command in commands(cli):
        assert command.help, name
        assert command.epilog, name
        assert f"broadsheet {name}" in command.epilog, name


def test_every_option_says_what_it_does() -> None:
    """No option without a word, but for the choices that speak for themselves."""
    silent = [
        f"{name} {option.opts[0]}"
        for name, command in commands(cli)
        for option in command.params
        if isinstance(option, click.Option)
        and not option.help
        and not isinstance(option.type, click.Choice)
        and option.default is None
    ]

    assert silent == []


def test_the_list_of_commands_is_short_and_full_sentences() -> None:
    """One line each, ending like a sentence."""
    for name, (_, text) in COMMANDS.items():
        assert text.endswith("."), name
        assert len(text) < 65, name


def test_a_misspelt_command_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    """People type fast."""
    assert run(["aprove"]) == 2
    assert "'approve'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["build", "-h"], ["--version"]])
def test_help_leaves_with_zero(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Asking for help is no mistake."""
    assert run(arguments) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("form", ["table", "tsv", "json", "jsonl", "ids"])
def test_every_form_of_output_lists_the_same(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The form changes, the rows do not."""
    assert run(["plugins", "--output", form]) == 0
    out = capsys.readouterr().out

    assert "labelled" in out
    if form == "json":
        assert {item["group"] for item in json.loads(out)["items"]} >= {"formats", "senders"}
    if form == "jsonl":
        assert all(json.loads(line)["name"] for line in out.splitlines())
    if form == "ids":
        assert "\t" not in out


def test_a_pipe_gets_tab_separated_values(capsys: pytest.CaptureFixture[str]) -> None:
    """No box characters, no wrapping: made for cut, sort and awk."""
    assert run(["plugins"]) == 0

    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["group", "name", "from", "target"]
    assert {len(row) for row in rows} == {4}


def test_an_option_can_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """BROADSHEET_, the command, the option."""
    monkeypatch.setenv("BROADSHEET_PLUGINS_OUTPUT", "ids")

    assert run(["plugins"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "labelled"


def test_outside_a_workspace_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, and how to make one."""
    monkeypatch.chdir(tmp_path)

    assert run(["status"]) == 2
    assert "broadsheet init" in capsys.readouterr().err


def test_init_touches_nothing_that_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second init is refused and leaves the first as it was."""
    assert run(["init", str(tmp_path)]) == 0
    (tmp_path / "newsletter.toml").write_text("# mine\n")

    assert run(["init", str(tmp_path)]) == 2
    assert "newsletter.toml" in capsys.readouterr().err
    assert (tmp_path / "newsletter.toml").read_text() == "# mine\n"


def test_new_issues_are_numbered_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next free number, whatever the titles are."""
    assert run(["init", str(tmp_path)]) == 0
    for title in ("Second", "Third: with \\ and #"):
        assert run(["-C", str(tmp_path), "new", title]) == 0
    capsys.readouterr()

    assert sorted(file.name for file in (tmp_path / "issues").iterdir()) == [
        "001.md",
        "002.md",
        "003.md",
    ]
    assert run(["-C", str(tmp_path), "check", "--output", "json"]) == 3
    codes = {each["code"] for each in json.loads(capsys.readouterr().out)["diagnostics"]}
    assert "P401" in codes


FINDING = Diagnostic(
    code="W201",
    severity=Severity.WARNING,
    message="story_count says 20, found 19",
    file="091.md",
    line=4,
    column=14,
    end_column=16,
    source="story_count: 20",
    note="News 5, Tools 14",
    help="split a story",
)


def test_a_diagnostic_reads_like_a_compilers() -> None:
    """Place, code, the line, a marker under the words, note and help."""
    assert click.unstyle(as_text(FINDING)).splitlines() == [
        "091.md:4:14: W201 warning: story_count says 20, found 19",
        "  |",
        "4 | story_count: 20",
        "  |              ^^",
        "  = note: News 5, Tools 14",
        "  = help: split a story",
    ]


def test_a_diagnostic_cannot_write_to_the_terminal() -> None:
    """Escape sequences of a file are shown, not obeyed."""
    hostile = Diagnostic(code="E1", severity=Severity.ERROR, message="a\x1b[2Jb")

    assert "\\x1b[2J" in click.unstyle(as_text(hostile))


def test_the_summary_counts_by_severity() -> None:
    """Plural where there are several."""
    assert summary([FINDING, FINDING]) == "2 warnings"
    assert summary([]) == "no findings"
