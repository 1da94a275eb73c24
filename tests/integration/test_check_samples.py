"""The sample issues and both seeds, in each theme: no error, and a report one can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from pipeline.cli import run

pytestmark = pytest.mark.integration

ROOT: Final = Path(__file__).parents[2]
SEEDS: Final = sorted((ROOT.parent / "shared" / "seeds").glob("*.txt"))
SAMPLES: Final = sorted((ROOT / "issues").glob("[0-9]*"))
THEMES: Final = ("digest", "briefing", "essay")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("file", [*SAMPLES, *SEEDS], ids=lambda file: file.stem[:9])
def test_an_ordinary_issue_passes(
    file: Path, theme: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the layout and the theme; of warnings there are few, and none about the theme."""
    monkeypatch.setenv("BROADSHEET_NEWSLETTER__TEMPLATE", theme)

    code = run(["-C", str(ROOT), "check", str(file), "--output", "json"])

    found = json.loads(capsys.readouterr().out)["diagnostics"]
    errors = [each for each in found if each["severity"] == "error"]
    warnings = [each["code"] for each in found if each["severity"] == "warning"]
    assert (code, errors) == (0, [])
    assert len(warnings) <= 2
    assert {each for each in warnings if each.startswith(("P1", "P4", "P5", "P9"))} == set()
