"""The picture that a link to an issue is shown with elsewhere: 1200 by 630, drawn here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

SIZE: Final = (1200, 630)

_PAGE: Final = "#fffdf8"
_INK: Final = "#1c1a17"
_QUIET: Final = "#6a6254"
_LINE: Final = "#d9d1c1"
_ACCENT: Final = "#a3291b"
_MARGIN: Final = 84
_TITLE_SIZES: Final = (80, 72, 64, 56, 48)
_TITLE_HEIGHT: Final = 330
# The font that comes with Pillow has only the letters of ASCII; these look the same or nearly so.
_TYPEWRITTEN: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d\u201e", '"'),
        **dict.fromkeys("\u2013\u2014", "-"),
        "\u2026": "...",
        "\u00a0": " ",
    }
)


class Card(Struct, frozen=True, kw_only=True):
    """What stands on it; words with letters that the font lacks are left out."""

    name: str  # of the newsletter
    title: str
    facts: str  # number and day


def card_png(card: Card) -> bytes:
    """Return the picture as PNG. The same words give the same bytes with one version of Pillow."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", SIZE, _PAGE)
    draw = ImageDraw.Draw(image)
    width, height = SIZE
    draw.rectangle((0, 0, width, 14), fill=_ACCENT)
    name, title, facts = (_drawable(text) for text in (card.name, card.title, card.facts))
    room = width - 2 * _MARGIN
    name, facts = next(_lines(name, _font(38), room)), next(_lines(facts, _font(32), room))
    draw.text((_MARGIN, 100), name, font=_font(38), fill=_ACCENT, anchor="ls")
    draw.rectangle((_MARGIN, 128, width - _MARGIN, 131), fill=_INK)
    draw.rectangle((_MARGIN, 135, width - _MARGIN, 136), fill=_INK)
    if title:
        _write_title(draw, title)
    else:
        _draw_columns(draw)
    draw.rectangle((_MARGIN, height - 116, width - _MARGIN, height - 115), fill=_LINE)
    draw.text((_MARGIN, height - 62), facts, font=_font(32), fill=_QUIET, anchor="ls")
    # Few colours: a palette makes it a quarter of the size.
    flat = image.quantize(colors=48, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = BytesIO()
    flat.save(file, "PNG", optimize=True)
    return file.getvalue()


def _drawable(text: str) -> str:
    plain = " ".join(text.translate(_TYPEWRITTEN).split())
    return plain if plain.isascii() and plain.isprintable() else ""


def _write_title(draw: ImageDraw, title: str) -> None:
    """Write as large as fits; what does not fit even small ends in dots."""
    for size in _TITLE_SIZES:
        font, step = _font(size), round(size * 1.16)
        lines = list(_lines(title, font, SIZE[0] - 2 * _MARGIN))
        if len(lines) * step <= _TITLE_HEIGHT:
            lines = _balanced(title, font, len(lines))
            break
    else:
        kept = lines[: _TITLE_HEIGHT // step]
        lines = [*kept[:-1], kept[-1].rsplit(" ", 1)[0].rstrip(" ,;:-") + " ..."]
    top = 150 + (_TITLE_HEIGHT + 20 - len(lines) * step) // 2
    for number, line in enumerate(lines):
        place = (_MARGIN, top + number * step + round(size * 0.9))
        # A second, thin stroke in the same colour: the font has no bold face.
        draw.text(place, line, font=font, fill=_INK, anchor="ls", stroke_width=1)


def _balanced(text: str, font: FreeTypeFont, count: int) -> list[str]:
    """Break into as many lines of about one length: no last word stands alone."""
    width = SIZE[0] - 2 * _MARGIN
    lines = list(_lines(text, font, width))
    for narrower in range(width - 40, width // 2, -40):
        tried = list(_lines(text, font, narrower))
        if len(tried) > count or any(len(line.split()) == 1 for line in tried[:-1]):
            break
        lines = tried
    return lines


def _draw_columns(draw: ImageDraw) -> None:
    """Draw what every newspaper looks like from afar, in any script."""
    width = (SIZE[0] - 2 * _MARGIN - 2 * 40) // 3
    for column in range(3):
        left = _MARGIN + column * (width + 40)
        draw.rectangle((left, 186, left + width * (5 - column) // 5, 212), fill=_INK)
        for line in range(9):
            right = left + width * (7 if line == 8 else 10) // 10
            draw.rectangle((left, 240 + line * 26, right, 248 + line * 26), fill=_LINE)


def _lines(text: str, font: FreeTypeFont, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
        while font.getlength(line) > width:  # a word longer than the card
            fits = next(n for n in range(len(line), 0, -1) if font.getlength(line[:n]) <= width)
            yield line[:fits]
            line = line[fits:]
    yield line


@cache
def _font(size: int) -> FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType")  # noqa: TRY004 - its build
    return font
