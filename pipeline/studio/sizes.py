"""How large a message is, part by part, and how near to where Gmail cuts."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from pipeline.studio.letter import Letter

NEARLY_CLIPPED: Final = 90_000  # bytes of the larger of HTML and HTML as it travels
CLIPPED: Final = 102_000
_SCALE: Final = 120_000  # bytes at the right end of the meter


class Slice(Struct, frozen=True, kw_only=True):
    """A part of the message, or its headers."""

    name: str
    transferred: int  # bytes on the wire
    decoded: int | None  # bytes once decoded
    share: float  # of the whole message, in per cent


class Sizes(Struct, frozen=True, kw_only=True):
    """The meter."""

    total: int
    slices: tuple[Slice, ...]
    gmail: int  # the larger of the HTML and the HTML as it travels

    @property
    def state(self) -> str:
        """`fine`, `near` or `cut`."""
        if self.gmail >= CLIPPED:
            return "cut"
        return "near" if self.gmail >= NEARLY_CLIPPED else "fine"

    @property
    def filled(self) -> float:
        """Where the meter stands, in per cent."""
        return round(min(100, self.gmail / _SCALE * 100), 1)

    @property
    def marks(self) -> tuple[tuple[int, float], ...]:
        """The limits in bytes, and where they are in per cent."""
        return tuple((limit, limit / _SCALE * 100) for limit in (NEARLY_CLIPPED, CLIPPED))


def sizes(letter: Letter) -> Sizes:
    """Weigh a message."""
    total = len(letter.raw)
    found: list[tuple[str, int, int | None]] = [("Headers", letter.header_bytes, None)]
    for part in letter.parts:
        if part.transferred:
            name = {"text/plain": "Text", "text/html": "HTML"}.get(part.media_type)
            label = name or f"{part.name or part.cid or 'Part'} ({part.media_type})"
            found.append((label, part.transferred, len(part.content)))
    rest = total - sum(size for _, size, _ in found)
    found.append(("Boundaries and headers of parts", rest, None))
    return Sizes(
        total=total,
        slices=tuple(
            Slice(name=name, transferred=size, decoded=decoded, share=size / total * 100)
            for name, size, decoded in found
        ),
        gmail=max(len(letter.html.encode()), letter.html_transferred),
    )
