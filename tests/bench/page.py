"""docs/benchmarks.md: each measurement writes its own section and leaves the others alone."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from textwrap import wrap
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "benchmarks.md"
SECTIONS: Final = (  # in this order
    "Whole commands",
    "Rebuilding on save",
    "From save to frame",
    "One changed issue",
    "Sending",
    "A million readers",
    "A million subscribers",
    "Two hundred at once",
)
HEAD: Final = """\
# Benchmarks

Written by `make bench` (`tests/bench/`); run it to get your own. Everything is measured beside
something public, in turn with it and on the same machine: read the ratios, for milliseconds say
something about the machine only. Nothing asserts these figures.
"""


def write_section(title: str, lines: Sequence[str]) -> str:
    """Replace a section of the page, and return its new text.

    Args:
        title: one of SECTIONS.
        lines: Markdown, without the heading.
    """
    parts = _sections(PAGE.read_text(encoding="utf-8") if PAGE.exists() else "")
    parts[title] = "\n".join(lines).strip()
    text = [f"## {name}\n\n{parts[name]}\n" for name in SECTIONS if name in parts]
    PAGE.write_text("\n".join([HEAD, *text]), encoding="utf-8")
    return f"{parts[title]}\n"


def prose(text: str) -> list[str]:
    """Return the lines of a paragraph, and an empty one after it."""
    return [*wrap(text, 99, break_long_words=False, break_on_hyphens=False), ""]


def surroundings(*distributions: str) -> str:
    """Name what was measured: Python, some libraries, the machine."""
    versions = ", ".join(f"{name} {version(name)}" for name in distributions)
    return (
        f"Python {platform.python_version()}, {versions}; {platform.system()}, "
        f"{os.cpu_count()} cores ({platform.machine()})."
    )


def _sections(text: str) -> dict[str, str]:
    parts = [part.partition("\n") for part in f"\n{text}".split("\n## ")[1:]]
    return {title.strip(): body.strip() for title, _, body in parts if title.strip() in SECTIONS}
