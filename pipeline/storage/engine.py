"""Opening the database, and its two kinds of transaction."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Lock, local
from typing import Final, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, select

from pipeline.errors import StorageBusy, StorageError
from pipeline.storage.doorbell import Doorbell
from pipeline.storage.failures import translated
from pipeline.storage.schema import HEAD, meta

# Before it, two connections that write or checkpoint at once can corrupt a WAL database:
# the WAL-reset defect of SQLite 3.7.0 to 3.51.2.
WAL_IS_SAFE_SINCE: Final = (3, 51, 3)


class _Gathered(local):
    """The transaction that a thread gathers its changes in."""

    connection: Connection | None = None
    loud = False  # somebody who wrote in it wants senders to look again


@dataclass(frozen=True, slots=True)
class Database:
    """An open database at the newest revision; share one in a process, threads included."""

    path: Path
    engine: Engine  # its transactions begin as readers
    writer: Engine  # the same connections; its transactions begin with the write lock
    doorbell: Doorbell | None = None  # None: only connected, not known to be ours
    patience: timedelta = timedelta(seconds=5)  # with other writers
    # Threads take turns here: SQLite lets who waits nap, and whoever comes by meanwhile goes first.
    _turn: Lock = field(default_factory=Lock, repr=False, compare=False)
    _gathered: _Gathered = field(default_factory=_Gathered, repr=False, compare=False)

    @property
    def identity(self) -> bytes:
        """The 16 bytes that tell this database, and copies of it, from every other."""
        with self.reading() as connection:
            query = select(meta.c.value).where(meta.c.name == "identity")
            return bytes(connection.execute(query).scalar_one())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one moment of the database and takes no write lock."""
        if self._gathered.connection is not None:
            yield self._gathered.connection
            return
        with translated(self.path), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Make what this thread writes inside one commit: many small changes cost one sync.

        Each `writing` in it still stands or falls by itself, but is durable only when the block
        has ended; keep it short, as it has the write lock.

        Raises:
            StorageBusy, StorageError: as `writing`; nothing that was gathered was written.
        """
        gathered = self._gathered
        with self.writing(quiet=True) as connection:
            gathered.connection, gathered.loud = connection, False
            try:
                yield
            finally:
                gathered.connection = None
        if gathered.loud:
            self.ring()

    @contextmanager
    def writing(self, *, quiet: bool = False) -> Iterator[Connection]:
        """Open a transaction that has the write lock from the start; leaving it commits durably.

        Args:
            quiet: whether senders need not look again who still wants their message.

        Raises:
            StorageBusy: others wrote all the time we waited; nothing of it was written.
            StorageError: read-only, full or damaged; the same.
        """
        if self._gathered.connection is not None:
            self._gathered.loud |= not quiet
            with translated(self.path), self._gathered.connection.begin_nested():
                yield self._gathered.connection
            return
        if not self._turn.acquire(timeout=self.patience.total_seconds()):
            raise StorageBusy(f"{self.path}: too many changes at once; try again")
        try:
            with translated(self.path), self.writer.begin() as connection:
                yield connection
        finally:
            self._turn.release()
        if not quiet:
            self.ring()

    def ring(self) -> None:
        """Let senders look again who still wants their message."""
        if self.doorbell:
            self.doorbell.ring()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        if self.doorbell:
            self.doorbell.close()


def journal_mode(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> str:
    """Return the journal mode that is safe with this SQLite: WAL, or DELETE below 3.51.3."""
    return "WAL" if version >= WAL_IS_SAFE_SINCE else "DELETE"


def open_database(path: Path, *, busy_timeout: timedelta = timedelta(seconds=5)) -> Database:
    """Open the database at `path`, made or migrated first if needed.

    A new file is for its owner only (0600), and so is a folder made for it (0700). Before a
    migration a copy is left beside the file, named after the revision it has.

    Args:
        path: the file; its folder is made when missing.
        busy_timeout: how long to wait for another writer.

    Raises:
        StorageError: it cannot be used, and what to do; the file is as it was.
    """
    path = path.resolve()  # by two names it would have two doorbells
    _make_private(path)
    database = connect(path, busy_timeout=busy_timeout)
    try:
        with database.reading() as connection:
            found = _revision(connection)
        if found != HEAD:
            # Alembic costs a third of a second and is needed once a release.
            from pipeline.storage.migrating import migrate

            with translated(path):
                migrate(database.writer, path, found)
        _set_journal_mode(database)
        return replace(database, doorbell=Doorbell.open(path))
    except BaseException:
        database.close()
        raise


def connect(path: Path, *, busy_timeout: timedelta) -> Database:
    """Return the database at `path` as it is, whatever its revision; touches nothing yet."""
    engine = _engine(path, busy_timeout)
    # A reader that turns writer halfway fails at once when somebody else wrote; this one waits.
    writer = engine.execution_options(begin="BEGIN IMMEDIATE")
    return Database(path, engine, writer, patience=busy_timeout)


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise StorageError(f"{path}: the database cannot be opened: {error.strerror}") from error


def _engine(path: Path, busy_timeout: timedelta) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout.total_seconds()},
    )

    @event.listens_for(engine, "connect")
    def configure(driver: sqlite3.Connection, record: object) -> None:
        del record
        # We say BEGIN ourselves: the driver would leave DDL outside of transactions.
        driver.isolation_level = None
        driver.execute("PRAGMA synchronous=FULL")  # a START must survive a power cut
        driver.execute("PRAGMA foreign_keys=ON")
        driver.execute("PRAGMA secure_delete=ON")  # an erased person leaves no trace in free pages

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _set_journal_mode(database: Database) -> None:
    """Set what is kept in the file itself, once it is known that the file is ours."""
    connection = database.engine.raw_connection()
    try:
        with translated(database.path):
            cast("sqlite3.Connection", connection.driver_connection).execute(
                f"PRAGMA journal_mode={journal_mode()}"
            )
    finally:
        connection.close()


def _revision(connection: Connection) -> str | None:
    """Return the revision the database says it has; None if it is empty."""
    tables = {
        name
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }
    if not tables:
        return None
    found = (
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if "alembic_version" in tables
        else None
    )
    if found is None:
        raise StorageError(
            f"{connection.engine.url.database}: this is the database of another program; "
            "name another file"
        )
    return str(found)
