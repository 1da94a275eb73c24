"""One picture made ready: measured before it is decoded, upright, small, and written anew.

Nothing of the author's file reaches a reader but what can be seen: not the place where a photo was
taken, not a second file hidden behind its end.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Final

from msgspec import Struct
from PIL import Image, ImageCms, UnidentifiedImageError

from pipeline.images.fault import PictureFault
from pipeline.images.gif import Bare, bare
from pipeline.images.jpeg import scans

FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")  # tried in this order
LARGEST_PIXELS: Final = 8192 * 6144  # what the larger telephones make
LARGEST_ANIMATION: Final = 1 << 20  # bytes
LONGEST_ANIMATION: Final = 300  # frames
MOST_SCANS: Final = 32  # of a progressive JPEG; encoders write ten or so
SHARP_AT: Final = 2  # px of the file for one px shown

_QUALITY: Final = 85
_PHOTO: Final = ("JPEG", "MPO")  # MPO, of telephones: a JPEG with another behind it
_ORIENTATION: Final = 0x0112  # Exif 4.6.4
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE: Final = range(5, 9)
_EXPORT: Final = "export it again as PNG or JPEG"


class Prepared(Struct, frozen=True):
    """The bytes that leave."""

    data: bytes
    suffix: str  # .gif, .jpg or .png
    width: int  # px of the file
    height: int
    was_animated: bool = False  # and is not any more


def prepare(data: bytes, *, column: int) -> Prepared:
    """Return a picture fit for mails and pages.

    The same bytes give the same bytes, with the same Pillow. A JPEG of 40 megapixels takes 25 MB
    and half a second; the worst there is, a transparent WebP of LARGEST_PIXELS, a gigabyte and five.

    Args:
        data: a file, whatever its name says.
        column: widest it is shown, px; the file keeps twice that.

    Raises:
        PictureFault: E154 to E156; the message does not name the file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about what is dropped here anyway
        try:
            return _prepared(data, column * SHARP_AT)
        except PictureFault:
            raise
        except (Image.DecompressionBombError, MemoryError) as error:
            raise _too_large("more pixels than any screen") from error
        except Exception as error:  # whatever a decoder stumbles over is the fault of the file
            raise PictureFault(
                "E155", "is damaged or cut off", _EXPORT, note=str(error) or None
            ) from error


def _prepared(data: bytes, widest: int) -> Prepared:
    with _opened(data) as image:
        width, height = image.size
        if width * height > LARGEST_PIXELS:
            raise _too_large(f"{width:,} x {height:,} pixels")
        # Eighty bytes are a scan, and a scan is a look at every pixel.
        if image.format in _PHOTO and scans(data) > MOST_SCANS:
            raise PictureFault("E155", f"has more than {MOST_SCANS} scans", _EXPORT)
        moves = image.format in {"PNG", "WEBP", "AVIF"} and getattr(image, "is_animated", False)
        if image.format == "GIF":
            found = bare(data)
            moves = found.frames > 1
            if moves and _is_small(found):
                _decode_all(found)
                return Prepared(found.data, ".gif", width, height)
        ready = _upright(image, widest)
        suffix, written = _written(ready, photo=image.format in _PHOTO)
        return Prepared(written, suffix, *ready.size, was_animated=bool(moves))


def _opened(data: bytes) -> Image.Image:
    """Read the header of a picture; no pixel is decoded."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<", b"\x1f\x8b")) and (b"<svg" in head or head[:1] != b"<"):
        raise PictureFault("E154", "is an SVG drawing", "export it as PNG, twice as wide as shown")
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        kinds = ", ".join(FORMATS[:-1])
        raise PictureFault("E155", f"is none of {kinds} and {FORMATS[-1]}", _EXPORT) from None


def _is_small(gif: Bare) -> bool:
    return (
        len(gif.data) <= LARGEST_ANIMATION
        and gif.frames <= LONGEST_ANIMATION
        and gif.pixels <= LARGEST_PIXELS
    )


def _decode_all(gif: Bare) -> None:
    """Raise what a decoder raises: a mail program shall not be the first to try."""
    with Image.open(BytesIO(gif.data), formats=("GIF",)) as image:
        for frame in range(gif.frames):
            image.seek(frame)
            image.load()


def _upright(image: Image.Image, widest: int) -> Image.Image:
    """Decode, scale, turn; return pixels alone, in L, RGB or RGBA and in sRGB."""
    profile = image.info.get("icc_profile")
    if image.format in _PHOTO:
        image.draft(None, _fitting(image, widest))  # decodes a large photo at a part of its size
    image.load()
    orientation = image.getexif().get(_ORIENTATION, 1)
    size = _fitting(image, widest)
    pixels = _eight_bits(image)
    if size != pixels.size:
        pixels = pixels.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    pixels = _in_srgb(pixels, profile)
    if orientation in _UPRIGHT:
        pixels = pixels.transpose(_UPRIGHT[orientation])
    if pixels.mode == "RGBA" and pixels.getchannel("A").getextrema() == (255, 255):
        pixels = pixels.convert("RGB")
    bare_pixels = Image.new(
        pixels.mode, pixels.size
    )  # Pillow copies metadata from picture to file
    bare_pixels.paste(pixels)
    return bare_pixels


def _fitting(image: Image.Image, widest: int) -> tuple[int, int]:
    """Return the size that is at most `widest` across when upright, in the axes of the file."""
    width, height = image.size
    is_on_its_side = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    part = min(1.0, widest / (height if is_on_its_side else width))
    return max(1, round(width * part)), max(1, round(height * part))


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would cut off and not divide
        return image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in {"L", "RGB", "CMYK"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the colours that its profile means; the profile itself does not travel."""
    plain = image.convert("RGB") if image.mode == "CMYK" else image
    if not profile:
        return plain
    try:
        meant = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):  # a profile for something else
        return plain
    return meant or plain


def _written(image: Image.Image, *, photo: bool) -> tuple[str, bytes]:
    """Encode: JPEG stays JPEG; else PNG, unless it has twice the bytes and nothing shines through.

    A JPEG of a drawing or a screenshot is never so much smaller, and blurs its letters.
    """
    if photo:
        return ".jpg", _jpeg(image)
    png = BytesIO()
    image.save(png, "PNG")
    if image.mode == "RGBA":
        return ".png", png.getvalue()
    jpeg = _jpeg(image)
    return (".jpg", jpeg) if len(png.getvalue()) > 2 * len(jpeg) else (".png", png.getvalue())


def _jpeg(image: Image.Image) -> bytes:
    jpeg = BytesIO()
    image.save(jpeg, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return jpeg.getvalue()


def _too_large(what: str) -> PictureFault:
    return PictureFault(
        "E156",
        f"has {what}; {LARGEST_PIXELS:,} are decoded at most",
        "make it smaller; a mail shows no more than some 1,200 pixels across",
    )
