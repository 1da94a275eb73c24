"""What RSS and Atom share in feedgen 1.0.0, which is frozen upstream, and how we use it safely.

feedgen sets the locale of the whole process while it writes a date: build feeds in one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import one_line
from pipeline.publish.item import FeedItem, last_update


class _EntryLinks:
    """Gives the links of an Atom entry back their attributes.

    feedgen 1.0.0 writes `href` and nothing else, because its loop reuses a name
    (https://github.com/lkiesow/python-feedgen/pull/136).
    """

    def extend_atom(self, entry: Any) -> Any:
        for link in entry.iterfind("link"):
            link.set("rel", "alternate")
            link.set("type", "text/html")
        return entry


def new_generator(
    newsletter: Newsletter, items: Sequence[FeedItem], *, feed_url: str, media_type: str
) -> FeedGenerator:
    """Return a generator with everything the two formats share but the entries.

    One generator serves one format: the self link differs.
    """
    feed = FeedGenerator()
    feed.title(one_line(newsletter.name))
    feed.description(one_line(newsletter.tagline) or one_line(newsletter.name))
    feed.language(newsletter.language)
    feed.link(href=feed_url, rel="self", type=media_type)
    # Last, because feedgen takes the channel link of RSS from the last call, whatever its rel.
    feed.link(href=f"{newsletter.site_url}/", rel="alternate", type="text/html")
    feed.updated(last_update(newsletter, items))  # the default is the present moment
    feed.generator("Broadsheet")
    feed.docs("")
    return feed


def add_entry(feed: FeedGenerator, item: FeedItem) -> FeedEntry:
    """Append an entry with everything the two formats share but the content."""
    entry = feed.add_entry(order="append")  # the default puts the newest last
    entry.register_extension("links", _EntryLinks, rss=False)
    entry.id(item.tag)  # never guid() as well: each overwrites the other's permalink flag
    entry.title(item.title)
    entry.link(href=item.url, rel="alternate")
    entry.published(item.published.astimezone(UTC))
    entry.updated(item.updated.astimezone(UTC))
    entry.summary(item.summary or item.title)
    for tag in item.tags:
        entry.category(term=tag)
    return entry
