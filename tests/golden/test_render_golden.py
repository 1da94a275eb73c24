"""Three issues, rendered, compared byte for byte with what somebody looked at.

To accept a change, run with BROADSHEET_UPDATE_GOLDEN=1 and read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

import pytest

from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Mailbox, Newsletter
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


@pytest.mark.parametrize("name", ["flat", "sectioned", "mixed"])
def test_a_rendered_issue_is_what_was_looked_at(name: str) -> None:
    """MJML, HTML and text of a flat, a sectioned and a mixed issue do not change unnoticed."""
    issue = from_json(json.loads((DATA / f"{name}.json").read_text("utf-8")))

    rendered = Renderer([packaged_templates()]).render(
        issue, NEWSLETTER, web_url=f"https://letter.example.org/issues/{name}/"
    )

    for suffix, actual in (
        (".mjml", rendered.mjml),
        (".html", rendered.html),
        (".txt", rendered.text),
    ):
        golden = DATA / f"{name}{suffix}"
        if UPDATE:
            golden.write_bytes(actual.encode())
        assert actual.encode() == golden.read_bytes(), f"{golden.name} differs"
