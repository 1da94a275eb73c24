"""Every file of the archive: where it is, what it is made of, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

from msgspec import Struct

from pipeline.locales import written_date
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue
from pipeline.publish.card import Card, card_png
from pipeline.publish.frame import Frame
from pipeline.publish.item import FeedItem
from pipeline.publish.page import Neighbours, Row, issue_page, row
from pipeline.publish.record import Listing, Record
from pipeline.publish.words import words_for

ISSUE_FILES: Final = ("index.html", "index.md", "card.png")  # in the folder of an issue


class Library(Protocol):
    """Where lists and feeds find the issues they show."""

    def listing(self, entry: EntryId) -> Listing:
        """Return what lists say of a published issue."""
        ...

    def issue(self, entry: EntryId) -> Issue:
        """Return a published issue."""
        ...

    def item(self, record: Record) -> FeedItem:
        """Return a published issue as feeds show it."""
        ...


class Document(Struct, frozen=True, kw_only=True):
    """A file that shows several issues; written when what it is made of is not what it was."""

    path: str  # relative to the site, with forward slashes
    made_of: str  # a digest: the same means the same bytes
    build: Callable[[], bytes]
    feed_url: str | None = None  # of a feed that people follow


def issue_folder(entry: EntryId) -> str:
    """Return the folder of an issue on the site."""
    return f"issues/{entry}"


def issue_files(
    frame: Frame,
    issue: Issue,
    record: Record,
    listing: Listing,
    *,
    markdown: str,
    neighbours: Neighbours,
    pictures: Iterable[tuple[str, bytes]] = (),
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of one issue, the page last: it never names what is not there yet.

    Pure: the same input gives the same bytes.
    """
    this = row(frame, listing, record.published)
    folder = issue_folder(record.entry)
    yield from pictures
    yield f"{folder}/index.md", markdown.encode(errors="replace")
    if not issue.image:
        yield f"{folder}/card.png", card_png(_card(frame, this))
    page = issue_page(
        frame,
        issue,
        this,
        words=record.words,
        updated=record.updated,
        neighbours=neighbours,
        card=None if issue.image else f"{this.url}card.png",
    )
    yield f"{folder}/index.html", page.encode()


def neighbours_of(
    frame: Frame, records: Sequence[Record], place: int, library: Library
) -> Neighbours:
    """Return the issues beside the one at an index; `records` is oldest first."""

    def beside(index: int) -> Row | None:
        if not 0 <= index < len(records):
            return None
        record = records[index]
        return row(frame, library.listing(record.entry), record.published)

    return Neighbours(older=beside(place - 1), newer=beside(place + 1))


def _card(frame: Frame, this: Row) -> Card:
    say = words_for(frame.newsletter.language).say
    number = say("Issue %(number)s") % {"number": this.number} if this.number else ""
    facts = (number, written_date(this.published, frame.newsletter.language))
    return Card(
        name=frame.newsletter.name,
        title=this.title,
        facts="   /   ".join(fact for fact in facts if fact),
    )
