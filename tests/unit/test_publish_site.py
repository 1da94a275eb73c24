"""The pages and the files of the public site."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath

import pytest
from lxml import html as lxml_html

from pipeline.model.content import Image, Link, Paragraph
from pipeline.model.entry import EntryId
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.publish.item import feed_item
from pipeline.publish.page import home_page, issue_page
from pipeline.publish.site import FEEDS, Published, files, issue_url

NEWSLETTER = Newsletter(
    name="The <Harbour> Post", tagline="Tides & boats", site_url="https://news.example.org"
)
MOMENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script>\x00'
ISSUE = Issue(
    title=f"The quay {HOSTILE}",
    number="91",
    date=date(2026, 11, 27),
    subtitle=HOSTILE,
    authors=(HOSTILE,),
    image="javascript:alert(1)",
    canonical_url="javascript:alert(1)",
    sections=(
        Section(
            title=HOSTILE,
            stories=(Story(title="A", body=(Paragraph((HOSTILE, Link("/x", ("y",)))),)),),
        ),
    ),
)


def page(issue: Issue = ISSUE) -> str:
    """Return the page of an issue at its usual place."""
    return issue_page(issue, NEWSLETTER, url="https://news.example.org/issues/91/", feeds=FEEDS)


def published(entry: str, *, week: int = 0, title: str = "Quay") -> Published:
    """Make a published issue without much in it."""
    issue = Issue(title=title, sections=(Section(stories=(Story(title="A"),)),))
    item = feed_item(
        issue,
        NEWSLETTER,
        tag=f"tag:news.example.org,2026:issue:{entry}",
        url=issue_url(NEWSLETTER, EntryId(entry)),
        published=MOMENT + timedelta(weeks=week),
        updated=MOMENT + timedelta(weeks=week),
    )
    return Published(entry=EntryId(entry), issue=issue, item=item)


def test_a_page_runs_nothing_whatever_the_issue_says() -> None:
    """There is no script, no inline style, no handler, and no address a browser would run."""
    root = lxml_html.fromstring(page())

    assert root.xpath("//script | //iframe | //form | //@style | //@onerror") == []
    assert "javascript:" not in " ".join(root.xpath("//@href | //@src | //@content"))
    assert "\x00" not in page()


def test_the_policy_allows_the_one_style_and_pictures() -> None:
    """The policy names the digest of the style in the page; nothing else is loaded or run."""
    text = page()
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()

    policy = lxml_html.fromstring(text).xpath(
        'string(//meta[@http-equiv="Content-Security-Policy"]/@content)'
    )

    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' https: http:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_a_page_has_one_main_heading_and_a_head() -> None:
    """Title, canonical address, description and feeds are where machines look for them."""
    root = lxml_html.fromstring(page())

    assert root.xpath("count(//h1)") == 1
    assert root.xpath("string(//h1)") == 'The quay "><script>alert(1)</script>'
    assert root.xpath("string(/html/head/title)") == root.xpath("string(//h1)")
    assert root.xpath("//link[@rel='canonical']/@href") == ["https://news.example.org/issues/91/"]
    assert root.xpath("//meta[@name='description']/@content") == ['"><script>alert(1)</script>']
    assert root.xpath("//link[@rel='alternate']/@type") == [feed.media_type for feed in FEEDS]
    assert root.xpath("//link[@rel='alternate']/@href") == [
        "https://news.example.org/feed.xml",
        "https://news.example.org/atom.xml",
        "https://news.example.org/feed.json",
    ]
    assert root.xpath("string(//time/@datetime)") == "2026-11-27"
    assert root.xpath("string(//time)") == "27 November 2026"


def test_an_issue_may_name_its_own_canonical_address_and_picture() -> None:
    """A text first published elsewhere points there."""
    issue = Issue(
        title="T",
        sections=(Section(),),
        canonical_url="https://blog.example.org/t",
        image="/cover.png",
    )

    root = lxml_html.fromstring(page(issue))

    assert root.xpath("//link[@rel='canonical']/@href") == ["https://blog.example.org/t"]
    assert root.xpath("//meta[@property='og:image']/@content") == [
        "https://news.example.org/cover.png"
    ]


def test_a_page_is_in_the_language_of_its_issue() -> None:
    """Language and direction are those of the issue, the masthead's are the newsletter's."""
    issue = Issue(title="الميناء", language="ar", date=date(2026, 11, 27), sections=(Section(),))

    root = lxml_html.fromstring(page(issue))

    assert (root.get("lang"), root.get("dir")) == ("ar", "rtl")
    assert root.xpath("//header/@dir") == ["ltr"]
    assert root.xpath("string(//time)") == "2026-11-27"


def test_every_address_in_a_page_is_absolute() -> None:
    """But for the link to the content, a page can be saved or mirrored and still works."""
    issue = Issue(
        title="T",
        sections=(
            Section(
                stories=(Story(body=(Paragraph((Image("a.png", "a"), Link("/b", ("b",)))),)),)
            ),
        ),
    )

    addresses = lxml_html.fromstring(page(issue)).xpath("//@href | //@src")

    assert [url for url in addresses if not url.startswith("https://")] == ["#content"]


def test_the_home_page_shows_the_newest_first() -> None:
    """Every published issue is linked with its title, day and summary."""
    items = [published("one", week=0).item, published("two", week=1, title="<Two>").item]

    root = lxml_html.fromstring(home_page(NEWSLETTER, items, feeds=FEEDS))

    assert root.xpath("//main//h2/a/text()") == ["<Two>", "Quay"]
    assert root.xpath("//main//h2/a/@href") == [
        "https://news.example.org/issues/two/",
        "https://news.example.org/issues/one/",
    ]
    assert root.xpath("//main//time/text()") == ["27 November 2026", "20 November 2026"]
    assert root.xpath("string(//h1)") == "The <Harbour> Post"


def test_a_home_page_without_issues_says_so() -> None:
    """Before the first issue there is a page, not an empty list."""
    root = lxml_html.fromstring(home_page(NEWSLETTER, [], feeds=FEEDS))

    assert root.xpath("string(//main)").strip() == "Nothing is published yet."


def test_the_site_is_pages_then_index_then_feeds() -> None:
    """A feed never names a page that is not written yet."""
    site = dict(files(NEWSLETTER, [published("one"), published("two", week=1)]))

    assert list(site) == [
        "issues/one/index.html",
        "issues/two/index.html",
        "index.html",
        "feed.xml",
        "atom.xml",
        "feed.json",
    ]
    assert all(data.endswith(b"\n") for data in site.values())
    assert b"https://news.example.org/issues/two/" in site["feed.xml"]


def test_the_site_is_byte_identical_on_repeat() -> None:
    """Unchanged files need not be rewritten, so servers answer 304."""
    issues = [published("one"), published("two", week=1)]

    assert dict(files(NEWSLETTER, issues)) == dict(files(NEWSLETTER, issues[::-1]))


@pytest.mark.parametrize(
    "entry",
    ["", "..", "../x", "a/b", "A", "a\n", "é", "a.b", "-a", "%2e%2e", "a\x00", "a" * 82],
)
def test_no_entry_name_leaves_the_site(entry: str) -> None:
    """A name that is not one of the outbox is refused before it becomes a path."""
    with pytest.raises(ValueError, match="not the name of an entry"):
        issue_url(NEWSLETTER, EntryId(entry))
    bad = Published(entry=EntryId(entry), issue=ISSUE, item=published("one").item)
    with pytest.raises(ValueError, match="not the name of an entry"):
        list(files(NEWSLETTER, [bad]))


def test_an_entry_is_published_once() -> None:
    """Two issues never write the same page."""
    with pytest.raises(ValueError, match="twice"):
        list(files(NEWSLETTER, [published("one"), published("one")]))


def test_paths_stay_below_the_site() -> None:
    """Every path is relative and has no dots in front."""
    for path, _ in files(NEWSLETTER, [published("one")]):
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in PurePosixPath(path).parts
