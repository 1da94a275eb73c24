"""Any bytes are a picture or are refused, and what leaves is never what came."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.errors import IssueError
from pipeline.images.collect import Collector
from pipeline.images.fault import PictureFault
from pipeline.images.gif import bare
from pipeline.images.prepare import prepare
from pipeline.model.content import Figure
from pipeline.model.content import Image as Shown
from pipeline.model.issue import Issue, Section, Story
from pipeline.model.newsletter import Newsletter
from tests.unit.picture_files import animated, drawn, encoded

KINDS: Final = [*(encoded(kind=kind) for kind in ("PNG", "JPEG", "WEBP", "TIFF")), animated()]
MARK: Final = b"<script>alert('here')</script>"


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a picture with some of its bytes changed, cut out or put in."""
    data = bytearray(draw(st.sampled_from(KINDS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["change", "cut", "put"])):
            case "change":
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 20))]
                data += b"\0" * (not data)
            case _:
                data[at:at] = draw(st.sampled_from([MARK, b"\0", b"\xff\xd9", b"\x3b"]))
    return bytes(data)


@given(st.one_of(st.binary(max_size=300), damaged()))
def test_any_bytes_are_prepared_or_refused(data: bytes) -> None:
    """Nothing else is ever raised, and what comes out is a picture that can be decoded."""
    with suppress(PictureFault):
        prepared = prepare(data, column=20)
        with Image.open(BytesIO(prepared.data)) as image:
            image.load()
            assert image.size == (prepared.width, prepared.height)
        assert prepared.suffix == ".gif" or prepared.width <= 40
        assert prepared.suffix == ".gif" or MARK not in prepared.data


@given(st.binary(max_size=200).map(lambda tail: animated()[:13] + tail))
def test_any_gif_ends(data: bytes) -> None:
    """Whatever its blocks say, walking through them stops."""
    with suppress(ValueError):
        assert bare(bare(data).data).data == bare(data).data


@given(st.text(max_size=60))
def test_any_address_is_taken_or_refused(url: str) -> None:
    """No address raises anything but a diagnostic, and none is read that is not in the folder."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "workspace"
        folder.mkdir()
        (folder / "a.png").write_bytes(encoded(drawn((2, 2))))
        (folder.parent / "b.png").write_bytes(encoded(drawn((3, 3))))
        issue = Issue(
            title="", sections=(Section(stories=(Story(body=(Figure(Shown(url, "")),)),)),)
        )
        with suppress(IssueError):
            found = Collector()(
                issue, file=folder / "091.md", entry="091", newsletter=Newsletter()
            )
            assert all(picture.width == 2 for picture in found.pictures)


@given(st.lists(st.sampled_from(["..", ".", "a", "b.png", "%2e%2e", "", "~", "\\"]), max_size=8))
def test_no_path_leads_out(steps: list[str]) -> None:
    """However the steps are put together."""
    test_any_address_is_taken_or_refused.hypothesis.inner_test("/".join(steps))  # type: ignore[attr-defined]
