"""Small pictures that cost much: they are known before anything of them is decoded."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Final

import pytest
from PIL import Image

from pipeline.images.fault import PictureFault
from pipeline.images.gif import bare
from pipeline.images.jpeg import scans
from pipeline.images.prepare import LARGEST_PIXELS, MOST_SCANS, prepare
from tests.unit.picture_files import animated, drawn, encoded, noise

SCAN: Final = b"\xff\xda"
END: Final = b"\xff\xd9"


def with_scans(more: int, size: tuple[int, int] = (64, 64)) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    data = encoded(noise(size), "JPEG", progressive=True)
    end = data.rindex(END)
    return data[:end] + data[data.rindex(SCAN) : end] * more + data[end:]


def with_a_frame(width: int, height: int, left: int = 0) -> bytes:
    """Return a GIF of 30 by 20 with another frame that claims a size, and has no pixels."""
    frame = struct.pack("<BHHHHB", 0x2C, left, 0, width, height, 0)
    return animated()[:-1] + frame + b"\x02\x02\x4c\x01\x00;"


def test_every_scan_of_a_jpeg_is_counted() -> None:
    """Those of the picture, and neither what stands in its segments nor what follows its end."""
    exif = Image.Exif()
    exif[0x010E] = "\xff\xda" * 50  # a description
    data = encoded(noise((40, 40)), "JPEG", progressive=True, exif=exif, icc_profile=SCAN * 40_000)

    written = scans(encoded(noise((40, 40)), "JPEG", progressive=True))

    assert 1 < written <= MOST_SCANS
    assert scans(data) == scans(data + b"\0\2" + (SCAN + b"\0\2") * 99) == written
    assert scans(with_scans(7, (40, 40))) == written + 7
    assert scans(encoded(drawn(), "JPEG")) == 1


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_what_an_encoder_writes_has_few_scans(mode: str) -> None:
    """The limit is for files that somebody put together, not for photos."""
    data = encoded(noise((64, 64)).convert(mode), "JPEG", progressive=True)

    assert prepare(data, column=100).suffix == ".jpg"


def test_a_jpeg_of_a_thousand_scans_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty bytes would be another look at fifty million pixels; nothing is decoded."""
    data = with_scans(1_000)
    monkeypatch.setattr(Image.Image, "load", pytest.fail)

    with pytest.raises(PictureFault) as caught:
        prepare(data, column=100)

    assert caught.value.code == "E155"
    assert "scans" in caught.value.message


def test_the_frames_of_a_gif_weigh_what_a_decoder_makes_of_them() -> None:
    """A frame that sticks out makes the ground of all frames larger."""
    assert bare(animated()).pixels == 3 * 30 * 20
    assert bare(with_a_frame(30, 20)).pixels == 4 * 30 * 20
    assert bare(with_a_frame(9_000, 40)).pixels == 4 * 9_000 * 40
    assert bare(with_a_frame(10, 10, left=65_535)).pixels == 4 * 65_545 * 20


def test_a_gif_with_a_frame_larger_than_itself_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its header says 30 by 20; what a later frame claims is never decoded."""
    monkeypatch.setattr("pipeline.images.prepare._decode_all", pytest.fail)
    data = with_a_frame(9_000, 9_000)

    prepared = prepare(data, column=100)

    assert 4 * 30 * 20 < LARGEST_PIXELS < bare(data).pixels
    assert prepared.was_animated
    assert Image.open(BytesIO(prepared.data)).size == (30, 20)
