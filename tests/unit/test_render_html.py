"""Author content as HTML, and the cut after a lead sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from pipeline.model.content import (
    Block,
    Button,
    Code,
    CodeBlock,
    Content,
    Emphasis,
    Figure,
    Heading,
    Image,
    Inline,
    Labelled,
    LineBreak,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Rule,
    Strikethrough,
    Strong,
    Table,
    plain,
)
from pipeline.render.characters import attribute, legible
from pipeline.render.html import blocks, inline
from pipeline.render.lead import split_content
from pipeline.render.urls import host, image_url, link_url


def test_inline_markup_nests_and_is_escaped_once() -> None:
    """Every inline member has its element, and author text is text."""
    content: Content = (
        "a < b & c ",
        Emphasis(("e", Strong(("s",)), Strikethrough(("x",)))),
        Code("<i>"),
        LineBreak(),
        Link("https://a.example.org/?x=1&y=2", ("l",)),
    )

    assert inline(content) == Markup(
        "a &lt; b &amp; c <em>e<strong>s</strong><s>x</s></em>"
        '<code class="c">&lt;i&gt;</code><br />'
        '<a href="https://a.example.org/?x=1&amp;y=2">l</a>'
    )


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "//elsewhere.example.org/",
        "/relative",
        "relative.html",
        "#anchor",
        "https:",
        "https:///path",
        "http://[broken",
        "mailto:",
        "",
    ],
)
def test_a_link_nobody_can_follow_stays_as_its_words(url: str) -> None:
    """Other schemes and relative addresses give no href, in prose, buttons and figures."""
    figure = Figure(Image(url, "alt"), "caption", link=url)

    html = inline((Link(url, ("words",)),)) + blocks((Button(url, ("press",)), figure))

    assert "href" not in html
    assert "src" not in html
    assert all(word in html for word in ("words", "press", "alt", "caption"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example.org/b?c=d&e=%20f#g", "https://a.example.org/b?c=d&e=%20f#g"),
        ("HTTP://a.example.org", "HTTP://a.example.org"),
        (" https://a.example.org/a b ", "https://a.example.org/a%20b"),
        ("https://a.example.org/é", "https://a.example.org/%C3%A9"),
        ('https://a.example.org/"><b', "https://a.example.org/%22%3E%3Cb"),
        ("mailto:a@b.example.org", "mailto:a@b.example.org"),
    ],
)
def test_a_link_is_ascii(url: str, expected: str) -> None:
    """What MJML or premailer would quote in their own ways is quoted before."""
    assert link_url(url) == expected


def test_a_picture_is_fetched_over_http_only() -> None:
    """A mail address is a link but no picture."""
    assert image_url("mailto:a@b.example.org") is None
    assert image_url("http://b.example.org/c.png") == "http://b.example.org/c.png"


def test_a_host_is_named_as_readers_name_it() -> None:
    """Neither port nor www, and nothing for what has no host."""
    assert host("https://www.a.example.org:8080/b") == "a.example.org"
    assert host("http://[broken") == ""


def test_attributes_survive_debug_escaping() -> None:
    """Quotes, backslashes and line ends cannot leave an attribute or be doubled in it."""
    assert attribute('a "b"\n\\c\u00a0d') == "a &#34;b&#34; &#92;c\u00a0d"


def test_what_no_mail_can_carry_is_shown_to_be_missing() -> None:
    """Controls, C1 controls, surrogates and non-characters become replacement characters."""
    assert (
        legible("a\x00\x1b\x85\ud800\uffffb\r\nc\td") == "a\ufffd\ufffd\ufffd\ufffd\ufffdb\nc\td"
    )


def test_every_block_has_its_element() -> None:
    """Each member of the closed union is rendered, boxes as one-cell tables."""
    content: tuple[Block, ...] = (
        Paragraph(("p",)),
        ListBlock(((Paragraph(("one",)),),), ordered=True, start=3),
        Quote((Paragraph(("q",)),)),
        CodeBlock("\nif a < b:\n\tpass\n"),
        Table((("h",),), ((("c",),),), ("right",)),
        Rule(),
        Figure(Image("https://a.example.org/i.png", 'a "b"', "t"), "cap", "https://a.example.org"),
        Button("https://a.example.org/", ("go",)),
        Heading(5, ("head",)),
        Labelled("Why", (Paragraph(("because",)),)),
    )

    html = blocks(content, 3, column=500)

    for fragment in (
        '<p class="p">p</p>',
        '<ol class="l" start="3"><li class="li">one</li></ol>',
        '<blockquote class="bq"><p class="pz">q</p></blockquote>',
        '<pre class="pre">\n\nif a &lt; b:\n\tpass</pre>',
        '<th class="th" scope="col" align="right" style="text-align:right">h</th>',
        '<hr class="hr" />',
        '<a href="https://a.example.org"><img class="img" width="500"',
        'src="https://a.example.org/i.png" alt="a &#34;b&#34;" title="t" /></a>',
        '<p class="cap">cap</p>',
        '<a class="bta" href="https://a.example.org/">go</a>',
        '<h4 class="h">head</h4>',
        '<h3 class="lab">Why</h3><p class="p">because</p>',
    ):
        assert fragment in html


def test_a_row_longer_than_the_alignment_is_kept() -> None:
    """Cells without an alignment of their own are not dropped."""
    html = blocks((Table((("a",), ("b",)), ((("c",), ("d",), ("e",)),), ("left",)),))

    assert all(f">{cell}<" in html for cell in "abcde")


def test_nesting_ends_before_parsers_drop_elements() -> None:
    """Content eighty levels deep keeps its words and loses its frames."""
    block: Block = Paragraph((_nested(50),))
    for _ in range(40):
        block = Quote((ListBlock(((block,),)),))

    html = blocks((block,))

    assert "deep" in html
    assert html.count("<blockquote") + html.count("<ul") + html.count("<strong") < 60


def _nested(levels: int) -> Inline:
    node: Inline = "deep"
    for _ in range(levels):
        node = Strong((node,))
    return node


INLINES = st.recursive(
    st.text(alphabet="ab .", max_size=6)
    | st.builds(Code, st.text(alphabet="cd", min_size=1, max_size=4))
    | st.builds(Image, st.just("https://a.example.org/i.png"), st.text("ef", max_size=3))
    | st.just(LineBreak()),
    lambda inner: st.lists(inner, max_size=3).flatmap(
        lambda nodes: st.sampled_from(
            [
                Emphasis(tuple(nodes)),
                Strong(tuple(nodes)),
                Link("https://a.example.org", tuple(nodes)),
            ]
        )
    ),
    max_leaves=8,
)


@given(content=st.lists(INLINES, max_size=4).map(tuple), at=st.integers(0, 30))
def test_a_cut_loses_and_adds_no_character(content: Content, at: int) -> None:
    """Both halves read as the whole did, and the cut is not before the place asked for."""
    before, after = split_content(content, at)

    assert plain(before) + plain(after) == plain(content)
    assert len(plain(before)) >= min(at, len(plain(content)))


def test_a_link_across_the_cut_is_continued() -> None:
    """Both halves lead to the same place, with their emphasis."""
    link = Link("https://a.example.org", ("one ", Emphasis(("two three",))))

    assert split_content((link, " four"), 7) == (
        (Link("https://a.example.org", ("one ", Emphasis(("two",)))),),
        (Link("https://a.example.org", (Emphasis((" three",)),)), " four"),
    )


def test_code_across_the_cut_is_not_cut() -> None:
    """Literal text stays whole, before the cut."""
    assert split_content((Code("abcd"), "e"), 2) == ((Code("abcd"),), ("e",))
