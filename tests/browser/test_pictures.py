"""The pictures of docs/ show the program as it is: `make pictures` takes them anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Browser

from tests.docs.pictures import PICTURES, ROOT, take

pytestmark = pytest.mark.browser

GRID: Final = (12, 12)  # what is left of a picture, so that other fonts make no other picture
ALIKE: Final = 6.0  # of 255, the mean of all fields


def unlike(one: Path, other: Path) -> float:
    """Return how far apart two pictures are when one looks from afar."""
    small = [
        Image.open(each).convert("RGB").resize(GRID, Image.Resampling.BOX) for each in (one, other)
    ]
    return max(ImageStat.Stat(ImageChops.difference(*small)).mean)


def test_the_pictures_are_of_what_there_is(chromium: Browser, tmp_path: Path) -> None:
    """Whoever changes how something looks takes its picture, too."""
    take(chromium, tmp_path)

    assert {each.name for each in tmp_path.iterdir()} == {each.name for each in PICTURES.iterdir()}
    assert {
        each.name: apart
        for each in PICTURES.iterdir()
        if (apart := unlike(each, tmp_path / each.name)) > ALIKE
    } == {}


def test_every_picture_is_shown_somewhere() -> None:
    """In the README or a page of docs/; and what they show is there."""
    pages = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))
    shown = {
        name
        for page in pages
        for name in re.findall(r"pictures/([\w-]+\.png)", page.read_text(encoding="utf-8"))
    }

    assert shown == {each.name for each in PICTURES.iterdir()}
