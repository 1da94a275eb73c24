"""Progressive JPEG: each scan goes over the whole picture once more (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from typing import Final

_SCAN: Final = 0xDA
_END: Final = 0xD9
# What follows any other byte of 255 is pixels, padding or a restart, and has no length.
_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)


def scans(data: bytes) -> int:
    """Count the scans that a decoder will go through; pictures inside of segments are not its."""
    found = at = 0
    while (marker := _MARKER.search(data, at)) and marker[1][0] != _END:
        found += marker[1][0] == _SCAN
        at = marker.end() + max(2, int.from_bytes(data[marker.end() : marker.end() + 2]))
    return found
