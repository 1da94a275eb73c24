"""What RSS and Atom share in feedgen 1.0.0, which is frozen upstream, and how we use it safely.

feedgen sets the locale of the whole process while it writes a date: build feeds in one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator
from lxml import etree

from pipeline.model.newsletter import Newsletter
from pipeline.publish.feed import Channel
from pipeline.publish.item import FeedItem, last_update

_ATOM: Final = "http://www.w3.org/2005/Atom"
_HISTORY: Final = "http://purl.org/syndication/history/1.0"


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


class _Relations:
    """Writes the links of WebSub and RFC 5005: feedgen drops all but one self link in RSS."""

    def __init__(self) -> None:
        self.channel: Channel | None = None
        self.media_type = ""

    def extend_ns(self) -> dict[str, str]:
        return {"fh": _HISTORY} if self.channel and self.channel.current else {}

    def extend_rss(self, rss: Any) -> Any:
        self._extend(rss.find("channel"))
        return rss

    def extend_atom(self, feed: Any) -> Any:
        self._extend(feed)
        return feed

    def _extend(self, parent: Any) -> None:
        about = self.channel
        if about is None:
            return
        if about.current:
            etree.SubElement(parent, f"{{{_HISTORY}}}archive")
        relations = {
            "hub": about.hub,
            "current": about.current,
            "prev-archive": about.previous,
        }
        for rel, href in relations.items():
            if href:
                attributes = {"href": href, "rel": rel}
                if rel != "hub":
                    attributes["type"] = self.media_type
                etree.SubElement(parent, f"{{{_ATOM}}}link", attributes)


def new_generator(
    newsletter: Newsletter,
    about: Channel,
    items: Sequence[FeedItem],
    *,
    feed_url: str,
    media_type: str,
) -> FeedGenerator:
    """Return a generator with everything the two formats share but the entries.

    One generator serves one format: the self link differs.
    """
    feed = FeedGenerator()
    feed.title(about.title)
    feed.description(about.description)
    feed.language(newsletter.language)
    feed.link(href=feed_url, rel="self", type=media_type)
    # Last, because feedgen takes the channel link of RSS from the last call, whatever its rel.
    feed.link(href=about.home_url, rel="alternate", type="text/html")
    feed.updated(last_update(newsletter, items))  # the default is the present moment
    feed.generator("Broadsheet")
    feed.docs("")
    feed.register_extension("relations", _Relations)
    feed.relations.channel, feed.relations.media_type = about, media_type
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
