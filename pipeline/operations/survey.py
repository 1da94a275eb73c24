"""Which entries are public, and what the archive knows of each; only what changed is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, time
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace

from pipeline.errors import ConfigError
from pipeline.model.entry import PICTURES, Approval, Entry, EntryId
from pipeline.model.issue import Issue
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.outbox.approval import ApprovalState, approval_state
from pipeline.outbox.folder import Outbox
from pipeline.publish.catalogue import Catalogue, Known
from pipeline.publish.item import FeedItem, feed_item, summary, weight
from pipeline.publish.page import shown
from pipeline.publish.record import Listing, Record, issue_url, listing, words_digest

_NEVER: Final = "-"  # stands where a stamp would: there is no approval, or nobody looked yet
_READ_AHEAD: Final = 128  # issues in memory; the largest feed has fifty


class Survey(Struct, frozen=True, kw_only=True, dict=True):
    """A look through the outbox beside what the last run left; the library of the archive too."""

    outbox: Outbox
    newsletter: Newsletter
    site: Path
    slot_time: time
    zone: ZoneInfo
    catalogue: Catalogue
    verify: bool  # read every entry, also where nothing seems to have changed
    read: dict[EntryId, Listing] = field(default_factory=dict)

    def __call__(self) -> dict[EntryId, Known]:
        """Return every entry that is or was approved, and those of which only a page is left.

        Raises:
            OutboxError: an entry was changed by hand.
            ConfigError: the date of an issue is none that a feed can show.
        """
        known = self.catalogue.known() or self._recovered()
        found: dict[EntryId, Known] = {}
        for entry, stamp in self._stamps.items():
            before = known.get(entry)
            if before and before.stamp == stamp != _NEVER and not self.verify:
                found[entry] = before
            elif (looked := self._look(entry, stamp, before)) is not None:
                found[entry] = looked
        for entry in known.keys() - found.keys():  # the folder is gone, its page is not
            found[entry] = replace(known[entry], approved=False)
        return found

    def is_as_it_was(self) -> bool:
        """Say whether no file of an entry changed since the last run, and none came or went."""
        known = self.catalogue.stamps()
        return known.keys() <= self._stamps.keys() and all(
            known.get(entry, _NEVER) == stamp for entry, stamp in self._stamps.items()
        )

    @cached_property
    def _stamps(self) -> dict[EntryId, str]:
        """What tells of each entry whether it changed; _NEVER: nobody approved it."""
        root = os.fspath(self.outbox.root)
        return {entry: _stamp(f"{root}/{entry}") for entry in self.outbox.ids()}

    def _look(self, entry: EntryId, stamp: str, before: Known | None) -> Known | None:
        """Read an entry; one that is not approved keeps what we knew of it."""
        approval = self.outbox.approval(entry) if stamp != _NEVER else None
        frozen = self.outbox.get(entry) if approval else None
        approved = frozen and approval_state(frozen, approval) is ApprovalState.APPROVED
        if frozen and approval and approved:
            return self._recorded(frozen, approval, stamp, before)
        if before is None:
            return None
        self.catalogue.stand(entry, stamp=stamp, approved=False)
        return replace(before, stamp=stamp, approved=False)

    def _recorded(
        self, entry: Entry, approval: Approval, stamp: str, before: Known | None
    ) -> Known:
        issue = self.issue(entry.id)
        was = before.record if before and before.public else None
        words = words_digest(
            json.loads(self._documents(entry.id)),
            tuple(digest for name, digest in entry.parts if name.startswith(f"{PICTURES}/")),
        )
        published = self._moment(issue, approval, was)
        updated = was.updated if was else published
        if was and was.words != words:
            updated = approval.approved_at.astimezone(self.zone)
        about = listing(
            entry.id, issue, self.newsletter, summary=summary(issue), published=published
        )
        record = Record(
            entry=entry.id,
            tag=entry.tag,
            words=words,
            published=published,
            updated=max(published, updated),
            weight=0,
            groups=tuple(group.key for group in about.groups),
        )
        try:
            record = replace(record, weight=weight(self._item(record)))
        except ValueError as error:
            raise ConfigError(f"{entry.id}: {error}; give the issue another date") from error
        known = Known(
            stamp=stamp,
            approved=True,
            record=record,
            public=before.public if before else False,
            shown=before.shown if before else "",
            beside=before.beside if before else "",
        )
        self.catalogue.put(known, about)
        self.read[entry.id] = about
        return known

    def _moment(self, issue: Issue, approval: Approval, was: Record | None) -> datetime:
        if issue.date is not None:
            return datetime.combine(issue.date, self.slot_time, tzinfo=self.zone)
        # Approved again after a correction, it is still the issue of that day.
        return was.published if was else approval.approved_at.astimezone(self.zone)

    def _recovered(self) -> dict[EntryId, Known]:
        """Without a catalogue: return what the pages on the disk say of themselves."""
        found: dict[EntryId, Known] = {}
        with suppress(FileNotFoundError, NotADirectoryError):
            for folder in sorted((self.site / "issues").iterdir()):
                page = folder / "index.html"
                shows = shown(page.read_bytes()) if page.is_file() else None
                if shows is None:
                    continue
                record = Record(
                    entry=EntryId(folder.name),
                    tag="",
                    words=shows.words,
                    published=shows.published,
                    updated=shows.updated,
                    weight=0,
                )
                found[record.entry] = Known(
                    stamp=_NEVER, approved=False, record=record, public=True, shown=shows.words
                )
        return found

    def listing(self, entry: EntryId) -> Listing:
        """Return what lists say of a published issue."""
        return self.read.get(entry) or self.catalogue.listing(entry)

    def issue(self, entry: EntryId) -> Issue:
        """Return an issue of the outbox, verified."""
        return self._issues(entry)

    def item(self, record: Record) -> FeedItem:
        """Return a published issue as feeds show it."""
        return self._items(record)

    def _item(self, record: Record) -> FeedItem:
        return feed_item(
            self.issue(record.entry),
            self.newsletter,
            tag=record.tag,
            url=issue_url(self.newsletter, record.entry),
            published=record.published,
            updated=record.updated,
        )

    @cached_property
    def _documents(self) -> Callable[[EntryId], bytes]:
        return lru_cache(_READ_AHEAD)(lambda entry: self.outbox.part(entry, "issue.json"))

    @cached_property
    def _issues(self) -> Callable[[EntryId], Issue]:
        return lru_cache(_READ_AHEAD)(lambda entry: from_json(json.loads(self._documents(entry))))

    @cached_property
    def _items(self) -> Callable[[Record], FeedItem]:
        return lru_cache(_READ_AHEAD)(self._item)


def _stamp(folder: str) -> str:
    """Return what is another whenever the entry in a folder, or its approval, is another."""
    try:
        # Path.stat would take half as long again, and there are twenty thousand of them.
        entry = os.stat(f"{folder}/entry.json")  # noqa: PTH116
        approval = os.stat(f"{folder}/approval.json")  # noqa: PTH116
    except OSError:
        return _NEVER
    return (
        f"{entry.st_mtime_ns} {entry.st_size} {entry.st_ino} "
        f"{approval.st_mtime_ns} {approval.st_size} {approval.st_ino}"
    )
