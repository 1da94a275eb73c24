"""Publishing: frozen pages, corrections, withdrawals, kills, and what a run does not touch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from feedparser import parse
from msgspec.structs import replace

from pipeline.errors import OutboxError
from pipeline.model.entry import Counts, EntryId
from pipeline.model.issue import Issue
from pipeline.model.issue_json import to_json
from pipeline.model.picture import Picture
from pipeline.model.rendered import RenderedIssue
from pipeline.operations.ping import Ping
from pipeline.operations.publish import Publication, Publish
from pipeline.outbox.files import write_if_changed
from pipeline.outbox.folder import Outbox
from pipeline.publish.catalogue import opened
from pipeline.publish.frame import Frame
from tests.unit.archive_shelf import FEEDS, NEWSLETTER, issue

NOW: Final = datetime(2027, 6, 1, 12, tzinfo=UTC)
FIRST_DAY: Final = date(2026, 11, 6)
PICTURE: Final = Picture(
    name="quay-0123abcd.png", data=b"png", media_type="image/png", width=1, height=1
)


@dataclass
class Desk:
    """A workspace with an outbox, a site and a clock that a test sets."""

    root: Path
    now: datetime = NOW
    frame: Frame = field(default_factory=lambda: Frame(newsletter=NEWSLETTER, feeds=FEEDS))

    @property
    def outbox(self) -> Outbox:
        """The frozen entries."""
        return Outbox(self.root / "outbox")

    @property
    def site(self) -> Path:
        """The public folder."""
        return self.root / "site"

    @property
    def catalogue(self) -> Path:
        """What the last run wrote."""
        return self.root / "data" / "archive.db"

    def publish(self, *, rebuild: bool = False, verify: bool = False) -> Publication:
        """Run the operation."""
        operation = Publish(
            outbox=self.outbox,
            frame=self.frame,
            site=self.site,
            catalogue=self.catalogue,
            slot_time=time(9),
            zone=ZoneInfo("Europe/London"),
            clock=lambda: self.now,
            ping=Ping(hub=None, file=self.root / "data" / "pings.json"),
        )
        return operation(rebuild=rebuild, verify=verify)

    def freeze(
        self, entry: str, what: Issue, *, mail: str = "mail", pictures: tuple[Picture, ...] = ()
    ) -> None:
        """Build an entry."""
        self.outbox.put(
            EntryId(entry),
            issue_json=json.dumps(to_json(what)).encode(),
            rendered=RenderedIssue(
                subject=what.title,
                preheader="",
                mjml=mail,
                html=mail,
                text=mail,
                pictures=pictures,
            ),
            message=mail.encode(),
            check=(),
            tag=f"tag:news.example.org,2026:issue:{entry}",
            counts=Counts(sections=1, stories=1, words=2, minutes=1),
            number=what.number,
            date=what.date.isoformat() if what.date else None,
            title=what.title,
        )

    def approve(self, entry: str) -> None:
        """Say that it may be sent."""
        self.outbox.approve(EntryId(entry), now=self.now, by="test")

    def put(
        self,
        entry: str,
        title: str | None = None,
        *,
        week: int | None = 0,
        pictures: tuple[Picture, ...] = (),
        **more: Any,
    ) -> None:
        """Build and approve an issue of some week."""
        day = None if week is None else FIRST_DAY + timedelta(weeks=week)
        self.freeze(entry, issue(title or f"Title {entry}", date=day, **more), pictures=pictures)
        self.approve(entry)

    def fill(self, count: int) -> None:
        """Publish so many weekly issues."""
        for number in range(count):
            self.put(f"n{number:03}", week=number, tags=("tides",))

    def files(self) -> Mapping[str, bytes]:
        """Return what is on the site."""
        return {
            each.relative_to(self.site).as_posix(): each.read_bytes()
            for each in self.site.rglob("*")
            if each.is_file()
        }

    def names(self, publication: Publication) -> set[str]:
        """Return the paths a run wrote or removed."""
        return {each.relative_to(self.site).as_posix() for each in publication.changed}

    def times(self) -> Mapping[str, int]:
        """Return when each file was written."""
        return {
            each.relative_to(self.site).as_posix(): each.stat().st_mtime_ns
            for each in self.site.rglob("*")
            if each.is_file()
        }

    def page(self, entry: str) -> str:
        """Return the page of an issue."""
        return (self.site / f"issues/{entry}/index.html").read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Give an empty workspace."""
    return Desk(tmp_path)


def unlinked(page: str) -> str:
    """Return a page without what may change in it."""
    return re.sub("<!--neighbours-->.*<!--/neighbours-->", "", page, flags=re.DOTALL)


def updates(desk: Desk) -> dict[str, str]:
    """Return when each issue was last changed, as the Atom feed says."""
    return {each.title: each.updated for each in parse(desk.files()["atom.xml"]).entries}


def test_an_issue_is_published_from_its_moment_on(desk: Desk) -> None:
    """Approved and due, it is everywhere; approved and not due, nowhere; else not at all."""
    desk.put("due", week=0)
    desk.put("later", week=99)
    desk.freeze("draft", issue("Draft", date=FIRST_DAY))

    publication = desk.publish()

    assert publication.items == ("due",)
    assert [(each.id, each.date) for each in publication.waiting] == [("later", "2028-09-29")]
    everything = b"".join(desk.files().values())
    assert b"Title due" in everything
    assert b"Title later" not in everything
    assert b"Draft" not in everything


def test_the_clock_alone_publishes(desk: Desk) -> None:
    """When its moment comes an issue appears, although no file of the outbox changed."""
    desk.put("later", week=99)
    assert desk.publish().items == ()
    desk.now += timedelta(weeks=99)

    assert desk.publish().items == ("later",)
    assert "Title later" in desk.page("later")


def test_a_second_run_writes_nothing(desk: Desk) -> None:
    """The same outbox: no file is even touched."""
    desk.fill(12)
    desk.publish()
    before = desk.times()

    publication = desk.publish()

    assert publication.changed == ()
    assert desk.times() == before


def test_a_second_run_reads_no_entry(desk: Desk) -> None:
    """Cost follows what changed: entries whose files did not change are not opened."""
    desk.fill(3)
    desk.publish()
    # Another part of the same size: only a run that reads would see it.
    part = desk.outbox.root / "n001" / "email.txt"
    part.write_bytes(b"liam")

    assert desk.publish().changed == ()
    with pytest.raises(OutboxError, match="n001"):
        desk.publish(verify=True)


def test_a_run_that_finds_nothing_changed_makes_no_list(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It compares stamps and looks whether the files are there, and says what the last one said."""
    desk.fill(3)
    desk.put("later", week=99)
    first = desk.publish()
    monkeypatch.delattr("pipeline.operations.publish.Documents")

    again = desk.publish()

    assert again.changed == ()
    assert (again.items, again.waiting) == (first.items, first.waiting)
    assert {each for each in first.files if each.parent == desk.site} == set(again.files)


@pytest.mark.parametrize(
    "event",
    [
        "time goes on",
        "time goes back",
        "a neighbour",
        "taken back",
        "a tag",
        "settings",
        "removed",
    ],
)
def test_what_changed_after_a_quiet_run_is_written_as_from_the_start(
    desk: Desk, event: str
) -> None:
    """A run that found nothing to do hides nothing from the next: the files are a rebuild's."""
    desk.fill(4)
    desk.put("later", week=99)
    desk.publish()
    desk.publish()
    if event == "time goes on":
        desk.now += timedelta(weeks=99)
    elif event == "time goes back":
        desk.now = datetime.combine(FIRST_DAY, time(8), tzinfo=UTC) + timedelta(weeks=3)
    elif event == "a neighbour":
        desk.put("n0015", week=1)
    elif event == "taken back":
        (desk.outbox.root / "n003" / "approval.json").unlink()
    elif event == "a tag":
        desk.put("n001", week=1, tags=("ropes",))
    elif event == "settings":
        desk.frame = replace(desk.frame, hub="https://hub.example.org/")
    else:
        (desk.site / "tags" / "tides" / "index.html").unlink()

    assert desk.publish().changed != ()
    found = desk.files()
    desk.publish(rebuild=True)
    whole = desk.files()
    assert found.keys() == whole.keys()
    if event != "settings":  # then old pages keep their look
        assert found == whole


def test_a_new_issue_changes_the_links_of_the_one_before_and_nothing_else(desk: Desk) -> None:
    """Old pages stay byte for byte; the last one gets its link to the new one."""
    desk.fill(4)
    desk.publish()
    before = desk.files()
    desk.put("n004", week=4)

    written = desk.names(desk.publish())

    pages = {name for name in written if name.startswith("issues/")}
    new = {f"issues/n004/{name}" for name in ("index.html", "index.md", "card.png")}
    assert pages == {"issues/n003/index.html", *new}
    assert unlinked(desk.page("n003")) == unlinked(before["issues/n003/index.html"].decode())
    assert "issues/n004/" in desk.page("n003")


def test_an_old_page_keeps_its_look(desk: Desk) -> None:
    """Other settings change the lists; pages keep what they were published with."""
    desk.fill(2)
    desk.publish()
    before = desk.files()
    desk.frame = replace(desk.frame, newsletter=replace(NEWSLETTER, tagline="Another"))

    desk.publish()

    assert b"Another" in desk.files()["index.html"]
    assert desk.files()["issues/n000/index.html"] == before["issues/n000/index.html"]


def test_a_frozen_page_keeps_its_look_when_its_neighbour_is_new(desk: Desk) -> None:
    """A page in an old look gets new links inside the old look."""
    desk.put("one", week=0)
    desk.publish()
    old = desk.page("one")
    desk.frame = replace(desk.frame, newsletter=replace(NEWSLETTER, tagline="Another"))
    desk.put("two", week=1)

    desk.publish()

    assert unlinked(desk.page("one")) == unlinked(old)
    assert "issues/two/" in desk.page("one")
    assert "Another" in desk.page("two")


def test_a_rebuild_gives_every_page_the_look_of_today(desk: Desk) -> None:
    """On purpose, and only then; nothing is corrected by it."""
    desk.fill(2)
    desk.publish()
    moments = updates(desk)
    desk.frame = replace(desk.frame, newsletter=replace(NEWSLETTER, tagline="Another"))

    desk.publish(rebuild=True)

    assert "Another" in desk.page("n000")
    assert updates(desk) == moments


def test_a_correction_is_written_and_dated(desk: Desk) -> None:
    """The page says it, and `updated` of feeds moves to the new approval; the id stays."""
    desk.fill(2)
    desk.publish()
    ids = [each.id for each in parse(desk.files()["atom.xml"]).entries]
    desk.now += timedelta(days=1)
    desk.put("n000", "Corrected", week=0, tags=("tides",))

    desk.publish()

    assert "Corrected" in desk.page("n000")
    assert updates(desk)["Corrected"] == "2027-06-02T12:00:00+00:00"
    assert updates(desk)["Title n001"] == "2026-11-13T09:00:00+00:00"
    assert [each.id for each in parse(desk.files()["atom.xml"]).entries] == ids
    assert "Corrected on" in desk.page("n000")


def test_a_correction_seen_half_way_is_a_correction(desk: Desk) -> None:
    """Between build and approval the page is gone; what comes back is known as corrected."""
    desk.put("one", week=0)
    desk.publish()
    desk.freeze("one", issue("Corrected", date=FIRST_DAY))
    gone = desk.publish()
    desk.now += timedelta(days=1)
    desk.approve("one")

    desk.publish()

    assert gone.items == ()
    assert desk.site / "issues/one/index.html" in gone.removed
    assert updates(desk) == {"Corrected": "2027-06-02T12:00:00+00:00"}


def test_another_look_of_the_mail_is_no_correction(desk: Desk) -> None:
    """A new template changes the digest of the entry, and not what the issue says."""
    desk.put("one", week=0)
    desk.publish()
    before = desk.files()
    desk.now += timedelta(days=1)
    again = replace(issue("Title one", date=FIRST_DAY), template="essay")
    desk.freeze("one", again, mail="another look")
    desk.approve("one")

    assert desk.publish().changed == ()
    assert desk.files() == before


def test_an_issue_corrected_before_its_day_was_never_wrong(desk: Desk) -> None:
    """What nobody saw is not dated as a correction."""
    desk.put("one", week=99)
    desk.publish()
    desk.put("one", "Better", week=99)
    desk.publish()
    desk.now += timedelta(weeks=99)

    desk.publish()

    assert updates(desk) == {"Better": "2028-09-29T08:00:00+00:00"}


def test_an_undated_issue_keeps_its_first_day(desk: Desk) -> None:
    """It is published when it is approved, and a correction does not make it new."""
    desk.put("one", week=None)
    desk.publish()
    desk.now += timedelta(days=9)
    desk.put("one", "Corrected", week=None)

    desk.publish()

    [entry] = parse(desk.files()["atom.xml"]).entries
    assert entry.published == "2027-06-01T12:00:00+00:00"
    assert entry.updated == "2027-06-10T12:00:00+00:00"


@pytest.mark.parametrize("how", ["edited", "unapproved", "removed"])
def test_what_is_taken_back_disappears(desk: Desk, how: str) -> None:
    """Its page, its pictures and every mention of it are gone; other people's files stay."""
    desk.fill(2)
    desk.put("bad", "Withdrawn", week=9, pictures=(PICTURE,))
    desk.publish()
    assert (desk.site / "images/bad/quay-0123abcd.png").is_file()
    (desk.site / "issues/bad/mine.txt").write_text("mine")
    folder = desk.outbox.root / "bad"
    if how == "edited":
        desk.freeze("bad", issue("Withdrawn, edited", date=FIRST_DAY))
    elif how == "unapproved":
        (folder / "approval.json").unlink()
    else:
        for each in sorted(folder.rglob("*"), reverse=True):
            each.rmdir() if each.is_dir() else each.unlink()
        folder.rmdir()

    publication = desk.publish()

    left = [name for name in desk.files() if "bad" in name]
    assert left == ["issues/bad/mine.txt"]
    assert b"Withdrawn" not in b"".join(desk.files().values())
    assert "issues/bad" not in desk.page("n001")
    assert desk.site / "issues/bad/index.html" in publication.removed
    assert desk.publish().changed == ()


def test_a_tag_nobody_uses_any_more_is_removed(desk: Desk) -> None:
    """Lists go with the last issue in them."""
    desk.put("one", week=0, tags=("tides",))
    desk.publish()
    assert "tags/tides/feed.xml" in desk.files()
    desk.put("one", week=0)

    desk.publish()

    assert [name for name in desk.files() if name.startswith("tags/")] == []
    assert not (desk.site / "tags" / "tides").exists()


@pytest.mark.parametrize("damage", ["lost", "garbage", "empty", "another version"])
def test_the_catalogue_can_be_lost(desk: Desk, damage: str) -> None:
    """Without it pages stay frozen, corrections stay dated, and what is withdrawn still goes."""
    desk.fill(3)
    desk.publish()
    desk.now += timedelta(days=1)
    desk.put("n000", "Corrected", week=0)
    desk.publish()
    before = desk.files()
    if damage == "lost":
        desk.catalogue.unlink()
    elif damage == "garbage":
        desk.catalogue.write_bytes(b"no database" * 1000)
    elif damage == "empty":
        desk.catalogue.write_bytes(b"")
    else:
        with opened(desk.catalogue) as catalogue:
            catalogue._database.execute("PRAGMA user_version = 99")

    assert desk.publish().changed == ()
    assert desk.files() == before
    desk.catalogue.unlink()
    (desk.outbox.root / "n001" / "approval.json").unlink()
    desk.publish()
    assert [name for name in desk.files() if "n001" in name] == []


def test_a_page_in_the_middle_of_the_catalogue_is_damaged(desk: Desk) -> None:
    """A file that opens and then cannot be read is thrown away as well."""
    desk.fill(30)
    desk.publish()
    before = desk.files()
    data = bytearray(desk.catalogue.read_bytes())
    for start in range(4096, len(data), 4096):
        data[start : start + 64] = os.urandom(64)
    desk.catalogue.write_bytes(bytes(data))

    desk.publish()

    assert desk.files() == before


def test_a_file_that_somebody_removed_comes_back(desk: Desk) -> None:
    """Lists and folders of issues are missed at once, single files of an issue by --verify."""
    desk.fill(2)
    desk.publish()
    before = desk.files()
    (desk.site / "tags/tides/feed.xml").unlink()
    for name in ("index.html", "index.md", "card.png"):
        (desk.site / "issues/n000" / name).unlink()
    (desk.site / "issues/n000").rmdir()
    (desk.site / "issues/n001/index.md").unlink()

    desk.publish()
    desk.publish(verify=True)

    assert desk.files() == before


def test_a_page_that_somebody_changed_is_mended_by_verify(desk: Desk) -> None:
    """A page that does not say what it shows is written anew."""
    desk.fill(2)
    desk.publish()
    before = desk.files()
    (desk.site / "issues/n000/index.html").write_text("nothing of ours")
    (desk.site / "index.html").write_text("nothing of ours")

    desk.publish(verify=True)

    assert desk.files() == before


class Killed(BaseException):
    """The power went."""


@pytest.mark.parametrize("after", range(0, 20, 3))
def test_a_killed_run_is_finished_by_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Wherever it stopped: the next run ends with the same files, and forgets none of its own."""
    desk.fill(2)
    desk.publish()
    desk.put("n002", week=2, tags=("tides", "new"), pictures=(PICTURE,))
    writes = iter(range(after + 1))

    def stop(*_: object) -> bool:
        if next(writes, None) is None:
            raise Killed
        return True

    with monkeypatch.context() as patch:
        patch.setattr(
            "pipeline.operations.publish.write_if_changed",
            lambda *words: stop() and write_if_changed(*words),
        )
        with pytest.raises(Killed):
            desk.publish()
    half = Desk(desk.root)
    (desk.outbox.root / "n002" / "approval.json").rename(desk.root / "kept")
    half.publish()
    withdrawn = desk.files()
    (desk.root / "kept").rename(desk.outbox.root / "n002" / "approval.json")
    half.publish()

    assert [name for name in withdrawn if "n002" in name or "tags/new" in name] == []
    clean = Desk(desk.root / "clean")
    clean.fill(2)
    clean.put("n002", week=2, tags=("tides", "new"), pictures=(PICTURE,))
    clean.publish()
    assert half.files() == clean.files()


def test_pictures_are_published_with_their_issue(desk: Desk) -> None:
    """What the entry froze lies where its addresses lead; a picture it lost is removed with it."""
    desk.put("one", week=0, pictures=(PICTURE,))

    desk.publish()

    assert desk.files()["images/one/quay-0123abcd.png"] == b"png"


def test_a_run_without_anything_makes_an_empty_archive(desk: Desk) -> None:
    """Before the first build there is a site that says so."""
    publication = desk.publish()

    assert publication.items == ()
    assert "Nothing is published yet." in desk.files()["index.html"].decode()


def test_an_embargo_holds_in_the_public_folder(desk: Desk) -> None:
    """The catalogue knows of what waits, and does not lie where a web server would serve it."""
    desk.put("later", "Secret", week=99)

    desk.publish()

    assert b"Secret" in desk.catalogue.read_bytes()
    assert not desk.catalogue.is_relative_to(desk.site)
    assert b"Secret" not in b"".join(desk.files().values())
