"""The archive and feeds of a small newsletter, byte for byte: a change here is a change for every reader.

To accept one: `BROADSHEET_UPDATE_GOLDEN=1 pytest tests/golden/test_feeds_golden.py`, then look
at the difference in git.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest

from pipeline.model.content import (
    Code,
    CodeBlock,
    Emphasis,
    Figure,
    Image,
    Link,
    ListBlock,
    Paragraph,
    Quote,
    Strong,
    Table,
)
from pipeline.model.issue import Issue, Section, Source, Story, StoryKind
from pipeline.model.newsletter import Newsletter
from pipeline.publish.frame import Frame
from tests.unit.archive_shelf import FEEDS, Shelf

DATA: Final = Path(__file__).parent / "data" / "feeds"
NEWSLETTER: Final = Newsletter(
    name="The Harbour Post",
    tagline="Tides, boats and the people who mend them",
    site_url="https://news.example.org",
    language="en-GB",
    since=2025,
)
QUAY: Final = Issue(
    title="The quay that floats & a lock keeper who sings",
    number="91",
    date=date(2026, 11, 20),
    subtitle="Plus: a whistle, two ferries and the longest rope in the county",
    authors=("Ada Example",),
    tags=("quays", "ferries"),
    intro=(Paragraph(("Good morning. The river rose, and the quay rose with it.",)),),
    sections=(
        Section(
            title="News",
            stories=(
                Story(
                    title="A quay for every tide",
                    tldr=("The new pontoon rises with the ", Strong(("spring tide",)), "."),
                    body=(
                        Paragraph(
                            (
                                "The old one was built for cargo; ",
                                Link("/issues/12/", ("we wrote about it",)),
                                " when ",
                                Code("mark < 2"),
                                " was still rare.",
                            )
                        ),
                        Quote((Paragraph((Emphasis(("It moves, and that is the idea.",)),)),)),
                        Table(
                            (("Part",), ("Cost",)),
                            ((("Floats",), ("£12,400",)), (("Gangway",), ("£3,100",))),
                            (None, "right"),
                        ),
                        CodeBlock("tide --next 2\n04:12  4.1 m\n", "sh"),
                    ),
                    takeaways=(("Twelve floats, no concrete",), ("Free until 2028",)),
                    tradeoffs=(("It creaks in an easterly",),),
                    source=Source(
                        anchor="Harbour office report", url="https://example.org/report"
                    ),
                ),
                Story(body=(Paragraph(("A story without a title is normal.",)),)),
            ),
        ),
        Section(
            title="From our friends",
            stories=(
                Story(
                    kind=StoryKind.SPONSOR,
                    title="Rope by the metre",
                    body=(
                        Figure(Image("rope.png", "A coil of rope"), "Cut while you wait"),
                        ListBlock(((Paragraph(("Hemp",)),), (Paragraph(("Steel",)),))),
                    ),
                ),
            ),
        ),
    ),
)
FLAT: Final = Issue(
    title="رصيف ]]> الميناء",
    number="92",
    date=date(2026, 11, 27),
    language="ar",
    sections=(Section(stories=(Story(title="مد", tldr=("يرتفع الرصيف.",)),)),),
)


def site() -> dict[str, bytes]:
    """Return every file of the archive of the two issues, as they are on the disk."""
    shelf = Shelf(Frame(newsletter=NEWSLETTER, feeds=FEEDS))
    shelf.put("91", QUAY, published=datetime(2026, 11, 20, 9, tzinfo=UTC))
    shelf.put("92", FLAT, published=datetime(2026, 11, 27, 9, tzinfo=UTC))
    # What a card looks like belongs to the version of Pillow.
    return {path: data for path, data in shelf.site().items() if not path.endswith(".png")}


SITE: Final = site()


@pytest.mark.parametrize("path", sorted(SITE))
def test_the_site_is_what_it_was(path: str) -> None:
    """Feeds and pages of two issues have exactly the bytes in `data/feeds`."""
    expected = DATA / path
    if os.environ.get("BROADSHEET_UPDATE_GOLDEN"):
        expected.parent.mkdir(parents=True, exist_ok=True)
        expected.write_bytes(SITE[path])

    assert SITE[path] == expected.read_bytes()


def test_no_golden_file_is_left_over() -> None:
    """Every file in `data/feeds` is one the site still has."""
    found = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}

    assert found == set(SITE)
