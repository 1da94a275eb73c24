"""Where in its file an issue names a picture."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

_LINE_ENDS: Final = re.compile(r"\r\n?|\n|\x85")
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Place(Struct, frozen=True):
    """1-based; columns count code points; all None where the text does not show it."""

    line: int | None = None
    column: int | None = None
    end_column: int | None = None  # exclusive
    source: str | None = None  # the line


def place(url: str, file: Path) -> Place:
    """Return the first place of an address in a file; a reader may have percent-encoded it.

    The file is read again, because it is only asked for when something is wrong.
    """
    try:
        data = file.read_bytes()
    except OSError:
        return Place()
    text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig", "replace")
    for written in dict.fromkeys((url, unquote(url))):
        whole = re.compile(rf"(?<![\w./%-]){re.escape(written)}(?![\w/%-])")
        for number, line in enumerate(_LINE_ENDS.split(text), start=1):
            if written and (found := whole.search(line)):
                return Place(number, found.start() + 1, found.end() + 1, line)
    return Place()
