"""The pages of the archive: what they say, and what nobody can make them say."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from lxml import html as lxml_html

from pipeline.model.content import Image, Link, Paragraph
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.publish.frame import Frame
from pipeline.publish.page import Neighbours, Row, shown, with_neighbours
from pipeline.publish.record import issue_url
from tests.unit.archive_shelf import FEEDS, FRAME, MOMENT, NEWSLETTER, Shelf, issue

HOSTILE: Final = (
    '"><script>alert(1)</script>]]>\x00\u2028\u202e<!--/neighbours--> </script><!-- {{ 7 * 7 }}'
)
ISSUE: Final = Issue(
    title=f"The quay {HOSTILE}",
    number=f"91{HOSTILE}",
    date=date(2026, 11, 27),
    subtitle=HOSTILE,
    authors=(HOSTILE,),
    tags=(HOSTILE, "javascript:alert(1)"),
    image="javascript:alert(1)",
    canonical_url="javascript:alert(1)",
    language='"><script>',
    sections=(
        Section(
            title=HOSTILE,
            stories=(
                Story(
                    title=HOSTILE,
                    body=(
                        Paragraph(
                            (
                                HOSTILE,
                                Link("javascript:alert(1)", ("y",)),
                                Link("data:text/html,<script>alert(1)</script>", ("z",)),
                                Image("data:image/svg+xml,<svg onload=alert(1)>", HOSTILE),
                            )
                        ),
                    ),
                ),
            ),
        ),
        Section(title=HOSTILE, stories=(Story(title="B"),)),
    ),
)


def hostile() -> Shelf:
    """Return a site whose every word somebody else chose."""
    newsletter = Newsletter(
        name=f"Post {HOSTILE}", tagline=HOSTILE, site_url="https://news.example.org"
    )
    shelf = Shelf(Frame(newsletter=newsletter, feeds=FEEDS, subscribe=True))
    shelf.put("90", ISSUE)
    shelf.put("91", ISSUE)
    shelf.put("92", ISSUE)
    return shelf


HOSTILE_SITE: Final = hostile().site()


def tree(page: str | bytes) -> Any:
    """Parse a page as a browser would."""
    return lxml_html.fromstring(page if isinstance(page, bytes) else page.encode())


def one_page(what: Issue) -> Any:
    """Return the parsed page of a single issue."""
    shelf = Shelf()
    shelf.put("91", what)
    return tree(shelf.page())


@pytest.mark.parametrize("path", [path for path in HOSTILE_SITE if path.endswith(".html")])
def test_no_page_runs_what_somebody_wrote(path: str) -> None:
    """Whatever title, tag or text says: no script but ours, no handler, no address that runs."""
    root = tree(HOSTILE_SITE[path])

    scripts = root.xpath("//script[not(@type='application/ld+json')]")
    assert [each.get("src") for each in scripts] == (
        ["https://news.example.org/search/search.js"] if path == "search/index.html" else []
    )
    assert root.xpath("//iframe | //object | //svg | //base | //@style") == []
    assert [name for each in root.iter("*") for name in each.keys() if name[:2] == "on"] == []  # noqa: SIM118 - lxml
    links = root.xpath("//@href | //@src | //@action")
    assert [url for url in links if not url.startswith(("https://news.example.org/", "#"))] == []
    assert b"\x00" not in HOSTILE_SITE[path]
    assert b"49" not in HOSTILE_SITE[path].partition(b"<main")[2]


@pytest.mark.parametrize("entry", ["90", "91", "92"])
def test_data_for_machines_cannot_be_broken_out_of(entry: str) -> None:
    """JSON-LD is one script element whatever a title holds, and means what it says."""
    text = HOSTILE_SITE[f"issues/{entry}/index.html"].decode()
    [inner] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)

    data = json.loads(inner)

    assert not set("<>&\u2028\u2029") & set(inner)
    assert data["@type"] == "BlogPosting"
    assert "</script><!--" in data["headline"]
    assert text.count("<script") == 1


def test_the_index_of_the_search_cannot_be_broken() -> None:
    """It is data: whatever a title says, JSON it stays, and the script writes no HTML."""
    [newest, *_] = json.loads(HOSTILE_SITE["search/1.json"])
    script = HOSTILE_SITE["search/search.js"].decode()

    assert "</script>" in newest["title"]
    assert newest["url"] == "https://news.example.org/issues/92/"
    assert [word for word in ("innerHTML", "outerHTML", "insertAdjacent", "eval", "write(")
            if word in script] == []  # fmt: skip


def test_a_neighbour_cannot_end_the_part_that_changes() -> None:
    """A title that looks like our mark is escaped, so replacing finds the mark itself."""
    shelf = hostile()
    page = shelf.page(1).encode()

    again = with_neighbours(shelf.frame, page, Neighbours())

    assert page.count(b"<!--neighbours-->") == page.count(b"<!--/neighbours-->") == 1
    assert again is not None
    assert again.count(b"<!--/neighbours-->") == 1
    assert b'rel="prev"' not in again


def test_llms_txt_has_the_links_we_wrote_and_no_others() -> None:
    """A title is text there too: no link, no heading, no line of its own."""
    text = HOSTILE_SITE["llms.txt"].decode()

    links = re.findall(r"(?<!\\)\]\((.*?)\)", text)

    assert links == [f"https://news.example.org/issues/{n}/index.md" for n in (92, 91, 90)]
    assert [line for line in text.splitlines() if line.startswith("#")][1:] == [
        "## Issues",
        "## Optional",
    ]
    assert not re.search(r"(?<!\\)<script", text)


@pytest.mark.parametrize("subscribe", [False, True])
def test_the_policy_allows_the_one_style_and_pictures(subscribe: bool) -> None:
    """The policy names the digest of the style in the page; nothing else is loaded or run."""
    shelf = Shelf(Frame(newsletter=NEWSLETTER, feeds=FEEDS, subscribe=subscribe))
    shelf.put("91")
    text = shelf.page()
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()

    policy = tree(text).xpath('string(//meta[@http-equiv="Content-Security-Policy"]/@content)')

    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' https: http:; "
        f"base-uri 'none'; form-action '{'self' if subscribe else 'none'}'"
    )


def test_only_the_search_may_run_a_script() -> None:
    """Its policy allows files of the own site and nothing in the page."""
    policies = {
        path: tree(data).xpath('string(//meta[@http-equiv="Content-Security-Policy"]/@content)')
        for path, data in HOSTILE_SITE.items()
        if path.endswith(".html")
    }

    assert {path for path, policy in policies.items() if "script-src" in policy} == {
        "search/index.html"
    }
    assert "script-src 'self'; connect-src 'self'" in policies["search/index.html"]
    assert "unsafe" not in " ".join(policies.values())


def test_a_page_has_one_main_heading_and_a_head() -> None:
    """Title, canonical address, description and feeds are where machines look for them."""
    what = issue("Quay & lock", number="91", date=date(2026, 11, 27), subtitle="Plus: rope")
    shelf = Shelf()
    shelf.put("91", what)
    root = tree(shelf.page())

    assert root.xpath("//h1/text()") == ["Quay & lock"]
    assert root.xpath("string(/html/head/title)") == "Quay & lock"
    assert root.xpath("//link[@rel='canonical']/@href") == ["https://news.example.org/issues/91/"]
    assert root.xpath("//meta[@name='description']/@content") == ["Plus: rope"]
    assert root.xpath("//link[@rel='alternate']/@href") == [
        "https://news.example.org/feed.xml",
        "https://news.example.org/atom.xml",
        "https://news.example.org/feed.json",
        "https://news.example.org/issues/91/index.md",
    ]
    assert root.xpath("string(//main//time/@datetime)") == "2026-11-27"
    assert root.xpath("string(//main//time)") == "27 November 2026"
    assert root.xpath("//link[@rel='hub']") == []


def test_a_link_elsewhere_is_shown_with_a_card() -> None:
    """OpenGraph and Twitter find title, day and a picture of the size they ask for."""
    shelf = Shelf()
    shelf.put("91")
    meta = {
        each.get("property") or each.get("name"): each.get("content")
        for each in tree(shelf.page()).xpath("//meta")
    }

    assert meta["og:type"] == "article"
    assert meta["og:image"] == "https://news.example.org/issues/91/card.png"
    assert (meta["og:image:width"], meta["og:image:height"]) == ("1200", "630")
    assert meta["twitter:card"] == "summary_large_image"
    assert meta["article:published_time"] == "2026-11-20T09:00:00+00:00"


def test_the_picture_of_an_issue_wins_over_a_card() -> None:
    """Who chose a picture gets it, and none is drawn."""
    shelf = Shelf()
    shelf.put("91", issue("T", canonical_url="https://blog.example.org/t", image="/cover.png"))
    root = tree(shelf.page())

    assert root.xpath("//link[@rel='canonical']/@href") == ["https://blog.example.org/t"]
    assert root.xpath("//meta[@property='og:image']/@content") == [
        "https://news.example.org/cover.png"
    ]
    assert "issues/91/card.png" not in shelf.pages(0)


def test_machines_read_the_same_as_people() -> None:
    """JSON-LD has title, days, authors and the newsletter it is part of."""
    shelf = Shelf()
    shelf.put(
        "91",
        issue("Quay", authors=("Ada Example",), tags=("tides",)),
        updated=MOMENT + timedelta(days=1),
    )

    data = json.loads(tree(shelf.page()).xpath("string(//script)"))

    assert data["headline"] == "Quay"
    assert data["datePublished"] == "2026-11-20T09:00:00+00:00"
    assert data["dateModified"] == "2026-11-21T09:00:00+00:00"
    assert data["author"] == [{"@type": "Person", "name": "Ada Example"}]
    assert data["isPartOf"]["name"] == "The <Harbour> Post"
    assert data["keywords"] == ["tides"]


def test_a_correction_is_shown() -> None:
    """Who read it before sees that it says something else now, and since when."""
    shelf = Shelf()
    shelf.put("91", updated=MOMENT + timedelta(days=3))

    corrected = tree(shelf.page()).xpath("//p[@class='corrected']")

    assert corrected[0].text_content().split() == ["Corrected", "on", "23", "November", "2026"]
    assert one_page(issue()).xpath("//p[@class='corrected']") == []


def test_sections_are_places_one_can_link_to() -> None:
    """The contents lead to each section; of a single one there are no contents."""
    two = issue("T")
    two = Issue(
        title="T",
        sections=(
            Section(title="Ports & piers", stories=two.stories),
            Section(title="Лодки", stories=two.stories),
        ),
    )
    root = one_page(two)

    links = root.xpath("//nav[@class='contents']//a/@href")

    assert links == ["#ports-piers", "#%D0%BB%D0%BE%D0%B4%D0%BA%D0%B8"]
    assert [each.get("id") for each in root.xpath("//section[h2]")] == ["ports-piers", "лодки"]
    assert one_page(issue("T", section="Only")).xpath("//nav[@class='contents']") == []


def test_stories_are_the_contents_where_there_are_no_sections() -> None:
    """A flat issue has its stories in the contents."""
    flat = Issue(
        title="T", sections=(Section(stories=(Story(title="A"), Story(), Story(title="A"))),)
    )

    root = one_page(flat)

    assert root.xpath("//nav[@class='contents']//a/@href") == ["#a", "#a-2"]


def test_a_page_is_in_the_language_of_its_issue() -> None:
    """Language and direction are those of the issue, the masthead's are the newsletter's."""
    root = one_page(issue("الميناء", language="ar", date=date(2026, 11, 27)))

    assert (root.get("lang"), root.get("dir")) == ("ar", "rtl")
    assert root.xpath("//body/header/@dir") == ["ltr"]
    assert root.xpath("string(//main//time)") == "27 نوفمبر 2026"


def test_the_words_around_an_issue_are_in_its_language() -> None:
    """A German issue says how long it takes in German; the neighbours speak for the newsletter."""
    root = one_page(issue("Der Kai", language="de", number="91"))

    assert "Ausgabe 91" in root.xpath("string(//main//p[@class='facts'])")
    assert root.xpath("//nav[@class='neighbours']/@lang") == ["en"]


def test_every_address_in_a_page_is_absolute() -> None:
    """But for places in the page, it can be saved or mirrored and still works."""
    story = Story(body=(Paragraph((Image("a.png", "a"), Link("/b", ("b",)))),))
    root = one_page(Issue(title="T", sections=(Section(stories=(story,)),)))

    addresses = root.xpath("//@href | //@src")

    assert [url for url in addresses if not url.startswith("https://")] == ["#content"]


def test_neighbours_lead_on() -> None:
    """Before and after: with the relation that browsers and readers know."""
    shelf = Shelf()
    for name in ("one", "two", "three"):
        shelf.put(name)

    middle, last = tree(shelf.page(1)), tree(shelf.page(2))

    assert middle.xpath("//a[@rel='prev']/@href") == ["https://news.example.org/issues/one/"]
    assert middle.xpath("//a[@rel='next']/@href") == ["https://news.example.org/issues/three/"]
    assert last.xpath("//a[@rel='next']") == []


def test_other_neighbours_change_nothing_else() -> None:
    """Taking the new links out and putting the old ones in gives the old page, byte for byte."""
    shelf = Shelf()
    shelf.put("one")
    alone = shelf.page(0).encode()
    shelf.put("two")
    after = Row(
        url="https://news.example.org/issues/two/",
        title="two",
        summary="",
        number=None,
        published=MOMENT,
        language="en",
    )

    linked = with_neighbours(FRAME, alone, Neighbours(newer=after))

    assert linked == shelf.page(0).encode()
    assert with_neighbours(FRAME, linked, Neighbours()) == alone


@pytest.mark.parametrize("page", [b"", b"<!--neighbours-->", b"<!--/neighbours--><!--neighbours-->",
                                  b"<!--neighbours--><!--/neighbours--><!--/neighbours-->"])  # fmt: skip
def test_a_page_of_somebody_else_is_not_patched(page: bytes) -> None:
    """Where our marks are not, once each and in order, nothing is replaced."""
    assert with_neighbours(FRAME, page, Neighbours()) is None


def test_a_page_says_what_it_shows() -> None:
    """Without any other record the site still tells which words it shows, and since when."""
    shelf = Shelf()
    record = shelf.put("91", updated=MOMENT + timedelta(days=1))

    found = shown(shelf.page().encode())

    assert found is not None
    assert (found.words, found.published, found.updated) == (
        record.words,
        record.published,
        record.updated,
    )
    assert shown(b"<p>another page</p>") is None
    assert (
        shown(b'<meta name="broadsheet:shows" content="%s 2026-01-01 2026-13-01">' % (b"a" * 32))
        is None
    )


def test_the_subscribe_form_is_there_if_the_site_has_one() -> None:
    """It posts to /subscribe of the site, has a label, and without the setting it is not there."""
    shelf = Shelf(Frame(newsletter=NEWSLETTER, feeds=FEEDS, subscribe=True))
    shelf.put("91")
    [form] = tree(shelf.page()).xpath("//form")

    assert form.get("action") == "https://news.example.org/subscribe"
    assert form.get("method") == "post"
    assert form.xpath("//label[@for='address']") != []
    assert one_page(issue()).xpath("//form") == []


def test_a_hub_is_named_in_pages() -> None:
    """WebSub subscribers find it where they look."""
    shelf = Shelf(Frame(newsletter=NEWSLETTER, feeds=FEEDS, hub="https://hub.example.org/"))
    shelf.put("91")

    assert tree(shelf.page()).xpath("//link[@rel='hub']/@href") == ["https://hub.example.org/"]


@pytest.mark.parametrize(
    "entry",
    ["", "..", "../x", "a/b", "A", "a\n", "é", "a.b", "-a", "%2e%2e", "a\x00", "a" * 82],
)
def test_no_entry_name_leaves_the_site(entry: str) -> None:
    """A name that is not one of the outbox is refused before it becomes a path."""
    with pytest.raises(ValueError, match="not the name of an entry"):
        issue_url(NEWSLETTER, EntryId(entry))


def test_paths_stay_below_the_site() -> None:
    """Every path is relative, of plain letters, and has no dots in front."""
    for path in HOSTILE_SITE:
        assert not PurePosixPath(path).is_absolute()
        assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)*\.[a-z]+", path), path


def test_days_are_those_of_the_newsletter() -> None:
    """An evening in UTC is the next day in Auckland, and the list says so."""
    evening = datetime(2026, 11, 20, 20, tzinfo=UTC)
    shelf = Shelf()
    shelf.put("91", published=evening.astimezone(ZoneInfo("Pacific/Auckland")))

    root = tree(shelf.documents()["index.html"].build())

    assert root.xpath("string(//main//time)") == "21 November 2026"
