"""What the last run wrote, in one file: a run looks at what differs from it, and at nothing else.

SQLite because a run then writes what changed, not everything, and a killed run changes nothing. The
file can be lost: entries are read again, and each page says of itself what it shows.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from pipeline.errors import OutboxError
from pipeline.model.entry import EntryId
from pipeline.publish.record import Listing, Record

VERSION: Final = 2
_TABLES: Final = """
CREATE TABLE entry (
  id TEXT PRIMARY KEY, stamp TEXT NOT NULL, approved INTEGER NOT NULL, tag TEXT NOT NULL,
  words TEXT NOT NULL, published TEXT NOT NULL, updated TEXT NOT NULL, weight INTEGER NOT NULL,
  groups TEXT NOT NULL, public INTEGER NOT NULL, shown TEXT NOT NULL, beside TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE listing (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE file (path TEXT PRIMARY KEY, made_of TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE finished (document TEXT NOT NULL);
"""
_TABLE_NAMES: Final = ("entry", "listing", "file", "finished")
_BRIEF: Final = (
    "id, stamp, approved, tag, words, published, updated, weight, groups, public, shown, beside"
)


class Known(Struct, frozen=True, kw_only=True):
    """An entry as the last run left it."""

    stamp: str  # of its files; the same stamp needs no second look
    approved: bool
    record: Record
    public: bool = False  # whether it has ever been
    shown: str = ""  # digest of the words its page shows; empty: it has no page
    beside: str = ""  # what the links to its neighbours were made of


class Finished(Struct, frozen=True, kw_only=True):
    """What a run left that came to its end. Within `since` and `until` time alone changes nothing."""

    look: str  # of the frame
    since: datetime | None  # the newest issue was published; None: there is none
    until: datetime | None  # the next one will be; None: none waits
    items: tuple[EntryId, ...]  # published, oldest first
    waiting: tuple[tuple[EntryId, str], ...]  # with the ISO date each waits for

    def holds(self, now: datetime) -> bool:
        """Say whether the same issues are public as then."""
        return (self.since is None or self.since <= now) and (
            self.until is None or now < self.until
        )


class Catalogue:
    """An open catalogue. Changes are there after `commit`, all of them or none."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def known(self) -> dict[EntryId, Known]:
        """Return every entry.

        Raises:
            Damaged: one has a name that leads out of the site.
        """
        rows = self._database.execute(f"SELECT {_BRIEF} FROM entry")  # noqa: S608 - a constant
        found = {EntryId(row[0]): _known(row) for row in rows}
        if any(map(_leads_out, found)):
            raise Damaged("the name of an entry that leads out of the site")
        return found

    def stamps(self) -> dict[str, str]:
        """Return the stamp of every entry."""
        return dict(self._database.execute("SELECT id, stamp FROM entry"))

    def files(self) -> dict[str, str]:
        """Return what each file that is no issue's was made of, by path.

        Raises:
            Damaged: one is not in the site; those that are not needed any more are removed.
        """
        found = dict(self._database.execute("SELECT path, made_of FROM file"))
        if any(map(_leads_out, found)):
            raise Damaged("a path that leads out of the site")
        return found

    def listing(self, entry: EntryId) -> Listing:
        """Return what lists say of an entry.

        Raises:
            KeyError: it is not known.
        """
        found = self._database.execute("SELECT document FROM listing WHERE id = ?", (entry,))
        for (text,) in found:
            return msgspec.json.decode(text, type=Listing)
        raise KeyError(entry)

    def put(self, known: Known, listing: Listing) -> None:
        """Remember an entry that was read."""
        record = known.record
        self._database.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(record.entry, known.stamp, known.approved, record.tag, record.words),
                *(record.published.isoformat(), record.updated.isoformat(), record.weight),
                *(" ".join(record.groups), known.public, known.shown, known.beside),
            ),
        )
        self._database.execute(
            "INSERT OR REPLACE INTO listing VALUES (?, ?)",
            (record.entry, msgspec.json.encode(listing).decode()),
        )

    def stand(self, entry: EntryId, *, stamp: str, approved: bool) -> None:
        """Remember how the files of a known entry stand."""
        self._database.execute(
            "UPDATE entry SET stamp = ?, approved = ? WHERE id = ?", (stamp, approved, entry)
        )

    def show(self, entry: EntryId, *, shown: str, beside: str) -> None:
        """Remember what the page of an entry shows; empty: it has none any more."""
        self._database.execute(
            "UPDATE entry SET public = 1, shown = ?, beside = ? WHERE id = ?",
            (shown, beside, entry),
        )

    def forget(self, entry: EntryId) -> None:
        """Forget an entry that is not in the outbox any more."""
        for table in ("entry", "listing"):
            self._database.execute(f"DELETE FROM {table} WHERE id = ?", (entry,))  # noqa: S608

    def made(self, files: Mapping[str, str]) -> None:
        """Remember files and what they were made of."""
        self._database.executemany("INSERT OR REPLACE INTO file VALUES (?, ?)", files.items())

    def unmade(self, paths: Iterable[str]) -> None:
        """Forget files that were removed."""
        self._database.executemany("DELETE FROM file WHERE path = ?", ((path,) for path in paths))

    def finished(self) -> Finished | None:
        """Return what the last run left; None: it was killed."""
        for (text,) in self._database.execute("SELECT document FROM finished"):
            fields = json.loads(text)
            return Finished(
                look=fields["look"],
                since=_moment(fields["since"]),
                until=_moment(fields["until"]),
                items=tuple(fields["items"]),
                waiting=tuple((EntryId(entry), day) for entry, day in fields["waiting"]),
            )
        return None

    def begin(self) -> None:
        """Remember that a run is under way, before it changes anything."""
        self._database.execute("DELETE FROM finished")
        self.commit()

    def finish(self, run: Finished) -> None:
        """Remember that it came to its end."""
        document = {
            "look": run.look,
            "since": run.since.isoformat() if run.since else None,
            "until": run.until.isoformat() if run.until else None,
            "items": run.items,
            "waiting": run.waiting,
        }
        self._database.execute("INSERT INTO finished VALUES (?)", (json.dumps(document),))

    def commit(self) -> None:
        """Make what was remembered last."""
        self._database.execute("COMMIT")
        self._database.execute("BEGIN IMMEDIATE")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _known(row: tuple[Any, ...]) -> Known:
    id_, stamp, approved, tag, words, published, updated, weight, groups, *page = row
    public, shown, beside = page
    return Known(
        stamp=stamp,
        approved=bool(approved),
        record=Record(
            entry=EntryId(id_),
            tag=tag,
            words=words,
            published=datetime.fromisoformat(published),
            updated=datetime.fromisoformat(updated),
            weight=weight,
            groups=tuple(groups.split()),
        ),
        public=bool(public),
        shown=shown,
        beside=beside,
    )


def _leads_out(path: str) -> bool:
    return path.startswith("/") or "/../" in f"/{path}/"


class Damaged(Exception):
    """The file is none of ours any more; without it the next run starts from the entries."""


@contextmanager
def opened(path: Path) -> Iterator[Catalogue]:
    """Open a catalogue, made first if need be; whoever comes second waits for the first.

    Raises:
        Damaged: it cannot be read; `remove` it.
        OutboxError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))  # as all that lies beside it
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as database:
            database.execute("BEGIN IMMEDIATE")
            _make(database)
            yield Catalogue(database)
            database.execute("COMMIT")
    except sqlite3.OperationalError as error:  # locked, full, not allowed
        raise OutboxError(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error)) from error


def remove(path: Path) -> None:
    """Remove a catalogue that is damaged."""
    for each in (path, path.with_name(f"{path.name}-journal")):
        each.unlink(missing_ok=True)


def _make(database: sqlite3.Connection) -> None:
    [(version,)] = database.execute("PRAGMA user_version")
    if version == VERSION:
        return
    for table in _TABLE_NAMES:
        database.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _TABLES.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {VERSION}")
