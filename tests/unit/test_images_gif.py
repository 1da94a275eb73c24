"""Animated GIF without what is no frame."""

from __future__ import annotations

import pytest

from pipeline.images.gif import bare
from tests.unit.picture_files import animated, encoded


def test_a_bare_gif_is_as_bare_as_it_gets() -> None:
    """Doing it again changes nothing."""
    once = bare(animated(loop=3, comment=b"by whom"))

    assert once.frames == 3
    assert bare(once.data) == once
    assert b"by whom" not in once.data
    assert b"NETSCAPE2.0\x03\x01\x03\x00\x00" in once.data


def test_only_the_number_of_loops_is_taken_from_an_application() -> None:
    """Other blocks of applications carry metadata, and one with more to it carries something."""
    data = animated(loop=0)
    loops = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    assert loops in data
    for other in (
        b"\x21\xff\x0bXMP DataXMP\x03abc\x00",
        b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x05extra\x00",
        b"\x21\x01\x0c" + b"x" * 12 + b"\x03abc\x00",
    ):
        assert other[3:10] not in bare(data.replace(loops, other)).data


@pytest.mark.parametrize("length", [13, 20, 40, 100])
def test_a_gif_without_an_end_is_refused(length: int) -> None:
    """Blocks that lead behind the end of the file are an error, not an endless loop."""
    with pytest.raises(ValueError, match="block"):
        bare(animated()[:length])


def test_an_unknown_block_is_refused() -> None:
    """What nobody can skip, nobody can read past."""
    data = encoded(kind="GIF")

    with pytest.raises(ValueError, match="unknown"):
        bare(data[:-1] + b"\x99;")
