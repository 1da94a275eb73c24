"""Slots of a reader, from a template through MJML and inlining to the message."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from pipeline.errors import TemplateError
from pipeline.model.content import Paragraph
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.compose import compose
from pipeline.outbox.message import Reader
from pipeline.render import Renderer, packaged_templates

ISSUE = Issue(
    title="On Knots",
    sections=(Section(stories=(Story(title="Bowline", body=(Paragraph(("Tie.",)),)),)),),
)
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>"
    '<p>Dear {{ reader("name", "friend of knots") }}, in {{ reader("Ort/2", "Ihrer Stadt") }}</p>'
    '<a href="{{ preferences_url }}">Change</a> <a href="{{ unsubscribe_url }}">Leave</a>'
    "</mj-text></mj-column></mj-section></mj-body></mjml>"
)
TEXT = (
    'Dear {{ reader("name", "friend of knots") }}, in {{ reader("Ort/2", "Ihrer Stadt") }}\n'
    "{{ preferences_url }}\n{{ unsubscribe_url }}\n"
)


def render(root: Path, mjml: str = MJML) -> RenderedIssue:
    """Render the issue with a template of one's own."""
    folder = root / "digest"
    folder.mkdir()
    (folder / "issue.mjml.j2").write_text(mjml, "utf-8")
    (folder / "issue.txt.j2").write_text(TEXT, "utf-8")
    renderer = Renderer([root, packaged_templates()], "digest")
    return renderer.render(ISSUE, Newsletter(), web_url="https://news.example.org/issues/1/")


@pytest.mark.parametrize(
    ("name", "fields", "text", "html"),
    [
        ("", {}, "Dear friend of knots, in Ihrer Stadt", "Dear friend of knots, in Ihrer Stadt"),
        ("Zoë & Co", {"Ort/2": "=1"}, "Dear Zoë & Co, in =1", "Dear Zo&#235; &amp; Co, in =1"),
    ],
)
def test_every_step_leaves_the_slots_alone(
    tmp_path: Path, name: str, fields: dict[str, str], text: str, html: str
) -> None:
    """What the template wrote is in both parts of the message, filled in."""
    reader = Reader(
        recipient="zoe@example.net",
        message_id="1@example.org",
        unsubscribe_token="UN",
        preferences_token="PRE",
        name=name,
        fields=fields,
    )

    message = compose(render(tmp_path), Newsletter(), entry_id="1").fill(reader, dated_at=0)

    parts = message_from_bytes(message, policy=policy.default).iter_parts()
    for part, words in zip(parts, (text, html), strict=True):
        content = part.get_content()
        assert words in content
        assert "https://news.example.org/p/PRE" in content
        assert "https://news.example.org/u/UN" in content
        assert "XX0" not in content


def test_a_text_of_nobody_is_a_mistake_in_the_template(tmp_path: Path) -> None:
    """A slot without a key names the template and what is missing."""
    with pytest.raises(TemplateError, match="needs a key"):
        render(tmp_path, MJML.replace('"Ort/2"', '""'))
