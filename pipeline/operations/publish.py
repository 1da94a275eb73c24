"""Write feeds and pages of what has been published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.model.entry import Approval, Entry
from pipeline.model.issue import Issue
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock
from pipeline.operations.examine import issue_url
from pipeline.outbox.files import write_if_changed
from pipeline.outbox.folder import Outbox
from pipeline.publish.item import FeedItem, item
from pipeline.publish.site import Published, files


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was written, and what is still to come."""

    files: tuple[Path, ...]
    changed: tuple[Path, ...]
    items: tuple[FeedItem, ...]  # newest first
    waiting: tuple[Entry, ...]  # approved, but their moment has not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Turn approved entries into feeds and pages, from issue.json and never from mail HTML.

    An issue is public from its date at the slot's local time, but not before it was approved.
    """

    outbox: Outbox
    newsletter: Newsletter
    site: Path
    slot_time: time
    zone: ZoneInfo
    clock: Clock

    def __call__(self) -> Publication:
        """Write the site; files whose bytes are the same are not touched.

        Raises:
            OutboxError: an entry was changed by hand, or a file cannot be written.
        """
        now = self.clock()
        published: list[Published] = []
        waiting: list[Entry] = []
        for entry in self.outbox.entries():
            approval = self.outbox.approval(entry.id)
            if approval is None or approval.digest != entry.digest:
                continue
            issue = from_json(json.loads(self.outbox.part(entry.id, "issue.json")))
            moment = self._moment(issue, approval)
            if moment > now:
                waiting.append(entry)
                continue
            url = issue_url(issue, entry.id, self.newsletter)
            public = item(issue, tag=entry.tag, url=url, published=moment, updated=moment)
            published.append(Published(entry=entry.id, issue=issue, item=public))
        published.sort(key=lambda each: (each.item.published, each.entry), reverse=True)
        written: list[Path] = []
        changed: list[Path] = []
        for name, data in files(self.newsletter, tuple(published)):
            written.append(self.site / name)
            if write_if_changed(self.site, name, data):
                changed.append(self.site / name)
        return Publication(
            files=tuple(written),
            changed=tuple(changed),
            items=tuple(each.item for each in published),
            waiting=tuple(waiting),
        )

    def _moment(self, issue: Issue, approval: Approval) -> datetime:
        if issue.date is None:
            return approval.approved_at
        local = datetime.combine(issue.date, self.slot_time, tzinfo=self.zone)
        return local.astimezone(approval.approved_at.tzinfo)
