"""Every code of preflight has a mail that triggers it; a good mail triggers none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.content import Image, Link
from pipeline.model.issue import Provenance, Section, Span
from pipeline.preflight import check, checks
from tests.unit.preflight_mails import (
    GOOD,
    HTML,
    ISSUE,
    NEWSLETTER,
    SLOT,
    STORY,
    Example,
    dark,
    filled,
    html,
    linking,
    message,
    picture,
    saying,
    sized,
    styled,
    subject,
    text,
)

TRIGGERS: Final[dict[str, list[Example]]] = {
    "P101": [sized(90_000), sized(97_000)],
    "P102": [
        sized(102_000),
        replace(
            GOOD,
            message=b"Content-Type: text/html\r\n\r\n" + b"=C3=BC" * 17_000,
        ),
    ],
    "P103": [styled(8_193), styled(16_000)],
    "P104": [styled(16_001)],
    "P105": [message(b"Subject:", b"X: " + b"x" * 996 + b"\r\nSubject:")],
    "P106": [
        text(
            "Nobody knew",
            "Nobody ever knew, for all we could find out in the papers of the harbour,",
        )
    ],
    "P107": [replace(GOOD, pictures=(picture(500_001),))],
    "P108": [replace(GOOD, pictures=(picture(500_000),) * 5)],
    "P109": [message(b"--=_", b"x" * 10_000_000 + b"--=_")],
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
        linking("https://example.org/", "اقرأ المزيد…"),
        linking("https://example.org/", "続きを読む"),
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
    "P211": [
        linking("https://example.org/?utm_source=letter"),
        linking("https://example.org/?a=1&FBCLID=x"),
        html("https://example.org/office", "https://example.org/office?mc_eid=1"),
    ],
    "P212": [
        linking("https://bit.ly/x"),
        linking("https://letter.bit.ly/x"),
        linking("https://www.google.com/url?q=https://example.org"),
        linking("https://letter.us1.list-manage.com/track/click?u=1"),
    ],
    "P213": [html("<h2>", '<a href="https://example.org/">one more</a>' * 98 + "<h2>")],
    "P214": [html("https://example.org/crane.png", "cid:crane-0a1b2c3d.png@news.example.org")],
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
    "P309": [subject("Cranes stand still!!"), subject("Free $$$ today"), subject("Wow! So! Big!")],
    "P310": [subject("RE: your berth"), subject("Fwd: your berth"), subject("AW: dein Platz")],
    "P311": [subject("Cranes \U0001f3d7\U0001f6a2\u2693"), subject("\U0001f1ea\U0001f1fa " * 3)],
    "P312": [
        replace(GOOD, preheader="What the tide tables say, and more of what they do not say"),
        replace(GOOD, preheader="What the  tide tables: say!"),
    ],
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
    "P508": [
        html(' dir="ltr"', ""),
        html('dir="ltr"', 'dir="auto"'),
        html('dir="ltr"', 'dir="rtl"'),
        replace(GOOD, issue=replace(ISSUE, language="ar")),
    ],
    "P509": [html('lang="en"', 'lang="de"'), replace(GOOD, issue=replace(ISSUE, language="pl"))],
    "P510": [html("<h2>", '<h2 id="s1">')],
    "P511": [html(' role="presentation"', ""), html('role="presentation"', 'role="table"')],
    "P512": [html(' width="600"', ""), html('width="600"', 'width="100%"')],
    "P521": [
        html("<p>Nobody", '<p style="color:#777777">Nobody'),
        html("<p>Nobody", '<p style="color:rgba(0, 0, 0, .4)">Nobody'),
        html("<h2>", '<h2 style="color:#999999">'),
        html("p { margin: 0 }", "p { color: #888 }"),
        html("<body>", '<body bgcolor="#777777">'),
    ],
    "P522": [
        dark("p { color: #555555 !important }"),
        dark("a { color: #0000ee !important }"),
        replace(dark(), html=dark().html.replace("<p>Nobody", '<p style="color:#444">Nobody')),
    ],
    "P523": [
        html("<p>Nobody", '<p style="color:#fefefe">Nobody'),
        replace(dark(), html=dark().html.replace("<p>Nobody", '<p style="color:#000">Nobody')),
    ],
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
    "P604": [message(b"Nobody knew", b"Everybody knew"), message(b"<h1>", b"")],
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
    "P705": [
        filled(b"Nobody knew", SLOT.encode()),
        filled(b"Subject: ", b"Subject: XX0READER0XX6EY6EZ "),
    ],
    "P706": [filled(b"Subject: ", b"X: " + b"x" * 996 + b"\r\nSubject: ")],
    "P707": [filled(b"<h1>", b"<h1><b>Ada</b>"), filled(b"<h1>", b'<h1>"')],
    "P801": [
        message(b"Message-ID:", b"X-ID:"),
        message(b"Subject:", b"From: b@example.org\r\nSubject:"),
        message(b"List-Id:", b"List-Unsubscribe: <https://example.org/>\r\nList-Id:"),
    ],
    "P802": [
        message(b"Precedence: bulk\r\n", b"Precedence: bulk\n"),
        message(b"Precedence", b"Preced\xc3\xa9nce"),
        message(b"Precedence:", b"no field\r\nPrecedence:"),
        message(b"<newsletter@news.example.org>\r\n", b"<newsletter>\r\n"),
        message(b"Message-ID: <", b"Message-ID: < "),
        message(b" +0000", b""),
    ],
    "P803": [
        message(b"List-Unsubscribe: <https://", b"List-Unsubscribe: <mailto:"),
        message(b"One-Click", b"Two-Clicks"),
        message(b"List-Unsubscribe-Post", b"X-Post"),
    ],
    "P804": [
        message(b"text/html", b"text/enriched"),
        message(b"multipart/alternative", b"text/plain"),
    ],
    "P901": [
        html("<h2>", "<form></form><h2>"),
        html("<h2>", "<script>1</script><h2>"),
        html("<h2>", "<iframe></iframe><h2>"),
        html("<h2>", "<object></object><h2>"),
        html("<title>", '<meta http-equiv="Refresh" content="0"><title>'),
    ],
    "P902": [html("<h2>", '<h2 onclick="x()">'), html("<body>", "<body onload=x()>")],
    "P903": [
        html("<h2>", '<h2 style="display: flex">'),
        html("p { margin: 0 }", "p { position: absolute }"),
        html("<h2>", "<svg></svg><h2>"),
        html("https://example.org/crane.png", "https://example.org/crane.svg"),
    ],
    "P904": [
        html("<h2>", '<h2 style="border-radius: 4px">'),
        html("p { margin: 0 }", "@media (max-width: 480px) { p { margin: 0 } }"),
        html("p { margin: 0 }", "p:hover { margin: 0 }"),
    ],
}

CASES: Final = [
    pytest.param(code, example, id=f"{code}-{number}")
    for code, examples in TRIGGERS.items()
    for number, example in enumerate(examples)
]


def test_a_good_mail_has_no_findings() -> None:
    """So no rule is triggered by everything."""
    assert GOOD.found() == ()


def test_every_code_has_an_example() -> None:
    """A code that nothing triggers would be a rule that does not work."""
    elsewhere = {code for code in checks() if code.startswith(("P00", "P25"))}

    assert TRIGGERS.keys() | elsewhere == checks().keys()
    assert list(checks()) == sorted(checks())


def test_every_code_is_explained() -> None:
    """What, why and what to do: sentences, and a source where there is one."""
    for code, each in checks().items():
        assert each.what.strip() == each.what, code
        assert not each.what.endswith("."), code
        assert each.why.endswith("."), code
        assert each.remedy.endswith((".", "…")), code


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
        sized(86_000),
        styled(8_192),
        message(b"Subject:", b"X: " + b"x" * 995 + b"\r\nSubject:"),
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
        html("p { margin: 0 }", "p {{ margin: 0 }"),
        replace(GOOD, pictures=(picture(500_000),) * 4),
        replace(
            html("https://example.org/crane.png", "cid:crane-0a1b2c3d.png@news.example.org"),
            issue=replace(
                ISSUE, sections=(Section(stories=(replace(STORY, body=STORY.body[:2]),)),)
            ),
            pictures=(picture(9),),
        ),
        html("<h2>", '<a href="#s1">one more</a>' * 200 + "<h2>"),
        subject("Wow! That is big"),
        subject("Ready? Steady!"),
        subject("Reading the tide: a primer"),
        subject("Cranes \U0001f3d7\U0001f6a2"),
        html('lang="en"', 'lang="en-GB"'),
        html(' role="presentation"><tr><td>', "><tr><th>"),
        html("<p>Nobody", '<p style="color:#767676">Nobody'),
        html("<h1>", '<h1 style="color:#949494">'),
        html("<p>Nobody", '<p style="color:#fff;background:url(x.png)">Nobody'),
        html("<p>Nobody", '<p style="color:#fff;display:none">x</p><p>Nobody'),
        html("<p>Nobody", '<p style="color:#ddd">· · ·</p><p>Nobody'),
        html("<h2>", "<h2><!-- <script>1</script> -->"),
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


@pytest.mark.parametrize(("code", "example"), CASES)
def test_a_finding_weighs_what_the_page_of_checks_says(code: str, example: Example) -> None:
    """docs/checks.md names the severity of each code: that is the one it has."""
    severities = {finding.severity for finding in example.found() if finding.code == code}

    assert severities == {checks()[code].severity}


def test_what_nobody_can_lower_is_an_error() -> None:
    """The law, and what every reader would see broken: never a matter of taste."""
    fixed = {code for code, each in checks().items() if each.fixed}

    assert {checks()[code].severity for code in fixed} == {Severity.ERROR}
    assert {"P401", "P402", "P403", "P404", "P703", "P705", "P707", "P803"} <= fixed


def test_a_rule_of_somebody_else_can_be_added() -> None:
    """A rule is a function from a mail to findings."""
    shout = Diagnostic(code="X1", severity=Severity.NOTE, message="no exclamation mark")
    mine: Callable[..., tuple[Diagnostic, ...]] = lambda mail: (  # noqa: E731 - a rule in one line
        () if "!" in mail.rendered.subject else (shout,)
    )

    found = check(ISSUE, GOOD.rendered, NEWSLETTER, message=b"", rules=(mine,))

    assert found == (shout,)


@pytest.mark.parametrize(
    "junk", ["", " ", "<", "<!DOCTYPE html>", "<p>" * 5000, "\x00", "<html><head></head></html>"]
)
def test_no_html_is_too_broken_to_be_looked_at(junk: str) -> None:
    """The worst of templates gives findings, never a traceback."""
    assert "P402" in replace(GOOD, html=junk).codes()
