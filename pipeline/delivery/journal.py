"""The journal of a run: what was begun and what came of it, until the database knows.

    dispatch-3/000001.journal   header, START, START, SETTLED, START ... zeros, reserved
    dispatch-3/000002.journal   header, the STARTs open by then, SETTLED ...

What was flushed survives a kill -9, what was synced a power cut. A file has its name only once
its beginning is on the disk, so that nothing but the end of the last one can be torn.
"""

from __future__ import annotations

import os
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Self

from pipeline.delivery.journal_file import ReservedFile, sync_folder
from pipeline.delivery.journal_records import (
    LARGEST,
    check_header,
    header,
    records,
    settled_record,
    start_record,
)
from pipeline.errors import StorageError
from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId

LONG: Final = 4 * 2**20  # bytes; a longer file is followed by another
SPARE: Final = 2**16  # bytes; kept reserved beside the outcomes of what is open

_NO_ROOM: Final = frozenset({ENOSPC, EDQUOT, EFBIG})


class Begun(NamedTuple):
    """A START without an outcome: nobody knows whether the message left."""

    delivery: DeliveryId
    attempt: int
    at: int  # microseconds


class Recovered(NamedTuple):
    """What a journal knows."""

    settled: tuple[Settled, ...]  # in the order it happened
    begun: tuple[Begun, ...]


class Journal:
    """Written by one thread; only `sync` may be called by another meanwhile.

    Room for the outcome of every open START is reserved ahead: a disk that fills up stops what
    did not begin, and loses nothing of what did.
    """

    def __init__(
        self, folder: Path, dispatch: DispatchId, identity: bytes, *, sync_each: bool
    ) -> None:
        self._folder = folder
        self._header = header(dispatch, identity)
        self._sync_each = sync_each
        self._buffer = bytearray()
        self._begun: dict[tuple[DeliveryId, int], int] = {}  # open STARTs, and when they were
        self._broken: StorageError | None = None
        self._counts: list[int] = []  # per file from `_oldest` on: outcomes not forgotten
        self._oldest = 1
        self._swapping = Lock()  # nobody closes a file that somebody else syncs
        self._file = self._next()

    @classmethod
    def open(
        cls, folder: Path, dispatch: DispatchId, identity: bytes, *, sync_each: bool = False
    ) -> Self:
        """Begin a journal in a folder that has none; it is made if missing, for its owner only.

        Args:
            folder: of this dispatch alone.
            dispatch: whose lock the caller holds.
            identity: 16 bytes that tell the database from every other.
            sync_each: whether every flush survives a power cut too; each then waits for the disk.

        Raises:
            StorageError: there is a journal that was not read, or no room, or no permission.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _files(folder):
                raise StorageError(
                    f"{folder}: an earlier run left its journal; read and discard it first"
                )
            for above in folder.parents[:2]:  # both may be new
                sync_folder(above)
            return cls(folder, dispatch, identity, sync_each=sync_each)
        except OSError as error:
            raise _storage_error(folder, error) from error

    @property
    def full(self) -> bool:
        """Whether the disk has no room for more: start nothing; what is open can be settled."""
        return self._file.full

    def start(self, delivery: DeliveryId, attempt: int, at: int) -> None:
        """Add START; no byte of the message may leave before `flush` returned.

        Args:
            delivery: which; its last attempt is settled.
            attempt: the number of this one, from 1.
            at: microseconds.
        """
        self._buffer += start_record(delivery, attempt, at)
        self._begun[delivery, attempt] = at

    def settle(self, settled: Settled) -> None:
        """Add the outcome of an attempt, begun or not."""
        self._buffer += settled_record(settled)
        self._begun.pop((settled[0], settled[1]), None)
        self._counts[-1] += 1

    def flush(self) -> None:
        """Write what was added, with one system call; costs nothing if nothing was.

        Ask whether it is `full` before the next START.

        Raises:
            StorageError: part of it may be written. Nothing is written any more, and a second
                try raises the same; the outcomes are the caller's to store.
        """
        if not self._buffer:
            return
        if self._broken:
            raise self._broken
        # In time: with `full`, SPARE is left for what is open and for what was added until now.
        self._file.reserve(len(self._buffer) + len(self._begun) * LARGEST + SPARE)
        try:
            self._file.write(self._buffer)
        except OSError as error:
            raise self._break(error) from error
        self._buffer.clear()
        if self._sync_each:
            self.sync()

    def sync(self) -> None:
        """Let what was flushed survive a power cut; any thread may call.

        Raises:
            StorageError: it may be lost already. Nothing is written any more.
        """
        with self._swapping:
            self._sync()

    def forget(self, stored: int) -> None:
        """Say that so many more outcomes, the oldest first, are in the database for good.

        Deletes the files nobody needs any more, and begins a new one after a long one.

        Raises:
            StorageError: a file cannot be made or deleted; nothing is lost by that.
        """
        if self._file.end > LONG and not self.full:
            self.rotate()
        for index, count in enumerate(self._counts):
            taken = min(stored, count)
            self._counts[index] -= taken
            stored -= taken
        try:
            while len(self._counts) > 1 and not self._counts[0]:
                self._path(self._oldest).unlink(missing_ok=True)
                self._oldest += 1
                del self._counts[0]
        except OSError as error:
            raise _storage_error(self._path(self._oldest), error) from error

    def rotate(self) -> None:
        """Go on in a new file that begins with the open STARTs: the older ones do without them.

        Without room for it `full` becomes true and the old file goes on.

        Raises:
            StorageError: as `flush` and `sync`.
        """
        self.flush()
        with self._swapping:
            self._sync()  # a torn record in a file that is not the last would be damage
            if self._broken:
                raise self._broken
            old = self._file
            try:
                self._file = self._next()
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise self._break(error) from error
                old.full = True
            else:
                old.close()

    def close(self) -> None:
        """Close the file, once; what was not flushed is dropped."""
        with self._swapping:
            self._broken = StorageError(f"{self._folder}: the journal is closed")
            self._file.close()

    def _next(self) -> ReservedFile:
        """Make the next file, with room for the outcome of what is open."""
        starts = (start_record(*key, at) for key, at in self._begun.items())
        beginning = b"".join((self._header, *starts))
        path = self._path(self._oldest + len(self._counts))
        made = ReservedFile.create(path, beginning, ahead=len(self._begun) * LARGEST)
        self._counts.append(0)
        sync_folder(self._folder)
        return made

    def _sync(self) -> None:
        if self._broken:
            return
        try:
            self._file.sync()
        except OSError as error:
            # What the kernel could not write it forgets, and a second fdatasync would succeed.
            raise self._break(error) from error

    def _break(self, error: OSError) -> StorageError:
        self._broken = _storage_error(self._file.path, error)
        return self._broken

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.journal"


def read(folder: Path, dispatch: DispatchId, identity: bytes) -> Recovered:
    """Return what the journal in a folder knows; nothing if there is none. Changes nothing.

    The end of the last file may be torn, as a crash leaves it: what it held was not flushed, so
    that nothing that rests on it happened.

    Raises:
        StorageError: it belongs to another database or dispatch, or is damaged before its end;
            and what to do.
    """
    settled: list[Settled] = []
    begun: dict[tuple[DeliveryId, int], Begun] = {}
    found = _files(folder)
    for path in found:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _storage_error(path, error) from error
        check_header(data, str(path), dispatch, identity)
        begun.clear()  # a file begins with those that are still open
        if not _replay(data, settled, begun) and path != found[-1]:
            raise StorageError(
                f"{path}: the journal is damaged in the middle; restore it from a backup, or move"
                " its folder away and see in the relay's log who got the message"
            )
    return Recovered(tuple(settled), tuple(begun.values()))


def discard(folder: Path) -> None:
    """Delete the journal in a folder, which the database has durably; other files stay.

    Raises:
        StorageError: a file cannot be deleted; to read the rest again does no harm.
    """
    for path in _files(folder, ".journal", ".partial"):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _storage_error(path, error) from error


def _files(folder: Path, *suffixes: str) -> list[Path]:
    """Return the files of the journal in a folder, oldest first; whole ones by default."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - Path.glob hides a folder it may not read
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _storage_error(folder, error) from error
    return sorted(folder / name for name in names if name.endswith(suffixes or ".journal"))


def _replay(
    data: bytes, settled: list[Settled], begun: dict[tuple[DeliveryId, int], Begun]
) -> bool:
    """Add what a file knows; tell whether it ends as it should."""
    whole, found = records(data)
    for record in found:
        key = record.delivery, record.attempt
        if record.status is DeliveryStatus.SENDING:
            begun[key] = Begun(*key, record.started_at)
        else:
            begun.pop(key, None)
            settled.append(record)
    return whole


def _storage_error(path: Path, error: OSError) -> StorageError:
    remedy = (
        "make room on the disk, then go on"
        if error.errno in _NO_ROOM
        else "check the disk, and who owns the folder"
    )
    return StorageError(f"{path}: the journal cannot be used: {error.strerror}; {remedy}")
