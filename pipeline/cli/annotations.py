"""Findings as workflow commands: GitHub shows them beside the lines of a pull request."""

from __future__ import annotations

from typing import Final

from pipeline.diagnostic import Diagnostic, Severity

_COMMANDS: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "notice",
}


def annotation(diagnostic: Diagnostic) -> str:
    """Return one line; nothing an author writes can end it or begin another command."""
    properties = {
        "file": diagnostic.file,
        "line": diagnostic.line,
        "col": diagnostic.column,
        "endColumn": diagnostic.end_column,
        "title": diagnostic.code,
    }
    said = ",".join(
        f"{name}={_property(str(value))}" for name, value in properties.items() if value
    )
    message = "\n".join(filter(None, (diagnostic.message, diagnostic.help)))
    return f"::{_COMMANDS[diagnostic.severity]} {said}::{_data(message)}"


def _data(text: str) -> str:
    """Escape as the runner unescapes: the sign of escapes first."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
