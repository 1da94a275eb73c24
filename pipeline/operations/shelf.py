"""What there is to look at: issue files, entries, feeds and the archive, and how each stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from pipeline.errors import BroadsheetError, ConfigError, IssueError, OutboxError
from pipeline.model.dispatch import Dispatch, DispatchState
from pipeline.model.entry import Entry, EntryId
from pipeline.operations.build import issue_document
from pipeline.operations.examine import Examine
from pipeline.outbox.approval import ApprovalState
from pipeline.outbox.folder import Outbox, entry_id, newest_first


class Standing(StrEnum):
    """A word about an issue; what needs a person's eye has one of its own."""

    NEW = "not built"
    DRAFT = "draft"  # built; nobody approved it
    CHANGED = "changed since built"
    VOID = "changed since approved"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    MISSED = "missed"
    SENT = "sent"
    BROKEN = "broken"  # the file is no issue, or the entry is not as it was left


_Stamp = tuple[tuple[str, int, int, int], ...]

_BY_APPROVAL: Final = {
    ApprovalState.DRAFT: Standing.DRAFT,
    ApprovalState.VOID: Standing.VOID,
    ApprovalState.APPROVED: Standing.APPROVED,
}
_BY_DISPATCH: Final[Mapping[DispatchState, Standing]] = {
    DispatchState.SCHEDULED: Standing.SCHEDULED,
    DispatchState.PREPARING: Standing.SENDING,
    DispatchState.SENDING: Standing.SENDING,
    DispatchState.PAUSED: Standing.PAUSED,
    DispatchState.MISSED: Standing.MISSED,
    DispatchState.FINISHED: Standing.SENT,
}


class Item(Struct, frozen=True, kw_only=True):
    """An issue file or an entry in the list."""

    name: str  # of the file, or of the entry
    title: str
    standing: tuple[Standing, ...]  # the most telling first


class _Frozen(Struct, frozen=True):
    """What is known of an entry; nothing if it is not as it was left."""

    entry: Entry | None
    state: ApprovalState | None

    @property
    def issue_digest(self) -> str:
        return dict(self.entry.parts)["issue.json"] if self.entry else ""


class _Read(Struct, frozen=True):
    """What is known of an issue file."""

    title: str
    entry: EntryId
    digest: str  # of its issue.json


class Shelf(Struct, frozen=True, kw_only=True):
    """Reads names, titles and states; what did not change on the disk is not read again."""

    files: Callable[[], Iterable[Path]]
    examine: Examine
    outbox: Outbox
    dispatches: Callable[[], Iterable[Dispatch]]  # the newest first
    site: Path
    _read_files: dict[Path, tuple[_Stamp, _Read | None]] = field(default_factory=dict)
    _read_entries: dict[EntryId, tuple[_Stamp, _Frozen]] = field(default_factory=dict)

    def items(self) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
        """Return the issue files, the last by name first, and the entries, newest first.

        Entries that are not as they were left come last.
        """
        dispatched = self._dispatched()
        frozen = {each: self._entry(each) for each in self.outbox.ids()}
        files = sorted(self.issue_files().items(), reverse=True)
        issues = [self._issue(name, file, frozen, dispatched) for name, file in files]
        whole = newest_first(each.entry for each in frozen.values() if each.entry)
        damaged = [name for name, each in frozen.items() if each.entry is None]
        entries = [
            Item(
                name=each.id,
                title=each.title,
                standing=_standing(each.id, frozen[each.id], dispatched),
            )
            for each in whole
        ]
        broken = (Item(name=name, title=name, standing=(Standing.BROKEN,)) for name in damaged)
        return tuple(issues), (*entries, *broken)

    def issue_files(self) -> dict[str, Path]:
        """Return the issue files by their names, made fit to be shown."""
        try:
            return {shown(file): file for file in self.files()}
        except ConfigError:  # none yet
            return {}

    def feeds(self) -> tuple[str, ...]:
        """Return the names of the feed files of the site."""
        found = (*self.site.glob("*.xml"), *self.site.glob("*.json"))
        return tuple(sorted(file.name for file in found if file.is_file()))

    def _issue(
        self,
        name: str,
        file: Path,
        frozen: Mapping[EntryId, _Frozen],
        dispatched: Mapping[EntryId, Standing],
    ) -> Item:
        known = self._file(file)
        if known is None:
            return Item(name=name, title=name, standing=(Standing.BROKEN,))
        if known.entry not in frozen:
            return Item(name=name, title=known.title, standing=(Standing.NEW,))
        entry = frozen[known.entry]
        standing = _standing(known.entry, entry, dispatched)
        if entry.issue_digest not in {known.digest, ""}:
            standing = (
                Standing.CHANGED,
                *(each for each in standing if each is not Standing.DRAFT),
            )
        return Item(name=name, title=known.title, standing=standing)

    def _file(self, file: Path) -> _Read | None:
        """Return what an issue file says; None if it is none."""
        stamp = _stamp([file])
        before = self._read_files.get(file)
        if before and before[0] == stamp:
            return before[1]
        try:
            issue = self.examine.read(file).issue
            entry = entry_id(issue.slug or file.stem)
            newsletter = self.examine.newsletter
            known = self.examine.collect(issue, file=file, entry=entry, newsletter=newsletter)
            document = issue_document(known.issue, file.name)
            found = _Read(issue.title, entry, sha256(document).hexdigest())
        except (IssueError, ConfigError):
            found = None
        self._read_files[file] = stamp, found
        return found

    def _entry(self, name: EntryId) -> _Frozen:
        try:
            stamp = _stamp(sorted((self.outbox.root / name).iterdir()))
        except OSError:
            return _Frozen(None, None)
        known = self._read_entries.get(name)
        if known and known[0] == stamp:
            return known[1]
        try:
            found = _Frozen(self.outbox.get(name), self.outbox.approval_state(name))
        except OutboxError:
            found = _Frozen(None, None)
        self._read_entries[name] = stamp, found
        return found

    def _dispatched(self) -> dict[EntryId, Standing]:
        """Return how far each entry is on its way, by its newest dispatch."""
        try:
            found = [each for each in self.dispatches() if each.state in _BY_DISPATCH]
        except BroadsheetError:  # the database is for others to repair
            return {}
        return {each.entry: _BY_DISPATCH[each.state] for each in reversed(found)}


def _standing(
    name: EntryId, frozen: _Frozen, dispatched: Mapping[EntryId, Standing]
) -> tuple[Standing, ...]:
    if frozen.state is None:
        return (Standing.BROKEN,)
    return (dispatched.get(name) or _BY_APPROVAL[frozen.state],)


def _stamp(files: Iterable[Path]) -> _Stamp:
    """Return what changes when one of the files does."""
    stamp = []
    for file in files:
        with suppress(OSError):
            status = file.stat()
            stamp.append((file.name, status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(stamp)


def shown(file: Path) -> str:
    """Return the name of a file as UTF-8 can show it."""
    return file.name.encode(errors="replace").decode()
