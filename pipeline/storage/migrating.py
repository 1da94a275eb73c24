"""Bringing an older database to the newest revision, with a copy kept of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from pipeline.errors import StorageError
from pipeline.storage.failures import translated

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def configuration(
    engine: Engine | None = None,
    migrations: Path = MIGRATIONS,
    keep_copy: Callable[[str], None] = lambda _: None,
) -> Config:
    """Return Alembic's configuration; it has no file of its own.

    Args:
        engine: writer of the database.
        migrations: the folder of revisions.
        keep_copy: called with the revision the database has, while nobody else can write.
    """
    config = Config(attributes={"engine": engine, "keep_copy": keep_copy})
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def migrate(
    engine: Engine,
    path: Path,
    found: str | None,
    *,
    target: str = "head",
    migrations: Path = MIGRATIONS,
) -> None:
    """Apply what is missing, in one transaction.

    Of several processes that open an old database at once, one migrates it; the others wait and
    find nothing to do.

    Args:
        engine: writer of the database at `path`.
        path: the file; a copy is left beside it if there is anything in it.
        found: the revision it has; None for an empty file.
        target: the revision it shall have.
        migrations: the folder of revisions.

    Raises:
        StorageError: made by a newer Broadsheet, or no copy can be made; nothing was changed.
    """

    def keep_copy(revision: str) -> None:
        back_up(path, path.with_name(f"{path.name}.{revision}.backup"))

    config = configuration(engine, migrations, keep_copy)
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError as error:
            raise StorageError(
                f"{path}: made by a newer Broadsheet (revision {found}); upgrade Broadsheet"
            ) from error
    command.upgrade(config, target)


def back_up(path: Path, copy: Path) -> None:
    """Write a consistent copy of the database at `path`, replacing an older one.

    The copy is for its owner only, and it is there whole or not at all.

    Raises:
        StorageError: there is no room for it, or the folder cannot be written.
    """
    partial = copy.with_name(f"{copy.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with translated(copy), closing(sqlite3.connect(path)) as source:
                source.execute("VACUUM INTO ?", (str(partial),))
            os.fsync(descriptor)
            partial.replace(copy)
        finally:
            os.close(descriptor)
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{copy}: the copy cannot be written: {error.strerror}") from error
