"""Write feeds and pages of what has been published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.errors import ConfigError
from pipeline.model.entry import Approval, Entry
from pipeline.model.issue import Issue
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock
from pipeline.outbox.approval import ApprovalState, approval_state
from pipeline.outbox.files import write_if_changed
from pipeline.outbox.folder import Outbox
from pipeline.publish.feed import Feed
from pipeline.publish.item import FeedItem, feed_item
from pipeline.publish.site import Published, files, issue_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was written, and what is still to come."""

    files: tuple[Path, ...]
    changed: tuple[Path, ...]
    items: tuple[FeedItem, ...]
    waiting: tuple[Entry, ...]  # approved, but their moment has not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Turn approved entries into feeds and pages, from issue.json and never from mail HTML.

    An issue is public from its date on, at the slot's local time; what nobody approved never is.
    """

    outbox: Outbox
    newsletter: Newsletter
    site: Path
    slot_time: time
    zone: ZoneInfo
    clock: Clock
    feeds: Sequence[Feed]

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
            if approval is None or approval_state(entry, approval) is not ApprovalState.APPROVED:
                continue
            issue = from_json(json.loads(self.outbox.part(entry.id, "issue.json")))
            moment = self._moment(issue, approval)
            if moment > now:
                waiting.append(entry)
                continue
            try:
                public = feed_item(
                    issue,
                    self.newsletter,
                    tag=entry.tag,
                    url=issue_url(self.newsletter, entry.id),
                    published=moment,
                    updated=moment,
                )
            except ValueError as error:
                raise ConfigError(f"{entry.id}: {error}; give the issue another date") from error
            published.append(Published(entry=entry.id, issue=issue, item=public))
        written: list[Path] = []
        changed: list[Path] = []
        for name, data in files(self.newsletter, published, feeds=self.feeds):
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
            return approval.approved_at.astimezone(self.zone)
        return datetime.combine(issue.date, self.slot_time, tzinfo=self.zone)
