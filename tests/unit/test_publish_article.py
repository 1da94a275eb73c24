"""The article is safe whatever the issue says, and says all of it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import content as c
from pipeline.model.issue import Issue, Section, Source, Story, StoryKind
from pipeline.model.reading import issue_text
from pipeline.publish.anchors import anchors, contents
from pipeline.publish.article import article_html
from pipeline.publish.links import link_url, web_url
from pipeline.publish.words import words_for

BASE: Final = "https://news.example.org/"
ELEMENTS: Final = {
    *("section", "div", "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre"),
    *("code", "table", "thead", "tbody", "tr", "th", "td", "hr", "figure", "figcaption", "img"),
    *("a", "em", "strong", "del", "br"),
}
ATTRIBUTES: Final = {
    *("class", "href", "src", "alt", "title", "scope", "start", "id", "width", "height"),
}

HOSTILE: Final = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' style='x",
    "]]>",
    "&amp;lt;",
    "a\x00b\x08c\x1bd\x85e\ufffef",
    "\ud800",
    "</section></article>",
    "<!--",
    "{{ 7 * 7 }}",
)
URLS: Final = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " \x01javascript:alert(1)",
    "java\nscript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "https:",
    "http://[::1",
    "//other.example.org/x",
    "/about",
    "about?q=a b\"c'd",
    "#part",
    "https://example.org/ünï?q=<b>",
    "mailto:ada@example.org?subject=a b",
    "tel:123",
    "",
)

TEXT = st.sampled_from(HOSTILE) | st.text(max_size=8)
URL = st.sampled_from(URLS) | st.text(max_size=8)
INLINE: st.SearchStrategy[c.Inline] = st.recursive(
    TEXT
    | st.builds(c.Code, TEXT)
    | st.builds(c.Image, URL, TEXT, st.none() | TEXT)
    | st.builds(c.LineBreak),
    lambda inner: st.one_of(
        st.builds(c.Emphasis, st.tuples(inner)),
        st.builds(c.Strong, st.tuples(inner)),
        st.builds(c.Strikethrough, st.tuples(inner)),
        st.builds(c.Link, URL, st.tuples(inner)),
    ),
    max_leaves=4,
)
CONTENT = st.lists(INLINE, max_size=2).map(tuple)
BLOCK: st.SearchStrategy[c.Block] = st.recursive(
    st.one_of(
        st.builds(c.Paragraph, CONTENT),
        st.builds(c.CodeBlock, TEXT, st.none() | TEXT),
        st.builds(
            c.Table,
            st.tuples(CONTENT, CONTENT),
            st.tuples(st.tuples(CONTENT)),
            st.sampled_from([(), ("right",), (None, "center")]),
        ),
        st.builds(c.Rule),
        st.builds(c.Figure, st.builds(c.Image, URL, TEXT), st.none() | TEXT, st.none() | URL),
        st.builds(c.Button, URL, CONTENT),
        st.builds(c.Heading, st.integers(4, 6), CONTENT),
    ),
    lambda inner: st.one_of(
        st.builds(c.Quote, st.tuples(inner)),
        st.builds(c.Labelled, TEXT, st.tuples(inner)),
        st.builds(c.ListBlock, st.tuples(st.tuples(inner)), st.booleans(), st.integers(0, 9)),
    ),
    max_leaves=4,
)
BLOCKS = st.lists(BLOCK, max_size=3).map(tuple)
ISSUE = st.builds(
    Issue,
    title=TEXT,
    intro=BLOCKS,
    sections=st.tuples(
        st.builds(
            Section,
            title=st.none() | TEXT,
            intro=BLOCKS,
            stories=st.tuples(
                st.builds(
                    Story,
                    kind=st.sampled_from(StoryKind),
                    title=st.none() | TEXT,
                    tldr=st.none() | CONTENT,
                    body=BLOCKS,
                    takeaways=st.lists(CONTENT, max_size=2).map(tuple),
                    tradeoffs=st.lists(CONTENT, max_size=2).map(tuple),
                    source=st.none() | st.builds(Source, anchor=TEXT, url=st.none() | URL),
                )
            ),
        )
    ),
)


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the element and its attributes."""
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        """Note the words."""
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        """Refuse: the article has no comments."""
        raise AssertionError(data)


def read(html: str) -> Reader:
    """Parse HTML."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def article(*blocks: c.Block, title: str | None = None) -> str:
    """Write blocks as the only story of an issue."""
    story = Story(title=title, body=blocks)
    return article_html(Issue(title="T", sections=(Section(stories=(story,)),)), base_url=BASE)


@given(issue=ISSUE)
def test_nothing_active_comes_out_of_any_issue(issue: Issue) -> None:
    """Elements, attributes and schemes are those of the allow-list, whatever goes in."""
    page = read(article_html(issue, base_url=BASE, anchors=anchors(issue)))

    assert set(page.elements) <= ELEMENTS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    links = [value for name, value in page.attributes if name in {"href", "src"}]
    safe = ("http://", "https://", "mailto:")
    assert [url for url in links if not url.lower().startswith(safe)] == []


@given(issue=ISSUE)
def test_the_names_in_a_page_are_different_and_lead_somewhere(issue: Issue) -> None:
    """No two ids are equal, none has white space, and the contents name no others."""
    names = [
        value
        for name, value in read(
            article_html(issue, base_url=BASE, anchors=anchors(issue))
        ).attributes
        if name == "id"
    ]

    assert len(set(names)) == len(names)
    assert [name for name in names if not name or name.split() != [name]] == []
    assert {stop.id for stop in contents(issue)} <= set(names)
    assert not {"content", "contents"} & set(names)


def test_a_feed_has_no_names_in_its_articles() -> None:
    """Many articles meet in a reader, and each would have a part called "news"."""
    issue = Issue(title="T", sections=(Section(title="News", stories=(Story(title="A"),)),))

    assert " id=" not in article_html(issue, base_url=BASE)


def test_the_labels_are_in_the_language_of_the_issue() -> None:
    """What no author writes is said in the words of their readers."""
    story = Story(kind=StoryKind.SPONSOR, title="Tau", takeaways=(("a",),))
    issue = Issue(title="T", sections=(Section(stories=(story,)),))

    html = article_html(issue, base_url=BASE, words=words_for("de-AT"))

    assert ">Anzeige<" in html
    assert ">Das Wichtigste<" in html


def test_a_measured_picture_keeps_its_place_while_it_loads() -> None:
    """Width and height stand beside the address, so that no line jumps."""
    html = article(c.Figure(c.Image("/a.png", "A", None, 640, 480)))

    assert ' width="640" height="480">' in html


@given(issue=ISSUE)
def test_no_character_comes_out_that_xml_forbids(issue: Issue) -> None:
    """Every article can stand in a feed: no control character, no lone surrogate."""
    html = article_html(issue, base_url=BASE)

    assert html.isprintable() or all(
        char in "\n\t" or ord(char) >= 0xA0 or " " <= char <= "~" for char in html
    )
    html.encode()


def test_every_word_of_an_issue_is_in_the_article() -> None:
    """All parts of a story are shown, in reading order, but for the issue's own title."""
    story = Story(
        title="Quay",
        tldr=("Floats", c.LineBreak(), "well"),
        body=(
            c.Paragraph(("Body ", c.Strong((c.Emphasis(("strong",)),)))),
            c.Quote((c.Paragraph(("quoted",)),)),
            c.ListBlock(((c.Paragraph(("item",)), c.Paragraph(("more",))),)),
            c.CodeBlock("run\n"),
            c.Table((("head",),), ((("cell",),),), ("right",)),
            c.Figure(c.Image("a.png", "alt"), "caption"),
            c.Heading(4, ("inner",)),
            c.Labelled("Why", (c.Paragraph(("because",)),)),
        ),
        takeaways=(("take",),),
        tradeoffs=(("trade",),),
    )
    issue = Issue(
        title="T",
        intro=(c.Paragraph(("hello",)),),
        sections=(Section(title="News", intro=(c.Paragraph(("lead",)),), stories=(story,)),),
    )

    words = " ".join(read(article_html(issue, base_url=BASE)).words).split()

    position = 0
    for word in " ".join(list(issue_text(issue))[1:]).split():
        position = words.index(word, position)


def test_the_blocks_have_their_elements() -> None:
    """Structure survives as plain semantic HTML."""
    html = article(
        c.ListBlock(((c.Paragraph(("one",)),), (c.Paragraph(("two",)),)), ordered=True, start=3),
        c.CodeBlock("<b>\n", "python repl"),
        c.Table((("A",), ("B",)), ((("1",), ("2",)),), (None, "right")),
        c.Rule(),
        c.Figure(c.Image("/a.png", 'say "hi"', "T"), "Cap", "/b"),
        c.Button("https://example.org/go", ("Go",)),
        c.Quote((c.Paragraph(("q",)),)),
    )

    assert html == (
        '<section class="story">\n'
        '<ol start="3">\n<li>one</li>\n<li>two</li>\n</ol>\n'
        '<pre><code class="language-python">&lt;b&gt;\n</code></pre>\n'
        '<div class="table">\n<table>\n'
        '<thead>\n<tr><th scope="col">A</th><th scope="col" class="right">B</th></tr>\n</thead>\n'
        '<tbody>\n<tr><td>1</td><td class="right">2</td></tr>\n</tbody>\n'
        "</table>\n</div>\n"
        "<hr>\n"
        '<figure>\n<a href="https://news.example.org/b">'
        '<img src="https://news.example.org/a.png" alt="say &#34;hi&#34;" title="T"></a>\n'
        "<figcaption>Cap</figcaption>\n</figure>\n"
        '<p class="button"><a href="https://example.org/go">Go</a></p>\n'
        "<blockquote>\n<p>q</p>\n</blockquote>\n"
        "</section>"
    )


def test_the_labelled_parts_say_what_they_are() -> None:
    """TL;DR, takeaways and trade-offs have a heading, the source is a link."""
    story = Story(
        title="Quay",
        tldr=("Floats",),
        takeaways=(("a",),),
        tradeoffs=(("b",),),
        source=Source(anchor="Report & notes", url="https://example.org/r"),
    )

    html = article_html(Issue(title="T", sections=(Section(stories=(story,)),)), base_url=BASE)

    assert html == (
        '<section class="story">\n<h2>Quay</h2>\n'
        '<section class="tldr">\n<h3>TL;DR</h3>\n<p>Floats</p>\n</section>\n'
        '<section class="takeaways">\n<h3>Key takeaways</h3>\n<ul>\n<li>a</li>\n</ul>\n'
        "</section>\n"
        '<section class="tradeoffs">\n<h3>Trade-offs</h3>\n<ul>\n<li>b</li>\n</ul>\n</section>\n'
        '<p class="source">Source: <a href="https://example.org/r">Report &amp; notes</a></p>\n'
        "</section>"
    )


def test_a_source_that_lost_its_address_keeps_its_words() -> None:
    """Plain text sources have an anchor and no URL."""
    story = Story(source=Source(anchor="Report"))

    html = article_html(Issue(title="T", sections=(Section(stories=(story,)),)), base_url=BASE)

    assert '<p class="source">Source: Report</p>' in html


def test_sponsored_stories_say_so() -> None:
    """A reader can tell a sponsor from the editors in any feed reader."""
    story = Story(kind=StoryKind.SPONSOR, title="Rope")

    html = article_html(Issue(title="T", sections=(Section(stories=(story,)),)), base_url=BASE)

    assert '<p class="kind">Sponsor</p>\n<h2>Rope</h2>' in html


@pytest.mark.parametrize(
    ("section", "story", "levels"),
    [
        (None, None, ["h2"]),
        (None, "Story", ["h2", "h3"]),
        ("Section", None, ["h2", "h3"]),
        ("Section", "Story", ["h2", "h3", "h4"]),
    ],
)
def test_heading_levels_never_skip(
    section: str | None, story: str | None, levels: list[str]
) -> None:
    """An outline reads on from the page's h1, with or without section and story titles."""
    body = (c.Heading(4, ("Inner",)),)
    sections = (Section(title=section, stories=(Story(title=story, body=body),)),)

    elements = read(article_html(Issue(title="T", sections=sections), base_url=BASE)).elements

    assert [name for name in elements if name[0] == "h"] == levels


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("HTTP://example.org", "HTTP://example.org"),
        ("//example.org/a", "https://example.org/a"),
        ("/about", "https://news.example.org/about"),
        ("a b", "https://news.example.org/a%20b"),
        ('/a"b', "https://news.example.org/a%22b"),
        ("mailto:ada@example.org", "mailto:ada@example.org"),
        ("MailTo:ada@example.org", "mailto:ada@example.org"),
        ("https://example.org/ü", "https://example.org/ü"),
        ("javascript:alert(1)", None),
        (" JAVASCRIPT:alert(1)", None),
        ("java\r\nscript:alert(1)", None),
        ("\x00javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https:", "https://news.example.org/"),
        ("https:///a", "https://news.example.org/a"),
        ("http://[::1", None),
        ("ftp://example.org", None),
    ],
)
def test_an_address_is_absolute_or_refused(written: str, resolved: str | None) -> None:
    """Links lead to http, https or mailto, with the host spelled out."""
    assert link_url(written, BASE) == resolved


def test_a_picture_is_never_a_mailto() -> None:
    """What is loaded must be a web address."""
    assert web_url("mailto:ada@example.org", BASE) is None


def test_what_may_not_be_linked_keeps_its_words() -> None:
    """A refused link leaves its text, a refused picture its alternative text."""
    html = article(
        c.Paragraph(
            (c.Link("javascript:x", (c.Strong(("words",)),)), c.Image("data:image/png,x", "alt"))
        )
    )

    assert "<p><strong>words</strong>alt</p>" in html
