"""`broadsheet check`: its forms of output, what findings count, and what an issue may accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import run
from pipeline.diagnostic import Diagnostic, Severity
from pipeline.formats import read
from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.issue_json import from_json, to_json
from pipeline.preflight.verdict import judge, weigh

SETTINGS = """\
[newsletter]
name = "Example Weekly"
site_url = "https://news.example.org"
from = "Example Weekly <letter@news.example.org>"
postal_address = "1 Quay Street"
"""
ISSUE = """\
---
title: "{title}"
subtitle: "A correction to last week's map, and what the pilots say of it"
date: 2026-05-04
slug: cranes
{more}
---

## Cranes stand still

Nobody knew the [{words}](https://example.org/why).
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Give a workspace with an issue that has one warning: a link of vague words."""
    (tmp_path / "issues").mkdir()
    (tmp_path / "newsletter.toml").write_text(SETTINGS)
    write(tmp_path)
    return tmp_path


def write(workspace: Path, *, title: str = "Cranes", words: str = "here", more: str = "") -> None:
    """Write the issue."""
    text = ISSUE.format(title=title, words=words, more=more or "tags: [ports]")
    (workspace / "issues" / "cranes.md").write_text(text)


def settings(workspace: Path, line: str) -> None:
    """Add a [check] table."""
    (workspace / "newsletter.toml").write_text(f"{SETTINGS}[check]\n{line}\n")


def found(
    workspace: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code and the findings."""
    code = run(["-C", str(workspace), "check", "--output", "json", *options])
    return code, json.loads(capsys.readouterr().out)["diagnostics"]


def severities(found_: list[dict[str, Any]]) -> dict[str, str]:
    """Return the severity of each code."""
    return {each["code"]: each["severity"] for each in found_}


def test_a_usual_issue_has_a_quiet_report(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A report nobody reads is a defect: notes about the template are counted, not shown."""
    write(workspace, words="reason for it")

    assert run(["-C", str(workspace), "check"]) == 0
    said = capsys.readouterr().err
    assert "P904" not in said
    assert said.splitlines()[-1].endswith("--notes shows 1 more")
    assert len(said.splitlines()) < 8

    assert run(["-C", str(workspace), "check", "--notes"]) == 0
    assert "P904" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("level", "exit_code", "severity"),
    [("error", 3, "error"), ("note", 0, "note"), ("off", 0, None)],
)
def test_the_settings_say_what_a_finding_counts(
    workspace: Path,
    capsys: pytest.CaptureFixture[str],
    level: str,
    exit_code: int,
    severity: str | None,
) -> None:
    """[check] severity, by code."""
    settings(workspace, f'severity = {{ P207 = "{level}" }}')

    code, diagnostics = found(workspace, capsys)

    assert code == exit_code
    assert severities(diagnostics).get("P207") == severity


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('severity = { P2O7 = "off" }', "did you mean 'P207'?"),
        ('severity = { P402 = "off" }', "P402 cannot be lowered"),
        ('severity = { P401 = "warning" }', "P401 cannot be lowered"),
        ('severity = { E101 = "note" }', "always an error"),
        ('severity = { P207 = "loud" }', "check.severity.P207"),
        ("link_ports = [0]", "check.link_ports"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_line(
    workspace: Path, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    """And with what was meant; nothing is checked with half of the settings."""
    settings(workspace, line)

    assert run(["-C", str(workspace), "check"]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "newsletter.toml:7" in said


def test_a_plug_in_has_codes_of_its_own(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They can be set like ours; only ours are known before they are found."""
    settings(workspace, 'severity = { ACME1 = "off" }')

    assert found(workspace, capsys)[0] == 0


def test_an_issue_may_accept_a_finding(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is counted, in JSON it is an allowed note, and it stops nothing any more."""
    settings(workspace, 'severity = { P207 = "error" }')
    write(workspace, more="allow: [p207]")

    code, diagnostics = found(workspace, capsys, "--strict")
    (allowed,) = [each for each in diagnostics if each["code"] == "P207"]
    assert (code, allowed["severity"], allowed["allowed"]) == (0, "note", True)
    assert allowed["note"] == "allowed by the issue; otherwise: error"

    assert run(["-C", str(workspace), "check", "--notes"]) == 0
    said = capsys.readouterr().err
    assert "P207" not in said
    assert "1 allowed" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("code", "words"),
    [("P402", "nobody can allow"), ("P999", "is not known"), ("E101", "is not known")],
)
def test_an_issue_cannot_accept_what_is_not_its_own(
    workspace: Path, capsys: pytest.CaptureFixture[str], code: str, words: str
) -> None:
    """The way out of the newsletter is the reader's, and a misspelt code is told."""
    write(workspace, more=f"allow: [{code}]")

    (finding,) = [each for each in found(workspace, capsys)[1] if each["code"] == "P001"]

    assert words in finding["message"]
    assert finding["line"] == 6


def test_what_nobody_can_allow_stays_an_error() -> None:
    """Whichever way it is weighed: with all findings, or with those of the network alone."""
    finding = Diagnostic(code="P402", severity=Severity.ERROR, message="x")
    issue = Issue(title="T", sections=(Section(),), allow=("P402",))

    assert finding in judge(issue, [finding], severity={})
    assert weigh(issue, [finding], severity={}) == (finding,)


def test_an_allowance_that_is_left_over_is_told(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would hide the next fault; what only the network can find is not left over."""
    write(workspace, words="reason for it", more="allow: [P207, P251]")

    left = [each for each in found(workspace, capsys)[1] if each["code"] == "P002"]

    assert ["P207" in each["message"] for each in left] == [True]


@pytest.mark.parametrize(("allow", "exit_code"), [("", 3), ("allow: [P207]", 0)])
def test_what_counts_is_frozen_and_decides_the_approval(
    workspace: Path, capsys: pytest.CaptureFixture[str], allow: str, exit_code: int
) -> None:
    """Severity and allowance are applied before the entry is frozen."""
    settings(workspace, 'severity = { P207 = "error" }')
    write(workspace, more=allow)

    run(["-C", str(workspace), "build", "--out", str(workspace / "outbox")])
    approved = run(["-C", str(workspace), "approve", "cranes"])

    assert approved == exit_code, capsys.readouterr().err
    entry = workspace / "outbox" / "cranes"
    (finding,) = [
        each
        for each in json.loads((entry / "check.json").read_text())["diagnostics"]
        if each["code"] == "P207"
    ]
    assert finding.get("allowed", False) is bool(allow)
    assert from_json(json.loads((entry / "issue.json").read_text())).allow == (
        ("P207",) if allow else ()
    )


def test_what_an_issue_allows_survives_writing_and_reading() -> None:
    """In Markdown and in JSON; documents of the time before it are read, too."""
    issue = Issue(
        title="T", sections=(Section(stories=(Story(title="S"),)),), allow=("P207", "P303")
    )
    old = {name: value for name, value in to_json(issue).items() if name != "allow"}

    assert read(write_markdown(issue).encode(), file="x.md").issue.allow == issue.allow
    assert from_json(to_json(issue)) == issue
    assert from_json(old).allow == ()


def test_judging_changes_nothing_if_nothing_is_set() -> None:
    """Most newsletters have no [check], most issues allow nothing."""
    finding = Diagnostic(code="P207", severity=Severity.WARNING, message="x")
    issue = Issue(title="T", sections=(Section(),))

    assert judge(issue, [finding], severity={}) == (finding,)


def test_links_into_the_house_are_not_followed(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through the whole command: a name that is on loopback is told, and not asked."""
    text = (workspace / "issues" / "cranes.md").read_text()
    (workspace / "issues" / "cranes.md").write_text(
        text.replace("https://example.org/why", "https://user:secret@example.org/why")
    )

    code, diagnostics = found(workspace, capsys, "--links")

    (finding,) = [each for each in diagnostics if each["code"] == "P254"]
    assert "the address holds a login" in finding["message"]
    assert (code, finding["line"]) == (0, 11)


def test_explain_says_all_of_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    """What, why, what to do, where it is from, what it counts and how to change that."""
    assert run(["explain", "p102"]) == 0
    said = capsys.readouterr().out

    assert said.startswith("P102: Gmail would cut off")
    assert "Split the issue" in said
    assert "https://github.com/hteumeuleu/email-bugs" in said
    assert "It is an error" in said
    assert "allow: [P102]" in said

    assert run(["explain", "P402"]) == 0
    assert "cannot be lowered" in capsys.readouterr().out
    assert run(["explain", "W201"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert run(["explain", "P2O7"]) == 2
    assert "P207" in capsys.readouterr().err
