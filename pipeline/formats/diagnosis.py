"""Gathers what there is to say about one file while it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import IssueError
from pipeline.formats.codes import CODES

MOST_OF_A_KIND: Final = 20  # a thousand equal warnings are read by nobody

_SEVERITY: Final = {"E": Severity.ERROR, "W": Severity.WARNING, "I": Severity.NOTE}


class Diagnosis:
    """The diagnostics of one file, each filled in with its place and the line that stands there."""

    def __init__(self, file: str, lines: Sequence[str]) -> None:
        self.file = file
        self.lines = lines
        self._found: list[Diagnostic] = []
        self._count: Counter[str] = Counter()

    def add(
        self,
        code: str,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        at: str | None = None,
        note: str | None = None,
        remedy: str | None = None,
    ) -> None:
        """Take down one diagnostic; its severity is the first letter of `code`.

        Args:
            code: a key of `CODES`.
            message: one line, no full stop.
            line: 1-based.
            column: 1-based, in code points.
            at: words to look for in the line, instead of a column.
            note: why, or what was found.
            remedy: what to do.
        """
        assert code in CODES, code
        source = self.lines[line - 1] if line and line <= len(self.lines) else None
        end = None
        if at and source and (found := source.find(at)) >= 0:
            column, end = found + 1, found + 1 + len(at)
        self._count[code] += 1
        if self._count[code] > MOST_OF_A_KIND:
            return
        self._found.append(
            Diagnostic(
                code=code,
                severity=_SEVERITY[code[0]],
                message=message,
                file=self.file,
                line=line,
                column=column,
                end_column=end,
                source=source,
                note=note,
                help=remedy,
            )
        )

    def fatal(
        self,
        code: str,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        at: str | None = None,
        note: str | None = None,
        remedy: str | None = None,
    ) -> IssueError:
        """Return the error to raise when nothing more can be read; see `add`."""
        self.add(code, message, line=line, column=column, at=at, note=note, remedy=remedy)
        return IssueError(self._errors())

    def stop_on_errors(self) -> None:
        """Raise what was found so far if any of it is an error.

        Raises:
            IssueError: with every error at once, so that one round of mending is enough.
        """
        if errors := self._errors():
            raise IssueError(errors)

    def report(self) -> tuple[Diagnostic, ...]:
        """Return everything found, in the order of the file."""
        return tuple(sorted(self._found, key=lambda found: found.line or 0))

    def _errors(self) -> tuple[Diagnostic, ...]:
        return tuple(found for found in self._found if found.severity is Severity.ERROR)
