"""Patterns of phrases that mean the same; written one a line, they can be read and added to."""

from __future__ import annotations

import re


def either(*phrases: str) -> re.Pattern[str]:
    """Return the pattern that finds any of some phrases, in capitals or not."""
    return re.compile("|".join(phrases), re.IGNORECASE)
