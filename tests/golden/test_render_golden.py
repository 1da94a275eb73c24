"""Issues and samples in every theme, compared byte for byte with what somebody looked at.

To accept a change, run with BROADSHEET_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

from pipeline.model.issue import Issue
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.operations.read import ReadIssue
from pipeline.plugins import load_all
from pipeline.render import Renderer, packaged_templates

DATA: Final = Path(__file__).parent / "data" / "render"
UPDATE: Final = os.environ.get("BROADSHEET_UPDATE_GOLDEN") == "1"

NEWSLETTER: Final = Newsletter(
    name="The Harbour Letter",
    tagline="Boats, tides and the people who mind them",
    site_url="https://letter.example.org",
    sender=Mailbox(address="letter@letter.example.org", name="The Harbour Letter"),
    postal_address="The Harbour Letter\nNet Loft, Quay Street 4\nPort Example",
)


THEMES: Final = ("digest", "briefing", "essay")
RENDERERS: Final = {theme: Renderer([packaged_templates()], theme) for theme in THEMES}


def compare(name: str, rendered: RenderedIssue) -> None:
    """Compare MJML, HTML and text with the golden files of that name."""
    for suffix, actual in (
        (".mjml", rendered.mjml),
        (".html", rendered.html),
        (".txt", rendered.text),
    ):
        golden = DATA / f"{name}{suffix}"
        if UPDATE:
            golden.write_bytes(actual.encode())
        assert actual.encode() == golden.read_bytes(), f"{golden.name} differs"


@pytest.mark.parametrize(
    ("name", "theme"), [("flat", "briefing"), ("sectioned", "digest"), ("mixed", "essay")]
)
def test_a_rendered_issue_is_what_was_looked_at(name: str, theme: str) -> None:
    """MJML, HTML and text of a flat, a sectioned and a mixed issue do not change unnoticed."""
    issue = from_json(json.loads((DATA / f"{name}.json").read_text("utf-8")))

    rendered = RENDERERS[theme].render(
        issue, NEWSLETTER, web_url=f"https://letter.example.org/issues/{name}/"
    )

    compare(name, rendered)


@pytest.mark.parametrize("theme", THEMES)
def test_the_sample_of_a_theme_is_what_was_looked_at(theme: str) -> None:
    """Each theme with the sample that was written for it."""
    issue = read_markdown(packaged_templates() / theme / "sample.md")

    rendered = RENDERERS[theme].render(
        issue, NEWSLETTER, web_url="https://letter.example.org/issues/sample/"
    )

    compare(f"sample-{theme}", rendered)


def read_markdown(file: Path) -> Issue:
    """Return the issue in a Markdown file."""
    return ReadIssue(formats=load_all("formats"), format=None, date_order=None)(file).issue
