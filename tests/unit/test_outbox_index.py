"""The page to look through the outbox."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from lxml.html import document_fromstring

from pipeline.model.entry import PARTS, Approval, Counts, Entry, EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.folder import Outbox
from pipeline.outbox.index import index_html

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>&amp;{{ 7*7 }}"""
NOW = datetime(2026, 11, 19, 17, 30, tzinfo=UTC)


def entry(
    name: str, *, subject: str = "Tides", errors: int = 0, warnings: int = 0, digest: str = "d"
) -> Entry:
    """Return an invented entry."""
    return Entry(
        id=EntryId(name),
        tag="tag:example.org,2026:x",
        title=subject,
        subject=subject,
        preheader="And what they do not say",
        number="91",
        date="2026-11-20",
        counts=Counts(sections=1, stories=5, words=1200, minutes=5),
        errors=errors,
        warnings=warnings,
        parts=(),
        digest=digest,
    )


def page(*entries: Entry, **approvals: Approval) -> str:
    """Return the page of entries that all have 53,000 bytes of HTML."""
    return index_html(
        entries,
        {EntryId(name): approval for name, approval in approvals.items()},
        Newsletter(name="Example Weekly"),
        sizes={each.id: 53_000 for each in entries},
        damaged={},
    )


def words(html: str) -> str:
    """Return the text of a page on one line."""
    (body,) = document_fromstring(html).findall("body")
    return " ".join(str(body.text_content()).split())


def test_the_page_says_what_an_author_wants_to_know() -> None:
    """Subject, preheader, number, date, counts, size and findings."""
    said = words(page(entry("091", errors=1, warnings=2)))

    for expected in (
        *("Example Weekly", "Tides", "And what they do not say", "Issue 91", "2026-11-20"),
        *("stories5", "section1", "words1,200", "minutes5", "53.0"),
        *("1 error", "2 warnings", "draft"),
    ):
        assert expected in said


def test_every_part_is_a_relative_link() -> None:
    """The page works from a disk, a web server, and an unpacked archive."""
    document = document_fromstring(page(entry("091")))

    links = {anchor.get("href") for anchor in document.iter("a")}
    assert links == {f"091/{name}" for name in PARTS}


def test_states_are_told_apart() -> None:
    """Nobody approved it, somebody did, somebody did before an edit."""
    approval = Approval(digest="d", approved_at=NOW, approved_by="Mara")
    html = page(entry("a"), entry("b"), entry("c", digest="e"), b=approval, c=approval)

    chips = [chip.text for chip in document_fromstring(html).iter("span") if chip.get("class")]
    assert chips == ["draft", "approved", "edited since approval"]
    assert "Approved by Mara on 2026-11-19 17:30 UTC" in words(html)
    assert "Edited after Mara approved it" in words(html)


def test_hostile_words_are_only_words() -> None:
    """No element, attribute or template comes from an entry, an approver or a problem."""
    html = index_html(
        [entry("091", subject=HOSTILE)],
        {EntryId("091"): Approval(digest="d", approved_at=NOW, approved_by=HOSTILE)},
        Newsletter(name=HOSTILE),
        sizes={},
        damaged={EntryId("090"): HOSTILE},
    )

    document = document_fromstring(html)
    assert words(html).count(HOSTILE) == 4
    assert not list(document.iter("script", "img"))
    assert not [e for e in document.iter() for name in e.attrib if str(name).startswith("on")]


def test_the_page_needs_nothing_else() -> None:
    """No script, no picture, no font, no style sheet from anywhere, and a policy that says so."""
    html = page(entry("091"))

    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", html)
    assert "default-src 'none'" in html


def test_an_empty_outbox_says_what_to_do() -> None:
    """The first page a new workspace shows."""
    assert "broadsheet build" in words(page())


def test_the_index_is_written_only_when_it_changes(tmp_path: Path) -> None:
    """Entries that are damaged are shown, and stop nobody from seeing the others."""
    outbox = Outbox(tmp_path)
    for name in ("090", "091"):
        outbox.put(
            EntryId(name),
            issue_json=b"{}\n",
            rendered=RenderedIssue(subject=name, preheader="", mjml="", html="", text=""),
            message=b"",
            check=(),
            tag="tag:example.org,2026:x",
            counts=Counts(sections=1, stories=5, words=1200, minutes=5),
            number=None,
            date=None,
            title=name,
        )
    newsletter = Newsletter(name="Example Weekly")

    outbox.approve(EntryId("091"), now=NOW, by="Mara \udcff")
    assert outbox.write_index(newsletter)
    assert not outbox.write_index(newsletter)

    (tmp_path / "090" / "email.txt").write_text("edited")
    assert outbox.write_index(newsletter)
    said = words((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "damaged 090" in said
    assert "Approved by Mara" in said
