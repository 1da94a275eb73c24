"""The outbox: one folder an entry, frozen by a digest over its parts (decision D5)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import ChecksFailed, OutboxError
from pipeline.model.entry import PARTS, PICTURES, Approval, Counts, Entry, EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.picture import Picture
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox import files, records
from pipeline.outbox.approval import ApprovalState, approval_state
from pipeline.outbox.naming import checked, entry_id, is_entry_name
from pipeline.outbox.verify import (
    ENTRY,
    count,
    frozen_pictures,
    kept_tag,
    picture_files,
    verified,
)

__all__ = ["Outbox", "Written", "entry_id"]

APPROVAL: Final = "approval.json"
INDEX: Final = "index.html"


class Written(Struct, frozen=True):
    """An entry as it is now, and whether anything had to be written."""

    entry: Entry
    changed: bool


@dataclass(frozen=True, slots=True)
class Outbox:
    """The entries of a workspace. Every method says OutboxError for what is not as it was left."""

    root: Path
    system: files.System = field(default=os, repr=False, compare=False)

    def put(
        self,
        entry_id: EntryId,
        *,
        issue_json: bytes,
        rendered: RenderedIssue,
        message: bytes,
        check: tuple[Diagnostic, ...],
        tag: str,
        counts: Counts,
        number: str | None,
        date: str | None,
        title: str,
    ) -> Written:
        """Freeze an issue; unchanged parts are not touched, and a changed one voids approval.

        entry.json is written last: until then no reader takes the folder for an entry.

        Args:
            entry_id: name of the folder.
            issue_json: the issue as JSON, always the same for the same issue.
            rendered: the mail of the issue.
            message: the sample message.
            check: what was found, as check.json shall list it.
            tag: the feeds' name for it; only the first build's counts.
            counts: how much there is to read.
            number: as the author numbers it.
            date: ISO date of the issue.
            title: of the issue.

        Raises:
            OutboxError: it could not be written; the entry is as it was, or says it is half
                written.
        """
        parts = {  # in the order of PARTS
            "issue.json": issue_json,
            "email.mjml": rendered.mjml.encode(),
            "email.html": rendered.html.encode(),
            "email.txt": rendered.text.encode(),
            "message.eml": message,
            "check.json": records.write_check(check),
        }
        pictures = {each.name: each.data for each in rendered.pictures}
        covered = {**parts, **{f"{PICTURES}/{name}": pictures[name] for name in pictures}}
        digests = tuple((name, sha256(data).hexdigest()) for name, data in covered.items())
        sizes = tuple((each.name, each.width, each.height) for each in rendered.pictures)
        with self._opened(entry_id, writing=True, make=True) as directory:
            files.sweep(directory)
            entry = Entry(
                id=entry_id,
                tag=kept_tag(directory) or tag,
                title=title,
                subject=rendered.subject,
                preheader=rendered.preheader,
                number=number,
                date=date,
                counts=counts,
                errors=count(check, Severity.ERROR),
                warnings=count(check, Severity.WARNING),
                parts=digests,
                digest=records.entry_digest(
                    digests,
                    subject=rendered.subject,
                    preheader=rendered.preheader,
                    pictures=sizes,
                ),
                pictures=sizes,
            )
            added = self._put_pictures(directory, pictures)
            wanted = {**parts, ENTRY: records.write_entry(entry)}
            changed = {
                name: data for name, data in wanted.items() if files.differs(directory, name, data)
            }
            if changed:
                files.replace(directory, changed, system=self.system)
            removed = self._drop_pictures(directory, keep=pictures)
        return Written(entry, changed=bool(changed or added or removed))

    def get(self, entry_id: EntryId) -> Entry:
        """Return an entry after comparing every part with its digest.

        Raises:
            OutboxError: there is no such entry, a part was changed by hand, or a build was cut
                short.
        """
        return self._load(entry_id)[0]

    def part(self, entry_id: EntryId, name: str) -> bytes:
        """Return a part of an entry, one of `PARTS`, verified as `get` does.

        Raises:
            OutboxError: it is none of them, or the entry is not as it was left.
        """
        if name not in PARTS:
            raise OutboxError(f"{name!r} is not a part of an entry; those are {', '.join(PARTS)}")
        return self._load(entry_id)[1][name]

    def rendered(self, entry_id: EntryId) -> RenderedIssue:
        """Return the mail of an entry, verified as `get` does."""
        entry, parts = self._load(entry_id)
        return RenderedIssue(
            subject=entry.subject,
            preheader=entry.preheader,
            mjml=parts["email.mjml"].decode(),
            html=parts["email.html"].decode(),
            text=parts["email.txt"].decode(),
            pictures=frozen_pictures(entry, parts),
        )

    def pictures(self, entry_id: EntryId) -> tuple[Picture, ...]:
        """Return the pictures of an entry, verified as `get` does."""
        return frozen_pictures(*self._load(entry_id))

    def check(self, entry_id: EntryId) -> tuple[Diagnostic, ...]:
        """Return what was found when an entry was built, verified as `get` does."""
        return records.read_check(self._load(entry_id)[1]["check.json"])

    def ids(self) -> tuple[EntryId, ...]:
        """Return the names of all entries, whole or not, by name."""
        with files.explained(self.root), suppress(FileNotFoundError):
            found = sorted(each.name for each in os.scandir(self.root) if each.is_dir())
            return tuple(EntryId(name) for name in found if is_entry_name(name))
        return ()

    def entries(self) -> tuple[Entry, ...]:
        """Return all entries, newest first: by date, then number, then name; undated ones last.

        Raises:
            OutboxError: one of them is not as it was left; the others can be had by `get`.
        """
        return newest_first(self.get(each) for each in self.ids())

    def approve(self, entry_id: EntryId, *, now: datetime, by: str) -> Approval:
        """Write down that a person read these bytes and wants them sent.

        An entry that is approved already keeps its first approval.

        Args:
            entry_id: the entry.
            now: aware.
            by: who approves.

        Raises:
            ChecksFailed: there are errors in check.json.
            OutboxError: the entry is not as it was left, or approval.json cannot be written.
        """
        with self._opened(entry_id, writing=True) as directory:
            entry, parts = verified(directory, self.root / entry_id)
            if entry.errors:
                raise ChecksFailed(_refusal(entry, records.read_check(parts["check.json"])))
            given = _approval(directory, self.root / entry_id)
            if given and approval_state(entry, given) is ApprovalState.APPROVED:
                return given
            approval = Approval(
                digest=entry.digest, approved_at=now.astimezone(UTC), approved_by=by
            )
            files.replace(
                directory, {APPROVAL: records.write_approval(approval)}, system=self.system
            )
            return approval

    def approval(self, entry_id: EntryId) -> Approval | None:
        """Return the approval beside an entry, void or not; None if there is none.

        `approval_state` says which. The entry itself is not verified here.
        """
        with self._opened(entry_id) as directory:
            return _approval(directory, self.root / entry_id)

    def approval_state(self, entry_id: EntryId) -> ApprovalState:
        """Return how an entry stands, verified as `get` does."""
        return approval_state(self.get(entry_id), self.approval(entry_id))

    def write_index(self, newsletter: Newsletter) -> bool:
        """Write index.html, the page to look through the outbox; return whether it changed.

        An entry that is not as it was left is shown as such.
        """
        from pipeline.outbox.index import index_html

        entries: list[Entry] = []
        approvals: dict[EntryId, Approval] = {}
        sizes: dict[EntryId, int] = {}
        damaged: dict[EntryId, str] = {}
        for each in self.ids():
            try:
                entry, parts = self._load(each)
                approval = self.approval(each)
            except OutboxError as error:
                damaged[each] = str(error)
                continue
            entries.append(entry)
            sizes[each] = len(parts["email.html"])
            if approval:
                approvals[each] = approval
        page = index_html(
            newest_first(entries), approvals, newsletter, sizes=sizes, damaged=damaged
        )
        data = page.encode(errors="xmlcharrefreplace")  # half a surrogate pair in a name
        return files.write_if_changed(self.root, INDEX, data, system=self.system)

    def _put_pictures(self, directory: int, pictures: Mapping[str, bytes]) -> bool:
        """Write what is missing of the pictures before entry.json names them; say if any was."""
        if not pictures:
            return False
        with files.folder(PICTURES, inside=directory, make=True) as inside:
            files.sweep(inside)
            missing = {
                name: data for name, data in pictures.items() if files.differs(inside, name, data)
            }
            if missing:
                files.replace(inside, missing, system=self.system)
        return bool(missing)

    def _drop_pictures(self, directory: int, *, keep: Mapping[str, bytes]) -> bool:
        """Remove the pictures that entry.json no longer names; say if there were any."""
        extra = picture_files(directory) - keep.keys()
        if extra:
            with files.folder(PICTURES, inside=directory) as inside:
                for name in extra:
                    os.unlink(name, dir_fd=inside)
        if not keep:
            with suppress(OSError):  # it was never there
                os.rmdir(PICTURES, dir_fd=directory)
        return bool(extra)

    def _load(self, entry_id: EntryId) -> tuple[Entry, dict[str, bytes]]:
        with self._opened(entry_id) as directory:
            return verified(directory, self.root / entry_id)

    @contextmanager
    def _opened(
        self, entry_id: EntryId, *, writing: bool = False, make: bool = False
    ) -> Iterator[int]:
        """Lock the outbox and yield the descriptor of an entry's folder."""
        name = checked(entry_id)
        with ExitStack() as stack:
            stack.enter_context(files.explained(self.root / name))
            try:
                root = stack.enter_context(files.folder(self.root, make=make))
                stack.enter_context(files.locked(root, shared=not writing))
                directory = stack.enter_context(files.folder(name, inside=root, make=make))
            except FileNotFoundError as error:
                near = get_close_matches(name, self.ids(), n=3)
                hint = f"did you mean {', '.join(near)}?" if near else "broadsheet build makes one"
                raise OutboxError(f"{self.root}: there is no entry {name}; {hint}") from error
            try:
                yield directory
            except BaseException:
                if make:
                    with suppress(OSError):  # it stays unless this call made it
                        os.rmdir(name, dir_fd=root)
                raise


def newest_first(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Sort entries by date, then number, then name, the newest first and undated ones last."""
    return tuple(sorted(entries, key=_age, reverse=True))


def _age(entry: Entry) -> tuple[str, int, str]:
    number = re.match("[0-9]{1,9}", entry.number or "")
    return entry.date or "", int(number.group()) if number else 0, entry.id


def _approval(directory: int, path: Path) -> Approval | None:
    try:
        return records.read_approval(files.read(directory, APPROVAL))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OutboxError(f"{path / APPROVAL}: {error}; remove it and approve again") from error


def _refusal(entry: Entry, found: tuple[Diagnostic, ...]) -> str:
    first = next(each for each in found if each.severity is Severity.ERROR)
    more = f" and {entry.errors - 1} more" if entry.errors > 1 else ""
    return f"{entry.id} cannot be approved: {first.code} {first.message}{more}"
