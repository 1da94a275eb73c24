"""Markdown: CommonMark with tables and strikethrough under YAML front matter, nothing private."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from pipeline.formats.port import Options, Reading, Score
from pipeline.formats.source import SourceText

_HEADING = re.compile(r" {0,3}#{1,6} \S")
_KEY = re.compile(r"[\w-]+ *:")


class Markdown(Struct, frozen=True):
    """Reads the canonical form, and Markdown of other tools as far as it is CommonMark."""

    name: str = "markdown"
    suffixes: tuple[str, ...] = (".md", ".markdown", ".mdown", ".mkd")

    def sniff(self, source: SourceText) -> Score:
        """Look for front matter, headings and links; see `Format.sniff`."""
        points, reasons = 15, ["any text is Markdown"]
        lines = source.lines
        if lines[0].rstrip() in {"---", "+++"} and any(_KEY.match(line) for line in lines[1:3]):
            points += 65
            reasons.append("front matter")
        headings = sum(
            line.lstrip(" ").startswith("#") and bool(_HEADING.match(line)) for line in lines
        )
        if headings:
            points += min(40, 10 + 5 * headings)
            reasons.append(f"{headings} headings with #")
        if links := source.text.count("]("):
            points += min(35, 5 + 5 * links)
            reasons.append(f"{links} inline links")
        if bold := sum(line.startswith("**") for line in lines):
            points += min(15, 5 * bold)
            reasons.append(f"{bold} bold openings")
        if any(line.startswith(("```", "~~~")) for line in lines):
            points += 10
            reasons.append("fenced code")
        return Score(self.name, min(100, points), tuple(reasons))

    def read(self, source: SourceText, options: Options) -> Reading:
        """Read an issue; see `Format.read`."""
        # Its libraries take a tenth of a build, and every file is sniffed by every format.
        from pipeline.formats.markdown import reader

        return reader.read(source, options, name=self.name)


FORMAT: Final = Markdown()
