"""Every code a picture of an issue may give, with one sentence for docs/diagnostics.md.

The first letter is the severity, as in formats/codes.py: E stops the reading, W is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E151": "A picture is not where the issue says it is.",
        "E152": "A picture lies outside the folder of the issue and outside the workspace.",
        "E153": "A picture has an address that is neither a web address nor a file beside the issue.",
        "E154": "A picture is an SVG drawing: it can hold scripts, and few mail programs show it.",
        "E155": "A picture is damaged, cut off, or of a kind that is not read.",
        "E156": "A picture has more bytes or more pixels than are decoded.",
        "E157": "A picture changed while it was read.",
        "W158": "An animation is too large for a mail, or no GIF; only its first picture is kept.",
    }
)
