"""What is said of a file or a rendered issue: where, how bad, and what to do."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How much a diagnostic weighs: an error stops approval, a note stops nothing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Diagnostic(Struct, frozen=True, kw_only=True):
    """One thing said about a file or a rendered issue, with its place and its remedy."""

    code: str  # stable, one rule each: "E103", "W201"; docs/diagnostics.md lists them
    severity: Severity
    message: str  # one line, no full stop
    file: str | None = None  # as the user named it
    line: int | None = None  # 1-based
    column: int | None = None  # 1-based, in code points
    end_column: int | None = None  # exclusive
    source: str | None = None  # the text of that line
    note: str | None = None  # why, or what was found
    help: str | None = None  # what to do
    allowed: bool = False  # its author knows of it and accepts it: counted, and no more
