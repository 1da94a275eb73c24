"""Which characters may stand in a feed or a page."""

from __future__ import annotations

import re
from typing import Final

# What XML 1.0 forbids, and the C1 controls it only discourages. lxml raises on the former. They
# are dropped rather than replaced: feed validators warn about U+FFFD.
_FORBIDDEN: Final = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Drop control characters and lone surrogates; every line end becomes a line feed."""
    return _FORBIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """Return clean text with every run of white space as one space, as a title needs it."""
    return " ".join(clean(text).split())
