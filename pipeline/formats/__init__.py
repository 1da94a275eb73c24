"""A file becomes an issue: bytes are decoded, the format found, the text read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from pipeline.errors import UnknownPluginError
from pipeline.formats.detect import choose, scores
from pipeline.formats.labelled import FORMAT as LABELLED
from pipeline.formats.markdown import FORMAT as MARKDOWN
from pipeline.formats.port import DateOrder, Format, Options, Reading, Score
from pipeline.formats.sectioned import FORMAT as SECTIONED
from pipeline.formats.source import SourceText, decode

__all__ = [
    "BUILT_IN",
    "DateOrder",
    "Format",
    "Options",
    "Reading",
    "Score",
    "SourceText",
    "detect",
    "read",
]

BUILT_IN: Final[tuple[Format, ...]] = (LABELLED, SECTIONED, MARKDOWN)


def read(
    data: bytes,
    file: str,
    *,
    formats: Sequence[Format] = BUILT_IN,
    format: str | None = None,  # noqa: A002 - what the option is called everywhere
    date_order: DateOrder | None = None,
) -> Reading:
    """Read an issue.

    Pure: the file is not opened, its name is only looked at.

    Args:
        data: the bytes of the file, as they are.
        file: as the user named it; stands in every diagnostic.
        formats: what to choose from.
        format: the name of one of them; None: found from the text.
        date_order: how 03/04/2026 is meant.

    Raises:
        IssueError: the author has to mend something; says where, and how.
        UnknownPluginError: `format` is none of `formats`.
    """
    source = decode(data, file)
    chosen = choose(source, formats) if format is None else _named(format, formats)
    reading = chosen.read(source, Options(date_order=date_order))
    return replace(reading, diagnostics=(*source.notes, *reading.diagnostics))


def detect(data: bytes, file: str, formats: Sequence[Format] = BUILT_IN) -> tuple[Score, ...]:
    """Return what every format makes of a file, best first.

    Raises:
        IssueError: the bytes are no text.
    """
    return scores(decode(data, file), formats)


def _named(name: str, formats: Sequence[Format]) -> Format:
    for format_ in formats:
        if format_.name == name:
            return format_
    raise UnknownPluginError("formats", name, sorted(format_.name for format_ in formats))
