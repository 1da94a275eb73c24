"""Which addresses of a file came before, remembered on the disk."""

from __future__ import annotations

import sqlite3
from typing import Final

from pipeline.errors import ConfigError

_CACHE_KIB: Final = 4096


class Lines:
    """The line each text was first seen in; memory stays the same however many there are.

    They are in a database of SQLite's own that has no name: a file in the folder for temporary
    ones, gone with this object. It has no text, but 64 bits of each, keyed anew in every process
    (PEP 456): that any two of a million are taken for one happens once in 37 million files.
    """

    def __init__(self) -> None:
        database = sqlite3.connect("", isolation_level=None)
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        database.execute("PRAGMA journal_mode = OFF").fetchone()  # nothing to roll back to
        database.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY, line INTEGER)")
        database.execute("BEGIN")
        self._cursor = database.cursor()

    def first(self, text: str, line: int) -> int:
        """Return the line that a text was first seen in, which is `line` if it is new.

        Args:
            text: anything.
            line: 1 or more.

        Raises:
            ConfigError: there is no room for temporary files.
        """
        key = hash(text)
        try:
            if self._cursor.execute(
                "INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)
            ).rowcount:
                return line
            found = self._cursor.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise ConfigError(
                f"the addresses of the file cannot be remembered: {error};"
                " make room in the folder for temporary files, or name another in SQLITE_TMPDIR"
            ) from error
        return int(found[0])
