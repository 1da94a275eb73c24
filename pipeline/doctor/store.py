"""D6 and D7: the private folder and the database in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from msgspec import Struct

from pipeline.doctor.rule import Family, Finding, Level, NotChecked, Rule, Said

OLDEST_COPY: Final = timedelta(days=35)  # an erased person must not live on in copies
LEAST_FREE: Final = 256 * 1024 * 1024  # bytes
COPIES: Final = 3  # a migration needs a copy, and the journal of it another one


class PrivateFile(Struct, frozen=True, kw_only=True):
    """A file in the data folder: nobody else's business, whatever it is."""

    name: str  # relative to the data folder
    mode: int  # permission bits
    age: timedelta
    is_copy: bool = False  # of the database, left by a migration


class Files(Struct, frozen=True, kw_only=True):
    """What is in the data folder."""

    folder: str  # as the settings name it
    mode: int  # permission bits
    private: tuple[PrivateFile, ...]
    has_database: bool
    has_secret: bool
    secret_problem: str  # why the secret cannot be used; empty if it can
    database_bytes: int
    free_bytes: int
    unread: int  # kept mails that nobody could read


class Contents(Struct, frozen=True, kw_only=True):
    """What the database says of itself."""

    damage: tuple[str, ...] = ()  # as SQLite reports it; if there is any, the rest is unknown
    sqlite_version: str = ""
    journal_mode: str = ""  # lower case
    wal_is_safe: bool = False  # with this version of SQLite
    revision: str = ""
    newest_revision: str = ""
    unbalanced: tuple[int, ...] = ()  # dispatches whose people do not add up
    uncertain: int = 0  # deliveries that wait for a person's word


def folder_is_private(files: Files) -> Iterator[Finding]:
    """D601."""
    if files.mode & 0o077:
        yield Finding(
            f"{files.folder} has mode {files.mode:04o}", f"run: chmod 700 {files.folder}"
        )


def files_are_private(files: Files) -> Iterator[Finding]:
    """D602."""
    for file in files.private:
        if file.mode & 0o077:
            path = f"{files.folder}/{file.name}"
            yield Finding(f"{path} has mode {file.mode:04o}", f"run: chmod 600 {path}")


def secret(files: Files) -> Iterator[Said]:
    """D603."""
    if files.secret_problem:
        yield Finding(files.secret_problem)
    elif files.has_database and not files.has_secret:
        yield Finding("there is a database and no secret.key")
    elif not files.has_secret:
        yield NotChecked("there is no secret yet")


def room(files: Files) -> Iterator[Finding]:
    """D604."""
    needed = max(LEAST_FREE, COPIES * files.database_bytes)
    if files.free_bytes < needed:
        yield Finding(f"{_size(files.free_bytes)} are free; {_size(needed)} may be needed")


def copies(files: Files) -> Iterator[Finding]:
    """D605."""
    for file in files.private:
        if file.is_copy and file.age > OLDEST_COPY:
            path = f"{files.folder}/{file.name}"
            yield Finding(f"{path} is {file.age.days} days old", f"run: rm {path}")


def unread(files: Files) -> Iterator[Finding]:
    """D606."""
    if files.unread:
        yield Finding(f"{files.unread:,} kept mails could not be read")


def damage(contents: Contents) -> Iterator[Finding]:
    """D701."""
    yield from map(Finding, contents.damage)


def _if_whole(
    check: Callable[[Contents], Iterator[Finding]],
) -> Callable[[Contents], Iterator[Said]]:
    """Return a check that says nothing of a database that cannot be read."""

    def checked(contents: Contents) -> Iterator[Said]:
        if contents.damage:
            yield NotChecked("the database is not whole")
        else:
            yield from check(contents)

    return checked


def journal(contents: Contents) -> Iterator[Finding]:
    """D702."""
    if contents.journal_mode == "wal" and not contents.wal_is_safe:
        yield Finding(
            f"the journal mode is WAL, which SQLite {contents.sqlite_version} can corrupt"
        )
    elif contents.journal_mode not in {"wal", "delete", "truncate", "persist"}:
        yield Finding(f"the journal mode is {contents.journal_mode}: a crash would damage it")


def revision(contents: Contents) -> Iterator[Finding]:
    """D703."""
    if contents.revision != contents.newest_revision:
        yield Finding(
            f"it has revision {contents.revision or 'none'}, not {contents.newest_revision}"
        )


def balance(contents: Contents) -> Iterator[Finding]:
    """D704."""
    for number in contents.unbalanced:
        yield Finding(f"the people of dispatch {number} do not add up")


def undecided(contents: Contents) -> Iterator[Finding]:
    """D705."""
    if contents.uncertain:
        yield Finding(
            f"{contents.uncertain:,} deliveries are uncertain: nobody knows if they left"
        )


def _size(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"


FILES: Final = Family(
    name="data folder",
    about="The private folder: who can read it, and whether there is room.",
    rules=(
        Rule(
            code="D601",
            title="The data folder is for its owner only",
            level=Level.MUST,
            source="GDPR 32",
            remedy="take the rights of others away",
            check=folder_is_private,
        ),
        Rule(
            code="D602",
            title="The database, secrets, keys and all beside them are for their owner only",
            level=Level.MUST,
            source="GDPR 32",
            remedy="take the rights of others away",
            check=files_are_private,
        ),
        Rule(
            code="D603",
            title="The secret is there, whole, and readable by its owner only",
            level=Level.MUST,
            source="RFC 8058 3.1: links that cannot be forged",
            remedy="restore secret.key from a backup: without it every link sent so far is dead",
            check=secret,
        ),
        Rule(
            code="D604",
            title="There is room for a migration and a dispatch",
            level=Level.SHOULD,
            source="SQLite: VACUUM needs up to twice the size",
            remedy="free some space on that disk",
            check=room,
        ),
        Rule(
            code="D605",
            title="No copy of the database is older than 35 days",
            level=Level.LAW,
            source="GDPR 17: erased people are in it",
            remedy="delete it",
            check=copies,
        ),
        Rule(
            code="D606",
            title="No mail that came back waits unread",
            level=Level.SHOULD,
            source="RFC 3464: a bounce nobody reads is sent to again",
            remedy="look at them with: broadsheet feedback list --unread",
            check=unread,
        ),
    ),
)

DATABASE: Final = Family(
    name="database",
    about="What SQLite and the ledger say of themselves.",
    rules=(
        Rule(
            code="D701",
            title="The database is whole",
            level=Level.MUST,
            source="SQLite: PRAGMA integrity_check, PRAGMA foreign_key_check",
            remedy="stop every command, keep a copy of the folder, and restore a backup",
            check=damage,
        ),
        Rule(
            code="D702",
            title="The journal mode is safe with this SQLite",
            level=Level.MUST,
            source="SQLite 3.51.3: the WAL-reset defect of 3.7.0 to 3.51.2",
            remedy="run any other command once: opening the database sets the mode that is safe",
            check=_if_whole(journal),
        ),
        Rule(
            code="D703",
            title="The newest migration was applied",
            level=Level.SHOULD,
            source="docs/decisions/0012",
            remedy="run any other command once, with this version of Broadsheet",
            check=_if_whole(revision),
        ),
        Rule(
            code="D704",
            title="The people of every dispatch add up",
            level=Level.MUST,
            source="docs/decisions/0007",
            remedy="keep a copy of the data folder, and report this as a defect of Broadsheet",
            check=_if_whole(balance),
        ),
        Rule(
            code="D705",
            title="No delivery waits for a person to decide",
            level=Level.SHOULD,
            source="docs/decisions/0007",
            remedy="decide with `broadsheet retry DISPATCH`: --arrived, or --uncertain to send again",
            check=_if_whole(undecided),
        ),
    ),
)
