"""An issue as a feed shows it, and which issues a feed has room for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from markupsafe import escape
from msgspec import Struct
from msgspec.structs import replace

from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import story_label
from pipeline.publish.anchors import anchors
from pipeline.publish.article import article_html, section_html
from pipeline.publish.characters import clean, one_line
from pipeline.publish.record import slug
from pipeline.publish.words import words_for

MAX_ITEMS: Final = 50
MAX_BYTES: Final = 500_000  # of a whole feed; aggregators have refused some not much larger
SUMMARY_LENGTH: Final = 300  # characters

_FIRST_YEAR: Final = 1900  # RFC 822 dates of older moments are not readable everywhere
MARKUP_BYTES: Final = 1_200  # what an item costs beside its texts, and a feed beside its items


class FeedItem(Struct, frozen=True, kw_only=True):
    """One published issue: the same values in every feed.

    Raises:
        ValueError: a moment is naive or before 1900, or `tag` is not a tag: URI.
    """

    tag: str  # the tag: URI minted at the first build (RFC 4151); readers know the issue by it
    title: str
    url: str  # of its page, absolute
    published: datetime  # aware
    updated: datetime  # aware; moves only when the words were corrected
    summary: str
    html: str  # an article; see `article_html`
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.tag.startswith("tag:"):
            raise ValueError(f"a feed item is known by its tag: URI, not by {self.tag!r}")
        for moment in (self.published, self.updated):
            if moment.tzinfo is None or moment.year < _FIRST_YEAR:
                raise ValueError(f"a feed cannot show the moment {moment.isoformat()}")


def feed_item(
    issue: Issue,
    newsletter: Newsletter,
    *,
    tag: str,
    url: str,
    published: datetime,
    updated: datetime,
) -> FeedItem:
    """Return an issue as feeds show it; relative links lead to the site."""
    return FeedItem(
        tag=tag,
        title=one_line(issue.title) or newsletter.name,
        url=url,
        published=published,
        updated=updated,
        summary=summary(issue),
        html=article_html(
            issue,
            base_url=f"{newsletter.site_url}/",
            words=words_for(issue.language or newsletter.language, newsletter.language),
        ),
        authors=issue.authors or (newsletter.name,),
        tags=issue.tags,
    )


def section_item(issue: Issue, newsletter: Newsletter, *, key: str, whole: FeedItem) -> FeedItem:
    """Return the part of an issue that the feed of a section shows.

    Args:
        issue: has a section whose title makes `key`.
        newsletter: what it is an issue of.
        key: of the group, such as "sections/news".
        whole: the issue as the feed of everything shows it.
    """
    ids = anchors(issue)
    number, section = next(
        (number, section)
        for number, section in enumerate(issue.sections)
        if f"sections/{slug(one_line(section.title or ''))}" == key
    )
    return replace(
        whole,
        tag=f"{whole.tag}:{key}",
        url=f"{whole.url}#{quote(ids[number, None])}",
        html=section_html(
            section,
            base_url=f"{newsletter.site_url}/",
            words=words_for(issue.language or newsletter.language, newsletter.language),
        ),
    )


def summary(issue: Issue) -> str:
    """Say in a line what an issue is about: its subtitle, or the names of its stories."""
    names = (label for story in issue.stories if (label := one_line(story_label(story))))
    line = one_line(issue.subtitle or "") or " · ".join(names) or one_line(issue.title)
    if len(line) <= SUMMARY_LENGTH:
        return line
    return line[: SUMMARY_LENGTH - 1].rsplit(" ", 1)[0].rstrip(" ,;:·") + "…"


def in_order(items: Iterable[FeedItem]) -> list[FeedItem]:
    """Return items newest first; the tag decides between equal moments."""
    return sorted(items, key=lambda item: (item.published, item.tag), reverse=True)


def newest(items: Iterable[FeedItem]) -> tuple[FeedItem, ...]:
    """Return what a feed carries: newest first, at most 50 items or 500 KB, clean characters.

    The newest item is always there, however long. The choice is the same for every format.
    """
    chosen: list[FeedItem] = []
    room = MAX_BYTES - MARKUP_BYTES
    for item in in_order(items):
        room -= weight(item)
        if chosen and (room < 0 or len(chosen) == MAX_ITEMS):
            break
        chosen.append(_cleaned(item))
    return tuple(chosen)


def last_update(newsletter: Newsletter, items: Iterable[FeedItem]) -> datetime:
    """Return when a feed of these items last changed, in UTC: no clock, so bytes repeat."""
    start = datetime(newsletter.since, 1, 1, tzinfo=UTC)
    return max((item.updated for item in items), default=start).astimezone(UTC)


def weight(item: FeedItem) -> int:
    """Return the bytes an item takes in the format that escapes most, Atom."""
    texts = (item.html, item.summary, item.title, item.url, *item.authors, *item.tags)
    return MARKUP_BYTES + sum(len(escape(text).encode(errors="replace")) for text in texts)


def _cleaned(item: FeedItem) -> FeedItem:
    return replace(
        item,
        title=one_line(item.title) or item.url,
        summary=one_line(item.summary),
        html=clean(item.html),
        authors=tuple(name for author in item.authors if (name := one_line(author))),
        tags=tuple(word for tag in item.tags if (word := one_line(tag))),
    )
