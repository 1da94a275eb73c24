"""Read an issue file from disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from pipeline.errors import ConfigError
from pipeline.formats import DateOrder, Format, Reading, read

LARGEST_FILE = 1 << 20  # bytes; the reader refuses more, so do not even load it


class ReadIssue(Struct, frozen=True, kw_only=True):
    """Turn a file into an Issue, with everything there is to say about it."""

    formats: Sequence[Format]
    format: str | None = None  # --from; None: find out
    date_order: DateOrder | None = None  # for 03/04/2026

    def __call__(self, file: Path) -> Reading:
        """Read one file.

        Raises:
            IssueError: its content is not an issue; says where and what to do.
            ConfigError: there is no such file, or it cannot be read.
        """
        try:
            with file.open("rb") as stream:
                data = stream.read(LARGEST_FILE + 1)
        except OSError as error:
            raise ConfigError(f"{file}: {error.strerror}") from error
        return read(
            data, str(file), formats=self.formats, format=self.format, date_order=self.date_order
        )
