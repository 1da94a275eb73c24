"""A good mail for preflight, and how to spoil it in one place."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic
from pipeline.model.content import Figure, Image, Inline, Link, ListBlock, Paragraph
from pipeline.model.issue import Issue, Section, Source, Story
from pipeline.model.newsletter import Newsletter
from pipeline.model.picture import Picture
from pipeline.model.rendered import MergeSlot, RenderedIssue, TextSlot
from pipeline.model.sample_reader import SAMPLE_READERS
from pipeline.operations.sample import sample_message
from pipeline.outbox.compose import compose
from pipeline.outbox.headers import MessageError
from pipeline.outbox.message import MessageTemplate
from pipeline.preflight import Filled, check

SLOT: Final = MergeSlot.UNSUBSCRIBE_URL.value
NAME: Final = TextSlot("name", "reader").marker

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
<html lang="en" dir="ltr"><head><title>What the tide tables say</title><style>p {{ margin: 0 }}</style></head>
<body><h1>What the tide tables say</h1>
<p><a href="#s1">Cranes stand still</a></p>
<h2>News</h2>
<h3><a name="s1" id="s1"></a>Cranes stand still</h3>
<p>Nobody knew <a href="https://example.org/why">the reason</a>.</p>
<ul><li>First the wind</li><li>then the tide</li></ul>
<img src="https://example.org/crane.png" alt="A crane at dusk" width="600">
<table role="presentation"><tr><td>Dear {NAME}</td></tr></table>
<ul><li>Watch the wind</li></ul><ul><li>Time for safety</li></ul>
<p><a href="https://example.org/office">Harbour Office</a></p>
<p>1 Quay Street<br>Port Town</p>
<p><a href="{SLOT}">Unsubscribe</a></p></body></html>
"""
TEXT: Final = f"""\
Dear {NAME}
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


class Example(Struct, frozen=True):
    """A mail to look at."""

    issue: Issue = ISSUE
    newsletter: Newsletter = NEWSLETTER
    html: str = HTML
    text: str = TEXT
    subject: str = ISSUE.title
    preheader: str = "Five stories on ports, and a correction to last week's map"
    message: bytes | None = None  # None: composed of the parts
    pictures: tuple[Picture, ...] = ()
    samples: tuple[Filled, ...] | None = None  # None: filled for all sample readers

    def found(self) -> tuple[Diagnostic, ...]:
        """Return what preflight says of it."""
        template = self._template()
        samples = (Filled(each, sample_message(template, each, None)) for each in SAMPLE_READERS)
        return check(
            self.issue,
            self.rendered,
            self.newsletter,
            message=template.sample(None) if self.message is None else self.message,
            samples=tuple(samples) if self.samples is None else self.samples,
        )

    @property
    def rendered(self) -> RenderedIssue:
        """The mail as the renderer would give it."""
        return RenderedIssue(
            subject=self.subject,
            preheader=self.preheader,
            mjml="",
            html=self.html,
            text=self.text,
            pictures=self.pictures,
        )

    def _template(self) -> MessageTemplate:
        """Compose the message; of what cannot be composed, that of the good mail."""
        try:
            return compose(self.rendered, self.newsletter, entry_id="91")
        except MessageError:
            return compose(GOOD.rendered, NEWSLETTER, entry_id="91")

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


def dark(*rules: str) -> Example:
    """Return the good mail with rules for dark mode, among them its ground."""
    ground = "body { background-color: #111111 !important; color: #eeeeee !important }"
    colours = "a { color: #9ab4ff !important }"
    sheet = f"@media (prefers-color-scheme: dark) {{ {ground} {colours} {' '.join(rules)} }}"
    return html("p { margin: 0 }", sheet)


def message(old: bytes, new: bytes) -> Example:
    """Return the good mail with something else in its message as it travels."""
    whole = compose(GOOD.rendered, NEWSLETTER, entry_id="91").sample(None)
    assert old in whole
    return replace(GOOD, message=whole.replace(old, new, 1))


def picture(count: int, name: str = "crane-0a1b2c3d.png") -> Picture:
    """Return a picture with so many bytes."""
    return Picture(name=name, data=bytes(count), media_type="image/png", width=1, height=1)


def filled(old: bytes, new: bytes) -> Example:
    """Return the good mail as a sample reader gets it, changed as no filling should change it."""
    reader = SAMPLE_READERS[0]
    whole = sample_message(compose(GOOD.rendered, NEWSLETTER, entry_id="91"), reader, None)
    assert old in whole
    return replace(GOOD, samples=(Filled(reader, whole.replace(old, new, 1)),))
