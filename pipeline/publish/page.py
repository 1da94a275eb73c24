"""The pages of the archive: an issue, lists of issues, topics, the search, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from pipeline.model.issue import Issue
from pipeline.model.reading import reading_minutes
from pipeline.publish.anchors import anchors, contents
from pipeline.publish.article import article_html
from pipeline.publish.frame import FeedLink, Frame
from pipeline.publish.item import summary
from pipeline.publish.links import web_url
from pipeline.publish.record import TAGS, YEARS, Group, Listing, issue_url
from pipeline.publish.structured import blog_posting, script_json
from pipeline.publish.words import words_for

# What stands between these is the one part of an old page that a new issue may change. Nothing an
# author writes can hold them: in content every "<" is escaped.
_OPEN: Final = "<!--neighbours-->"
_CLOSE: Final = "<!--/neighbours-->"
_SHOWS: Final = re.compile(
    rb'<meta name="broadsheet:shows" content="([0-9a-f]{32}) ([0-9T:+.-]{10,40}) ([0-9T:+.-]{10,40})">'
)


class Row(Struct, frozen=True, kw_only=True):
    """An issue in a list."""

    url: str
    title: str
    summary: str
    number: str | None
    published: datetime
    language: str
    tags: tuple[tuple[str, str], ...] = ()  # address, name


class Neighbours(Struct, frozen=True, kw_only=True):
    """The issues before and after one, as far as there are any."""

    older: Row | None = None
    newer: Row | None = None


class Shown(Struct, frozen=True, kw_only=True):
    """What a page on the disk says of itself."""

    words: str  # digest
    published: datetime
    updated: datetime


def row(frame: Frame, listing: Listing, published: datetime) -> Row:
    """Return an issue as lists show it."""
    return Row(
        url=issue_url(frame.newsletter, listing.entry),
        title=listing.title,
        summary=listing.summary,
        number=listing.number,
        published=published,
        language=listing.language,
        tags=tuple((f"{frame.home_url}{tag.key}/", tag.name) for tag in listing.named(TAGS)),
    )


def issue_page(
    frame: Frame,
    issue: Issue,
    this: Row,
    *,
    words: str,
    updated: datetime,
    neighbours: Neighbours,
    card: str | None,
) -> str:
    """Return the page on which an issue is read.

    Pure. It holds nothing that belongs to one reader, loads nothing but pictures, and runs no
    script; its policy (CSP) makes browsers enforce that.

    Args:
        frame: what is around it.
        issue: as in the outbox.
        this: the same issue as lists show it.
        words: digest of what it says.
        updated: when it last said something else, in the newsletter's zone.
        neighbours: what to link to.
        card: address of the picture for previews, unless the issue has one of its own.
    """
    base_url = frame.home_url
    language = issue.language or frame.newsletter.language
    own = web_url(issue.canonical_url, base_url) if issue.canonical_url else None
    picture = web_url(issue.image, base_url) if issue.image else None
    say = words_for(language, frame.newsletter.language)
    return frame.write(
        "issue.html",
        language=language,
        canonical=own or this.url,
        description=summary(issue),
        issue=issue,
        this=this,
        words=words,
        published=this.published,
        updated=updated,
        corrected=updated if updated > this.published else None,
        minutes=reading_minutes(issue),
        picture=picture,
        card=None if picture else card,
        contents=contents(issue),
        neighbours=_neighbours(frame, neighbours),
        data=script_json(
            blog_posting(
                frame.newsletter,
                url=own or this.url,
                title=this.title,
                description=this.summary,
                language=language,
                published=this.published,
                updated=updated,
                authors=issue.authors,
                image=picture or card,
                keywords=issue.tags,
            )
        ),
        article=Markup(  # noqa: S704 - escaped there
            article_html(issue, base_url=base_url, words=say, anchors=anchors(issue))
        ),
    )


def with_neighbours(frame: Frame, page: bytes, neighbours: Neighbours) -> bytes | None:
    """Return a page with other neighbours and not a byte more changed.

    None: it is not as we wrote it, so it has to be written anew.
    """
    before, opened, rest = page.partition(_OPEN.encode())
    _, closed, after = rest.partition(_CLOSE.encode())
    if not opened or not closed or _CLOSE.encode() in after or _OPEN.encode() in after:
        return None
    return before + _neighbours(frame, neighbours).encode(errors="ignore") + after


def shown(page: bytes) -> Shown | None:
    """Return what an issue's page says of itself; None if it is no page of ours."""
    found = _SHOWS.search(page)
    if not found:
        return None
    words, published, updated = (part.decode() for part in found.groups())
    try:
        moments = datetime.fromisoformat(published), datetime.fromisoformat(updated)
    except ValueError:
        return None
    if any(moment.tzinfo is None for moment in moments):
        return None
    return Shown(words=words, published=moments[0], updated=moments[1])


def list_page(
    frame: Frame,
    rows: Sequence[Row],
    *,
    url: str,
    older: str | None,
    newer: str | None,
    number: int | None = None,
    group: Group | None = None,
    feeds: Sequence[FeedLink] | None = None,
) -> str:
    """Return a list of issues.

    Pure. Days are those of the zone `published` is given in.

    Args:
        frame: what is around it.
        rows: newest first; on the home page there may be none.
        url: of the page.
        older: address of the list with what came before.
        newer: address of the list with what came after.
        number: of a page that is full; the newest one has none.
        group: what the issues have in common; None: every issue.
        feeds: of the group.
    """
    newsletter = frame.newsletter
    return frame.write(
        "list.html",
        language=newsletter.language,
        canonical=url,
        description=f"{newsletter.name}: {group.name}"
        if group
        else newsletter.tagline or newsletter.name,
        feeds=[*(feeds or ()), *frame.feed_links()],
        rows=rows,
        older=older,
        newer=newer,
        number=number,
        group=group,
        is_home=group is None and number is None,
    )


def topics_page(frame: Frame, groups: Sequence[tuple[Group, int, str | None]]) -> str:
    """Return the list of tags, sections and years.

    Args:
        frame: what is around it.
        groups: each with the number of its issues and the address of its feed, by name.
    """
    kinds = [
        (kind, [each for each in groups if each[0].key.startswith(f"{kind}/")])
        for kind in ("tags", "sections", YEARS)
    ]
    return frame.write(
        "topics.html",
        language=frame.newsletter.language,
        canonical=f"{frame.home_url}topics/",
        description=frame.newsletter.tagline or frame.newsletter.name,
        kinds=kinds,
    )


def search_page(frame: Frame, *, shards: int, years: Sequence[Group]) -> str:
    """Return the page that finds issues, and without JavaScript lists the years."""
    return frame.write(
        "search.html",
        language=frame.newsletter.language,
        canonical=f"{frame.home_url}search/",
        description=frame.newsletter.tagline or frame.newsletter.name,
        script=True,
        shards=shards,
        years=years,
    )


def missing_page(frame: Frame) -> str:
    """Return what a server answers with where there is nothing (404)."""
    return frame.write(
        "missing.html",
        language=frame.newsletter.language,
        canonical=f"{frame.home_url}404.html",
        description=frame.newsletter.tagline or frame.newsletter.name,
    )


def _neighbours(frame: Frame, neighbours: Neighbours) -> Markup:
    page = frame.write(
        "neighbours.html",
        language=frame.newsletter.language,
        canonical=frame.home_url,
        description="",
        neighbours=neighbours,
    )
    return Markup("{}{}{}").format(Markup(_OPEN), Markup(page), Markup(_CLOSE))  # noqa: S704
