"""Whatever a name, a title or a tag holds: in the whole archive nothing runs and nothing leads out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final

import pytest
from lxml import etree
from msgspec.structs import replace

from pipeline.model.issue import Issue
from pipeline.model.newsletter import Newsletter
from pipeline.publish.frame import Frame
from tests.unit.archive_shelf import FEEDS, Shelf, issue

EVIL: Final = (
    "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)><!--neighbours-->]]>"
)
LINK: Final = "](javascript:alert(1)) [x](javascript:alert(2)) <javascript:alert(3)>"
TAGS: Final = (
    EVIL,
    "../x",
    "../../etc/passwd",
    "..",
    ".",
    "/",
    "a\\..\\b",
    "%2e%2e/x",
    "\0",
    "con/",
)
HOME: Final = "https://news.example.org/"


def hostile() -> Issue:
    """Return an issue with markup in every word of it."""
    made = issue(EVIL, section=EVIL, subtitle=EVIL + LINK, authors=(EVIL,), tags=TAGS, number=EVIL)
    story = replace(made.stories[0], title=EVIL)
    section = replace(made.sections[0], stories=(story,))
    return replace(
        made,
        sections=(section,),
        language='en"><script>alert(1)</script>',
        image="javascript:alert(1)",
        canonical_url="javascript:alert(1)",
    )


@pytest.fixture(scope="module")
def site() -> Mapping[str, bytes]:
    """Give an archive of three such issues, in a newsletter of that name."""
    newsletter = Newsletter(name=EVIL, tagline=EVIL + LINK, site_url=HOME.rstrip("/"))
    shelf = Shelf(Frame(newsletter=newsletter, feeds=FEEDS, subscribe=True))
    for number in range(3):
        shelf.put(f"n{number}", hostile())
    return shelf.site()


class Page(HTMLParser):
    """Collects what could run, or lead somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[dict[str, str]] = []
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.data: list[str] = []
        self._is_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        said = {name: value or "" for name, value in attrs}
        self.elements.add(tag)
        self.attributes += said.items()
        if tag == "script":
            self.scripts.append(said)
        self._is_data = said.get("type") == "application/ld+json"

    def handle_data(self, data: str) -> None:
        """Note what machines read."""
        if self._is_data:
            self.data.append(data)
            self._is_data = False


def pages(site: Mapping[str, bytes]) -> Mapping[str, Page]:
    """Read every page as a browser does."""
    found = {}
    for name, data in site.items():
        if name.endswith(".html"):
            found[name] = Page()
            found[name].feed(data.decode())
            found[name].close()
    return found


def test_no_page_runs_anything_but_the_search(site: Mapping[str, bytes]) -> None:
    """Scripts are data, or the one file of the site; no attribute is an event."""
    read = pages(site)

    assert len(read) > 15
    for name, page in read.items():
        runs = [each for each in page.scripts if each.get("type") != "application/ld+json"]
        search = [{"src": f"{HOME}search/search.js", "defer": ""}]
        assert runs == (search if name == "search/index.html" else []), name
        assert [each for each, _ in page.attributes if each.startswith("on")] == [], name
        assert not page.elements & {"img", "iframe", "object", "svg", "base"}, name


def test_every_address_is_of_the_web(site: Mapping[str, bytes]) -> None:
    """No scheme but http, https and none; and none that leaves the site, for nothing names one."""
    for name, page in pages(site).items():
        for attribute, value in page.attributes:
            if attribute in {"href", "src", "action"}:
                assert value.startswith((HOME, "#")), (name, value)


def test_data_for_machines_is_one_value(site: Mapping[str, bytes]) -> None:
    """JSON-LD ends where it should, and says the words themselves."""
    for number in range(3):
        (data,) = pages(site)[f"issues/n{number}/index.html"].data

        assert json.loads(data)["headline"] == EVIL


def test_the_links_to_the_neighbours_have_one_place(site: Mapping[str, bytes]) -> None:
    """The marks around them cannot be written by an author."""
    for number in range(3):
        assert site[f"issues/n{number}/index.html"].count(b"<!--neighbours-->") == 1


def test_no_file_lies_outside_the_site(site: Mapping[str, bytes]) -> None:
    """A tag is a name of small letters, digits and hyphens, however it is written."""
    tags = {name.split("/")[1] for name in site if name.startswith("tags/")}

    assert [name for name in site if not re.fullmatch(r"[a-z0-9./-]+", name) or ".." in name] == []
    assert len(tags) >= len(TAGS) - 1  # of "\0" nothing is left
    assert [tag for tag in tags if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", tag)] == []


def test_feeds_and_index_are_whole(site: Mapping[str, bytes]) -> None:
    """They are read by parsers that forgive nothing."""
    for name, data in site.items():
        if name.endswith(".xml"):
            etree.fromstring(data)
        elif name.endswith(".json"):
            json.loads(data)


def test_the_list_for_programs_has_our_links_only(site: Mapping[str, bytes]) -> None:
    """In llms.txt words cannot become a link, a heading or markup."""
    text = re.sub(r"\\.", "", site["llms.txt"].decode())

    links = re.findall(r"\]\(([^)]*)\)|<([^>]*)>", text)
    assert links
    assert [link for pair in links for link in pair if link and not link.startswith(HOME)] == []
    assert [line for line in text.splitlines() if line.startswith("#")][1:] == [
        "## Issues",
        "## Optional",
    ]
