"""Making findings: a code, a severity, and the place in the author's file if there is one."""

from __future__ import annotations

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.model.issue import Issue, Span


def error(
    code: str, message: str, *, help_: str, issue: Issue | None = None, pointer: str = ""
) -> Diagnostic:
    """Return a finding that stops approval; see `finding`."""
    return finding(Severity.ERROR, code, message, help_=help_, issue=issue, pointer=pointer)


def warning(
    code: str, message: str, *, help_: str, issue: Issue | None = None, pointer: str = ""
) -> Diagnostic:
    """Return a finding that somebody should look at; see `finding`."""
    return finding(Severity.WARNING, code, message, help_=help_, issue=issue, pointer=pointer)


def note(
    code: str, message: str, *, help_: str, issue: Issue | None = None, pointer: str = ""
) -> Diagnostic:
    """Return a finding that is good to know; see `finding`."""
    return finding(Severity.NOTE, code, message, help_=help_, issue=issue, pointer=pointer)


def finding(
    severity: Severity,
    code: str,
    message: str,
    *,
    help_: str,
    issue: Issue | None = None,
    pointer: str = "",
) -> Diagnostic:
    """Return a finding, with its place if the author's file is to blame.

    Args:
        severity: how much it weighs.
        code: one of `CODES`.
        message: one line, no full stop.
        help_: what to do.
        issue: whose file it is about; None if a template or a setting is to blame.
        pointer: JSON pointer of the part, as in `Provenance.spans`.
    """
    provenance = issue.provenance if issue else None
    span = _span(dict(provenance.spans), pointer) if provenance else None
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        file=provenance.file if provenance else None,
        line=span.line if span else None,
        column=span.column if span else None,
        help=help_,
    )


def shorten(text: str, longest: int = 60) -> str:
    """Return text on one line, cut to fit a message, in quotes."""
    line = " ".join(text.split())
    return repr(line if len(line) <= longest else f"{line[: longest - 1]}…")


def _span(spans: dict[str, Span], pointer: str) -> Span | None:
    """Return the place of a part of the issue, or of what it is in."""
    while pointer:
        if pointer in spans:
            return spans[pointer]
        pointer = pointer.rpartition("/")[0]
    return None
