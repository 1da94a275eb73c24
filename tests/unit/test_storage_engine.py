from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from pipeline.errors import StorageError
from pipeline.model.moment import microseconds, moment
from pipeline.storage.engine import Database, journal_mode, open_database
from pipeline.storage.failures import storage_error
from pipeline.storage.schema import meta


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a database that is not there yet."""
    return tmp_path / "data" / "broadsheet.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    """Give an open database that does not wait for locks."""
    opened = open_database(file, busy_timeout=timedelta(0))
    yield opened
    opened.close()


def pragma(database: Database, name: str) -> object:
    """Return what a connection of the database says of a setting."""
    with database.reading() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def mode(path: Path) -> int:
    """Return the permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_database_is_for_its_owner_only(file: Path) -> None:
    """Nobody else on the machine reads who the subscribers are."""
    open_database(file).close()

    assert (mode(file), mode(file.parent)) == (0o600, 0o700)


def test_every_connection_is_durable_and_checks_references(database: Database) -> None:
    """A START survives a power cut, and no row loses what it belongs to."""
    names = ("synchronous", "foreign_keys", "secure_delete")

    assert [pragma(database, name) for name in names] == [2, 1, 1]
    assert str(pragma(database, "journal_mode")).upper() == journal_mode()


@pytest.mark.parametrize(
    ("version", "expected"),
    [((3, 40, 1), "DELETE"), ((3, 51, 2), "DELETE"), ((3, 51, 3), "WAL"), ((4, 0, 0), "WAL")],
)
def test_wal_waits_for_a_sqlite_that_does_not_corrupt_it(
    version: tuple[int, int, int], expected: str
) -> None:
    """Below 3.51.3 two writers can damage a WAL database."""
    assert journal_mode(version) == expected


def test_opening_again_finds_what_was_written(database: Database, file: Path) -> None:
    """A database is made once."""
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO slot VALUES ('2026-01-02T08:00', 1, NULL, '')")

    with closing(open_database(file)) as again, again.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM slot").scalar() == 1


def test_a_failed_transaction_leaves_nothing_tables_included(database: Database) -> None:
    """What was written before an error is gone after it."""

    def write_half() -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE half (written)")
            connection.exec_driver_sql("INSERT INTO slot VALUES ('2026-01-02T08:00', 1, NULL, '')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()

    with database.reading() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()
        assert "half" not in tables
        assert connection.exec_driver_sql("SELECT count(*) FROM slot").scalar() == 0


def test_text_is_refused_with_a_remedy_and_kept(file: Path) -> None:
    """Naming the wrong file does not cost it."""
    file.parent.mkdir()
    file.write_text("Dear reader, this is a letter and no database.\n" * 100)
    before = file.read_bytes()

    with pytest.raises(StorageError, match="not a database; move the file away"):
        open_database(file)

    assert file.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_kept(file: Path) -> None:
    """No table of ours lands among somebody else's."""
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    before = file.read_bytes()

    with pytest.raises(StorageError, match="another program"):
        open_database(file)

    assert file.read_bytes() == before


def test_a_folder_in_its_place_is_an_error_of_ours(tmp_path: Path) -> None:
    """No exception of the driver or the system comes out."""
    with pytest.raises(StorageError, match="cannot be opened"):
        open_database(tmp_path)


def test_a_file_in_place_of_the_folder_is_an_error_of_ours(tmp_path: Path) -> None:
    """The path is named, whatever part of it is wrong."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageError, match=r"data/broadsheet\.db"):
        open_database(tmp_path / "data" / "broadsheet.db")


def test_a_writer_that_never_finishes_is_named_as_the_reason(
    database: Database, file: Path
) -> None:
    """Waiting for the lock ends, and says what to do."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with (
            pytest.raises(StorageError, match="another process is writing and did not finish"),
            database.writing(),
        ):
            pass


def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """An open write transaction stops nobody from looking."""
    with database.writing(), database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM slot").scalar() == 0


def test_threads_share_a_database(database: Database) -> None:
    """A connection made by one thread serves another."""
    seen: list[object] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: seen.append(pragma(database, "foreign_keys")))
        thread.start()
        thread.join()

    assert seen == [1, 1, 1]


def test_what_is_gathered_is_one_commit(database: Database, file: Path) -> None:
    """Others see all of it or nothing, this thread sees it at once, and senders hear of it once."""
    bell = file.with_name(f"{file.name}.doorbell")
    before = bell.read_bytes()
    with database.gathering():
        for name in ("a", "b"):
            with database.writing(quiet=name == "a") as connection:
                connection.execute(insert(meta).values(name=name, value=b""))
            with database.reading() as connection:
                assert connection.scalar(select(func.count()).where(meta.c.name == name)) == 1
        assert "a" not in names(file)
        assert bell.read_bytes() == before

    assert {"a", "b"} <= names(file)
    assert bell.read_bytes() != before


def test_of_what_is_gathered_each_stands_alone(database: Database, file: Path) -> None:
    """A change that fails takes no other with it; a gathering that fails takes all."""
    with database.gathering():
        with database.writing() as connection:
            connection.execute(insert(meta).values(name="kept", value=b""))
        with suppress(ZeroDivisionError), database.writing() as connection:
            connection.execute(insert(meta).values(name="lost", value=b""))
            raise ZeroDivisionError
    assert "kept" in names(file)
    assert "lost" not in names(file)

    with suppress(ZeroDivisionError), database.gathering():
        with database.writing() as connection:
            connection.execute(insert(meta).values(name="never", value=b""))
        raise ZeroDivisionError
    assert "never" not in names(file)
    with database.writing() as connection:
        connection.execute(insert(meta).values(name="after", value=b""))
    assert "after" in names(file)


def test_a_gathering_is_of_one_thread(file: Path) -> None:
    """Another thread waits for it like for any writer, and its change is its own."""

    def write() -> None:
        with opened.writing() as connection:
            connection.execute(insert(meta).values(name="theirs", value=b""))

    with closing(open_database(file)) as opened, ThreadPoolExecutor(1) as threads:
        with suppress(ZeroDivisionError), opened.gathering():
            waiting = threads.submit(write)
            raise ZeroDivisionError
        waiting.result(timeout=60)

    assert "theirs" in names(file)


def names(file: Path) -> set[str]:
    """Return what another connection sees."""
    with closing(sqlite3.connect(file)) as other:
        return {name for (name,) in other.execute("SELECT name FROM meta")}


def test_a_full_disk_leaves_the_transaction_before_it(database: Database) -> None:
    """What does not fit is not there in part."""
    rows = [(f"occurrence {number}", number, "x" * 500) for number in range(1000)]
    insert = "INSERT INTO slot (occurrence, due_at, note) VALUES (?, ?, ?)"
    # The pool holds one connection and gives it to whoever asks next.
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 10}")

    with (
        pytest.raises(StorageError, match="the disk is full; make room"),
        database.writing() as connection,
    ):
        connection.exec_driver_sql(insert, rows)

    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM slot").scalar() == 0


def test_a_database_that_cannot_be_written_says_so(file: Path) -> None:
    """Read-only is told apart from full and from locked."""
    open_database(file).close()
    with (
        closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as refusal,
    ):
        connection.execute("DELETE FROM slot")

    assert "check who owns the file" in str(storage_error(file, refusal.value))


@pytest.mark.parametrize(
    "when",
    [
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=2))),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
)
def test_a_moment_comes_back_to_the_microsecond(when: datetime) -> None:
    """Nothing is rounded, and what comes back is in UTC."""
    back = moment(microseconds(when))

    assert back == when
    assert back.tzinfo is UTC


def test_a_moment_without_a_zone_is_a_mistake() -> None:
    """A naive time would be an hour off twice a year."""
    with pytest.raises(ValueError, match="time zone"):
        microseconds(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test
