"""Keeps account of the lines of a file: which part of the issue did each one become?"""

from __future__ import annotations

from pipeline.formats.source import SourceText
from pipeline.model.issue import Provenance, Span


class Claims:
    """The claims on the lines of one file, turned into its provenance at the end."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._spans: dict[str, Span] = {}
        self._nav: list[int] = []
        self._taken: set[int] = set()

    def claim(self, pointer: str, first: int, last: int | None = None) -> None:
        """Say that lines `first` to `last` (inclusive, 1-based) became the part at `pointer`.

        Blank lines at both ends are not part of it; a claim on blank lines only is none.
        """
        lines = self._source.lines
        last = min(last or first, len(lines))
        while first <= last and not lines[last - 1].strip():
            last -= 1
        while first <= last and not lines[first - 1].strip():
            first += 1
        if first > last:
            return
        opening, closing = lines[first - 1], lines[last - 1]
        column = len(opening) - len(opening.lstrip()) + 1
        self._spans[pointer] = Span(first, column, last, len(closing.rstrip()) + 1)
        self._taken.update(range(first, last + 1))

    def label(self, pointer: str, line: int) -> None:
        """Claim a line that opens a part; the second line to open it is only a label."""
        self.claim(self._free(pointer, "/labels"), line)

    def comment(self, first: int, last: int) -> None:
        """Claim lines their author keeps to themselves."""
        self.claim(self._free("/comments/0", "/comments"), first, last)

    def reference(self, first: int, last: int) -> None:
        """Claim lines that only say where links go."""
        self.claim(self._free("/references/0", "/references"), first, last)

    def nav(self, line: int) -> None:
        """Say that a line belongs to a web page around the issue."""
        self._nav.append(line)
        self._taken.add(line)

    def provenance(self, format_name: str) -> Provenance:
        """Return the account; lines nobody claimed are unassigned."""
        source = self._source
        return Provenance(
            file=source.file,
            format=format_name,
            sha256=source.sha256,
            words=source.words,
            lines=len(source.lines),
            spans=tuple(sorted(self._spans.items(), key=lambda item: item[1].line)),
            nav=tuple(self._nav),
            unassigned=tuple(
                number
                for number, line in enumerate(source.lines, 1)
                if number not in self._taken and line.strip()
            ),
        )

    def _free(self, pointer: str, otherwise: str) -> str:
        """Return `pointer` or, if it is taken, the next free number under `otherwise`."""
        number = 0
        while pointer in self._spans:
            pointer = f"{otherwise}/{number}"
            number += 1
        return pointer
