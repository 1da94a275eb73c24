"""What is published is what was said, and a run removes nothing that is not of the site."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import fields, replace

from pipeline.formats import read
from pipeline.model.issue import Declared, Issue
from pipeline.publish.record import said
from tests.unit.archive_shelf import issue
from tests.unit.test_operations_publish import Desk

NOTES = Issue(
    title="Quay",
    sections=issue().sections,
    slug="working-name",
    send_at=datetime(2026, 12, 1, tzinfo=UTC),
    template="essay",
    status="draft",
    allow=("P303",),
    declared=Declared(stories=7),
    extra=(("notes", "ask the lock keeper first"),),
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give an empty workspace."""
    return Desk(tmp_path)


def test_the_markdown_of_an_issue_has_no_notes_of_its_author(desk: Desk) -> None:
    """Front matter nobody is shown stays at home: index.md is public."""
    desk.freeze("a", NOTES)
    desk.approve("a")

    desk.publish()

    twin = desk.files()["issues/a/index.md"].decode()
    for word in ("notes", "lock keeper", "P303", "draft", "send_at", "working-name", "count"):
        assert word not in twin, word
    shown = read(twin.encode(), "index.md").issue
    assert (shown.title, shown.sections) == (NOTES.title, NOTES.sections)


def test_everything_else_is_said() -> None:
    """Only what no page shows is left out."""
    unsaid = {
        field.name
        for field in fields(Issue)
        if getattr(said(NOTES), field.name) != getattr(NOTES, field.name)
    }

    assert unsaid == {"slug", "send_at", "status", "allow", "declared", "extra", "template"}
    assert said(replace(said(NOTES), title="x")).title == "x"


@pytest.mark.parametrize("path", ["../letter.txt", "tags/../../letter.txt", "{root}/letter.txt"])
def test_a_forged_catalogue_removes_nothing_outside_the_site(desk: Desk, path: str) -> None:
    """A workspace may come from anybody, and its data folder with it."""
    desk.fill(1)
    desk.publish()
    letter = desk.root / "letter.txt"
    letter.write_text("kept")
    with closing(sqlite3.connect(desk.catalogue)) as database:
        name = path.format(root=desk.root)
        database.execute("INSERT INTO file VALUES (?, '')", (name,))
        database.commit()
    desk.put("b", week=1)

    desk.publish()

    assert letter.read_text() == "kept"
    assert "issues/b/index.html" in desk.files()


def test_a_forged_entry_removes_nothing_outside_the_site(desk: Desk) -> None:
    """The name of an entry is a folder, too."""
    desk.fill(1)
    desk.publish()
    page = desk.root / "index.html"
    page.write_text("kept")
    with closing(sqlite3.connect(desk.catalogue)) as database:
        database.execute("UPDATE entry SET id = '../..'")
        database.commit()
    desk.put("b", week=1)

    desk.publish()

    assert page.read_text() == "kept"
    assert "issues/b/index.html" in desk.files()
