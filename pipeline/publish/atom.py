"""Atom 1.0 (RFC 4287) with full content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import one_line
from pipeline.publish.feed import Channel, newsletter_channel
from pipeline.publish.generator import add_entry, new_generator
from pipeline.publish.item import FeedItem, newest

FILE_NAME: Final = "atom.xml"
MEDIA_TYPE: Final = "application/atom+xml"


class Atom(Struct, frozen=True):
    """Writes `atom.xml`."""

    title: str = "Atom"
    file_name: str = FILE_NAME
    media_type: str = MEDIA_TYPE

    def build(
        self,
        newsletter: Newsletter,
        items: Sequence[FeedItem],
        *,
        feed_url: str,
        channel: Channel | None = None,
    ) -> bytes:
        """Return the document; see `feed.Feed.build`."""
        chosen = newest(items)
        about = channel or newsletter_channel(newsletter)
        feed = new_generator(
            newsletter, about, chosen, feed_url=feed_url, media_type=self.media_type
        )
        feed.id(about.id)
        feed.author(name=one_line(newsletter.name))  # RFC 4287 4.1.1: for entries without one
        for item in chosen:
            entry = add_entry(feed, item)
            entry.content(item.html, type="html")  # "CDATA" would become a media type here
            for author in item.authors:
                entry.author(name=author)
        document: bytes = feed.atom_str(pretty=True)
        return document


FEED: Final = Atom()
