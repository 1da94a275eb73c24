"""Reading an entry: believed only when every part has the digest that entry.json says."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline.errors import Diagnostic, OutboxError, Severity
from pipeline.model.entry import PARTS, Entry
from pipeline.outbox import files, records

ENTRY: Final = "entry.json"

_AGAIN: Final = "changed by hand, or a build was cut short; build the issue again"


def verified(directory: int, path: Path) -> tuple[Entry, dict[str, bytes]]:
    """Return the entry in an open folder, and its parts by name.

    Args:
        directory: descriptor of the entry's folder.
        path: the same folder, for messages; its last part is the entry's name.

    Raises:
        OutboxError: a part is missing or not what it was; the message names the file.
        OSError: a file cannot be read.
    """
    try:
        entry = records.read_entry(files.read(directory, ENTRY))
    except FileNotFoundError as error:
        raise OutboxError(
            f"{path}: half written, there is no {ENTRY}; build the issue again"
        ) from error
    except ValueError as error:
        raise OutboxError(f"{path / ENTRY}: {error}; {_AGAIN}") from error
    if entry.id != path.name or tuple(name for name, _ in entry.parts) != PARTS:
        raise OutboxError(f"{path / ENTRY}: belongs to another entry; build the issue again")
    parts: dict[str, bytes] = {}
    for name, digest in entry.parts:
        try:
            parts[name] = files.read(directory, name)
        except FileNotFoundError as error:
            raise OutboxError(f"{path / name}: is missing; build the issue again") from error
        if sha256(parts[name]).hexdigest() != digest:
            raise OutboxError(f"{path / name}: is not what {ENTRY} says: {_AGAIN}")
    if not _agrees(entry, parts["check.json"]):
        raise OutboxError(f"{path / ENTRY}: does not agree with itself: {_AGAIN}")
    return entry, parts


def kept_tag(directory: int) -> str | None:
    """Return the tag an earlier build minted, if there was one; feeds rely on it for ever."""
    try:
        return records.read_entry(files.read(directory, ENTRY)).tag
    except (FileNotFoundError, ValueError):
        return None


def count(diagnostics: Iterable[Diagnostic], severity: Severity) -> int:
    """Count the diagnostics of one severity."""
    return sum(each.severity is severity for each in diagnostics)


def _agrees(entry: Entry, check_json: bytes) -> bool:
    """Say whether the digest and the counts are those of the parts: approval rests on both."""
    digest = records.entry_digest(entry.parts, subject=entry.subject, preheader=entry.preheader)
    try:
        found = records.read_check(check_json)
    except ValueError:
        return False
    counted = (count(found, Severity.ERROR), count(found, Severity.WARNING))
    return entry.digest == digest and (entry.errors, entry.warnings) == counted
