"""What `broadsheet check` tells other programs, to the letter: SARIF and GitHub annotations.

To accept a change, run with BROADSHEET_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

from pipeline import __version__
from pipeline.cli.annotations import annotation
from pipeline.cli.sarif import sarif
from pipeline.diagnostic import Diagnostic, Severity

DATA: Final = Path(__file__).parent / "data" / "check"
UPDATE: Final = os.environ.get("BROADSHEET_UPDATE_GOLDEN") == "1"

FOUND: Final = (
    Diagnostic(
        code="P207",
        severity=Severity.WARNING,
        message="the words 'here' do not say where the link leads",
        file="issues/tide tables, 100%.md",
        line=11,
        column=18,
        help="link words that name what is there",
    ),
    Diagnostic(
        code="P102",
        severity=Severity.ERROR,
        message="the HTML has 104,312 bytes; Gmail cuts at about 102,000",
        file="issues/091.md",
        help="split the issue, or leave out stories",
    ),
    Diagnostic(
        code="W201",
        severity=Severity.WARNING,
        message="story_count says 20, found 19\r\n::error::injected",
        file="issues/091.md",
        line=4,
        column=14,
        end_column=16,
        source="story_count: 20",
        note="News 5, Tools 14",
        help="split a story",
    ),
    Diagnostic(
        code="P303",
        severity=Severity.NOTE,
        message="the subject has 65 characters; phones show about 60",
        file="issues/091.md",
        line=2,
        column=1,
        note="allowed by the issue; otherwise: note",
        help="say the most important words first",
        allowed=True,
    ),
    Diagnostic(code="ACME1", severity=Severity.NOTE, message="a rule of somebody else"),
)


def same_as_golden(name: str, text: str) -> None:
    """Compare with a golden file."""
    file = DATA / name
    if UPDATE:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_sarif_is_written_as_ever() -> None:
    """Viewers and code scanning keep findings apart by it."""
    log = json.dumps(sarif(FOUND), indent=2).replace(f'"{__version__}"', '"VERSION"')

    same_as_golden("check.sarif", f"{log}\n")


def test_annotations_are_written_as_ever() -> None:
    """One line for each, whatever the finding quotes."""
    lines = [annotation(each) for each in FOUND]

    assert all("\n" not in line and "\r" not in line for line in lines)
    assert all(line.count("::") == 2 or "injected" in line for line in lines)
    same_as_golden("check.github", "\n".join(lines) + "\n")


def test_sarif_keeps_the_rules_of_its_schema() -> None:
    """SARIF 2.1.0: what 3.27, 3.28, 3.30, 3.35 and 3.49 demand of what is written here."""
    log = sarif(FOUND)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert (log["version"], run["columnKind"]) == ("2.1.0", "unicodeCodePoints")
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule.get("defaultConfiguration", {"level": "note"})["level"] in LEVELS
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in LEVELS
        assert result["message"]["text"]
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert " " not in place["artifactLocation"]["uri"]
            region = place["region"]
            assert region["startLine"] >= 1
            assert region.get("endColumn", 99) >= region.get("startColumn", 1)
    suppressed = [each for each in run["results"] if "suppressions" in each]
    assert [each["ruleId"] for each in suppressed] == ["P303"]
    assert suppressed[0]["suppressions"][0]["kind"] == "inSource"


LEVELS: Final = {"none", "note", "warning", "error"}


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("issues/091.md", "issues/091.md"),
        ("issues/tide tables, 100%.md", "issues/tide%20tables%2C%20100%25.md"),
        ("/srv/letter/091.md", "file:///srv/letter/091.md"),
    ],
)
def test_a_file_is_named_by_a_uri(file: str, uri: str) -> None:
    """Relative files stay relative: the log is read on another machine."""
    log = sarif([Diagnostic(code="P102", severity=Severity.ERROR, message="x", file=file)])

    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == uri
