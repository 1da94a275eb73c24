"""Mails before their style sheet is written into them: every theme with every issue at hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from pipeline.editorship import Editorship
from pipeline.model.issue import Issue
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.render import Renderer, packaged_templates, renderer
from pipeline.render.folders import template_names
from pipeline.settings import load

ROOT: Final = Path(__file__).parents[2]
SEEDS: Final = ROOT.parent / "shared" / "seeds"  # where they are available
GOLDEN: Final = ROOT / "tests" / "golden" / "data" / "render"
TEMPLATES: Final = packaged_templates()
NEWSLETTER: Final = Newsletter(
    name="The Quay", tagline="Boats and tides", postal_address="Net Loft\nPort Example"
)

THEMES: Final = tuple(template_names([TEMPLATES]))
SAMPLES: Final = tuple(sorted((ROOT / "issues").glob("0*")))
FILES: Final = (*SAMPLES, *sorted(TEMPLATES.glob("*/sample.md")), *sorted(SEEDS.glob("*.txt")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What the inliner is given."""

    html: str  # what MJML was compiled to
    css: str  # what shall become style attributes


@cache
def issues() -> dict[str, Issue]:
    """Return the golden issues, the samples and the seeds, by a name for each."""
    read = Editorship(settings=load(None, {}), root=ROOT, has_workspace=False).read()
    return {file.stem: from_json(json.loads(file.read_text("utf-8"))) for file in golden()} | {
        named(file): read(file).issue for file in FILES
    }


def golden() -> list[Path]:
    """Return the golden issues: between them they have everything an issue can have."""
    return sorted(GOLDEN.glob("*.json"))


def named(file: Path) -> str:
    """Return the name of an issue: that of its theme, if it is the sample of one."""
    return file.parent.name if file.stem == "sample" else file.stem


def sample(theme: str) -> str:
    """Return the name of the issue a theme is shown with."""
    return theme if (TEMPLATES / theme / "sample.md").is_file() else named(SAMPLES[-1])


def mail(theme: str, issue: str) -> Mail:
    """Render an issue up to the inliner."""
    given: list[Mail] = []

    def keep(html: str, *, css: str, inliner: str) -> str:
        del inliner
        given.append(Mail(html=html, css=css))
        return html

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer, "inline", keep)
        Renderer([TEMPLATES], theme).render(
            issues()[issue], NEWSLETTER, web_url="https://news.example.org/issues/1/"
        )
    return given[0]
