"""Private files that are there whole or not at all, and positions kept in them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.errors import StorageError


def write_private(file: Path, data: bytes) -> None:
    """Write a file that only its owner can read, durably; the folder is made if it is missing.

    Raises:
        StorageError: it cannot be written; an older file of that name is as it was.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # what a kill -9 left behind
            partial.unlink()
        try:
            _write(partial, data)
            partial.replace(file)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
        _sync_folder(file.parent)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}; look at the disk and the folder") from error


def read_position(file: Path) -> dict[str, Any]:
    """Return what was remembered; nothing if it is missing or damaged.

    To forget is harmless: mail comes again, and hearing it again changes nothing.
    """
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_position(file: Path, position: dict[str, int | str]) -> None:
    """Remember where to go on; see `write_private`."""
    write_private(file, json.dumps(position).encode())


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
