"""What of an issue a feed shows, and which issues it has room for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.model.content import Paragraph
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.language import direction
from pipeline.model.newsletter import Newsletter
from pipeline.publish.item import (
    MAX_BYTES,
    SUMMARY_LENGTH,
    FeedItem,
    feed_item,
    in_order,
    last_update,
    newest,
    summary,
)

NEWSLETTER = Newsletter(name="The Harbour Post", since=2024)
MOMENT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def item(number: int, *, html: str = "<p>Tide</p>", title: str = "Issue") -> FeedItem:
    """Make an item published `number` weeks after MOMENT."""
    return FeedItem(
        tag=f"tag:news.example.org,2024:issue:{number}",
        title=title,
        url=f"https://news.example.org/issues/{number}/",
        published=MOMENT + timedelta(weeks=number),
        updated=MOMENT + timedelta(weeks=number),
        summary="Tides",
        html=html,
    )


def test_an_issue_becomes_an_item() -> None:
    """Title, summary, article, authors and tags come from the issue."""
    issue = Issue(
        title="The\n quay\x07",
        subtitle="Plus: a whistle",
        authors=("Ada Example",),
        tags=("tides",),
        sections=(Section(stories=(Story(body=(Paragraph(("Floats",)),)),)),),
    )

    made = feed_item(
        issue, NEWSLETTER, tag="tag:x,2024:1", url="https://x/", published=MOMENT, updated=MOMENT
    )

    assert made == FeedItem(
        tag="tag:x,2024:1",
        title="The quay",
        url="https://x/",
        published=MOMENT,
        updated=MOMENT,
        summary="Plus: a whistle",
        html='<section class="story">\n<p>Floats</p>\n</section>',
        authors=("Ada Example",),
        tags=("tides",),
    )


def test_an_issue_without_authors_is_by_the_newsletter() -> None:
    """Atom wants an author; nobody's address is used for it."""
    issue = Issue(title="T", sections=(Section(),))

    made = feed_item(
        issue, NEWSLETTER, tag="tag:x,2024:1", url="https://x/", published=MOMENT, updated=MOMENT
    )

    assert made.authors == ("The Harbour Post",)


@pytest.mark.parametrize(
    ("issue", "line"),
    [
        (Issue(title="T", subtitle="S", sections=(Section(),)), "S"),
        (
            Issue(title="T", sections=(Section(stories=(Story(title="A"), Story(title="B"))),)),
            "A · B",
        ),
        (Issue(title="T", sections=(Section(),)), "T"),
    ],
)
def test_the_summary_falls_back_to_the_stories(issue: Issue, line: str) -> None:
    """An issue without a subtitle is summed up by what is in it."""
    assert summary(issue) == line


def test_a_long_summary_is_cut_between_words() -> None:
    """A summary has its length, and an ellipsis instead of half a word."""
    line = summary(Issue(title="T", subtitle="harbour " * 99, sections=(Section(),)))

    assert len(line) <= SUMMARY_LENGTH
    assert line.endswith("harbour…")


@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 11, 20), datetime(1899, 12, 31, tzinfo=UTC)],  # noqa: DTZ001 - naive on purpose
)
def test_a_moment_no_reader_could_show_is_refused(moment: datetime) -> None:
    """Naive moments and years before 1900 give invalid dates, so there is no such item."""
    with pytest.raises(ValueError, match="cannot show"):
        FeedItem(
            tag="tag:x,2024:1",
            title="T",
            url="https://x/",
            published=moment,
            updated=MOMENT,
            summary="",
            html="",
        )


def test_an_item_is_known_by_a_tag_uri() -> None:
    """A bare number would collide with another publisher's in a reader's cache."""
    with pytest.raises(ValueError, match="tag: URI"):
        FeedItem(
            tag="91",
            title="T",
            url="https://x/",
            published=MOMENT,
            updated=MOMENT,
            summary="",
            html="",
        )


def test_the_newest_fifty_are_taken_newest_first() -> None:
    """The order of arrival does not matter, and old items fall off the end."""
    chosen = newest([item(number) for number in (*range(30, 60), *range(30))])

    assert [one.tag for one in chosen] == [item(number).tag for number in range(59, 9, -1)]


def test_equal_moments_have_one_order() -> None:
    """The tag decides, so the bytes of a feed do not depend on the order of arrival."""
    later = FeedItem(
        tag="tag:x,2024:2",
        title="T",
        url="https://x/",
        published=MOMENT,
        updated=MOMENT,
        summary="",
        html="",
    )
    earlier = FeedItem(
        tag="tag:x,2024:1",
        title="T",
        url="https://x/",
        published=MOMENT,
        updated=MOMENT,
        summary="",
        html="",
    )

    assert in_order([earlier, later]) == in_order([later, earlier]) == [later, earlier]


def test_long_items_leave_room_for_fewer() -> None:
    """A feed stays under its size: aggregators refuse more."""
    chosen = newest([item(number, html="<p>" + "x" * 100_000) for number in range(9)])

    assert [one.tag for one in chosen] == [item(number).tag for number in (8, 7, 6, 5)]


def test_the_newest_is_there_however_long() -> None:
    """One enormous issue is still published, alone."""
    chosen = newest([item(1), item(2, html="x" * (MAX_BYTES + 1))])

    assert [one.tag for one in chosen] == [item(2).tag]


def test_a_feed_changed_when_its_last_item_did() -> None:
    """No clock enters: the newest `updated`, or the year the newsletter began."""
    assert last_update(NEWSLETTER, [item(2), item(1)]) == MOMENT + timedelta(weeks=2)
    assert last_update(NEWSLETTER, []) == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "ltr"),
        ("en-GB", "ltr"),
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("fa_IR", "rtl"),
        ("az-Arab", "rtl"),
        ("ur-Latn-PK", "ltr"),
        ("", "ltr"),
    ],
)
def test_the_direction_follows_the_language_tag(language: str, expected: str) -> None:
    """A script subtag decides before the language does."""
    assert direction(language) == expected
