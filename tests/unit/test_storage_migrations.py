from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from pipeline.errors import StorageError
from pipeline.storage.engine import Database, connect, open_database
from pipeline.storage.migrating import MIGRATIONS, back_up, configuration, migrate
from pipeline.storage.schema import HEAD, metadata

# A row in every table, as each revision knew them. A new revision adds its own.
POPULATION: Final[dict[str, str]] = {
    "0001": """
        INSERT INTO subscriber VALUES (1, 'Ann@example.org', 'ann@example.org', 'a1', 'Ann',
                                       'active', 1, 1),
                                      (2, 'bob@example.org', 'bob@example.org', 'b2', '',
                                       'unsubscribed', 1, 2);
        INSERT INTO consent VALUES (1, 1, 'given', 'import', 'people.csv', 1);
        INSERT INTO suppression VALUES (1, 'c3', 'complained', 1);
        INSERT INTO dispatch VALUES (1, 'first-letter', 'd1', 'everyone', 5, 'sending', NULL,
                                     '2026-01-02T08:00', 2, 3, 5, NULL);
        INSERT INTO exclusion VALUES (1, 2, 'unsubscribed');
        INSERT INTO delivery VALUES (1, 1, 1, 'Ann@example.org', 'Ann', 'accepted', 1, NULL, 5, 5,
                                     250, 'ok', 6);
        INSERT INTO attempt VALUES (1, 1, 5, 6, 'accepted', 250, 'ok');
        INSERT INTO slot VALUES ('2026-01-02T08:00', 5, 1, '');
    """,
}
POPULATION["0002"] = (
    POPULATION["0001"] + "INSERT INTO throttle VALUES ('relay mx.example.org', '{}', 1);"
)
POPULATION["0003"] = """
        INSERT INTO list VALUES (1, 'products');
        INSERT INTO subscriber (id, address, address_norm, address_hash, name, language, zone,
                                fields, created_at, updated_at)
               VALUES (1, 'Ann@example.org', 'ann@example.org', 'a1', 'Ann', 'de', 'Europe/Berlin',
                       '{"city":"Ghent"}', 1, 1),
                      (2, 'bob@example.org', 'bob@example.org', 'b2', '', NULL, NULL, '{}', 1, 2);
        INSERT INTO subscription VALUES (0, 1, 'active', 1, NULL), (1, 2, 'unsubscribed', 2, 9);
        INSERT INTO tag VALUES (1, 'vip');
        INSERT INTO consent (id, subscriber_id, action, method, source, at, list_id, wording,
                             client)
               VALUES (1, 1, 'asked', 'web', '/subscribe', 1, 0, 'every week', 'c1');
        INSERT INTO suppression VALUES (1, 'c3', 'complained', 1);
        INSERT INTO dispatch (id, entry, digest, audience, list_id, due_at, state, occurrence,
                              people, created_at, started_at)
               VALUES (1, 'first-letter', 'd1', 'main', 0, 5, 'sending', '2026-01-02T08:00', 2, 3,
                       5);
        INSERT INTO exclusion VALUES (1, 2, 'paused');
        INSERT INTO delivery (id, dispatch_id, subscriber_id, address, name, fields, status,
                              attempts, reply, updated_at)
               VALUES (1, 1, 1, 'Ann@example.org', 'Ann', '{"city":"Ghent"}', 'accepted', 1, 'ok',
                       6);
        INSERT INTO attempt VALUES (1, 1, 5, 6, 'accepted', 250, 'ok');
        INSERT INTO slot VALUES ('2026-01-02T08:00', 5, 1, '');
        INSERT INTO feedback VALUES (1, 7, 'maildir', 'k1', 'mailbox', 1, 1, 0, 1, '5.2.2', 'full',
                                     'dsn', 1, 1);
        INSERT INTO notice VALUES (1, 'welcome', 1, 0, 'accepted', 1, NULL, 2, 1, 2, 'ok');
        INSERT INTO throttle VALUES ('relay mx.example.org', '{}', 1);
    """
# Changing a table of SQLite copies and drops it, and subscriber is what most others refer to.
REBUILD: Final = """
import sqlalchemy as sa
from alembic import op

revision = "9998"
down_revision = "{head}"

def upgrade():
    with op.batch_alter_table("subscriber") as table:
        table.add_column(sa.Column("shoe_size", sa.Text(), nullable=True))
    {more}
"""


def revisions() -> list[str]:
    """Return every revision, the oldest first."""
    script = ScriptDirectory.from_config(configuration())
    return [found.revision for found in script.walk_revisions()][::-1]


def at_revision(path: Path, revision: str) -> None:
    """Make a database as a release at `revision` would leave it, with a row in every table."""
    with closing(connect(path, busy_timeout=timedelta(0))) as database:
        migrate(database.writer, path, None, target=revision)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(POPULATION[revision])


def row_counts(path: Path) -> dict[str, int]:
    """Return how many rows every table of a database has."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
        }


def definitions(database: Database) -> dict[str, list[str]]:
    """Return the lines that define each table and index; their order says nothing."""
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master").all()
    return {
        name: sorted(line.strip(" ,\t").replace('"', "") for line in (sql or "").splitlines())
        for name, sql in rows
        if name != "alembic_version" and not name.startswith("sqlite_")
    }


def test_the_newest_revision_is_the_one_named_in_the_schema() -> None:
    """A database at HEAD is opened without looking at the migrations."""
    assert revisions()[-1] == HEAD


def test_the_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    """Neither Alembic nor SQLite sees a difference, CHECKs and partial indexes included."""
    with closing(open_database(tmp_path / "migrated.db")) as migrated:
        declared = Database(tmp_path, create_engine("sqlite://"), create_engine("sqlite://"))
        with declared.reading() as connection:
            metadata.create_all(connection)
        with migrated.reading() as connection:
            found = compare_metadata(MigrationContext.configure(connection), metadata)

        assert found == []
        assert definitions(migrated) == definitions(declared)
        declared.close()
        declared.writer.dispose()


@pytest.mark.parametrize("revision", revisions())
def test_no_revision_loses_a_row(tmp_path: Path, revision: str) -> None:
    """A database of every release is opened by this one with all its rows, and a copy is kept."""
    path = tmp_path / "old.db"
    at_revision(path, revision)
    before = row_counts(path)
    assert 0 not in before.values()

    open_database(path).close()

    after = row_counts(path)
    assert {name: after[name] for name in before} == before
    if revision != HEAD:
        assert row_counts(tmp_path / f"old.db.{revision}.backup") == before


# What the sender of 0001 had on the wire when it died, beside one that was deferred before.
CUT_OFF: Final = """
    INSERT INTO subscriber VALUES (3, 'cid@example.org', 'cid@example.org', 'd4', '', 'active',
                                   1, 1);
    INSERT INTO delivery VALUES (2, 1, 3, 'cid@example.org', '', 'sending', 2, NULL, 5, 5, 451,
                                 'later', 7);
    INSERT INTO attempt VALUES (2, 1, 5, 6, 'deferred', 451, 'later'),
                               (2, 2, 7, NULL, 'sending', NULL, '');
"""


def test_what_revision_0001_was_sending_is_uncertain(tmp_path: Path) -> None:
    """Its sender cannot say any more whether it left; a person decides, and nothing else moved."""
    path = tmp_path / "old.db"
    at_revision(path, "0001")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(CUT_OFF)

    open_database(path).close()

    reply = "the sender stopped before the answer came"
    with closing(sqlite3.connect(path)) as connection:
        deliveries = connection.execute("SELECT * FROM delivery ORDER BY id").fetchall()
        attempts = connection.execute("SELECT * FROM attempt WHERE delivery_id = 2").fetchall()
    assert [row[5] for row in deliveries] == ["accepted", "uncertain"]
    assert deliveries[1][6:13] == (2, None, 5, 5, None, reply, 7)
    assert attempts == [
        (2, 1, 5, 6, "deferred", 451, "later"),
        (2, 2, 7, None, "uncertain", None, reply),
    ]


# Somebody who never confirmed, one who was renamed after their word, and one who was deleted.
BEFORE_LISTS: Final = """
    INSERT INTO subscriber VALUES (3, 'cid@example.org', 'cid@example.org', 'd4', '', 'pending',
                                   4, 5), (9, 'x@example.org', 'x@example.org', 'x9', '', 'active',
                                   4, 5);
    UPDATE subscriber SET updated_at = 8 WHERE id = 1;
    DELETE FROM subscriber WHERE id = 9;
    INSERT INTO delivery VALUES (2, 1, 3, 'cid@example.org', '', 'deferred', 1, 6, 5, 5, 451,
                                 'later', 7);
"""


def test_everybody_of_revision_0002_is_on_the_main_list(tmp_path: Path) -> None:
    """In the state they were in, since the word it rests on; what was sent was sent to that list."""
    path = tmp_path / "old.db"
    at_revision(path, "0002")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BEFORE_LISTS)

    open_database(path).close()

    def rows(query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    assert rows("SELECT * FROM list") == [(0, "main")]
    assert rows("SELECT * FROM subscription") == [
        (0, 1, "active", 1, None),
        (0, 2, "unsubscribed", 2, None),
        (0, 3, "pending", 5, None),
    ]
    assert rows("SELECT language, zone, fields FROM subscriber WHERE id = 1") == [
        (None, None, "{}")
    ]
    assert rows("SELECT subscriber_id, list_id, wording, client FROM consent") == [(1, 0, "", "")]
    assert rows("SELECT audience, list_id, people FROM dispatch") == [("main", 0, 2)]
    assert rows("SELECT status, due_at, fields FROM delivery") == [
        ("accepted", None, None),
        ("deferred", 6, None),
    ]


def test_the_ids_of_the_deleted_are_not_given_again_after_a_migration(tmp_path: Path) -> None:
    """An old link never reaches a stranger, though the table was copied."""
    path = tmp_path / "old.db"
    at_revision(path, "0002")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BEFORE_LISTS)

    open_database(path).close()

    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'")
        assert found.fetchall() == [(9,)]


def test_each_database_has_an_identity_of_its_own(tmp_path: Path) -> None:
    """A journal of one is never taken for that of another; it stays the same for ever."""
    at_revision(tmp_path / "old.db", "0001")
    identities = []
    for name in ("old.db", "new.db", "old.db", "new.db"):
        with closing(open_database(tmp_path / name)) as database:
            identities.append(database.identity)

    assert identities[:2] == identities[2:]
    assert [len(identity) for identity in identities] == [16] * 4
    assert identities[0] != identities[1]


@pytest.fixture
def with_a_later_revision(tmp_path: Path) -> Path:
    """Give a copy of the migrations to which a test can add."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    return folder


def upgrade(path: Path, migrations: Path) -> None:
    """Bring the database at `path` from HEAD to the newest revision in a folder."""
    with closing(connect(path, busy_timeout=timedelta(0))) as database:
        migrate(database.writer, path, HEAD, migrations=migrations)


def test_rebuilding_the_table_others_refer_to_keeps_their_rows(
    tmp_path: Path, with_a_later_revision: Path
) -> None:
    """Who was written to is known after a change to the table of subscribers."""
    path = tmp_path / "old.db"
    at_revision(path, HEAD)
    before = row_counts(path)
    later = with_a_later_revision / "versions" / "revision_9998.py"
    later.write_text(REBUILD.format(head=HEAD, more=""))

    upgrade(path, with_a_later_revision)

    assert row_counts(path) == before
    assert row_counts(tmp_path / f"old.db.{HEAD}.backup") == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT shoe_size FROM subscriber").fetchall() == [(None,)] * 2


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ('op.execute("DELETE FROM subscriber WHERE id = 1")', StorageError),
        ("raise ZeroDivisionError", ZeroDivisionError),
    ],
)
def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, with_a_later_revision: Path, more: str, error: type[Exception]
) -> None:
    """Rows without an owner, or an error halfway, and the database is as before."""
    path = tmp_path / "old.db"
    at_revision(path, HEAD)
    before = path.read_bytes()
    later = with_a_later_revision / "versions" / "revision_9998.py"
    later.write_text(REBUILD.format(head=HEAD, more=more))

    with pytest.raises(error):
        upgrade(path, with_a_later_revision)

    assert path.read_bytes() == before


def test_a_database_that_somebody_else_migrated_meanwhile_is_copied_no_more(
    tmp_path: Path, with_a_later_revision: Path
) -> None:
    """The copy stays what it says it is: the database before the migration."""
    path = tmp_path / "old.db"
    at_revision(path, HEAD)
    later = with_a_later_revision / "versions" / "revision_9998.py"
    later.write_text(REBUILD.format(head=HEAD, more=""))
    upgrade(path, with_a_later_revision)
    copy = tmp_path / f"old.db.{HEAD}.backup"
    copied = copy.read_bytes()

    upgrade(path, with_a_later_revision)

    assert copy.read_bytes() == copied


def test_without_a_copy_nothing_is_migrated(tmp_path: Path, with_a_later_revision: Path) -> None:
    """There is always a way back."""
    path = tmp_path / "old.db"
    at_revision(path, HEAD)
    before = path.read_bytes()
    later = with_a_later_revision / "versions" / "revision_9998.py"
    later.write_text(REBUILD.format(head=HEAD, more=""))
    (tmp_path / f"old.db.{HEAD}.backup").mkdir()

    with pytest.raises(StorageError, match="the copy cannot be written"):
        upgrade(path, with_a_later_revision)

    assert path.read_bytes() == before


def test_the_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    """Going back a release does not damage what the newer one wrote."""
    path = tmp_path / "new.db"
    open_database(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()

    with pytest.raises(StorageError, match="made by a newer Broadsheet"):
        open_database(path)

    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new.db", "new.db.doorbell"]


def test_a_backup_is_private_whole_and_replaces_the_last(tmp_path: Path) -> None:
    """A copy holds the addresses too, and an old one is no reason to fail."""
    path, copy = tmp_path / "live.db", tmp_path / "copy.db"
    at_revision(path, HEAD)
    copy.write_text("an older copy")

    back_up(path, copy)

    assert row_counts(copy) == row_counts(path)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.db", "live.db"]
