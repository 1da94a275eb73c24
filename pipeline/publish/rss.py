"""RSS 2.0 with full content, as feed readers know it best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import escape
from msgspec import Struct

from pipeline.model.newsletter import Newsletter
from pipeline.publish.feed import Channel, newsletter_channel
from pipeline.publish.generator import add_entry, new_generator
from pipeline.publish.item import FeedItem, newest

FILE_NAME: Final = "feed.xml"
MEDIA_TYPE: Final = "application/rss+xml"


class Rss(Struct, frozen=True):
    """Writes `feed.xml`."""

    title: str = "RSS"
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
        # An RSS author is an e-mail address and feedgen drops a mere name; dc:creator is a name.
        feed.load_extension("dc", atom=False)
        for item in chosen:
            entry = add_entry(feed, item)
            # Readers take a description for HTML: without this, words in <angles> would vanish.
            entry.description(str(escape(item.summary or item.title)))
            entry.content(item.html, type="CDATA")
            entry.dc.dc_creator(list(item.authors))
        document: bytes = feed.rss_str(pretty=True)
        return document


FEED: Final = Rss()
