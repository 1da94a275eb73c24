"""The port every feed format stands behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pipeline.model.newsletter import Newsletter
from pipeline.publish.item import FeedItem


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

    def build(self, newsletter: Newsletter, items: Sequence[FeedItem], *, feed_url: str) -> bytes:
        """Return the whole document.

        Pure: the same input gives the same bytes.

        Args:
            newsletter: whose feed it is.
            items: published issues in any order; the newest that fit are taken. May be empty.
            feed_url: the absolute address the document will have.
        """
        ...


def feed_url(newsletter: Newsletter, feed: Feed) -> str:
    """Return the address of a feed on the site."""
    return f"{newsletter.site_url}/{feed.file_name}"
