"""Write the archive and the feeds of what has been published; what did not change is left alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, time
from functools import cached_property
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.entry import EntryId
from pipeline.model.ports import Clock
from pipeline.operations.ping import Ping, Pinged
from pipeline.operations.survey import Survey
from pipeline.outbox.files import write_if_changed
from pipeline.outbox.folder import Outbox
from pipeline.publish.catalogue import Catalogue, Damaged, Finished, Known, opened, remove
from pipeline.publish.documents import Documents, look
from pipeline.publish.frame import Frame
from pipeline.publish.page import Neighbours, shown, with_neighbours
from pipeline.publish.pictures import pictures
from pipeline.publish.record import Record, said
from pipeline.publish.site import (
    ISSUE_FILES,
    Document,
    issue_files,
    issue_folder,
    neighbours_of,
)

_PICTURE: Final = re.compile(r"-[0-9a-f]{8}\.(?:gif|jpg|png)\Z")  # as `images` names them
_NEVER: Final = "-"  # stands where a digest would: a file to look at again


class Waiting(Struct, frozen=True, kw_only=True):
    """An approved entry whose moment has not come."""

    id: EntryId
    date: str  # ISO


class Publication(Struct, frozen=True, kw_only=True):
    """What was written and removed, and what is still to come."""

    files: tuple[Path, ...]  # what was looked at closely, and all that lies in the site itself
    changed: tuple[Path, ...]  # written or removed
    removed: tuple[Path, ...]
    items: tuple[EntryId, ...]  # published, oldest first
    waiting: tuple[Waiting, ...]
    pinged: Pinged


class Publish(Struct, frozen=True, kw_only=True):
    """Turn approved entries into feeds and pages, from issue.json and never from mail HTML.

    An issue is public from its date on, at the slot's local time; what nobody approved never is.
    """

    outbox: Outbox
    frame: Frame
    site: Path
    catalogue: Path  # what the last run wrote; it can be lost
    slot_time: time
    zone: ZoneInfo
    clock: Clock
    ping: Ping

    def __call__(self, *, rebuild: bool = False, verify: bool = False) -> Publication:
        """Write the site; files whose bytes are the same are not touched.

        Args:
            rebuild: write the pages of old issues again, in today's look.
            verify: read every entry and every file, whatever the last run knew.

        Raises:
            OutboxError: an entry was changed by hand, or a file cannot be written.
            ConfigError: the date of an issue is none that a feed can show.
        """
        try:
            run = self._run(rebuild=rebuild, verify=verify)
        except Damaged:
            remove(self.catalogue)
            run = self._run(rebuild=rebuild, verify=verify)
        return replace(run, pinged=self.ping(self.clock()))

    def _run(self, *, rebuild: bool, verify: bool) -> Publication:
        with opened(self.catalogue) as catalogue:
            survey = Survey(
                outbox=self.outbox,
                newsletter=self.frame.newsletter,
                site=self.site,
                slot_time=self.slot_time,
                zone=self.zone,
                catalogue=catalogue,
                verify=verify,
            )
            run = _Run(self, catalogue, survey, again=rebuild, verify=verify)
            now = self.clock()
            return run.as_it_was(now) or run(now)


class _Run(Struct, frozen=True, dict=True):
    """One writing of the site."""

    publish: Publish
    catalogue: Catalogue
    survey: Survey
    again: bool  # also what is as it should be
    verify: bool  # do not believe that it is
    looked_at: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def as_it_was(self, now: datetime) -> Publication | None:
        """Return what the last run left if that is what this one would leave; else None."""
        last = None if self.again or self.verify else self.catalogue.finished()
        if last is None or last.look != look(self.publish.frame) or not last.holds(now):
            return None
        paths = self.catalogue.files()
        if (
            not self.survey.is_as_it_was()
            or not self._folders().issuperset(last.items)
            or not all(map(self._is_there, paths))
        ):
            return None
        self.looked_at.extend(path for path in paths if "/" not in path)
        return self._publication(last)

    def __call__(self, now: datetime) -> Publication:
        """Write pages before the lists that name them, and remove them after."""
        self.catalogue.begin()
        known = self.survey()
        approved = [each.record for each in known.values() if each.approved]
        public = sorted(
            (record for record in approved if record.published <= now),
            key=lambda record: (record.published, record.tag),
        )
        self._pages(public, known)
        self._documents(list(Documents(self.publish.frame, public, self.survey)))
        gone = known.keys() - {record.entry for record in public}
        self._withdraw(entry for entry in gone if known[entry].shown)
        for entry in gone.difference(self.publish.outbox.ids()) if gone else ():
            self.catalogue.forget(entry)
        waiting = [record for record in approved if record.published > now]
        run = Finished(
            look=look(self.publish.frame),
            since=public[-1].published if public else None,
            until=min((record.published for record in waiting), default=None),
            items=tuple(record.entry for record in public),
            waiting=tuple(
                (record.entry, record.published.date().isoformat()) for record in waiting
            ),
        )
        self.catalogue.finish(run)
        return self._publication(run)

    def _publication(self, run: Finished) -> Publication:
        site = self.publish.site
        return Publication(
            files=tuple(site / name for name in self.looked_at),
            changed=tuple(site / name for name in self.changed),
            removed=tuple(site / name for name in self.removed),
            items=run.items,
            waiting=tuple(Waiting(id=entry, date=date) for entry, date in run.waiting),
            pinged=Pinged(),  # once the site is as it shall be
        )

    def _pages(self, public: Sequence[Record], known: Mapping[EntryId, Known]) -> None:
        """Write the pages of new and corrected issues, and new links into those beside them."""
        there = self._folders()
        planned: list[tuple[int, str, bool]] = []
        marks = [f"{record.entry} {record.words}" for record in public]
        besides = zip((_NEVER, *marks), (*marks[1:], _NEVER), strict=False)
        for place, (record, (older, newer)) in enumerate(zip(public, besides, strict=False)):
            before, beside = known[record.entry], f"{older} {newer}"
            frozen = before.shown == record.words and record.entry in there and not self.again
            if not frozen or before.beside != beside or self.verify:
                planned.append((place, beside, frozen))
        # Noted before anything is written: what a killed run leaves behind is known as ours.
        for place, _, _ in planned:
            entry = public[place].entry
            self.catalogue.show(entry, shown=known[entry].shown or _NEVER, beside=_NEVER)
        if planned:
            self.catalogue.commit()
        for place, beside, frozen in planned:
            record = public[place]
            neighbours = neighbours_of(self.publish.frame, public, place, self.survey)
            if not (frozen and self._relinked(record, neighbours)):
                self._page(record, neighbours)
            self.catalogue.show(record.entry, shown=record.words, beside=beside)

    def _page(self, record: Record, neighbours: Neighbours) -> None:
        issue = self.survey.issue(record.entry)
        for name, data in issue_files(
            self.publish.frame,
            issue,
            record,
            self.survey.listing(record.entry),
            markdown=write_markdown(said(issue)),
            neighbours=neighbours,
            pictures=pictures(record.entry, self.publish.outbox.pictures(record.entry)),
        ):
            self._write(name, data)

    def _relinked(self, record: Record, neighbours: Neighbours) -> bool:
        """Change the links of a frozen page; False: the page is not as we wrote it."""
        folder = issue_folder(record.entry)
        page = self._bytes(f"{folder}/index.html")
        if page is None or (self.verify and not self._is_whole(record, page)):
            return False
        linked = with_neighbours(self.publish.frame, page, neighbours)
        if linked is None:
            return False
        self._write(f"{folder}/index.html", linked)
        return True

    def _is_whole(self, record: Record, page: bytes) -> bool:
        shows = shown(page)
        twin = self.publish.site / issue_folder(record.entry) / "index.md"
        return bool(shows and shows.words == record.words and twin.is_file())

    def _documents(self, wanted: Sequence[Document]) -> None:
        before = self.catalogue.files()
        stale = [
            each
            for each in wanted
            if before.get(each.path) != each.made_of
            or self.again
            or self.verify
            or not self._is_there(each.path)
        ]
        gone = before.keys() - {each.path for each in wanted}
        self.catalogue.made(dict.fromkeys((each.path for each in stale), _NEVER))
        if stale:
            self.catalogue.commit()
        for each in stale:
            self._write(each.path, each.build(), feed_url=each.feed_url)
            self.catalogue.made({each.path: each.made_of})
        for path in sorted(gone):
            self._remove(path)
        self.catalogue.unmade(gone)
        written = {each.path for each in stale}
        # Not the thousands of lists in folders that are as they were: nobody would read them.
        self.looked_at.extend(
            each.path for each in wanted if "/" not in each.path and each.path not in written
        )

    def _withdraw(self, entries: Iterable[EntryId]) -> None:
        for entry in sorted(entries):
            for name in ISSUE_FILES:
                self._remove(f"{issue_folder(entry)}/{name}")
            folder = self.publish.site / "images" / entry
            # What a link leads to, and what has no name that we give, is somebody else's.
            if folder.is_dir() and not folder.is_symlink():
                for picture in sorted(folder.iterdir()):
                    if _PICTURE.search(picture.name) and not picture.is_dir():
                        self._remove(f"images/{entry}/{picture.name}")
            self.catalogue.show(entry, shown="", beside="")

    def _write(self, name: str, data: bytes, *, feed_url: str | None = None) -> None:
        if feed_url and self._bytes(name) != data:
            # Before the feed is there: told for nothing is better than never told.
            self.publish.ping.note(feed_url)
        self.looked_at.append(name)
        if write_if_changed(self.publish.site, name, data):
            self.changed.append(name)

    def _remove(self, name: str) -> None:
        path = self.publish.site / name
        with suppress(FileNotFoundError):
            path.unlink()
            self.changed.append(name)
            self.removed.append(name)
        with suppress(OSError):  # others' files stay, and so do their folders
            path.parent.rmdir()

    def _bytes(self, name: str) -> bytes | None:
        try:
            return (self.publish.site / name).read_bytes()
        except OSError:
            return None

    def _is_there(self, name: str) -> bool:
        # Path.is_file takes three times as long, and there are thousands of them.
        return os.path.isfile(f"{self._root}/{name}")  # noqa: PTH113

    def _folders(self) -> frozenset[str]:
        """Return the entries that have a folder of their own on the site."""
        try:
            return frozenset(os.listdir(f"{self._root}/issues"))  # noqa: PTH208 - so is iterdir
        except FileNotFoundError:
            return frozenset()

    @cached_property
    def _root(self) -> str:
        return os.fspath(self.publish.site)
