"""Lists, feeds, the sitemap and the search of a whole archive, and what each is made of."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

import pytest
from feedparser import parse
from lxml import etree
from lxml import html as lxml_html

from pipeline.model.content import Paragraph
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.publish.frame import Frame
from pipeline.publish.record import slug
from tests.unit.archive_shelf import FEEDS, MOMENT, NEWSLETTER, Shelf, issue

HUB: Final = "https://hub.example.org/"
LINKS: Final = "//*[local-name()='link'][@rel]"


def shelf_of(count: int, frame: Frame | None = None, **more: Any) -> Shelf:
    """Return an archive of so many issues."""
    shelf = Shelf(frame) if frame else Shelf()
    for number in range(count):
        shelf.put(f"n{number:03}", issue(f"Number {number}", **more))
    return shelf


def changed(before: Shelf, after: Shelf) -> set[str]:
    """Return the documents that a run would write after the other."""
    old = {path: each.made_of for path, each in before.documents().items()}
    return {path for path, each in after.documents().items() if old.get(path) != each.made_of}


def tree(data: bytes) -> Any:
    """Parse a page."""
    return lxml_html.fromstring(data)


def relations(data: bytes) -> dict[str, str]:
    """Return the links of a feed by relation."""
    return {each.get("rel"): each.get("href") for each in etree.fromstring(data).xpath(LINKS)}


ARCHIVE: Final = shelf_of(64, tags=("tides",))


def test_the_home_page_shows_the_newest_first() -> None:
    """Every issue of the newest page is linked with its title, day and summary."""
    shelf = Shelf()
    shelf.put("one", issue("Quay", number="1"))
    shelf.put("two", issue("<Two>"))

    root = tree(shelf.documents()["index.html"].build())

    assert root.xpath("//main//h2/a/text()") == ["<Two>", "Quay"]
    assert root.xpath("//main//h2/a/@href") == [
        "https://news.example.org/issues/two/",
        "https://news.example.org/issues/one/",
    ]
    assert root.xpath("//main//time/text()") == ["27 November 2026", "20 November 2026"]
    assert root.xpath("string(//h1)") == "The <Harbour> Post"


def test_an_archive_without_issues_says_so() -> None:
    """Before the first issue there are pages and valid feeds, not empty lists."""
    site = Shelf().site()

    for path in ("index.html", "topics/index.html"):
        assert "Nothing is published yet." in tree(site[path]).xpath("string(//main)")
    assert parse(site["feed.xml"]).bozo is False
    assert [path for path in site if path.startswith(("page/", "archive/"))] == []


def test_lists_lead_through_the_whole_archive() -> None:
    """From the home page on, each list names the one before, and all issues are in one of them."""
    documents = ARCHIVE.documents()
    path, found = "index.html", []
    for _ in range(20):
        root = tree(documents[path].build())
        found += root.xpath("//main//h2/a/text()")
        older = root.xpath("string(//main//a[@rel='next']/@href)")
        if not older:
            break
        path = f"{older.removeprefix('https://news.example.org/')}index.html"

    assert found == [f"Number {number}" for number in reversed(range(64))]


def test_no_two_documents_are_the_same_file() -> None:
    """Every path is written once."""
    paths = [each.path for each in ARCHIVE.documents().values()]

    assert len(set(paths)) == len(paths)


def test_the_site_is_byte_identical_on_repeat() -> None:
    """Unchanged files need not be rewritten, so servers answer 304."""
    assert shelf_of(12, tags=("tides",)).site() == shelf_of(12, tags=("tides",)).site()


def test_what_is_made_of_the_same_has_the_same_bytes() -> None:
    """The digest never claims that nothing changed when a byte would."""
    before, after = shelf_of(64, tags=("tides",)), shelf_of(65, tags=("tides",))
    written = changed(before, after)

    old = {path: each.build() for path, each in before.documents().items()}
    new = {path: each.build() for path, each in after.documents().items()}

    assert {path for path, data in new.items() if old.get(path) != data} <= written


def test_a_new_issue_touches_little() -> None:
    """Full pages, full feed documents and full parts of the sitemap are left alone."""
    assert changed(ARCHIVE, shelf_of(65, tags=("tides",))) == {
        *("index.html", "topics/index.html", "llms.txt", "search/1.json"),
        *("tags/tides/index.html", "tags/tides/feed.xml"),
        *("years/2028/index.html", "sitemap-1.xml", "sitemap.xml"),
        *("feed.xml", "atom.xml", "feed.json"),
    }


def test_feeds_come_last() -> None:
    """Who is called by a feed finds everything else already there."""
    order = list(ARCHIVE.documents())

    assert order[-1] == "feed.json"
    assert max(order.index(path) for path in order if path.endswith(".html")) < order.index(
        "tags/tides/feed.xml"
    )


@pytest.mark.parametrize("name", ["feed.xml", "atom.xml"])
def test_feed_documents_hold_the_whole_archive(name: str) -> None:
    """From the feed back by prev-archive, RFC 5005 4: every issue, and valid documents."""
    documents = ARCHIVE.documents()
    url, seen = f"https://news.example.org/{name}", set()
    for _ in range(10):
        data = documents[url.removeprefix("https://news.example.org/")].build()
        parsed = parse(data)
        assert parsed.bozo is False
        assert relations(data)["self"] == url
        seen |= {each.id for each in parsed.entries}
        if "prev-archive" not in relations(data):
            break
        url = relations(data)["prev-archive"]

    assert len(seen) == 64


@pytest.mark.parametrize("path", ["atom.xml", "tags/tides/feed.xml"])
def test_a_feed_is_asked_for_what_it_has_room_for(path: str) -> None:
    """Heavy issues are not read for nothing, and whatever is read is in the feed."""
    shelf = Shelf()
    for number in range(12):
        heavy = Paragraph(("word " * (10_000 if number % 3 else 40_000),))
        section = Section(title=None, stories=(Story(title="A", body=(heavy,)),))
        what = Issue(title=f"Number {number}", sections=(section,), tags=("tides",))
        shelf.put(f"n{number:03}", what)
    asked: list[str] = []
    item = shelf.item
    shelf.item = lambda record: (asked.append(record.entry), item(record))[1]  # type: ignore[method-assign,func-returns-value]

    feed = parse(shelf.documents()[path].build())

    shown = [each.link.split("/")[-2] for each in feed.entries]
    assert shown == asked[::-1]
    assert 1 < len(shown) < 12


def test_an_archive_document_says_that_it_is_one() -> None:
    """It names the feed it is of, and has no link that a later issue would change."""
    root = etree.fromstring(ARCHIVE.documents()["archive/1/atom.xml"].build())
    about = {each.get("rel"): each.get("href") for each in root.iterfind("{*}link")}

    assert about == {
        "self": "https://news.example.org/archive/1/atom.xml",
        "current": "https://news.example.org/atom.xml",
        "alternate": "https://news.example.org/",
    }
    assert root.xpath("count(//*[local-name()='archive'])") == 1


def test_a_feed_without_an_archive_is_as_it_always_was() -> None:
    """Below fifty issues no link and no namespace is added."""
    data = shelf_of(3).documents()["feed.xml"].build()

    assert set(relations(data)) == {"self"}
    assert b"history" not in data


@pytest.mark.parametrize("name", ["feed.xml", "atom.xml"])
def test_a_feed_names_its_hub(name: str) -> None:
    """WebSub: hub and self stand in the document; archive documents have no hub."""
    frame = Frame(newsletter=NEWSLETTER, feeds=FEEDS, hub=HUB)
    documents = shelf_of(64, frame).documents()

    assert relations(documents[name].build())["hub"] == HUB
    assert "hub" not in relations(documents[f"archive/1/{name}"].build())


def test_json_feed_has_hub_and_next_page() -> None:
    """JSON Feed has names of its own for the two."""
    frame = Frame(newsletter=NEWSLETTER, feeds=FEEDS, hub=HUB)
    feed = json.loads(shelf_of(64, frame).documents()["feed.json"].build())

    assert feed["hubs"] == [{"type": "WebSub", "url": HUB}]
    assert feed["next_url"] == "https://news.example.org/archive/1/feed.json"


def test_a_tag_has_a_page_and_a_feed() -> None:
    """Who wants one topic only can have it; id and title tell it from the other feed."""
    shelf = Shelf()
    shelf.put("one", issue("One", tags=("Tides", "C++")))
    shelf.put("two", issue("Two"))
    documents = shelf.documents()

    root = tree(documents["tags/tides/index.html"].build())
    feed = parse(documents["tags/tides/feed.xml"].build())

    assert root.xpath("string(//h1)") == "Tides"
    assert root.xpath("//main//h2/a/text()") == ["One"]
    assert (
        root.xpath("//link[@rel='alternate']/@href")[0]
        == "https://news.example.org/tags/tides/feed.xml"
    )
    assert feed.feed.title == "The <Harbour> Post: Tides"
    assert feed.feed.link == "https://news.example.org/tags/tides/"
    assert [each.title for each in feed.entries] == ["One"]


def test_a_section_that_comes_again_has_a_feed_of_its_own() -> None:
    """It holds that part of each issue, leads to it, and is known by an id of its own."""
    shelf = Shelf()
    for number in range(2):
        news = Section(title="News", stories=(Story(title=f"Told {number}"),))
        rest = Section(title=f"Once {number}", stories=(Story(title="Hidden"),))
        shelf.put(f"n{number}", Issue(title=f"Number {number}", sections=(news, rest)))
    documents = shelf.documents()

    feed = parse(documents["sections/news/feed.xml"].build())

    assert [each.title for each in feed.entries] == ["Number 1", "Number 0"]
    assert feed.entries[0].link == "https://news.example.org/issues/n1/#news"
    assert feed.entries[0].id == "tag:news.example.org,2026:issue:n1:sections/news"
    assert "Told 1" in feed.entries[0].content[0].value
    assert "Hidden" not in feed.entries[0].content[0].value
    assert [path for path in documents if "once" in path] == []


def test_topics_lists_every_group_with_its_feed() -> None:
    """Tags, sections and years, by name, with the number of issues."""
    shelf = Shelf()
    shelf.put("one", issue("One", tags=("winter", "Ports")))
    root = tree(shelf.documents()["topics/index.html"].build())

    assert root.xpath("//section/h2/text()") == ["Tags", "Years"]
    assert root.xpath("//section[1]//li/a[1]/text()") == ["Ports", "winter"]
    assert root.xpath("//a[@class='feed']/@href") == [
        "https://news.example.org/tags/ports/feed.xml",
        "https://news.example.org/tags/winter/feed.xml",
    ]


@pytest.mark.parametrize(
    ("one", "other"), [("C", "C++"), ("tides", "Tídes"), ("a b", "a-b c"), ("港", "湾"), ("", "-")]
)
def test_other_names_are_other_folders(one: str, other: str) -> None:
    """Two tags never share a page because they look alike in ASCII."""
    assert slug(one) != slug(other)


def test_case_does_not_make_another_tag() -> None:
    """People write a tag as they like."""
    assert slug("Tide Tables") == slug("tide tables") == "tide-tables"


def test_the_sitemap_names_every_page_and_when_it_changed() -> None:
    """An index, parts of five hundred, moments of the content and not of the run."""
    shelf = shelf_of(2)
    shelf.put("n002", issue("Three"), updated=MOMENT + timedelta(weeks=9))
    documents = shelf.documents()
    index = etree.fromstring(documents["sitemap.xml"].build())
    part = etree.fromstring(documents["sitemap-1.xml"].build())

    assert index.xpath("//*[local-name()='loc']/text()") == [
        "https://news.example.org/sitemap-lists.xml",
        "https://news.example.org/sitemap-1.xml",
    ]
    assert part.xpath("//*[local-name()='loc']/text()")[-1] == (
        "https://news.example.org/issues/n002/"
    )
    assert part.xpath("//*[local-name()='lastmod']/text()")[-1] == "2027-01-22T09:00:00Z"
    assert b"Sitemap: https://news.example.org/sitemap.xml" in documents["robots.txt"].build()


def test_the_search_finds_what_a_reader_remembers() -> None:
    """Title, number, summary, topics, sections and names of stories are in the index."""
    shelf = Shelf()
    story = Story(title="The Dredger")
    what = Issue(
        title="Quay",
        number="91",
        subtitle="Plus: rope",
        tags=("winter",),
        sections=(Section(title="Ports", stories=(story,)),),
    )
    shelf.put("n1", what)
    [found] = json.loads(shelf.documents()["search/1.json"].build())
    words = f"{found['number']} {found['title']} {found['text']}"

    assert [word for word in ("91", "Quay", "Plus: rope", "winter", "Ports", "Dredger")
            if word not in words] == []  # fmt: skip
    assert found["day"] == "20 November 2026"


def test_without_javascript_the_search_leads_to_the_years() -> None:
    """The page has a list of years for whoever runs no script."""
    root = tree(ARCHIVE.documents()["search/index.html"].build())

    assert root.xpath("//noscript//li/a/@href") == [
        "https://news.example.org/years/2028/",
        "https://news.example.org/years/2027/",
        "https://news.example.org/years/2026/",
    ]


def test_a_program_that_reads_finds_markdown() -> None:
    """llms.txt names the newsletter and the Markdown of each of the newest issues."""
    shelf = Shelf()
    shelf.put("n1", issue("Quay", subtitle="Plus: rope"))
    site = shelf.site()

    assert site["llms.txt"].decode().splitlines()[:7] == [
        r"# The \<Harbour\> Post",
        "",
        "> Tides & boats",
        "",
        "## Issues",
        "",
        "- [Quay](https://news.example.org/issues/n1/index.md): Plus: rope",
    ]
    assert b'title: "Quay"' in site["issues/n1/index.md"]


def test_other_settings_make_other_documents() -> None:
    """A new tagline reaches every list, although no issue changed."""
    other = Newsletter(name="Another", site_url="https://news.example.org")
    written = changed(shelf_of(2), shelf_of(2, Frame(newsletter=other, feeds=FEEDS)))

    assert {"index.html", "feed.xml", "404.html", "topics/index.html"} <= written


def test_a_missing_page_is_not_for_search_engines() -> None:
    """404.html leads home and asks not to be listed."""
    root = tree(ARCHIVE.documents()["404.html"].build())

    assert root.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert "https://news.example.org/" in root.xpath("//main//a/@href")
