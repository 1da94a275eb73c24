"""What shows several issues: lists, feeds, the sitemap, the search; each says what it is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.publish import llms, search, sitemap
from pipeline.publish.feed import Channel, Feed, feed_url, newsletter_channel
from pipeline.publish.frame import FeedLink, Frame
from pipeline.publish.item import MARKUP_BYTES, MAX_BYTES, MAX_ITEMS, FeedItem, section_item
from pipeline.publish.lists import Piece, archives, pages, parts
from pipeline.publish.page import list_page, missing_page, row, search_page, topics_page
from pipeline.publish.record import SECTIONS, YEARS, Group, Record
from pipeline.publish.site import Document, Library

# A heading of one issue alone is no section of the newsletter.
FEWEST: Final = 2


class Documents(Struct, frozen=True, dict=True):
    """The archive of some issues. Pure but for the library, which is asked for what is needed."""

    frame: Frame
    records: Sequence[Record]  # published, oldest first
    library: Library

    def __iter__(self) -> Iterator[Document]:
        """Yield every document; feeds last, for they are what others wait for."""
        yield from self._lists("", self.records, None)
        for key, members in self.groups.items():
            yield from self._lists(f"{key}/", members, key)
        yield from self._around()
        yield from self._search()
        yield from self._sitemap()
        for key, members in self.groups.items():
            if not key.startswith(f"{YEARS}/") and self.frame.feeds:
                yield self._group_feed(key, members)
        # The formats side by side: an issue is read and written as HTML once for all of them.
        for documents in zip(*(self._feed(feed) for feed in self.frame.feeds), strict=True):
            yield from documents

    @cached_property
    def groups(self) -> dict[str, list[Record]]:
        """The groups that are shown, by key, with their issues."""
        members: defaultdict[str, list[Record]] = defaultdict(list)
        for record in self.records:
            for key in record.groups:
                members[key].append(record)
        return {
            key: members[key]
            for key in sorted(members)
            if len(members[key]) >= FEWEST or not key.startswith(f"{SECTIONS}/")
        }

    def _lists(
        self, prefix: str, members: Sequence[Record], key: str | None
    ) -> Iterator[Document]:
        cut = pages(len(members))
        paths = [f"{prefix}{_folder(piece)}" for piece in cut]
        urls = [f"{self.frame.home_url}{path}" for path in paths]
        neighbours = zip((None, *urls), urls, (*urls[1:], None), strict=False)
        for piece, path, around in zip(cut, paths, neighbours, strict=True):
            yield Document(
                path=f"{path}index.html",
                made_of=self._made_of("list", *around, *self._faces(members, piece)),
                build=lambda piece=piece, around=around: self._list(  # type: ignore[misc]
                    members, piece, around, key
                ),
            )

    def _list(
        self,
        members: Sequence[Record],
        piece: Piece,
        around: tuple[str | None, str, str | None],
        key: str | None,
    ) -> bytes:
        rows = [
            row(self.frame, self.library.listing(each.entry), each.published)
            for each in reversed(members[piece.start : piece.end])
        ]
        older, url, newer = around
        return list_page(
            self.frame,
            rows,
            url=url,
            older=older,
            newer=newer,
            number=piece.number,
            group=self._group(key, members) if key else None,
            feeds=[self._group_link(key, members)] if key and self._has_feed(key) else None,
        ).encode()

    def _around(self) -> Iterator[Document]:
        counts = [f"{key} {len(members)}" for key, members in self.groups.items()]
        newest = [members[-1].face for members in self.groups.values()]
        frame, home = self.frame, self.frame.home_url
        yield Document(
            path="topics/index.html",
            made_of=self._made_of("topics", *counts, *newest),
            build=lambda: topics_page(
                frame,
                sorted(
                    (
                        (
                            self._group(key, members),
                            len(members),
                            self._group_link(key, members).url if self._has_feed(key) else None,
                        )
                        for key, members in self.groups.items()
                    ),
                    key=lambda each: each[0].name.casefold(),
                ),
            ).encode(),
        )
        yield Document(
            path="404.html",
            made_of=self._made_of("missing"),
            build=lambda: missing_page(frame).encode(),
        )
        yield Document(
            path="robots.txt",
            made_of=self._made_of("robots"),
            build=lambda: sitemap.robots(frame.newsletter.site_url),
        )
        newest_page = pages(len(self.records))[-1]
        yield Document(
            path="llms.txt",
            made_of=self._made_of("llms", *self._faces(self.records, newest_page)),
            build=lambda: llms.llms_txt(
                frame.newsletter,
                [
                    self.library.listing(each.entry)
                    for each in reversed(self.records[newest_page.start :])
                ],
                others=(f"{home}search/", f"{home}topics/", f"{home}sitemap.xml"),
            ),
        )

    def _search(self) -> Iterator[Document]:
        shards = parts(len(self.records), search.SHARD)
        years = [key for key in self.groups if key.startswith(f"{YEARS}/")]
        yield Document(
            path="search/search.js", made_of=_file("search.js"), build=lambda: _read("search.js")
        )
        yield Document(
            path="search/index.html",
            made_of=self._made_of("search", len(shards), *years),
            build=lambda: search_page(
                self.frame,
                shards=len(shards),
                years=[self._group(key, self.groups[key]) for key in reversed(years)],
            ).encode(),
        )
        for piece in shards:
            yield Document(
                path=f"search/{piece.number}.json",
                made_of=self._made_of("shard", *self._faces(self.records, piece)),
                build=lambda piece=piece: search.shard(  # type: ignore[misc]
                    self.frame.newsletter,
                    [
                        (self.library.listing(each.entry), each.published)
                        for each in self.records[piece.start : piece.end]
                    ],
                ),
            )

    def _sitemap(self) -> Iterator[Document]:
        home = self.frame.home_url
        cut = [
            (f"sitemap-{piece.number}.xml", self.records[piece.start : piece.end])
            for piece in parts(len(self.records), sitemap.PART)
        ]
        for name, members in cut:
            yield Document(
                path=name,
                made_of=self._made_of("sitemap", *(each.face for each in members)),
                build=lambda members=members: sitemap.url_set(  # type: ignore[misc]
                    (f"{home}issues/{each.entry}/", each.updated) for each in members
                ),
            )
        lists = [
            *(f"{home}{_folder(piece)}" for piece in pages(len(self.records))),
            *(f"{home}{key}/" for key in self.groups),
            f"{home}topics/",
        ]
        yield Document(
            path="sitemap-lists.xml",
            made_of=self._made_of("sitemap lists", *lists),
            build=lambda: sitemap.url_set((url, None) for url in lists),
        )
        changed = [
            (f"{home}{name}", max(each.updated for each in members)) for name, members in cut
        ]
        yield Document(
            path="sitemap.xml",
            made_of=self._made_of("sitemaps", *(f"{url} {moment}" for url, moment in changed)),
            build=lambda: sitemap.index([(f"{home}sitemap-lists.xml", None), *changed]),
        )

    def _feed(self, feed: Feed) -> Iterator[Document]:
        """Yield the archive documents of a feed, then what is followed (RFC 5005 4)."""
        newsletter = self.frame.newsletter
        about = replace(newsletter_channel(newsletter), hub=self.frame.hub)
        url = feed_url(newsletter, feed)
        previous: str | None = None
        for piece in self._full:
            path = f"archive/{piece.number}/{feed.file_name}"
            yield self._feed_document(
                feed,
                path,
                self.records[piece.start : piece.end],
                replace(about, hub=None, previous=previous, current=url),
            )
            previous = f"{self.frame.home_url}{path}"
        members = _that_fit(self.records)
        followed = self._feed_document(
            feed, feed.file_name, members, replace(about, previous=previous)
        )
        yield replace(followed, feed_url=url)

    @cached_property
    def _full(self) -> Sequence[Piece]:
        """The archive documents of each feed."""
        weights = [record.weight for record in self.records]
        return archives(weights, most=MAX_ITEMS, room=MAX_BYTES - MARKUP_BYTES)[:-1]

    def _feed_document(
        self, feed: Feed, path: str, members: Sequence[Record], about: Channel
    ) -> Document:
        return Document(
            path=path,
            made_of=self._made_of("feed", path, about, *(each.face for each in members)),
            build=lambda: feed.build(
                self.frame.newsletter,
                [self.library.item(each) for each in members],
                feed_url=f"{self.frame.home_url}{path}",
                channel=about,
            ),
        )

    def _group_feed(self, key: str, members: Sequence[Record]) -> Document:
        feed = self.frame.feeds[0]
        newsletter = self.frame.newsletter
        is_part = key.startswith(f"{SECTIONS}/")  # whose weight is not that of the issue
        newest = members[-MAX_ITEMS:] if is_part else _that_fit(members)
        path = f"{key}/{feed.file_name}"
        url = f"{self.frame.home_url}{path}"

        def build() -> bytes:
            name = self._group(key, members).name
            about = Channel(
                title=f"{newsletter_channel(newsletter).title}: {name}",
                description=f"{newsletter_channel(newsletter).title}: {name}",
                home_url=f"{self.frame.home_url}{key}/",
                id=f"tag:{newsletter.host},{newsletter.since}:feed:{key}",
                hub=self.frame.hub,
            )
            items = [self._group_item(key, each) for each in newest]
            return feed.build(newsletter, items, feed_url=url, channel=about)

        faces = (each.face for each in newest)
        return Document(
            path=path,
            made_of=self._made_of("group feed", path, *faces),
            build=build,
            feed_url=url,
        )

    def _group_item(self, key: str, record: Record) -> FeedItem:
        item = self.library.item(record)
        if not key.startswith(f"{SECTIONS}/"):
            return item
        issue = self.library.issue(record.entry)
        return section_item(issue, self.frame.newsletter, key=key, whole=item)

    def _group(self, key: str, members: Sequence[Record]) -> Group:
        """Return a group as its newest issue spells it."""
        groups = self.library.listing(members[-1].entry).groups
        return next(group for group in groups if group.key == key)

    def _has_feed(self, key: str) -> bool:
        return bool(self.frame.feeds) and not key.startswith(f"{YEARS}/")

    def _group_link(self, key: str, members: Sequence[Record]) -> FeedLink:
        feed = self.frame.feeds[0]
        return FeedLink(
            title=f"{self._group(key, members).name} ({feed.title})",
            media_type=feed.media_type,
            url=f"{self.frame.home_url}{key}/{feed.file_name}",
        )

    def _faces(self, members: Sequence[Record], piece: Piece) -> list[str]:
        return [each.face for each in members[piece.start : piece.end]]

    def _made_of(self, *parts: object) -> str:
        text = "\n".join([self._look, *map(str, parts)])
        return sha256(text.encode(errors="replace")).hexdigest()[:32]

    @cached_property
    def _look(self) -> str:
        return look(self.frame)


def look(frame: Frame) -> str:
    """Return a digest of what is around every document: settings, and what a release changes."""
    feeds = [(feed.title, feed.file_name, feed.media_type) for feed in frame.feeds]
    text = repr((frame.newsletter, feeds, frame.hub, frame.subscribe, _templates()))
    return sha256(text.encode(errors="replace")).hexdigest()[:32]


def _folder(piece: Piece) -> str:
    """Return the folder of a page of a list, within that of the list."""
    return f"page/{piece.number}/" if piece.number else ""


def _that_fit(records: Sequence[Record]) -> Sequence[Record]:
    """Return the newest of records, oldest first: those that `item.newest` will choose."""
    room = MAX_BYTES - MARKUP_BYTES
    start = len(records)
    while start and len(records) - start < MAX_ITEMS:
        room -= records[start - 1].weight
        if room < 0 and start < len(records):
            break
        start -= 1
    return records[start:]


@cache
def _templates() -> str:
    names = sorted(each.name for each in files("pipeline.publish").joinpath("pages").iterdir())
    return sha256("".join(_file(name) for name in names).encode()).hexdigest()


def _file(name: str) -> str:
    return sha256(_read(name)).hexdigest()[:32]


def _read(name: str) -> bytes:
    return files("pipeline.publish").joinpath(f"pages/{name}").read_bytes()
