"""Every code of preflight has a mail that triggers it; a good mail triggers none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import pytest

from pipeline.errors import Diagnostic, Severity
from pipeline.model.content import Figure, Image, Inline, Link, ListBlock, Paragraph
from pipeline.model.issue import Issue, Provenance, Section, Source, Span, Story
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import MergeSlot, RenderedIssue
from pipeline.preflight import CODES, RULES, check

SLOT: Final = MergeSlot.UNSUBSCRIBE_URL.value

STORY: Final = Story(
    title="Cranes stand still",
    body=(
        Paragraph(("Nobody knew ", Link("https://example.org/why", ("the reason",)), ".")),
        ListBlock(((Paragraph(("First the wind",)),), (Paragraph(("then the tide",)),))),
        Figure(Image("https://example.org/crane.png", "A crane at dusk")),
    ),
    takeaways=(("Watch the wind",),),
    tradeoffs=(("Time for safety",),),
    source=Source(anchor="Harbour Office", url="https://example.org/office"),
)
ISSUE: Final = Issue(
    title="What the tide tables say",
    subtitle="Five stories on ports, and a correction to last week's map",
    sections=(Section(title="News", stories=(STORY,)),),
)
NEWSLETTER: Final = Newsletter(name="Example Weekly", postal_address="1 Quay Street\nPort Town")
HTML: Final = f"""<!DOCTYPE html>
<html lang="en"><head><title>What the tide tables say</title><style>p {{ margin: 0 }}</style></head>
<body><h1>What the tide tables say</h1>
<p><a href="#s1">Cranes stand still</a></p>
<h2>News</h2>
<h3><a name="s1" id="s1"></a>Cranes stand still</h3>
<p>Nobody knew <a href="https://example.org/why">the reason</a>.</p>
<ul><li>First the wind</li><li>then the tide</li></ul>
<img src="https://example.org/crane.png" alt="A crane at dusk">
<ul><li>Watch the wind</li></ul><ul><li>Time for safety</li></ul>
<p><a href="https://example.org/office">Harbour Office</a></p>
<p>1 Quay Street<br>Port Town</p>
<p><a href="{SLOT}">Unsubscribe</a></p></body></html>
"""
TEXT: Final = f"""\
WHAT THE TIDE TABLES SAY

CRANES STAND
STILL
Nobody knew the reason.
https://example.org/why
- First the
  wind
- then the tide
[A crane at dusk]
- Watch the wind
- Time for safety
Harbour Office <https://example.org/office>

1 Quay Street
Port Town
Unsubscribe: {SLOT}
"""


@dataclass(frozen=True)
class Example:
    """A mail to look at."""

    issue: Issue = ISSUE
    newsletter: Newsletter = NEWSLETTER
    html: str = HTML
    text: str = TEXT
    subject: str = ISSUE.title
    preheader: str = "Five stories on ports, and a correction to last week's map"
    message: bytes = b"Subject: x\r\n\r\nbody\r\n"

    def found(self) -> tuple[Diagnostic, ...]:
        """Return what preflight says of it."""
        rendered = RenderedIssue(
            subject=self.subject,
            preheader=self.preheader,
            mjml="",
            html=self.html,
            text=self.text,
        )
        return check(self.issue, rendered, self.newsletter, message=self.message)

    def codes(self) -> set[str]:
        """Return the codes of what preflight says of it."""
        return {finding.code for finding in self.found()}


GOOD: Final = Example()


def html(old: str, new: str) -> Example:
    """Return the good mail with something else in its HTML."""
    assert old in HTML
    return replace(GOOD, html=HTML.replace(old, new, 1))


def text(old: str, new: str) -> Example:
    """Return the good mail with something else in its text."""
    assert old in TEXT
    return replace(GOOD, text=TEXT.replace(old, new, 1))


def subject(words: str) -> Example:
    """Return the good mail under another subject."""
    return replace(
        GOOD, subject=words, html=HTML.replace(f"<title>{ISSUE.title}", f"<title>{words}")
    )


def saying(*content: Inline) -> Example:
    """Return the good mail of an issue that says one thing more, which no part shows."""
    story = replace(STORY, body=(*STORY.body, Paragraph(content)))
    return replace(GOOD, issue=replace(ISSUE, sections=(Section(stories=(story,)),)))


def linking(url: str, words: str = "the tide tables") -> Example:
    """Return the good mail of an issue that has one link more."""
    return saying(Link(url, (words,)))


def sized(count: int) -> Example:
    """Return the good mail, its HTML with so many bytes."""
    return replace(GOOD, html=HTML + " " * (count - len(HTML)))


def styled(count: int) -> Example:
    """Return the good mail with so many bytes of style."""
    return html("p { margin: 0 }", "p" * count)


TRIGGERS: Final[dict[str, list[Example]]] = {
    "P101": [sized(90_000), sized(101_999)],
    "P102": [
        sized(102_000),
        replace(
            GOOD,
            message=b"Content-Type: text/html\r\n\r\n" + b"=C3=BC" * 17_000,
        ),
    ],
    "P103": [styled(8_193), styled(16_000)],
    "P104": [styled(16_001)],
    "P105": [replace(GOOD, message=b"X: " + b"x" * 996 + b"\r\n\r\n")],
    "P106": [
        text(
            "Nobody knew",
            "Nobody ever knew, for all we could find out in the papers of the harbour,",
        )
    ],
    "P201": [
        linking("http://example.org/"),
        html("https://example.org/crane.png", "http://x.org/i"),
    ],
    "P202": [
        linking("/tides"),
        linking("tides.html"),
        linking("example.org"),
        html('"#s1"', '"x"'),
    ],
    "P203": [
        linking("javascript:alert(1)"),
        linking("data:text/html,x"),
        linking("file:///etc/passwd"),
        linking("tel:+4912345"),
        html('src="https://example.org/crane.png"', 'src="data:image/png;base64,xx"'),
    ],
    "P204": [linking("//example.org/x"), linking("\\\\example.org/x"), linking("/\\example.org")],
    "P205": [
        linking("http://localhost:8000/"),
        linking("https://intranet/x"),
        linking("https://127.0.0.1/"),
        linking("https://127.1/"),
        linking("https://2130706433/"),
        linking("https://[::1]/"),
        linking("https://192.168.1.2/"),
        linking("https://nas.local/"),
        linking("https://a.localhost./"),
        replace(GOOD, newsletter=replace(NEWSLETTER, site_url="https://localhost:8000")),
    ],
    "P206": [
        linking(""),
        linking(" "),
        linking("#"),
        linking("https://"),
        linking("https://exa mple.org"),
        linking("https://example.org/\n"),
        linking("java\tscript:alert(1)"),
        linking("https://[::1"),
        linking("https://example.org:port/"),
        linking("https://example.org\\@evil.example/"),
        linking("mailto:nobody"),
        html("https://example.org/office", ""),
    ],
    "P207": [
        linking("https://example.org/", "here"),
        linking("https://example.org/", "Click here!"),
        linking("https://example.org/", ""),
        linking("https://example.org/", "→"),
        html(">the reason<", "><"),
        html(">the reason<", '><img alt="" src="https://example.org/i.png"><'),
    ],
    "P208": [html('name="s1" id="s1"', "")],
    "P209": [
        linking("mailto:a@example.org?bcc=b@example.org"),
        linking("mailto:a@example.org?CC=b@example.org"),
        linking("mailto:a@example.org,b@example.org"),
    ],
    "P210": [replace(GOOD, newsletter=replace(NEWSLETTER, site_url="http://news.example.org"))],
    "P301": [subject(""), subject(" ")],
    "P302": [subject("x" * 79)],
    "P303": [subject("x" * 61), subject("x" * 78)],
    "P304": [subject("LAST CHANCE TODAY"), subject("ÜBERRASCHUNG")],
    "P305": [
        subject("a\ufffdb"),
        subject("a\u202eb"),
        subject("a\tb"),
        replace(GOOD, preheader="a\u0092b" * 20),
    ],
    "P306": [replace(GOOD, preheader=""), replace(GOOD, preheader="  ")],
    "P307": [replace(GOOD, preheader="x" * 39)],
    "P308": [replace(GOOD, preheader="x" * 141)],
    "P401": [replace(GOOD, newsletter=replace(NEWSLETTER, postal_address=" \n"))],
    "P402": [html(f'<a href="{SLOT}">', "<a>"), html(f'<a href="{SLOT}">', f"{SLOT}<a>")],
    "P403": [text(SLOT, "")],
    "P404": [html("1 Quay Street", ""), text("Port Town", "")],
    "P501": [html(' lang="en"', ""), html('lang="en"', 'lang="und"'), replace(GOOD, html="")],
    "P502": [
        html("<title>What the tide tables say</title>", ""),
        html("What the tide tables say</t", "</t"),
    ],
    "P503": [html("<title>What", "<title>Not what")],
    "P504": [html("<h1>", "<p>"), html("<h2>News</h2>", "<h1>News</h1>")],
    "P505": [html("<h2>News</h2>", "News"), html("<h1>", "<h2>")],
    "P506": [html(' alt="A crane at dusk"', "")],
    "P507": [saying(Image("https://example.org/crane.png", " "))],
    "P601": [replace(GOOD, html=HTML.replace("Cranes stand still", "")), text("STILL", "")],
    "P602": [
        html("First the wind", ""),
        text("then the tide", ""),
        html("Watch the wind", ""),
        text("Time for safety", ""),
    ],
    "P603": [
        html("https://example.org/why", "https://example.org/other"),
        html("https://example.org/crane.png", "https://example.org/other.png"),
        text("https://example.org/office", ""),
        text("https://example.org/why", "https://example.org/why/not"),
    ],
    "P701": [
        text("Nobody", "{{ reader.name }}, nobody"),
        html("Nobody", "{% if x %}Nobody"),
        html("Nobody", "{{Nobody"),
        html("https://example.org/office", "https://example.org/%7B%7B%20x%20%7D%7D"),
        subject("Hello {{ name }}"),
    ],
    "P702": [saying("Write {{ name }} and see")],
    "P703": [
        html(SLOT, "XX0PROFILE0URL0XX"),
        html(SLOT, SLOT.lower()),
        html(SLOT, f"{SLOT}&{SLOT[:12]}"),
        text(SLOT, f"{SLOT[:14]}\n{SLOT[14:]}"),
    ],
    "P704": [subject(f"Read this: {SLOT}"), replace(GOOD, preheader=f"{'x' * 50} {SLOT}")],
}

CASES: Final = [
    pytest.param(code, example, id=f"{code}-{number}")
    for code, examples in TRIGGERS.items()
    for number, example in enumerate(examples)
]


def test_a_good_mail_has_no_findings() -> None:
    """So no rule is triggered by everything."""
    assert GOOD.found() == ()


def test_every_code_is_explained_and_has_an_example() -> None:
    """A code that nothing triggers would be a rule that does not work."""
    assert sorted(TRIGGERS) == sorted(CODES)
    assert all(text_.strip() == text_ and not text_.endswith(".") for text_ in CODES.values())


@pytest.mark.parametrize(("code", "example"), CASES)
def test_the_rule_finds_it(code: str, example: Example) -> None:
    """Each example is found under its code, said on one line, with a remedy."""
    found = [finding for finding in example.found() if finding.code == code]

    assert found
    for finding in found:
        assert finding.message.isprintable()
        assert not finding.message.endswith(".")
        assert finding.help


@pytest.mark.parametrize(
    "example",
    [
        sized(89_999),
        styled(8_192),
        replace(GOOD, message=b"X: " + b"x" * 995 + b"\r\n\r\n"),
        text("Nobody knew", "https://example.org/" + "x" * 80),
        text("Nobody knew", "x" * 80 + "\nNobody knew"),
        subject("x" * 60),
        subject("NASA"),
        subject("日本語のお知らせ、長い題名"),
        replace(GOOD, preheader="x" * 40),
        replace(GOOD, preheader="x" * 140),
        html("https://example.org/why", "https://example.org/why/"),
        html(">the reason<", ' aria-label="the reason"><'),
        html("A crane at dusk", ""),
        replace(GOOD, html=HTML.replace("h3>", "h2>")),
        html("<p>1 Quay Street<br>Port Town</p>", "<p>1&nbsp;Quay Street · Port Town</p>"),
        html("Unsubscribe</a>", "Unsubscribe</a><!-- {{ x }} -->"),
        html("p { margin: 0 }", "@media x { p {{ margin: 0 } }"),
    ],
)
def test_what_is_close_but_right_is_left_alone(example: Example) -> None:
    """Limits are inclusive, and looks do not count."""
    assert example.found() == ()


def test_an_address_of_the_author_is_reported_once_and_with_its_place() -> None:
    """The HTML shows the same address; the author's file is where it is put right."""
    example = linking("http://example.org/ü")
    places = Provenance(
        file="issues/91.md",
        format="markdown",
        sha256="",
        words=1,
        lines=9,
        spans=(
            ("/sections/0/stories/0", Span(3, 1, 8, 1)),
            ("/sections/0/stories/0/body/3", Span(7, 5, 7, 30)),
        ),
    )
    shown = HTML.replace("</h1>", '</h1><a href="http://example.org/%C3%BC">the tide tables</a>')

    found = replace(example, issue=replace(example.issue, provenance=places), html=shown).found()

    (finding,) = [each for each in found if each.code == "P201"]
    assert (finding.file, finding.line, finding.column) == ("issues/91.md", 7, 5)
    assert "'http://example.org/ü'" in finding.message


def test_a_part_without_a_place_has_that_of_what_it_is_in() -> None:
    """A title that no reader recorded is in a story whose lines are known."""
    places = Provenance(
        file="91.txt",
        format="labelled",
        sha256="",
        words=1,
        lines=9,
        spans=(("/sections/0/stories/0", Span(3, 1, 8, 1)),),
    )

    found = replace(text("STILL", ""), issue=replace(ISSUE, provenance=places)).found()

    assert [(each.code, each.line) for each in found] == [("P601", 3)]


def test_findings_of_a_code_are_capped() -> None:
    """A hundred bad links are one mistake; the twentieth says how many there are."""
    content = tuple(Link(f"/page/{number}", (f"page {number}",)) for number in range(100))

    found = [finding for finding in saying(*content).found() if finding.code == "P202"]

    assert len(found) == 20
    assert found[-1].note == "and 80 more like this"
    assert found[0].note is None


def test_many_findings_of_one_code_hide_no_other() -> None:
    """A hundred bad links do not make a missing postal address approvable."""
    content = tuple(Link(f"/page/{number}", (f"page {number}",)) for number in range(100))
    crowded = replace(saying(*content), newsletter=replace(NEWSLETTER, postal_address=""))

    assert "P401" in crowded.codes()


def test_nothing_that_stops_approval_is_a_matter_of_taste() -> None:
    """Errors are what readers cannot undo: the rest only warns."""
    severities = {
        finding.code: finding.severity
        for code, examples in TRIGGERS.items()
        for example in examples
        for finding in example.found()
        if finding.code == code
    }

    errors = {code for code, severity in severities.items() if severity is Severity.ERROR}
    assert errors == {
        *("P102", "P104", "P105", "P202", "P203", "P204", "P205", "P206", "P301", "P305"),
        *("P401", "P402", "P403", "P404", "P501", "P502", "P506", "P601", "P602"),
        *("P701", "P703", "P704"),
    }


def test_a_rule_of_somebody_else_can_be_added() -> None:
    """A rule is a function from a mail to findings."""
    shout = Diagnostic(code="X1", severity=Severity.NOTE, message="no exclamation mark")
    rendered = RenderedIssue(
        subject=GOOD.subject, preheader=GOOD.preheader, mjml="", html=HTML, text=TEXT
    )
    mine: Callable[..., tuple[Diagnostic, ...]] = lambda mail: (  # noqa: E731 - a rule in one line
        () if "!" in mail.rendered.subject else (shout,)
    )

    found = check(ISSUE, rendered, NEWSLETTER, message=GOOD.message, rules=(*RULES, mine))

    assert found == (shout,)


@pytest.mark.parametrize(
    "junk", ["", " ", "<", "<!DOCTYPE html>", "<p>" * 5000, "\x00", "<html><head></head></html>"]
)
def test_no_html_is_too_broken_to_be_looked_at(junk: str) -> None:
    """The worst of templates gives findings, never a traceback."""
    assert "P402" in replace(GOOD, html=junk).codes()
