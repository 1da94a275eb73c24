"""An issue with pictures, from its file to the messages and pages that show them."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Final, Literal

import pytest
from lxml import html as lxml_html

from pipeline.doctor.content import alternatives
from pipeline.doctor.mail import Mail
from pipeline.formats import read
from pipeline.images.collect import Collected, Collector, Options
from pipeline.model.content import Figure, Image, Paragraph
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.compose import compose
from pipeline.render import html, text
from tests.unit.picture_files import drawn, encoded

NEWSLETTER: Final = Newsletter()
ISSUE: Final = """---
title: Cranes
image: card.png
---

## Cranes

### The red one

![A red crane](crane.png "On the quay")

A dot ![dot](dot.png) in a line.

![Elsewhere](https://example.org/x.png)
"""


def collected(folder: Path, travel: Literal["archive", "attach"]) -> Collected:
    """Write an issue and its pictures, read and collect them."""
    for name, width in (("crane", 1300), ("dot", 16), ("card", 1200)):
        (folder / f"{name}.png").write_bytes(encoded(drawn((width, width // 2))))
    file = folder / "091.md"
    file.write_text(ISSUE, encoding="utf-8")
    issue = read(file.read_bytes(), str(file)).issue
    collector = Collector(Options(travel=travel))
    return collector(issue, file=file, entry="091", newsletter=NEWSLETTER)


def story_html(found: Collected) -> str:
    """Return the HTML of the story, as the mail has it."""
    return str(html.blocks(found.mailed.stories[0].body, column=500))


@pytest.mark.parametrize("travel", ["archive", "attach"])
def test_every_picture_of_ours_has_its_measures(
    tmp_path: Path, travel: Literal["archive", "attach"]
) -> None:
    """Whole pixels, in proportion, never wider than the column nor than the picture."""
    images = lxml_html.fromstring(story_html(collected(tmp_path, travel))).iter("img")

    sizes = [(each.get("alt"), each.get("width"), each.get("height")) for each in images]
    assert sizes == [
        ("A red crane", "500", "250"),
        ("dot", "16", "8"),
        ("Elsewhere", "500", None),
    ]


def test_pictures_of_the_archive_are_linked(tmp_path: Path) -> None:
    """In HTML and in text, and nothing travels with the message."""
    found = collected(tmp_path, "archive")
    urls = re.findall(r'src="([^"]+)"', story_html(found))

    assert [url.startswith("https://") for url in urls] == [True, True, True]
    assert urls[0] in text.blocks(found.mailed.stories[0].body)
    assert urls[0] == f"https://news.example.org/images/091/{found.pictures[1].name}"


def composed(found: Collected) -> bytes:
    """Return the message of an issue that is nothing but its one story."""
    rendered = RenderedIssue(
        subject="Cranes",
        preheader="",
        mjml="",
        html=story_html(found),
        text=text.blocks(found.mailed.stories[0].body),
        pictures=found.pictures,
    )
    return compose(rendered, NEWSLETTER, entry_id="091").sample(None)


def test_attached_pictures_are_in_the_message(tmp_path: Path) -> None:
    """Those the HTML shows, under the names it uses; text readers get the words."""
    found = collected(tmp_path, "attach")

    parts = list(message_from_bytes(composed(found), policy=policy.SMTP).walk())

    attached = {
        part["Content-ID"]: part.get_payload(decode=True)
        for part in parts
        if part.get_content_maintype() == "image"
    }
    words = parts[1].get_payload(decode=True)
    card, *others = found.pictures
    assert attached == {f"<{each.name}@news.example.org>": each.data for each in others}
    assert card.name.startswith("card-")
    assert isinstance(words, bytes)
    assert b"cid:" not in words
    assert b"[A red crane]" in words


@pytest.mark.parametrize(
    ("old", "new", "findings"),
    [
        (b"", b"", 0),
        (b"image/png", b"text/html", 1),
        (b"multipart/related", b"multipart/mixed", 1),
        (b"text/html; charset", b"image/png; charset", 1),
    ],
)
def test_the_doctor_knows_what_a_message_with_pictures_looks_like(
    tmp_path: Path, old: bytes, new: bytes, findings: int
) -> None:
    """D301 passes for text, or HTML with pictures, and for nothing else in their places."""
    message = composed(collected(tmp_path, "attach"))
    assert old in message
    mail = Mail(
        raw=message.replace(old, new, 1),
        newsletter=NEWSLETTER,
        reader="ada@example.net",
        envelope_domain="news.example.org",
        now=datetime(2026, 11, 22, tzinfo=UTC),
    )

    assert len(list(alternatives(mail))) == findings


@pytest.mark.parametrize(
    "url",
    [
        "cid:x",
        'cid:x"onerror="alert(1)@example.org',
        "cid:X@example.org",
        "data:image/png,x",
        "crane.png",
    ],
)
def test_the_mail_shows_no_address_that_nobody_made(url: str) -> None:
    """A picture that cannot be shown is its words."""
    shown = str(html.blocks((Figure(Image(url, "A crane")), Paragraph((Image(url, "in line"),)))))

    assert "<img" not in shown
    assert "A crane" in shown
    assert "in line" in shown


def test_an_issue_without_pictures_does_not_pay_for_them() -> None:
    """Pillow is loaded when there is something to decode, and not before."""
    program = "import sys, pipeline.operations.examine; sys.exit('PIL' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
