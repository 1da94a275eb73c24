from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.errors import StorageError
from pipeline.storage.engine import Database, open_database
from pipeline.storage.throttles import Throttles

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)

# Says the number whenever it is asked, and writes when it is told to.
OTHER = """
import sys
from pathlib import Path
from pipeline.storage.engine import open_database

database = open_database(Path(sys.argv[1]))
for line in sys.stdin:
    if line == "write\\n":
        with database.writing():
            pass
    print(database.doorbell.number(), flush=True)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a database that is not there yet."""
    return tmp_path / "broadsheet.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    """Give an open database."""
    with closing(open_database(file)) as opened:
        yield opened


def number(database: Database) -> int:
    """Return what the doorbell shows."""
    assert database.doorbell
    return database.doorbell.number()


def test_every_commit_but_a_quiet_one_rings(database: Database) -> None:
    """Who looks sees another number after each change, and the same while nothing changes."""
    seen = [number(database), number(database)]
    for _ in range(3):
        with database.writing():
            seen.append(number(database))
        seen.append(number(database))
    with database.writing(quiet=True):
        pass
    with database.reading():
        pass
    seen.append(number(database))

    changes = [a != b for a, b in pairwise(seen)]
    assert changes == [False, False, True, False, True, False, True, False]
    assert len(set(seen)) == 4


def test_a_transaction_that_failed_does_not_ring(database: Database) -> None:
    """Nothing changed."""
    before = number(database)

    def fail() -> None:
        with database.writing():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert number(database) == before


def test_the_change_can_be_seen_when_the_bell_rings(
    database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It rings after the commit: who looks again then finds what was written."""
    seen = []

    def ring(_: object) -> None:
        with closing(open_database(file)) as other, other.reading() as connection:
            seen.append(connection.exec_driver_sql("SELECT count(*) FROM slot").scalar())

    monkeypatch.setattr("pipeline.storage.doorbell.Doorbell.ring", ring)
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO slot VALUES ('2026-01-02T08:00', 1, NULL, '')")

    assert seen == [1]


def test_two_of_one_process_hear_one_another(database: Database, file: Path) -> None:
    """A web server and a sender may live in one process."""
    with closing(open_database(file)) as other:
        before = number(database)
        assert number(other) == before
        with other.writing():
            pass

        assert number(database) == number(other) != before


def test_two_processes_hear_one_another(database: Database, file: Path) -> None:
    """An unsubscription that a web server stores reaches the sender."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin
        assert other.stdout

        def ask(what: str) -> int:
            assert other.stdin
            assert other.stdout
            other.stdin.write(f"{what}\n")
            other.stdin.flush()
            return int(other.stdout.readline())

        first = ask("say")
        assert number(database) == first
        second = ask("write")
        assert number(database) == second != first
        with database.writing():
            pass
        third = number(database)
        assert ask("say") == third != second
        other.stdin.close()
        assert other.wait(timeout=60) == 0


def test_the_doorbell_is_private_and_survives(database: Database, file: Path) -> None:
    """Opening it again, or finding an older one, does not ring."""
    with database.writing():
        pass
    before = number(database)
    open_database(file).close()
    bell = file.with_name("broadsheet.db.doorbell")

    assert number(database) == before
    assert stat.S_IMODE(bell.stat().st_mode) == 0o600
    assert bell.stat().st_size == 8


def test_a_doorbell_that_cannot_be_used_is_said_at_once(file: Path) -> None:
    """No sender runs that could not hear of an unsubscription."""
    file.with_name("broadsheet.db.doorbell").mkdir()

    with pytest.raises(StorageError, match=r"broadsheet\.db\.doorbell: the file that tells of"):
        open_database(file)


def test_a_doorbell_is_no_link(file: Path, tmp_path: Path) -> None:
    """Nobody makes us write into a file of their choice."""
    file.with_name("broadsheet.db.doorbell").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageError, match="who owns the folder"):
        open_database(file)

    assert not (tmp_path / "elsewhere").exists()


def test_closing_twice_is_closing_once(file: Path) -> None:
    """An error on the way out does not hide the first."""
    database = open_database(file)
    database.close()
    database.close()

    with pytest.raises(ValueError, match="released"):
        number(database)


def test_throttles_are_remembered_quietly(database: Database) -> None:
    """The newest state of each name counts, the others stay, and no sender looks up for it."""
    throttles, before = Throttles(database), number(database)
    assert throttles.load() == {}
    throttles.save({"relay a": '{"rate": 5}', "domain b": "{}"}, NOW)
    throttles.save({"relay a": '{"rate": 4}'}, NOW)
    throttles.save({}, NOW)

    assert throttles.load() == {"relay a": '{"rate": 4}', "domain b": "{}"}
    assert number(database) == before
