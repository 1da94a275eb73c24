"""Issues on a shelf, and the archive that is made of them without a disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import asdict

from pipeline.formats.markdown_writer import write_markdown
from pipeline.model.content import Paragraph
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.issue_json import to_json
from pipeline.model.newsletter import Newsletter
from pipeline.publish import atom, jsonfeed, rss
from pipeline.publish.documents import Documents
from pipeline.publish.feed import Feed
from pipeline.publish.frame import Frame
from pipeline.publish.item import FeedItem, feed_item, summary, weight
from pipeline.publish.record import Listing, Record, issue_url, listing, words_digest
from pipeline.publish.site import Document, issue_files, neighbours_of

NEWSLETTER: Final = Newsletter(
    name="The <Harbour> Post", tagline="Tides & boats", site_url="https://news.example.org"
)
FEEDS: Final[tuple[Feed, ...]] = (rss.FEED, atom.FEED, jsonfeed.FEED)
FRAME: Final = Frame(newsletter=NEWSLETTER, feeds=FEEDS)
MOMENT: Final = datetime(2026, 11, 20, 9, tzinfo=UTC)


def issue(title: str = "Quay", *, section: str | None = None, **more: Any) -> Issue:
    """Make an issue without much in it."""
    story = Story(title="A", body=(Paragraph(("Words.",)),))
    return Issue(title=title, sections=(Section(title=section, stories=(story,)),), **more)


@dataclass
class Shelf:
    """A library of issues in memory."""

    frame: Frame = FRAME
    issues: dict[EntryId, Issue] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)

    def put(
        self,
        entry: str,
        what: Issue | None = None,
        *,
        published: datetime | None = None,
        updated: datetime | None = None,
    ) -> Record:
        """Publish an issue, a week after the one before unless told."""
        what = what or issue(entry)
        moment = published or MOMENT + timedelta(weeks=len(self.records))
        about = listing(
            EntryId(entry), what, self.frame.newsletter, summary=summary(what), published=moment
        )
        record = Record(
            entry=EntryId(entry),
            tag=f"tag:{self.frame.newsletter.host},{self.frame.newsletter.since}:issue:{entry}",
            words=words_digest(to_json(what)),
            published=moment,
            updated=updated or moment,
            weight=0,
            groups=tuple(group.key for group in about.groups),
        )
        self.issues[record.entry] = what
        record = Record(**{**asdict(record), "weight": weight(self.item(record))})
        self.records.append(record)
        return record

    def listing(self, entry: EntryId) -> Listing:
        """Return what lists say of an issue."""
        [record] = [each for each in self.records if each.entry == entry]
        what = self.issues[entry]
        return listing(
            entry, what, self.frame.newsletter, summary=summary(what), published=record.published
        )

    def issue(self, entry: EntryId) -> Issue:
        """Return an issue."""
        return self.issues[entry]

    def item(self, record: Record) -> FeedItem:
        """Return an issue as feeds show it."""
        return feed_item(
            self.issues[record.entry],
            self.frame.newsletter,
            tag=record.tag,
            url=issue_url(self.frame.newsletter, record.entry),
            published=record.published,
            updated=record.updated,
        )

    def documents(self) -> dict[str, Document]:
        """Return what shows several issues, by path."""
        return {each.path: each for each in Documents(self.frame, self.records, self)}

    def pages(self, place: int) -> Mapping[str, bytes]:
        """Return the files of the issue at an index, by path."""
        record = self.records[place]
        what = self.issues[record.entry]
        return dict(
            issue_files(
                self.frame,
                what,
                record,
                self.listing(record.entry),
                markdown=write_markdown(what),
                neighbours=neighbours_of(self.frame, self.records, place, self),
            )
        )

    def page(self, place: int = 0) -> str:
        """Return the page of the issue at an index."""
        return self.pages(place)[f"issues/{self.records[place].entry}/index.html"].decode()

    def site(self) -> dict[str, bytes]:
        """Return every file of the archive, by path."""
        pages = [self.pages(place) for place in range(len(self.records))]
        shown = {path: each.build() for path, each in self.documents().items()}
        return {path: data for files in (*pages, shown) for path, data in files.items()}
