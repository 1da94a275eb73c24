"""The picture a link is shown with."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from pipeline.publish.card import Card, card_png


def drawn(title: str, name: str = "The Harbour Post", facts: str = "Issue 91") -> Image.Image:
    """Return a card as a picture."""
    data = card_png(Card(name=name, title=title, facts=facts))
    return Image.open(BytesIO(data)).convert("RGB")


@pytest.mark.parametrize(
    "title",
    [
        "Quay",
        "A long title " * 30,
        "W" * 400,
        "“Quay” – it’s here…",
        "",
        "Łódź",
        "رصيف",
        "a\x00\u202eb",
    ],
)
def test_a_card_has_the_size_that_everybody_asks_for(title: str) -> None:
    """Any title: 1200 by 630, and nothing but paper at the edges where no word may stand."""
    card = drawn(title, name=f"The Post {title}", facts=f"Issue {title}")

    assert card.size == (1200, 630)
    edges = {card.getpixel((x, y)) for x in (20, 1179) for y in range(20, 620, 3)}
    assert len(edges) == 1


def test_the_same_words_give_the_same_bytes() -> None:
    """An unchanged card is not uploaded again."""
    card = Card(name="N", title="T", facts="F")

    assert card_png(card) == card_png(card)


def test_a_title_is_on_its_card() -> None:
    """Two titles give two pictures."""
    assert drawn("Quay").tobytes() != drawn("Lock").tobytes()


def test_letters_the_font_lacks_are_not_shown_as_boxes() -> None:
    """Such a title is left out: all of them give the same card."""
    assert drawn("Łódź").tobytes() == drawn("رصيف").tobytes() == drawn("港").tobytes()
    assert drawn("Łódź").tobytes() != drawn("Lodz").tobytes()


def test_a_card_is_small() -> None:
    """It is read over telephones: under 40 KB."""
    words = "A Quiet Dredger, a Tide Gauge Moved, and Oakum Wanted by the Last Ropewalk"

    assert len(card_png(Card(name="The Harbour Letter", title=words, facts="Issue 41"))) < 40_000
