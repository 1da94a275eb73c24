"""How Alembic runs our migrations: one transaction, checked before it is committed."""

from __future__ import annotations

import sqlite3
from typing import cast

from alembic import context
from sqlalchemy import Connection, Engine

from pipeline.errors import StorageError
from pipeline.storage.schema import metadata


def run(engine: Engine) -> None:
    """Run the migrations; either all of them are kept or none.

    Args:
        engine: its transactions begin with the write lock, so a second process that opens the
            same old database waits, and then finds nothing to do.
    """
    with engine.connect() as connection:
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        # SQLite changes a table by copying and dropping it. With foreign keys on, the drop deletes
        # or blocks the rows that refer to it; inside a transaction the pragma does nothing.
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                context.configure(
                    connection=connection,
                    target_metadata=metadata,
                    render_as_batch=True,
                    transactional_ddl=True,
                )
                _keep_copy()
                context.run_migrations()
                _check_references(connection)
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def _keep_copy() -> None:
    """Keep the database as it was; we hold the lock, so that is what the copy will be."""
    revision = context.get_context().get_current_revision()
    if revision is not None and revision != context.get_head_revision():
        context.config.attributes["keep_copy"](revision)


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({str(row[0]) for row in broken}))
        raise StorageError(f"the migration would leave rows without their owner in: {tables}")


run(context.config.attributes["engine"])
