"""Every file of the public site as path and bytes; an operation writes what changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.publish import atom, jsonfeed, rss
from pipeline.publish.feed import Feed, feed_url
from pipeline.publish.item import FeedItem
from pipeline.publish.page import home_page, issue_page

FEEDS: Final[tuple[Feed, ...]] = (rss.FEED, atom.FEED, jsonfeed.FEED)

# An entry's name becomes a folder: nothing that could leave the site or hide in it.
_ENTRY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An issue that may be shown to the public, with its place on the site."""

    entry: EntryId
    issue: Issue
    item: FeedItem


def issue_url(newsletter: Newsletter, entry: EntryId) -> str:
    """Return the permanent address of an issue.

    Raises:
        ValueError: `entry` is not the name of an entry.
    """
    if not _ENTRY.fullmatch(entry):
        raise ValueError(f"not the name of an entry: {entry!r}")
    return f"{newsletter.site_url}/issues/{entry}/"


def issue_file(
    newsletter: Newsletter, published: Published, *, feeds: Sequence[Feed] = FEEDS
) -> tuple[str, bytes]:
    """Return the page of one issue: path relative to the site, and bytes.

    Raises:
        ValueError: `published.entry` is not the name of an entry.
    """
    url = issue_url(newsletter, published.entry)
    page = issue_page(published.issue, newsletter, url=url, feeds=feeds)
    return f"issues/{published.entry}/index.html", page.encode()


def files(
    newsletter: Newsletter, published: Sequence[Published], *, feeds: Sequence[Feed] = FEEDS
) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the site: pages of issues, then the index, then the feeds.

    The order lets a writer stop anywhere: a feed never names a page that is not there yet.
    Pure: the same input gives the same bytes, so unchanged files need not be rewritten.

    Args:
        newsletter: whose site it is.
        published: in any order, each entry once.
        feeds: formats to write and to announce.

    Yields:
        A path relative to the site, with forward slashes, and the bytes.

    Raises:
        ValueError: an entry has no proper name, or comes twice.
    """
    entries = [one.entry for one in published]
    if len(set(entries)) < len(entries):
        raise ValueError("an entry is published twice")
    for one in published:
        yield issue_file(newsletter, one, feeds=feeds)
    items = [one.item for one in published]
    yield "index.html", home_page(newsletter, items, feeds=feeds).encode()
    for feed in feeds:
        url = feed_url(newsletter, feed)
        yield feed.file_name, feed.build(newsletter, items, feed_url=url)
