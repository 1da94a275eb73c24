"""Reading an entry: believed only when every part has the digest that entry.json says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import OutboxError
from pipeline.model.entry import PARTS, PICTURES, Entry
from pipeline.model.picture import Picture, media_type
from pipeline.outbox import files, records

ENTRY: Final = "entry.json"

# No slash, no dots but the one before the suffix: a name of entry.json leads nowhere else.
_PICTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]*-[0-9a-f]{8}\.(?:gif|jpg|png)")
_AGAIN: Final = "changed by hand, or a build was cut short; build the issue again"


def verified(directory: int, path: Path) -> tuple[Entry, dict[str, bytes]]:
    """Return the entry in an open folder, and its parts by name, pictures as `images/NAME`.

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
    if entry.id != path.name or tuple(name for name, _ in entry.parts) != _expected(entry):
        raise OutboxError(f"{path / ENTRY}: belongs to another entry; build the issue again")
    parts: dict[str, bytes] = {}
    for name, digest in entry.parts:
        try:
            parts[name] = _read(directory, name)
        except FileNotFoundError as error:
            raise OutboxError(f"{path / name}: is missing; build the issue again") from error
        if sha256(parts[name]).hexdigest() != digest:
            raise OutboxError(f"{path / name}: is not what {ENTRY} says: {_AGAIN}")
    for extra in sorted(picture_files(directory) - {name for name, *_ in entry.pictures}):
        raise OutboxError(f"{path / PICTURES / extra}: does not belong to the entry: {_AGAIN}")
    if not _agrees(entry, parts["check.json"]):
        raise OutboxError(f"{path / ENTRY}: does not agree with itself: {_AGAIN}")
    return entry, parts


def picture_files(directory: int) -> set[str]:
    """Return the names in `images/` of an open folder, but for hidden ones; none if it is missing.

    Raises:
        OSError: it is a link, or no folder.
    """
    with suppress(FileNotFoundError), files.folder(PICTURES, inside=directory) as inside:
        return files.names(inside)
    return set()


def frozen_pictures(entry: Entry, parts: Mapping[str, bytes]) -> tuple[Picture, ...]:
    """Return the pictures of a verified entry."""
    return tuple(
        Picture(
            name=name,
            data=parts[f"{PICTURES}/{name}"],
            media_type=media_type(name),
            width=width,
            height=height,
        )
        for name, width, height in entry.pictures
    )


def kept_tag(directory: int) -> str | None:
    """Return the tag an earlier build minted, if there was one; feeds rely on it for ever."""
    try:
        return records.read_entry(files.read(directory, ENTRY)).tag
    except (FileNotFoundError, ValueError):
        return None


def count(diagnostics: Iterable[Diagnostic], severity: Severity) -> int:
    """Count the diagnostics of one severity."""
    return sum(each.severity is severity for each in diagnostics)


def _expected(entry: Entry) -> tuple[str, ...]:
    """Return the names of the parts there have to be; none if a picture's name is no such name."""
    names = [name for name, *_ in entry.pictures]
    if not all(map(_PICTURE.fullmatch, names)):
        return ()
    return (*PARTS, *(f"{PICTURES}/{name}" for name in names))


def _read(directory: int, name: str) -> bytes:
    folder, slash, last = name.rpartition("/")
    if not slash:
        return files.read(directory, name)
    with files.folder(folder, inside=directory) as inside:
        return files.read(inside, last)


def _agrees(entry: Entry, check_json: bytes) -> bool:
    """Say whether the digest and the counts are those of the parts: approval rests on both."""
    digest = records.entry_digest(
        entry.parts,
        subject=entry.subject,
        preheader=entry.preheader,
        pictures=entry.pictures,
    )
    try:
        found = records.read_check(check_json)
    except ValueError:
        return False
    counted = (count(found, Severity.ERROR), count(found, Severity.WARNING))
    return entry.digest == digest and (entry.errors, entry.warnings) == counted
