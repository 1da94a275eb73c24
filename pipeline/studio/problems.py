"""An error as a page shows it: what was said, and the lines it is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import BroadsheetError, IssueError, TemplateError
from pipeline.operations.preview import lines_around, source_text

_IN_SETTINGS: Final = re.compile(r"(?P<file>[^\n]+\.toml):(?P<line>\d+): (?P<problem>.*)")


class Problem(Struct, frozen=True, kw_only=True):
    """Why there is no fresh view: what was said, and the lines it is about."""

    said: Diagnostic
    lines: tuple[tuple[int, str], ...] = ()


def explained(error: BroadsheetError) -> tuple[Problem, ...]:
    """Return what an error says, with the lines it is about where it names a file."""
    match error:
        case IssueError(diagnostics=diagnostics):
            return tuple(Problem(said=each, lines=_lines(each)) for each in diagnostics)
        case TemplateError():
            said = Diagnostic(
                code="",
                severity=Severity.ERROR,
                message=error.problem,
                file=str(error.file),
                line=error.line,
            )
            return (Problem(said=said, lines=_lines(said)),)
        case _:
            return tuple(problem(each) for each in str(error).splitlines())


def problem(said: str) -> Problem:
    """Return one line of an error; one about a line of the settings shows that line."""
    if place := _IN_SETTINGS.fullmatch(said):
        found = Diagnostic(
            code="",
            severity=Severity.ERROR,
            message=place["problem"],
            file=place["file"],
            line=int(place["line"]),
        )
        return Problem(said=found, lines=_lines(found))
    return Problem(said=Diagnostic(code="", severity=Severity.ERROR, message=said))


def _lines(said: Diagnostic) -> tuple[tuple[int, str], ...]:
    if said.file is None or said.line is None:
        return ()
    try:
        lines = source_text(Path(said.file)).splitlines()
    except (OSError, ValueError):
        return ()
    return tuple(lines_around(lines, said.line))
