"""Issues through the whole walk: what reaches a reader, and in which shape."""

from __future__ import annotations

import itertools
import json
import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import html as lxml_html
from msgspec.structs import replace

from pipeline.model.content import (
    Block,
    Code,
    Figure,
    Image,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Strong,
)
from pipeline.model.issue import Issue, Section, Source, Story, StoryKind
from pipeline.model.issue_json import from_json
from pipeline.model.newsletter import Newsletter
from pipeline.model.reading import issue_text
from pipeline.model.rendered import MergeSlot, RenderedIssue
from pipeline.render import Renderer, packaged_templates
from pipeline.render.compile import compile_mjml
from pipeline.render.preheader import LONGEST, SHORTEST, preheader
from pipeline.render.variables import dateline, say
from pipeline.render.words import fixed_words

DATA: Final = Path(__file__).parents[1] / "golden" / "data" / "render"
NAMES: Final = ("flat", "sectioned", "mixed")
NEWSLETTER: Final = Newsletter(
    name="The Tide & Co.",
    tagline="Boats",
    site_url="https://tide.example.org",
    postal_address="Net Loft\n\nPort Example",
)
WEB_URL: Final = "https://tide.example.org/issues/1/?a=b&c=d"
THEMES: Final = ("digest", "briefing", "essay")
# They keep compiled templates.
RENDERERS: Final = {theme: Renderer([packaged_templates()], theme) for theme in THEMES}

HOSTILE: Final = (
    "Tom & Jerry <b>bold</b>",
    "\"double\" 'single' `back` \\ C:\\new\\table \\u{41}",
    "no\u00a0break soft\u00adhyphen zero\u200bwidth",
    "family 👩\u200d👩\u200d👧\u200d👦 heart ❤️ flag 🇳🇱 tone 👍🏽",
    "हिन्दी क्षि ไทย e\u0301 العربية עברית 漢字",
    "{{ 7 * 7 }} {% raw %} {# gone #} ${x} %s %(x)s {0}",
    "&amp; &lt; &#65; &nbsp; ]]> --> <!-- <!--[if mso]>",
    "</title></style><script>alert(1)</script>",
    "=?utf-8?q?=0ABcc=3A_x?=",
)


def render(
    issue: Issue, newsletter: Newsletter = NEWSLETTER, *, theme: str = "briefing"
) -> RenderedIssue:
    """Render in a theme: the one that shows all a story can have."""
    return RENDERERS[theme].render(issue, newsletter, web_url=WEB_URL)


def one(story: Story, **more: Any) -> Issue:
    """Return an issue of one story."""
    return Issue(title="Title", sections=(Section(stories=(story,)),), **more)


def sample(name: str) -> Issue:
    """Return one of the golden issues."""
    return from_json(json.loads((DATA / f"{name}.json").read_text("utf-8")))


def document(rendered: RenderedIssue) -> lxml_html.HtmlElement:
    """Parse the HTML as a client would."""
    return lxml_html.document_fromstring(rendered.html)


def words_of(element: lxml_html.HtmlElement) -> str:
    """Return the text with the alternatives of pictures, blanks collapsed."""
    alternatives = " ".join(str(alt) for alt in element.xpath("//img/@alt"))
    return re.sub(r"[ \t\n]+", " ", f"{element.text_content()} {alternatives}")


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_arrives_as_it_was_written(title: str) -> None:
    """Subject, title, label and headings all decode to the author's characters."""
    issue = Issue(
        title=title,
        subtitle=title,
        authors=(title,),
        sections=(
            Section(title=title, stories=(Story(title=title, tldr=(title,)), Story(title=title))),
        ),
    )

    rendered = render(issue, replace(NEWSLETTER, name=title, tagline=title))
    root = document(rendered)

    assert rendered.subject == title
    assert root.findtext(".//title") == title
    assert root.xpath("string(//@aria-label)") == title
    for heading in ("h1", "h2[@class='part']", "h3", "p[@class='tl']", "p[@class='name']"):
        assert root.xpath(f"string(//{heading})") == title
    assert rendered.text.count(title) >= 6 or len(title) > 50
    assert not root.xpath("//script")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_attribute_arrives_as_it_was_written(text: str) -> None:
    """Alternatives and titles of pictures survive MJML's escaping of attributes."""
    image = Image("https://tide.example.org/i.png?a=1&b=2", text, text)

    root = document(render(one(Story(body=(Paragraph(("a ", image)), Figure(image, text))))))

    assert set(root.xpath("//img/@alt")) == {text}
    assert set(root.xpath("//img/@title")) == {text}
    assert set(root.xpath("//img/@src")) == {image.url}
    assert root.xpath("string(//p[@class='cap'])") == text


def test_line_ends_and_controls_in_a_title_do_no_harm() -> None:
    """A title is one line; what no mail can carry is shown to be missing."""
    rendered = render(replace(one(Story(title="a\x00\x85b")), title=" x\r\n\ty\x1b[2J "))

    assert rendered.subject == "x y\ufffd[2J"
    assert document(rendered).findtext(".//title") == "x y\ufffd[2J"
    assert "a\ufffd\ufffdb" in rendered.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", rendered.text + rendered.html)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_every_word_is_in_both_parts(name: str, theme: str) -> None:
    """Prose, titles, labels and sources of an issue are in the HTML and in the text."""
    issue = sample(name)

    rendered = render(issue, theme=theme)
    html = words_of(document(rendered))

    sources = [story.source.anchor for story in issue.stories if story.source]
    for text in (*issue_text(issue), *sources, *issue.authors):
        for word in re.split(r"[ \t\n]+", text):
            assert word in html
            assert word in rendered.text


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_every_url_is_in_both_parts(name: str, theme: str) -> None:
    """What a reader of HTML can follow, a reader of text can copy from a line of its own."""
    rendered = render(sample(name), theme=theme)
    root = document(rendered)

    urls = {str(url) for url in root.xpath("//a/@href | //img/@src") if not url.startswith("#")}

    assert {WEB_URL, MergeSlot.UNSUBSCRIBE_URL.value} < urls
    assert urls <= {line.lstrip("> ") for line in rendered.text.split("\n")}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_text_lines_are_short(name: str, theme: str) -> None:
    """Only a URL, a long word or a line of code is longer than 72 characters."""
    for line in render(sample(name), theme=theme).text.split("\n"):
        longest_word = max(map(len, line.split()), default=0)
        assert len(line) <= 72 or longest_word > 60 or line.startswith("    ")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_the_html_is_safe_to_send(name: str, theme: str) -> None:
    """ASCII, a doctype first, nothing remote but the author's, nothing left of the inliner."""
    rendered = render(sample(name), theme=theme)

    assert rendered.html.startswith("<!DOCTYPE html>")
    assert rendered.html.isascii()
    assert rendered.mjml.isascii()
    for trace in (
        "data-premailer",
        "{{ issue",
        "{{ light",
        "<link",
        "@import",
        "@font-face",
        "url(",
    ):
        assert trace not in rendered.html or trace in " ".join(issue_text(sample(name)))
    assert not document(rendered).xpath("//script | //form | //iframe | //object")
    assert len(rendered.html) < 60_000


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_inlining_leaves_style_sheets_and_conditions_alone(name: str, theme: str) -> None:
    """Conditional comments and style blocks are byte for byte those of the compiler."""
    rendered = render(sample(name), theme=theme)
    compiled = compile_mjml(rendered.mjml)

    for pattern in (r"<!--\[if.*?<!\[endif\]-->", r"<style.*?</style>"):
        blocks = re.findall(pattern, compiled, re.DOTALL)
        assert blocks
        assert re.findall(pattern, rendered.html, re.DOTALL) == blocks


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_every_mjml_length_has_a_unit(name: str, theme: str) -> None:
    """A bare 0 in a padding switches off the arithmetic of widths."""
    tags = re.findall(r"<mj-\w[^>]*>", render(sample(name), theme=theme).mjml)
    lengths = re.findall(
        r' (?:padding|width|font-size|line-height|border-top)="([^"]*)"', " ".join(tags)
    )

    assert lengths
    for length in lengths:
        assert all(re.fullmatch(r"\d+(px|%)|solid|#\w{6}", part) for part in length.split())


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_headings_are_an_outline(name: str, theme: str) -> None:
    """One h1 comes first, and no level is skipped."""
    root = document(render(sample(name), theme=theme))

    levels = [int(heading.tag[1]) for heading in root.xpath("//h1|//h2|//h3|//h4|//h5|//h6")]

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_anchors_lead_somewhere(name: str, theme: str) -> None:
    """Each entry of the contents has one target, named both ways clients look for it."""
    root = document(render(sample(name), theme=theme))
    ids = [str(name) for name in root.xpath("//a/@id")]

    targets = [str(href)[1:] for href in root.xpath("//a/@href") if href.startswith("#")]

    assert len(targets) >= 2
    assert set(targets) <= set(ids)
    assert len(ids) == len(set(ids))
    assert ids == root.xpath("//a/@name")


def test_pictures_have_an_alternative_and_a_width() -> None:
    """A figure fills the column by its attribute; every picture has an alt."""
    root = document(render(sample("flat")))

    images = root.xpath("//img")

    assert images
    assert all(image.get("alt") is not None for image in images)
    assert root.xpath("//p[@class='fig']//img/@width") == ["560"]


def test_tables_of_layout_say_so() -> None:
    """Only an author's table is announced as one."""
    root = document(render(sample("flat")))

    assert [t.get("class") for t in root.xpath("//table[not(@role='presentation')]")] == ["tbl"]


def test_rendering_twice_gives_the_same_bytes() -> None:
    """Neither a clock nor a hash seed nor an earlier issue enters."""
    first = render(sample("mixed"))
    render(sample("flat"))

    again = Renderer([packaged_templates()], "briefing")

    assert again.render(sample("mixed"), NEWSLETTER, web_url=WEB_URL) == first


@pytest.mark.parametrize(
    ("language", "lang", "direction"),
    [
        (None, "en", "ltr"),
        ("de-AT", "de-AT", "ltr"),
        ("ar", "ar", "rtl"),
        ("he-IL", "he-IL", "rtl"),
    ],
)
def test_language_and_direction_are_declared(
    language: str | None, lang: str, direction: str
) -> None:
    """The issue's language, else the newsletter's; Arabic and Hebrew run from the right."""
    root = document(render(one(Story(title="a"), language=language)))

    assert (root.get("lang"), root.get("dir")) == (lang, direction)


def test_the_foot_says_why_and_how_to_leave() -> None:
    """Unsubscribe is a slot in both parts; the address has its lines."""
    rendered = render(sample("flat"))
    root = document(rendered)

    slot = MergeSlot.UNSUBSCRIBE_URL.value
    assert root.xpath("//a[text()='Unsubscribe']/@href") == [slot]
    assert f"Unsubscribe:\n{slot}\n" in rendered.text
    assert "Net Loft\nPort Example\n" in rendered.text
    assert "You receive The Tide & Co. because you subscribed at tide.example.org." in words_of(
        root
    )


def test_a_newsletter_that_has_nothing_yet_can_be_looked_at() -> None:
    """Defaults, no tagline, no address, an issue with a title alone."""
    rendered = render(Issue(title="T", sections=(Section(),)), Newsletter())

    assert "Issue" not in words_of(document(rendered))
    assert rendered.preheader == ""


@pytest.mark.parametrize(
    ("source", "html", "text"),
    [
        (Source(anchor="The Log"), "Source: The Log", "Source: The Log\n"),
        (Source(anchor="Bowline"), None, None),
        (
            Source(anchor="The Log", url="https://log.example.org/1"),
            'Source: <a href="https://log.example.org/1"',
            "Source: The Log\nhttps://log.example.org/1\n",
        ),
        (
            Source(anchor="Bowline", url="https://www.log.example.org/1"),
            "Read it at log.example.org",
            "Source: Bowline\nhttps://www.log.example.org/1\n",
        ),
        (Source(anchor="The Log", url="ftp://log.example.org"), "Source: The Log", "The Log\n"),
    ],
)
def test_a_source_is_linked_when_it_can_be(
    source: Source, html: str | None, text: str | None
) -> None:
    """An anchor that repeats the title is not said twice; a lost URL leaves the words."""
    rendered = render(one(Story(title="Bowline", source=source)))
    _, _, foot = rendered.html.partition("<h2")

    if html is None or text is None:
        assert "Source:" not in rendered.html + rendered.text
    else:
        assert html in re.sub(r'" style="[^"]*"', '"', foot)
        assert text in rendered.text


@pytest.mark.parametrize("kind", [kind for kind in StoryKind if kind is not StoryKind.STORY])
def test_a_kind_is_named(kind: StoryKind) -> None:
    """Editorial, sponsor and the others carry their label in both parts."""
    rendered = render(one(Story(kind=kind, title="Bowline", body=(Paragraph(("It holds.",)),))))

    assert f">{kind.value.capitalize()}</span>" in rendered.html
    assert f"\n{kind.value.capitalize()}\n" in rendered.text


def test_paid_space_is_disclosed_and_not_counted() -> None:
    """A sponsor has a sentence saying so, no number and no entry in the contents."""
    stories = tuple(
        Story(kind=kind, title=title)
        for kind, title in (
            (StoryKind.STORY, "One"),
            (StoryKind.SPONSOR, "Oilskins"),
            (StoryKind.STORY, "Two"),
        )
    )

    rendered = render(Issue(title="T", sections=(Section(stories=stories),)))
    root = document(rendered)

    assert "who paid for this space" in rendered.html
    assert "who paid for this space" in rendered.text
    assert [a.text for a in root.xpath("//a[@class='tocd']")] == ["One", "Two"]
    assert [p.text_content().strip() for p in root.xpath("//p[@class='num']")] == [
        "01",
        "Sponsor",
        "02",
    ]


def test_a_story_without_a_title_leads_with_its_first_sentence() -> None:
    """The lead is bold also where it ends inside a link, and no word is lost."""
    link = Link("https://a.example.org", ("salt. Then", Code("x")))
    story = Story(body=(Paragraph(("Rope ", Strong(("hates",)), " ", link, " rots.")),))

    root = document(render(one(story)))
    paragraph = root.xpath("//p[@class='lp']")[0]

    assert paragraph.text_content() == "Rope hates salt. Thenx rots."
    assert paragraph.find("strong").text_content() == "Rope hates salt."
    assert paragraph.xpath(".//a/@href") == ["https://a.example.org"] * 2


def test_one_short_sentence_is_not_bold() -> None:
    """A story that is nothing but a lead has nothing to stand out from."""
    root = document(render(one(Story(body=(Paragraph(("Nine knots of crayfish.",)),)))))

    assert not root.xpath("//strong")


def test_contents_fit_the_issue() -> None:
    """Titled stories are numbered through; a section that names none is counted instead."""
    a, b, c = Story(title="A"), Story(title="B"), Story(body=(Paragraph(("c",)),))
    both = Issue(
        title="T",
        sections=(
            Section(title="X", stories=(a, c)),
            Section(title="Y", stories=(b,)),
            Section(title="Z", stories=(c, c)),
        ),
    )

    text = render(both).text

    assert "\nX\n  1. A\nY\n  2. B\nZ (2)\n" in text
    assert "In this issue" not in render(one(a)).text + render(one(a)).html


def test_deep_nesting_keeps_its_words() -> None:
    """The parser inside the inliner drops what is too deep; nothing gets that deep."""
    block: Block = Paragraph(("deepest",))
    for _ in range(40):
        block = Quote((ListBlock(((Paragraph(("a",)), block),)),))

    rendered = render(one(Story(title="t", body=(block, Paragraph(("afterwards",))))))

    for words in ("deepest", "afterwards"):
        assert words in words_of(document(rendered))
        assert words in rendered.text


@pytest.mark.parametrize(
    ("issue", "expected"),
    [
        (one(Story(title="A"), subtitle="s" * 45), "s" * 45),
        (one(Story(title="A"), subtitle="Short"), "Short · A"),
        (
            one(Story(title="A"), intro=(Paragraph((f"{'word ' * 12}end. {'more ' * 40}",)),)),
            f"{'word ' * 12}end.",
        ),
        (one(Story(title="x" * 70), subtitle="y" * 30), f"{'y' * 30} · {'x' * 70}"),
        (one(Story(title="A"), subtitle="z " * 100), f"{'z ' * 69}z…"),
        (one(Story(title="A"), subtitle="z" * 200), f"{'z' * 139}…"),
    ],
)
def test_the_preheader_is_long_enough_and_not_too_long(issue: Issue, expected: str) -> None:
    """Subtitle, else intro, else labels; cut after a sentence or a word."""
    line = preheader(issue)

    assert line == expected
    assert len(line) <= LONGEST


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", NAMES)
def test_the_preheader_comes_first(name: str, theme: str) -> None:
    """It is the first text of the body, hidden, and as the inbox will show it."""
    rendered = render(sample(name), theme=theme)

    first = document(rendered).xpath("/html/body/div")[0]

    assert first.text_content() == rendered.preheader
    assert "display:none" in first.get("style")
    assert SHORTEST <= len(rendered.preheader) <= LONGEST


def test_the_dateline_leaves_out_what_is_unknown() -> None:
    """Numbers that are words stand alone; declared minutes are not believed."""
    words = fixed_words("en", {"minutes": 1, "stories": 1}, {})
    issue = one(Story(title="A"))
    dated = replace(issue, number="91", date=date(2026, 3, 13))

    assert dateline(issue, words, "en", minutes=1) == ["1 min read"]
    assert dateline(dated, words, "en", minutes=1) == ["Issue 91", "13 March 2026", "1 min read"]
    assert dateline(replace(issue, number="Year-end"), words, "en", minutes=1)[0] == "Year-end"


def test_a_value_that_looks_like_a_gap_is_a_value() -> None:
    """Phrases are filled in one pass."""
    assert say("{a} at {b} {c}", a="{b}", b="x") == "{b} at x {c}"
