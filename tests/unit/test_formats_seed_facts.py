"""Two published issues, and every fact a person read in them; skipped where they are not at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import formats
from pipeline.model.issue_json import to_json

SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"
FACTS = SEEDS / "facts.json"
ISSUES: list[dict[str, Any]] = (
    json.loads(FACTS.read_text(encoding="utf-8"))["issues"] if FACTS.exists() else []
)

pytestmark = pytest.mark.skipif(not ISSUES, reason="the published issues are not at hand")


def read(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the issue as JSON, and with it its provenance."""
    return to_json(formats.read((SEEDS / facts["file"]).read_bytes(), facts["file"]).issue)


def line(issue: dict[str, Any], pointer: str) -> int | None:
    """Return the line a part of the issue stands on."""
    span = issue["provenance"]["spans"].get(pointer)
    return span[0] if span else None


@pytest.fixture
def labelled() -> dict[str, Any]:
    """Return the facts of the issue in the labelled layout."""
    return next(facts for facts in ISSUES if facts["layout"] == "labelled")


@pytest.fixture
def sectioned() -> dict[str, Any]:
    """Return the facts of the issue in the sectioned layout."""
    return next(facts for facts in ISSUES if facts["layout"] == "sectioned")


@pytest.mark.parametrize("facts", ISSUES, ids=lambda facts: facts["layout"])
def test_the_masthead_is_right(facts: dict[str, Any]) -> None:
    """Layout, title, number, date, declared figures and words are what a person reads."""
    issue = read(facts)

    assert issue["provenance"]["format"] == facts["layout"]
    assert issue["title"] == facts["title"]
    assert issue["number"] == facts["number"]
    assert issue["date"] == facts["date"]
    assert issue["declared"] == facts["declared"]
    assert issue["provenance"]["words"] == facts["words"]
    assert issue["provenance"]["unassigned"] == []
    assert sum(len(section["stories"]) for section in issue["sections"]) == facts["stories"]


def test_the_labelled_stories_are_right(labelled: dict[str, Any]) -> None:
    """Each story has its title, its kind and its parts, on the lines they stand on."""
    issue = read(labelled)
    assert len(issue["sections"]) == labelled["sections"]

    for index, facts in enumerate(labelled["story"]):
        story, at = issue["sections"][0]["stories"][index], f"/sections/0/stories/{index}"
        first, last = facts["body_lines"]
        assert story["title"] == facts["title"]
        assert story["kind"] == facts["kind"]
        assert story["tldr"]
        assert line(issue, f"{at}/title") == facts["title_line"]
        assert line(issue, f"{at}/tldr") == facts["tldr_line"]
        assert len(story["body"]) == facts["paragraphs"]
        assert line(issue, f"{at}/body/0") == first
        assert line(issue, f"{at}/body/{facts['paragraphs'] - 1}") == last
        assert len(story["takeaways"]) == facts["takeaways"]
        assert [
            line(issue, f"{at}/takeaways/0"),
            line(issue, f"{at}/takeaways/{facts['takeaways'] - 1}"),
        ] == facts["takeaway_lines"]
        assert len(story["tradeoffs"]) == facts["tradeoffs"]
        assert line(issue, f"{at}/source") == facts["source_anchor_line"]


def test_the_sections_are_right(sectioned: dict[str, Any]) -> None:
    """Headings, stories and the lines around them are told apart as a person does."""
    issue = read(sectioned)

    assert issue["provenance"]["nav"] == sectioned["nav_lines"]
    assert issue["subtitle"] == sectioned["teaser"]
    assert len(issue["intro"]) == 1
    assert line(issue, "/masthead") == sectioned["masthead_line"]
    assert line(issue, "/title") == sectioned["title_line"]
    assert line(issue, "/subtitle") == sectioned["teaser_line"]
    assert line(issue, "/intro/0") == sectioned["intro_line"]
    assert len(issue["sections"]) == len(sectioned["sections"])
    for index, facts in enumerate(sectioned["sections"]):
        section = issue["sections"][index]
        assert section["title"] == facts["title"]
        assert line(issue, f"/sections/{index}/title") == facts["heading_line"]
        assert len(section["stories"]) == facts["stories"]
        assert all(story["title"] is None for story in section["stories"])
        assert [
            line(issue, f"/sections/{index}/stories/{number}/body/0")
            for number in range(facts["stories"])
        ] == facts["story_lines"]
