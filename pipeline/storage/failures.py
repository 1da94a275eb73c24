"""What the database driver complains of, said as a StorageError with a remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pipeline.errors import StorageBusy, StorageError

_PRIMARY: Final = 0xFF  # SQLite's extended result codes keep the primary one in the low byte

_PASSING: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_REMEDIES: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_NOTADB: "this is not a database; move the file away, or name another",
    sqlite3.SQLITE_CORRUPT: "the database is damaged; restore the last backup",
    sqlite3.SQLITE_BUSY: "another process is writing and did not finish in time; try again",
    sqlite3.SQLITE_LOCKED: "another connection is writing and did not finish in time; try again",
    sqlite3.SQLITE_READONLY: "the database cannot be written; check who owns the file and folder",
    sqlite3.SQLITE_PERM: "the database may not be opened; check who owns the file and folder",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened; check that it is a file in a folder"
    " you may write to",
    sqlite3.SQLITE_FULL: "the disk is full; make room, then run the same command again",
    sqlite3.SQLITE_IOERR: "the disk does not answer as it should; check it before going on",
}


def storage_error(path: Path, error: BaseException) -> StorageError:
    """Return the StorageError that says what `error` means for the file at `path`."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    if code is not None and (remedy := _REMEDIES.get(code & _PRIMARY)):
        kind = StorageBusy if code & _PRIMARY in _PASSING else StorageError
        return kind(f"{path}: {remedy} ({cause})")
    return StorageError(f"{path}: {cause or error}")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Let no exception of SQLAlchemy or the driver out.

    Raises:
        StorageError: in place of one, with the remedy; the transaction was rolled back.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise storage_error(path, error) from error
