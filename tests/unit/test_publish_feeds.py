"""Three formats, one truth: what real feed readers make of our bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from calendar import timegm
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import feedparser
import pytest
from lxml import etree

from pipeline.model.newsletter import Newsletter
from pipeline.publish import atom, jsonfeed, rss
from pipeline.publish.feed import Feed, feed_url
from pipeline.publish.item import MAX_BYTES, FeedItem
from tests.unit.archive_shelf import FEEDS

ROOT = Path(__file__).parents[2]
NEWSLETTER: Final = Newsletter(
    name="The Harbour & Post",
    tagline="Tides <daily>",
    site_url="https://news.example.org",
    language="en-GB",
    since=2024,
)
XML: Final[tuple[Feed, ...]] = (rss.FEED, atom.FEED)
MOMENT: Final = datetime(2026, 11, 20, 10, tzinfo=timezone(timedelta(hours=1)))
TITLES: Final = (
    "Plain",
    "a ]]> b",
    "<script>alert(1)</script>",
    "Fish & <b>chips</b> &amp; peas",
    "nul\x00 bell\x07 escape\x1b nel\x85 end",
    "half a pair \ud83d here",
    "🚢 ⚓️ 👩🏽‍🔧",
    "\u202bمرحبا\u202c بالميناء",
    "line\r\nbreak",
)


def item(number: int, *, title: str = "Quay", html: str = "<p>Tide</p>") -> FeedItem:
    """Make an item published `number` weeks after MOMENT."""
    return FeedItem(
        tag=f"tag:news.example.org,2024:issue:{number}",
        title=title,
        url=f"https://news.example.org/issues/{number}/",
        published=MOMENT + timedelta(weeks=number),
        updated=MOMENT + timedelta(weeks=number, hours=1),
        summary="What <b> does & more",
        html=html,
        authors=("Ada Example", "Ben Example"),
        tags=("tides", "boats & co"),
    )


ITEMS: Final = tuple(item(number, title=title) for number, title in enumerate(TITLES))


def build(feed: Feed, items: tuple[FeedItem, ...] = ITEMS) -> bytes:
    """Build a feed at the address the site gives it."""
    return feed.build(NEWSLETTER, items, feed_url=feed_url(NEWSLETTER, feed))


def parse(data: bytes) -> Any:
    """Parse as feedparser does, but for its guess whether a title is HTML."""
    return feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False)


def facts(feed: Feed, items: tuple[FeedItem, ...] = ITEMS) -> list[tuple[str, ...]]:
    """Return id, link, title, content and day of every item, as a reader sees them."""
    data = build(feed, items)
    if feed is jsonfeed.FEED:
        return [
            (
                one["id"],
                one["url"],
                one["title"],
                one["content_html"],
                datetime.fromisoformat(one["date_published"]).isoformat(),
            )
            for one in json.loads(data)["items"]
        ]
    return [
        (
            one.id,
            one.link,
            one.title,
            one.content[0].value,
            datetime.fromtimestamp(timegm(one.published_parsed), UTC).isoformat(),
        )
        for one in parse(data).entries
    ]


@pytest.mark.parametrize("feed", XML)
@pytest.mark.parametrize("items", [ITEMS, ()], ids=["full", "empty"])
def test_feed_readers_find_nothing_to_complain_about(
    feed: Feed, items: tuple[FeedItem, ...]
) -> None:
    """A strict reader takes RSS and Atom without a fault, also before the first issue."""
    parsed = parse(build(feed, items))

    assert parsed.bozo is False
    assert len(parsed.entries) == len(items)
    assert parsed.feed.title == "The Harbour & Post"
    assert parsed.feed.link == "https://news.example.org/"
    assert parsed.feed.language == "en-GB"


def test_the_three_formats_say_the_same() -> None:
    """Ids, links, titles, contents and moments are equal, in the same order."""
    first, second, third = (facts(feed) for feed in FEEDS)

    assert first == second == third
    assert [one[0] for one in first] == [one.tag for one in reversed(ITEMS)]


def test_titles_lose_control_characters_and_nothing_else() -> None:
    """What a title says arrives letter by letter: brackets, emoji, directions."""
    titles = [title for _, _, title, _, _ in reversed(facts(atom.FEED))]

    assert titles == [
        "Plain",
        "a ]]> b",
        "<script>alert(1)</script>",
        "Fish & <b>chips</b> &amp; peas",
        "nul bell escape nel end",
        "half a pair here",
        "🚢 ⚓️ 👩🏽‍🔧",
        "\u202bمرحبا\u202c بالميناء",
        "line break",
    ]


@pytest.mark.parametrize("feed", FEEDS)
def test_content_arrives_byte_for_byte(feed: Feed) -> None:
    """`]]>` in an article neither ends a CDATA section nor changes."""
    html = "<p>a ]]> b &amp; c</p>\n<pre><code>\n\tx</code></pre>"

    assert [one[3] for one in facts(feed, (item(1, html=html),))] == [html]


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_is_byte_identical_on_repeat(feed: Feed) -> None:
    """Unchanged issues give unchanged files, whatever order they come in."""
    assert build(feed) == build(feed) == build(feed, tuple(reversed(ITEMS)))


BUILD_ALL: Final = """
import hashlib, sys
from datetime import UTC, datetime
from pipeline.model.newsletter import Newsletter
from pipeline.publish import atom, jsonfeed, rss
from pipeline.publish.item import FeedItem
moment = datetime(2026, 11, 20, 9, tzinfo=UTC)
items = [FeedItem(tag=f"tag:x,2024:{n}", title=f"T{n}", url=f"https://example.org/{n}", summary="s",
                  published=moment, updated=moment, html="<p>x</p>", authors=("A", "B"),
                  tags=("one", "two", "three")) for n in range(3)]
for module in (rss, atom, jsonfeed):
    data = module.FEED.build(Newsletter(), items, feed_url="https://example.org/feed")
    print(hashlib.sha256(data).hexdigest())
"""


def test_a_feed_does_not_depend_on_the_hash_seed() -> None:
    """Another process with another seed, zone and locale writes the same bytes."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", BUILD_ALL],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }

    assert len(outputs) == 1
    assert len(outputs.pop().splitlines()) == 3


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_stays_within_its_size(feed: Feed) -> None:
    """The finished document is under 500 KB even where escaping is at its worst."""
    items = tuple(item(number, html="<" * 9_000) for number in range(60))

    data = build(feed, items)

    assert len(data) <= MAX_BYTES
    assert len(facts(feed, items)) == 13


def test_rss_has_one_channel_link_one_self_link_and_names() -> None:
    """The defects of feedgen are repaired: channel link, self link, creator, no guid link."""
    root = etree.fromstring(build(rss.FEED))
    names = {
        "atom": "http://www.w3.org/2005/Atom",
        "dc": "http://purl.org/dc/elements/1.1/",
        "content": "http://purl.org/rss/1.0/modules/content/",
    }

    assert root.xpath("channel/link/text()") == ["https://news.example.org/"]
    assert [dict(link.attrib) for link in root.iterfind("channel/atom:link", names)] == [
        {
            "href": "https://news.example.org/feed.xml",
            "rel": "self",
            "type": "application/rss+xml",
        }
    ]
    assert root.xpath("channel/item[1]/dc:creator/text()", namespaces=names) == [
        "Ada Example",
        "Ben Example",
    ]
    assert root.xpath("channel/item/guid/@isPermaLink") == ["false"] * len(ITEMS)
    assert root.xpath("channel/item[1]/pubDate/text()") == ["Fri, 15 Jan 2027 09:00:00 +0000"]
    assert root.findtext("channel/generator") == "Broadsheet"
    assert root.find("channel/docs") is None
    assert root.find("channel/item/author") is None


def test_rss_descriptions_are_safe_as_html() -> None:
    """Readers render a description, so its brackets are escaped once more."""
    root = etree.fromstring(build(rss.FEED))

    assert root.findtext("channel/item/description") == "What &lt;b&gt; does &amp; more"


def test_atom_links_have_their_relation() -> None:
    """Each entry has one alternate link, complete, and the feed has a self link."""
    root = etree.fromstring(build(atom.FEED))
    names = {"a": "http://www.w3.org/2005/Atom"}

    assert [dict(link.attrib) for link in root.iterfind("a:link", names)] == [
        {
            "href": "https://news.example.org/atom.xml",
            "rel": "self",
            "type": "application/atom+xml",
        },
        {"href": "https://news.example.org/", "rel": "alternate", "type": "text/html"},
    ]
    entries = root.findall("a:entry", names)
    assert [[dict(link.attrib) for link in e.iterfind("a:link", names)] for e in entries] == [
        [{"href": one.url, "rel": "alternate", "type": "text/html"}] for one in reversed(ITEMS)
    ]
    assert root.xpath("a:entry/a:content/@type", namespaces=names) == ["html"] * len(ITEMS)
    assert root.findtext("a:id", namespaces=names) == "tag:news.example.org,2024:feed"
    assert root.findtext("a:updated", namespaces=names) == "2027-01-15T10:00:00+00:00"


def test_an_empty_feed_has_a_fixed_moment() -> None:
    """Before the first issue a feed was last updated when the newsletter began."""
    root = etree.fromstring(build(atom.FEED, ()))

    assert root.findtext("{*}updated") == "2024-01-01T00:00:00+00:00"


def test_json_feed_has_the_required_fields() -> None:
    """Top level and items are as version 1.1 says, keys and types."""
    document = json.loads(build(jsonfeed.FEED, (item(1),)))

    assert document == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "The Harbour & Post",
        "home_page_url": "https://news.example.org/",
        "feed_url": "https://news.example.org/feed.json",
        "description": "Tides <daily>",
        "language": "en-GB",
        "authors": [{"name": "The Harbour & Post", "url": "https://news.example.org/"}],
        "items": [
            {
                "id": "tag:news.example.org,2024:issue:1",
                "url": "https://news.example.org/issues/1/",
                "title": "Quay",
                "summary": "What <b> does & more",
                "content_html": "<p>Tide</p>",
                "date_published": "2026-11-27T09:00:00Z",
                "date_modified": "2026-11-27T10:00:00Z",
                "authors": [{"name": "Ada Example"}, {"name": "Ben Example"}],
                "tags": ["tides", "boats & co"],
            }
        ],
    }


def test_no_feed_shows_an_address_of_a_person() -> None:
    """The sender's address is for mail; feeds are harvested."""
    assert [feed for feed in FEEDS if NEWSLETTER.sender.address.encode() in build(feed)] == []
