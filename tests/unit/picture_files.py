"""Picture files for tests: drawn here, of every kind and with every fault."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image


def drawn(size: tuple[int, int] = (40, 20), mode: str = "RGB") -> Image.Image:
    """Draw: the left half red, the right half blue, so that turning it shows."""
    image = Image.new("RGB", size, (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, size[0] // 2, size[1]))
    return image.convert(mode)


def encoded(image: Image.Image | None = None, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture as a file."""
    stream = BytesIO()
    (image or drawn()).save(stream, kind, **options)
    return stream.getvalue()


def decoded(data: bytes) -> Image.Image:
    """Return the picture of a file, decoded."""
    image = Image.open(BytesIO(data))
    image.load()
    return image


def noise(size: tuple[int, int]) -> Image.Image:
    """Draw what a photo is to an encoder: something without two equal neighbours."""
    return Image.effect_noise(size, 90).convert("RGB")


def animated(frames: int = 3, size: tuple[int, int] = (30, 20), **options: Any) -> bytes:
    """Return a GIF that moves."""
    pictures = [Image.new("RGB", size, (80 * n % 256, n % 256, 40)) for n in range(frames)]
    first, *others = pictures
    return encoded(first, "GIF", save_all=True, append_images=others, duration=50, **options)


def claiming(width: int, height: int) -> bytes:
    """Return a PNG of one bit a pixel that claims a size, and has nearly no bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(b"\0" * 1000)),
            chunk(b"IEND", b""),
        ]
    )
