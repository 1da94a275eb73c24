"""Errors and diagnostics as words on stderr, in the manner of a compiler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click
from msgspec.structs import asdict

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import BroadsheetError, IssueError

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_MOST_PER_CODE = 20


def report(error: BroadsheetError) -> None:
    """Say what went wrong and what to do."""
    if isinstance(error, IssueError):
        show(error.diagnostics)
    else:
        click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True)


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics one after the other, at most twenty of a kind."""
    seen: Counter[str] = Counter()
    for diagnostic in diagnostics:
        seen[diagnostic.code] += 1
        if seen[diagnostic.code] <= _MOST_PER_CODE:
            click.echo(as_text(diagnostic), err=True)
    for code, count in seen.items():
        if count > _MOST_PER_CODE:
            click.echo(f"... and {count - _MOST_PER_CODE} more {code}", err=True)


def as_text(diagnostic: Diagnostic) -> str:
    """Return place, message, the source line with a marker, note and help.

    091.md:4:14: W201 warning: story_count says 20, found 19
      |
    4 | story_count: 20
      |              ^^
      = note: ...
      = help: ...
    """
    place = ":".join(
        str(part) for part in (diagnostic.file, diagnostic.line, diagnostic.column) if part
    )
    head = click.style(
        f"{diagnostic.code} {diagnostic.severity}", fg=_COLOURS[diagnostic.severity], bold=True
    )
    lines = [f"{place}: " * bool(place) + f"{head}: {_safe(diagnostic.message)}"]
    gutter = " " * len(str(diagnostic.line or ""))
    if diagnostic.source is not None and diagnostic.line:
        lines += _excerpt(diagnostic, gutter)
    lines += [
        f"{gutter} = {label}: {_safe(text)}"
        for label, text in (("note", diagnostic.note), ("help", diagnostic.help))
        if text
    ]
    return "\n".join(lines)


def _excerpt(diagnostic: Diagnostic, gutter: str, width: int = 88) -> list[str]:
    source = (diagnostic.source or "").expandtabs(1)
    column = diagnostic.column or 1
    end = diagnostic.end_column or column + 1
    first = max(0, column - 1 - width // 2) if column > width else 0
    shown = source[first : first + width]
    marks = max(1, min(end, first + len(shown) + 1) - column)
    return [
        f"{gutter} |",
        f"{diagnostic.line} | {_safe(shown)}",
        f"{gutter} | {' ' * (column - 1 - first)}{'^' * marks}",
    ]


def as_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a diagnostic for machines: the fields of `Diagnostic` under their names."""
    return asdict(diagnostic)


def summary(diagnostics: Sequence[Diagnostic], *, shown: int | None = None) -> str:
    """Return "2 errors, 1 warning", or "no findings".

    Args:
        diagnostics: what was found; what is allowed is counted apart.
        shown: how many of them a reader saw, if not all.
    """
    counted = [each for each in diagnostics if not each.allowed]
    counts = Counter(diagnostic.severity for diagnostic in counted)
    parts = [
        f"{counts[severity]} {severity}{'s' if counts[severity] > 1 else ''}"
        for severity in Severity
        if counts[severity]
    ]
    if allowed := len(diagnostics) - len(counted):
        parts.append(f"{allowed} allowed")
    hidden = len(counted) - shown if shown is not None else 0
    return (", ".join(parts) or "no findings") + f"; --notes shows {hidden} more" * bool(hidden)


def _safe(text: str) -> str:
    """Show control characters instead of sending them to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)
