"""A workspace with its studio, and what tests do there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from starlette.testclient import TestClient

from pipeline.app import App
from pipeline.settings import load
from pipeline.studio.application import application
from pipeline.studio.desk import Desk

PORT: Final = 8026
ORIGIN: Final = f"http://127.0.0.1:{PORT}"
TOKEN: Final = "Tb3-k0vRq_8wLz1YxN5cPg"
OURS: Final = {"Sec-Fetch-Site": "same-origin"}
SETTINGS: Final = """
[newsletter]
name = "The Quay"
site_url = "https://quay.example.org"
from = "The Quay <quay@example.org>"
postal_address = "1 Quay Lane, Port Example"
"""
ISSUE: Final = """---
title: {title}
date: {date}
description: What moved, what sank, and what to look out for this week
---

# Boats

## [The dredger is back](https://quay.example.org/dredger)

{story}
"""


def issue(
    title: str = "First light", story: str = "It came at dawn.", date: str = "2026-11-20"
) -> str:
    """Return an issue file."""
    return ISSUE.format(title=title, story=story, date=date)


def workspace(root: Path, **files: str) -> Path:
    """Make a workspace in a folder with issue files; `a="..."` is issues/a.md."""
    (root / "newsletter.toml").write_text(SETTINGS)
    (root / "issues").mkdir(exist_ok=True)
    for name, text in (files or {"first": issue()}).items():
        (root / "issues" / f"{name}.md").write_text(text)
    return root


def opened(root: Path) -> App:
    """Open the workspace."""
    return App(settings=load(root, {}), root=root, has_workspace=True)


@contextmanager
def studio(root: Path, file: Path | None = None) -> Iterator[TestClient]:
    """Give a client of the studio; `saved` does not wait for the watch to see a save."""
    desk = Desk(lambda: opened(root), file)
    client = TestClient(application(desk, port=PORT, token=TOKEN), base_url=f"{ORIGIN}/{TOKEN}")
    client.app_state["desk"] = desk
    with client:  # one loop for all requests, as in life
        yield client


def saved(client: TestClient) -> None:
    """Say what the watch says after a save."""
    desk = client.app_state["desk"]
    assert isinstance(desk, Desk)
    desk.generation += 1
