"""One picture made ready: what is kept of it, what is not, and what is refused."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageCms

from pipeline.images import prepare as room
from pipeline.images.fault import PictureFault
from pipeline.images.gif import bare
from pipeline.images.prepare import LARGEST_PIXELS, Prepared, prepare
from tests.unit.picture_files import animated, claiming, decoded, drawn, encoded, noise

COLUMN = 100
SECRET = b"Quay Street 1, behind the mill"


def refused(data: bytes) -> PictureFault:
    """Return why a file is refused."""
    with pytest.raises(PictureFault) as caught:
        prepare(data, column=COLUMN)
    return caught.value


def ready(data: bytes) -> Prepared:
    """Prepare a file and look whether it is what it says."""
    prepared = prepare(data, column=COLUMN)

    kinds = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif"}
    image = decoded(prepared.data)
    assert (kinds[image.format or ""], *image.size) == (
        prepared.suffix,
        prepared.width,
        prepared.height,
    )
    return prepared


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF", "JPEG"])
def test_every_kind_becomes_one_that_mail_programs_show(kind: str) -> None:
    """PNG or JPEG comes out, of the same size, with the same colours."""
    prepared = ready(encoded(kind=kind))

    image = decoded(prepared.data).convert("RGB")
    assert prepared.suffix == (".jpg" if kind == "JPEG" else ".png")
    assert image.size == (40, 20)
    left, right = image.getpixel((5, 10)), image.getpixel((35, 10))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[0] > 200, left[2] < 60) == (True, True)
    assert (right[2] > 200, right[0] < 60) == (True, True)


def test_a_large_picture_keeps_twice_the_column() -> None:
    """It is scaled down in proportion, and a small one is left as it is."""
    assert ready(encoded(drawn((1000, 500)))).width == 2 * COLUMN
    assert ready(encoded(drawn((1000, 500)))).height == COLUMN
    assert ready(encoded(drawn((199, 33)))).width == 199


def test_the_same_file_gives_the_same_bytes() -> None:
    """A build is reproducible."""
    for data in (encoded(noise((300, 200)), "JPEG"), encoded(noise((300, 200))), animated()):
        assert prepare(data, column=COLUMN).data == prepare(data, column=COLUMN).data


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_upright(orientation: int, kind: str) -> None:
    """What a camera only noted is done, as Pillow itself would do it, and is noted no more."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(drawn((60, 20)), kind, exif=exif)
    with Image.open(BytesIO(data)) as image:
        expected = ImageOps.exif_transpose(image).convert("RGB")

    prepared = ready(data)

    upright = decoded(prepared.data).convert("RGB")
    assert upright.size == expected.size
    for place in ((3, 3), (expected.width - 4, expected.height - 4)):
        was, now = expected.getpixel(place), upright.getpixel(place)
        assert isinstance(was, tuple)
        assert isinstance(now, tuple)
        assert all(abs(a - b) < 40 for a, b in zip(was, now, strict=True))
    assert not upright.getexif()


def test_a_large_photo_that_lies_on_its_side_is_measured_upright() -> None:
    """The column limits the width that readers see, whatever the axes of the file."""
    exif = Image.Exif()
    exif[0x0112] = 6
    prepared = ready(encoded(drawn((1600, 800)), "JPEG", exif=exif))

    assert (prepared.width, prepared.height) == (200, 400)


def _with_secrets(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    options: dict[str, object] = {"exif": exif}
    if kind == "JPEG":
        options["comment"] = SECRET
        options["xmp"] = b"<x>" + SECRET + b"</x>"
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        notes = PngInfo()
        notes.add_text("Author", SECRET.decode())
        options["pnginfo"] = notes
    return encoded(drawn(), kind, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_nothing_but_the_picture_travels(kind: str) -> None:
    """Exif with its GPS position, comments, XMP and what follows the end stay at home."""
    data = _with_secrets(kind) + b"<script>alert(1)</script>" + SECRET
    assert SECRET in data

    prepared = ready(data)

    image = decoded(prepared.data)
    assert SECRET not in prepared.data
    assert b"<script" not in prepared.data
    assert b"Exif" not in prepared.data
    assert not image.getexif()
    assert not {"exif", "xmp", "comment", "icc_profile", "Author"} & image.info.keys()


def test_a_gif_keeps_its_frames_and_nothing_else() -> None:
    """An animation is not written anew; comments, metadata and what follows its end are cut out."""
    data = animated(loop=0, comment=SECRET) + b"<script>alert(1)</script>"

    prepared = ready(data)

    before, after = Image.open(BytesIO(data)), Image.open(BytesIO(prepared.data))
    assert SECRET in data
    assert SECRET not in prepared.data
    assert b"<script" not in prepared.data
    assert prepared.suffix == ".gif"
    assert not prepared.was_animated
    assert (after.n_frames, after.info["loop"]) == (3, 0)  # type: ignore[attr-defined]
    for frame in range(3):
        before.seek(frame)
        after.seek(frame)
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
        assert after.info["duration"] == 50


@pytest.mark.parametrize("limit", ["LARGEST_ANIMATION", "LONGEST_ANIMATION", "LARGEST_PIXELS"])
def test_a_large_animation_stands_still(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit of bytes, frames or pixels the first picture is kept, and it is said."""
    data = animated(4, (30, 20))
    monkeypatch.setattr(room, limit, {"LARGEST_PIXELS": 4 * 600 - 1}.get(limit, 3))

    prepared = ready(data)

    assert prepared.was_animated
    assert prepared.suffix == ".png"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_only_a_gif_moves(kind: str) -> None:
    """Mail programs show the first picture of other animations, so it is all they get."""
    data = encoded(drawn(), kind, save_all=True, append_images=[noise((40, 20))], duration=50)

    assert ready(data).was_animated


def test_a_still_gif_becomes_a_png() -> None:
    """What does not move needs no GIF."""
    prepared = ready(encoded(kind="GIF"))

    assert prepared.suffix == ".png"
    assert not prepared.was_animated


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_shines_through_still_does(mode: str) -> None:
    """Transparency survives, in palettes too."""
    image = drawn(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 10, 20))
    data = encoded(image.quantize() if mode == "P" else image.convert(mode))

    prepared = ready(data)

    alpha = decoded(prepared.data).convert("RGBA").getchannel("A")
    assert prepared.suffix == ".png"
    assert (alpha.getpixel((5, 5)), alpha.getpixel((35, 5))) == (0, 255)


def test_sixteen_bits_are_divided_and_not_cut_off() -> None:
    """A grey of half the range is half as bright, and not white."""
    image = Image.new("I;16", (10, 10), 0x8000)

    grey = decoded(ready(encoded(image)).data).convert("L").getpixel((5, 5))

    assert grey == 0x80


def test_ink_becomes_light() -> None:
    """A CMYK JPEG of a printer shows its colours on a screen."""
    image = Image.new("CMYK", (20, 20), (0, 255, 255, 0))

    red = decoded(ready(encoded(image, "JPEG")).data)

    pixel = red.getpixel((10, 10))
    assert red.mode == "RGB"
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200
    assert max(pixel[1:]) < 80


def test_a_profile_is_obeyed_and_left_behind() -> None:
    """Colours are those the profile means; a profile that is none changes nothing."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = plain.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    for profile, meant in (
        (plain, (255, 0, 0)),
        (swapped, (0, 0, 255)),
        (b"not a profile", (255, 0, 0)),
    ):
        prepared = ready(encoded(drawn(), "PNG", icc_profile=profile))

        pixel = decoded(prepared.data).convert("RGB").getpixel((3, 3))
        assert isinstance(pixel, tuple)
        assert all(abs(a - b) <= 2 for a, b in zip(pixel, meant, strict=True))
        assert "icc_profile" not in decoded(prepared.data).info


def test_a_photo_saved_as_png_becomes_a_jpeg() -> None:
    """A PNG of twice the bytes costs every reader more than it shows; a drawing stays sharp."""
    assert ready(encoded(noise((190, 190)).resize((199, 199)))).suffix == ".jpg"
    assert ready(encoded(drawn((190, 190)))).suffix == ".png"


def test_the_content_says_what_a_file_is() -> None:
    """A PNG that is called .jpg is a PNG: names are never looked at."""
    assert ready(encoded(drawn(mode="RGBA"), "PNG")).suffix == ".png"


def test_an_opaque_screenshot_is_not_taken_for_a_transparent_one() -> None:
    """An alpha channel without a hole costs bytes and is dropped."""
    assert decoded(ready(encoded(drawn(mode="RGBA"))).data).mode == "RGB"


@pytest.mark.parametrize(
    "size", [(10_000, 10_000), (30_000, 30_000), (2**31 - 1, 1), (LARGEST_PIXELS + 1, 1)]
)
def test_a_bomb_is_refused_by_its_header(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More pixels than are decoded: nothing of the picture is decoded to find out."""
    monkeypatch.setattr(Image.Image, "load", pytest.fail)

    fault = refused(claiming(*size))

    assert fault.code == "E156"
    assert "pixels" in fault.message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_file_that_is_cut_off_is_refused(kind: str) -> None:
    """Half a picture is none."""
    data = encoded(noise((64, 64)), kind)

    assert refused(data[: len(data) // 2]).code == "E155"


def test_an_animation_that_is_cut_off_is_refused() -> None:
    """A GIF without its end, or with a frame that cannot be decoded, is damaged."""
    data = animated()
    frame = data.rindex(b"\x2c\0\0\0\0")
    table = 3 << ((data[frame + 9] & 7) + 1) if data[frame + 9] & 0x80 else 0
    without_pixels = data[: frame + 11 + table] + b"\0;"

    assert bare(without_pixels).frames == 3
    assert refused(without_pixels).code == "E155"
    assert refused(data[:-1]).code == "E155"


@pytest.mark.parametrize(
    "data",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<SVG onload="alert(1)"/>',
        b"\x1f\x8b\x08\x00 a compressed drawing",
    ],
)
def test_an_svg_is_refused_with_a_remedy(data: bytes) -> None:
    """A drawing can hold a script; the remedy is a PNG."""
    fault = refused(data)

    assert fault.code == "E154"
    assert "PNG" in fault.remedy


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"words",
        b"<html><body>not found</body></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"P6 1 1 255 abc",
        b"\0\0\0\x18ftypheic\0\0\0\0",
        b"8BPS\0\1",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """Only the kinds that are listed are tried: no PostScript, no Photoshop, nothing rare."""
    fault = refused(data)

    assert fault.code == "E155"
    assert "PNG, JPEG, GIF, WEBP, AVIF, BMP and TIFF" in fault.message
