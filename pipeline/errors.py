"""Every error this package raises on purpose, sorted by who has to act.

    BroadsheetError
    ├── IssueError              the author fixes an issue file
    ├── TemplateError           the author fixes a template
    ├── ConfigError             the operator fixes a setting, an argument or a file
    │   └── UnknownPluginError
    ├── ChecksFailed            the author fixes what preflight found
    ├── NotAllowed              the caller asked for something not allowed now
    ├── NotConfirmed            the caller did not confirm something irreversible
    ├── Locked                  another process has it
    ├── OutboxError             the operator looks at a file in the outbox
    ├── StorageError            the operator looks at the database
    ├── ClockStopped            the supervisor starts the process again (schedule/clock.py)
    └── SenderUnavailable       nobody: wait; no address is blamed
        ├── SenderFault         the operator, too: a login, a certificate (senders/fault.py)
        └── EverybodyRefused    the operator, too: equal refusals in a row (delivery/breaker.py)

A refused recipient is not here. It is an `Outcome`: a value, not an error.
Exit codes are the table of docs/commands.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.diagnostic import Diagnostic


class BroadsheetError(Exception):
    """Base of all; caught only where the process meets the world."""

    exit_code = 1


class IssueError(BroadsheetError):
    """An issue file cannot be read; `diagnostics` says where and what to do."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        first = diagnostics[0]
        place = ":".join(str(part) for part in (first.file, first.line, first.column) if part)
        super().__init__(f"{place}: {first.code} {first.message}")


class TemplateError(BroadsheetError):
    """A template does not render, and this is where."""

    def __init__(self, file: Path | str, problem: str, *, line: int | None = None) -> None:
        self.file, self.problem, self.line = file, problem, line
        super().__init__(f"{file}:{line}: {problem}" if line else f"{file}: {problem}")


class ConfigError(BroadsheetError):
    """A setting, an argument or a named file is missing, unknown or out of range."""

    exit_code = 2


class UnknownPluginError(ConfigError):
    """No plug-in of that name; the message lists what is installed."""

    def __init__(self, group: str, name: str, known: list[str]) -> None:
        self.group, self.name, self.known = group, name, known
        super().__init__(f"no {group} plug-in is called {name!r}; installed: {', '.join(known)}")


class ChecksFailed(BroadsheetError):
    """Preflight found errors; they stop approval."""

    exit_code = 3


class NotAllowed(BroadsheetError):
    """Asked for at the wrong time: not approved, already sent, finished."""

    exit_code = 4


class NotConfirmed(BroadsheetError):
    """Something irreversible was not confirmed; nothing happened."""

    exit_code = 6


class Locked(BroadsheetError):
    """Another process holds the dispatch; the message says which."""

    exit_code = 7


class OutboxError(BroadsheetError):
    """The outbox is not as it was left: changed, unsafe, full."""


class StorageError(BroadsheetError):
    """The database cannot be used; nothing was half written."""


class StorageBusy(StorageError):
    """Somebody else wrote for longer than we waited; it passes by itself."""


class SenderUnavailable(BroadsheetError):
    """The way out is closed: this message certainly did not leave, nor would the next."""

    exit_code = 75  # EX_TEMPFAIL (sysexits.h)
