"""The port every feed format stands behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from pipeline.model.newsletter import Newsletter
from pipeline.publish.characters import one_line
from pipeline.publish.item import FeedItem


class Channel(Struct, frozen=True, kw_only=True):
    """What a feed says of itself; each address is absolute."""

    title: str
    description: str
    home_url: str
    id: str  # a tag: URI
    hub: str | None = None  # who tells subscribers at once (WebSub)
    previous: str | None = None  # the archive document before this one (RFC 5005 4)
    current: str | None = None  # in an archive document: the feed it is of


def newsletter_channel(newsletter: Newsletter) -> Channel:
    """Return the channel of the feed with every issue."""
    return Channel(
        title=one_line(newsletter.name),
        description=one_line(newsletter.tagline) or one_line(newsletter.name),
        home_url=f"{newsletter.site_url}/",
        id=f"tag:{newsletter.host},{newsletter.since}:feed",  # RFC 4151
    )


class Feed(Protocol):
    """A feed format: what a plug-in of the group `feeds` names."""

    @property
    def title(self) -> str:
        """What readers call the format, such as "Atom"."""
        ...

    @property
    def file_name(self) -> str:
        """Its file at the root of the site."""
        ...

    @property
    def media_type(self) -> str:
        """What servers and autodiscovery links announce it as."""
        ...

    def build(
        self,
        newsletter: Newsletter,
        items: Sequence[FeedItem],
        *,
        feed_url: str,
        channel: Channel | None = None,
    ) -> bytes:
        """Return the whole document.

        Pure: the same input gives the same bytes.

        Args:
            newsletter: whose feed it is.
            items: published issues in any order; the newest that fit are taken. May be empty.
            feed_url: the absolute address the document will have.
            channel: whose items they are; without one, the newsletter's.
        """
        ...


def feed_url(newsletter: Newsletter, feed: Feed) -> str:
    """Return the address of a feed on the site."""
    return f"{newsletter.site_url}/{feed.file_name}"
