"""Entries: frozen whole, believed only when they are as they were left."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.diagnostic import Diagnostic, Severity
from pipeline.errors import ChecksFailed, ConfigError, OutboxError
from pipeline.model.entry import PARTS, Counts, EntryId
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox import files
from pipeline.outbox.approval import ApprovalState
from pipeline.outbox.folder import Outbox, Written, entry_id

ENTRY = EntryId("091")
NOW = datetime(2026, 11, 19, 17, 30, tzinfo=UTC)
RENDERED = RenderedIssue(
    subject="Größe — what tides say",
    preheader="And what they do not",
    mjml="<mjml></mjml>",
    html="<!DOCTYPE html><p>Gr&#246;&#223;e</p>",
    text="Größe\n",
)
ERROR = Diagnostic(
    code="P401", severity=Severity.ERROR, message="there is no postal address", help="set it"
)
WARNING = Diagnostic(code="P306", severity=Severity.WARNING, message="no preheader", line=3)


def put(
    outbox: Outbox,
    entry: EntryId = ENTRY,
    *,
    rendered: RenderedIssue = RENDERED,
    check: tuple[Diagnostic, ...] = (),
    tag: str = "tag:news.example.org,2026:issue:091",
    number: str | None = "91",
    date: str | None = "2026-11-20",
) -> Written:
    """Freeze an invented issue."""
    return outbox.put(
        entry,
        issue_json=b"{}\n",
        rendered=rendered,
        message=b"Subject: x\r\n\r\nbody\r\n",
        check=check,
        tag=tag,
        counts=Counts(sections=2, stories=5, words=1200, minutes=5),
        number=number,
        date=date,
        title="Tides",
    )


def hidden(folder: Path) -> list[str]:
    """Return the names of hidden files, as unfinished ones are."""
    return [file.name for file in folder.iterdir() if file.name.startswith(".")]


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """Give an outbox in a folder that does not exist yet."""
    return Outbox(tmp_path / "outbox")


class Failing:
    """The real calls, of which the nth one fails."""

    def __init__(self, fails_at: int) -> None:
        self.left = fails_at

    def _called(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """Make a file."""
        self._called()
        return os.open(path, flags, mode, dir_fd=dir_fd)

    def write(self, fd: int, data: memoryview, /) -> int:
        """Write some bytes."""
        self._called()
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """Wait for the disk."""
        self._called()
        os.fsync(fd)

    def rename(
        self, src: str, dst: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        """Give a file its name."""
        self._called()
        os.rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)


def test_an_entry_is_a_folder_of_its_parts(outbox: Outbox) -> None:
    """Every part, the record of them, and nothing else."""
    written = put(outbox, check=(ERROR, WARNING))

    folder = outbox.root / ENTRY
    assert sorted(file.name for file in folder.iterdir()) == sorted([*PARTS, "entry.json"])
    assert (folder / "email.html").read_text() == RENDERED.html
    assert (folder / "email.txt").read_text(encoding="utf-8") == RENDERED.text
    assert written.changed
    assert (written.entry.errors, written.entry.warnings) == (1, 1)


def test_what_was_put_is_what_is_got(outbox: Outbox) -> None:
    """Entry, rendered issue, parts and findings come back equal."""
    written = put(outbox, check=(WARNING, ERROR))

    assert outbox.get(ENTRY) == written.entry
    assert outbox.rendered(ENTRY) == RENDERED
    assert outbox.part(ENTRY, "issue.json") == b"{}\n"
    assert outbox.check(ENTRY) == (WARNING, ERROR)


def test_the_digest_can_be_computed_by_anybody(outbox: Outbox) -> None:
    """SHA-256 over one JSON document: the digests of the parts, subject and preheader."""
    entry = put(outbox).entry

    folder = outbox.root / ENTRY
    digests = [[name, sha256((folder / name).read_bytes()).hexdigest()] for name in PARTS]
    document = json.dumps([digests, RENDERED.subject, RENDERED.preheader], separators=(",", ":"))
    assert entry.digest == sha256(document.encode()).hexdigest()


def test_the_same_issue_gives_the_same_bytes_and_touches_nothing(outbox: Outbox) -> None:
    """A second build leaves even the modification times."""
    put(outbox, check=(WARNING,))
    folder = outbox.root / ENTRY
    for file in folder.iterdir():
        os.utime(file, ns=(1, 1))

    written = put(outbox, check=(WARNING,))

    assert not written.changed
    assert {file.stat().st_mtime_ns for file in folder.iterdir()} == {1}


def test_only_what_changed_is_written(outbox: Outbox) -> None:
    """A reviewer sees in version control what a build really changed."""
    put(outbox)
    folder = outbox.root / ENTRY
    for file in folder.iterdir():
        os.utime(file, ns=(1, 1))

    put(outbox, rendered=replace(RENDERED, text="other\n"))

    touched = {file.name for file in folder.iterdir() if file.stat().st_mtime_ns != 1}
    assert touched == {"email.txt", "entry.json"}


def test_the_tag_is_minted_once(outbox: Outbox) -> None:
    """A feed reader knows an issue by its first tag for ever."""
    put(outbox, tag="tag:old.example.org,2025:issue:091")

    written = put(
        outbox, tag="tag:new.example.org,2026:issue:091", rendered=replace(RENDERED, html="x")
    )

    assert written.entry.tag == "tag:old.example.org,2025:issue:091"


@pytest.mark.parametrize("name", PARTS)
def test_a_part_changed_by_hand_is_named(outbox: Outbox, name: str) -> None:
    """Nothing of a tampered entry is believed; the next build repairs it."""
    put(outbox)
    file = outbox.root / ENTRY / name
    file.write_bytes(file.read_bytes() + b" ")

    with pytest.raises(OutboxError, match=f"091/{name}.*build the issue again"):
        outbox.get(ENTRY)

    assert put(outbox).changed
    assert outbox.get(ENTRY)


@pytest.mark.parametrize("name", PARTS)
def test_a_missing_part_is_named(outbox: Outbox, name: str) -> None:
    """A part somebody removed is not an empty part."""
    put(outbox)
    (outbox.root / ENTRY / name).unlink()

    with pytest.raises(OutboxError, match=f"091/{name}: is missing"):
        outbox.get(ENTRY)


def test_a_folder_without_its_record_is_half_written(outbox: Outbox) -> None:
    """entry.json is written last, so its absence means a build was cut short."""
    put(outbox)
    (outbox.root / ENTRY / "entry.json").unlink()

    with pytest.raises(OutboxError, match="half written"):
        outbox.get(ENTRY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"errors": 1', '"errors": 0'),
        ('"subject": "Gr', '"subject": "Kr'),
        ('"id": "091"', '"id": "092"'),
        ('"email.txt"', '"email.text"'),
        ('"words": 1200', '"words": "many"'),
        ("{", "["),
        ('"parts": {', '"parts": [], "x": {'),
    ],
)
def test_a_record_changed_by_hand_is_refused(outbox: Outbox, old: str, new: str) -> None:
    """Errors cannot be counted away, nor one entry passed off as another."""
    put(outbox, check=(ERROR,))
    file = outbox.root / ENTRY / "entry.json"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(OutboxError, match=r"entry\.json"):
        outbox.get(ENTRY)


@pytest.mark.parametrize("data", [b"", b"null", b"\xff", b"[" * 100_000, b'{"id": 1}'])
def test_a_record_that_is_no_record_is_refused(outbox: Outbox, data: bytes) -> None:
    """Whatever stands in entry.json, it is an error with a remedy, and the build repairs it."""
    put(outbox)
    (outbox.root / ENTRY / "entry.json").write_bytes(data)

    with pytest.raises(OutboxError, match=r"entry\.json.*build the issue again"):
        outbox.get(ENTRY)

    assert put(outbox).changed


def test_an_unknown_entry_is_refused_with_its_neighbours(outbox: Outbox) -> None:
    """A typing mistake is answered with the nearest names."""
    with pytest.raises(OutboxError, match="broadsheet build"):
        outbox.get(ENTRY)
    put(outbox)

    with pytest.raises(OutboxError, match="did you mean 091"):
        outbox.get(EntryId("o91"))
    with pytest.raises(OutboxError, match="not a part"):
        outbox.part(ENTRY, "../../secret")


@pytest.mark.parametrize("name", ["..", "../x", "A", "con", ""])
def test_a_name_that_is_none_reaches_no_file(outbox: Outbox, name: str) -> None:
    """A name from outside is checked before the disk is touched."""
    with pytest.raises(ConfigError):
        put(outbox, EntryId(name))

    assert not outbox.root.exists()


def test_an_entry_that_is_a_link_is_refused(outbox: Outbox, tmp_path: Path) -> None:
    """Neither read nor written through."""
    put(Outbox(tmp_path / "other"))
    outbox.root.mkdir()
    (outbox.root / ENTRY).symlink_to(tmp_path / "other" / ENTRY)

    with pytest.raises(OutboxError, match="symbolic link"):
        put(outbox, rendered=replace(RENDERED, text="evil"))
    with pytest.raises(OutboxError, match="symbolic link"):
        outbox.get(ENTRY)

    assert Outbox(tmp_path / "other").rendered(ENTRY) == RENDERED


def test_a_part_that_is_a_link_is_refused(outbox: Outbox, tmp_path: Path) -> None:
    """Not even when what it points to has the right bytes."""
    put(outbox)
    part = outbox.root / ENTRY / "email.txt"
    part.rename(tmp_path / "email.txt")
    part.symlink_to(tmp_path / "email.txt")

    with pytest.raises(OutboxError, match=r"email\.txt is a symbolic link"):
        outbox.get(ENTRY)
    with pytest.raises(OutboxError, match=r"email\.txt is a symbolic link"):
        put(outbox)


def test_a_failure_at_any_call_leaves_an_entry_that_is_whole_or_says_so(outbox: Outbox) -> None:
    """A full disk changes nothing; a failed rename is found out; the next build repairs both."""
    put(outbox)
    changed = replace(RENDERED, text="new\n", html="new", mjml="new")
    outcomes: list[str] = []
    fails_at = 0
    while True:
        fails_at += 1
        try:
            put(Outbox(outbox.root, Failing(fails_at)), rendered=changed)
        except OutboxError:
            pass
        else:
            break
        try:
            outcomes.append(outbox.rendered(ENTRY).text)
        except OutboxError as error:
            assert "build the issue again" in str(error)  # noqa: PT017 - either outcome is right
            outcomes.append("damaged")
        assert not hidden(outbox.root / ENTRY)
        put(outbox)
        assert outbox.rendered(ENTRY) == RENDERED

    assert outcomes[:13] == [RENDERED.text] * 13  # four files of three calls each, and a rename
    assert set(outcomes[13:]) <= {"damaged", "new\n"}


def test_a_first_build_that_fails_leaves_no_folder(outbox: Outbox) -> None:
    """Nothing half made lies about."""
    with pytest.raises(OutboxError, match="disk is full"):
        put(Outbox(outbox.root, Failing(2)))

    assert outbox.ids() == ()


def test_what_a_killed_build_left_is_swept(outbox: Outbox) -> None:
    """The next build removes it."""
    put(outbox)
    (outbox.root / ENTRY / ".email.txt.0badf00d.new").touch()

    put(outbox)

    assert not hidden(outbox.root / ENTRY)


def test_entries_are_listed_newest_first(outbox: Outbox) -> None:
    """By date, then number as a number, then name; what has no date is last."""
    for name, number, date in (
        ("a", "9", "2026-11-20"),
        ("b", "10", "2026-11-20"),
        ("c", None, "2026-11-21"),
        ("d", "99", None),
        ("e", "10b", "2026-11-20"),
    ):
        put(outbox, EntryId(name), number=number, date=date)
    (outbox.root / "Notes").mkdir()
    (outbox.root / "index.html").touch()

    assert [entry.id for entry in outbox.entries()] == ["c", "e", "b", "a", "d"]
    assert outbox.ids() == ("a", "b", "c", "d", "e")


def test_an_outbox_that_is_not_there_is_empty(outbox: Outbox) -> None:
    """Looking makes no folder."""
    assert outbox.entries() == ()
    assert not outbox.root.exists()


def test_an_approval_is_bound_to_the_bytes(outbox: Outbox) -> None:
    """Any edit voids it; building the old bytes again makes it good again."""
    put(outbox)
    assert outbox.approval(ENTRY) is None
    assert outbox.approval_state(ENTRY) is ApprovalState.DRAFT

    approval = outbox.approve(ENTRY, now=NOW, by="Mara")
    assert outbox.approval(ENTRY) == approval
    assert outbox.approval_state(ENTRY) is ApprovalState.APPROVED

    put(outbox, rendered=replace(RENDERED, subject="Edited"))
    assert outbox.approval(ENTRY) == approval
    assert outbox.approval_state(ENTRY) is ApprovalState.VOID

    put(outbox)
    assert outbox.approval_state(ENTRY) is ApprovalState.APPROVED


def test_the_first_approval_stands(outbox: Outbox) -> None:
    """Approving again changes nothing, until the entry is edited."""
    put(outbox)
    first = outbox.approve(ENTRY, now=NOW, by="Mara")

    assert outbox.approve(ENTRY, now=NOW.replace(year=2027), by="Jon") == first
    put(outbox, rendered=replace(RENDERED, subject="Edited"))
    assert outbox.approve(ENTRY, now=NOW.replace(year=2027), by="Jon").approved_by == "Jon"


def test_errors_stop_approval(outbox: Outbox) -> None:
    """The refusal names the first of them; warnings do not stop anything."""
    put(outbox, check=(WARNING, ERROR, ERROR))

    with pytest.raises(ChecksFailed, match="P401 there is no postal address and 1 more"):
        outbox.approve(ENTRY, now=NOW, by="Mara")
    assert outbox.approval(ENTRY) is None

    put(outbox, check=(WARNING,))
    assert outbox.approve(ENTRY, now=NOW, by="Mara")


def test_a_tampered_entry_cannot_be_approved(outbox: Outbox) -> None:
    """Approval rests on what the digests say."""
    put(outbox)
    (outbox.root / ENTRY / "email.html").write_bytes(b"other")

    with pytest.raises(OutboxError):
        outbox.approve(ENTRY, now=NOW, by="Mara")


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b'{"digest": "x", "approved_at": "2026-11-19T17:30:00", "approved_by": "Mara"}'],
)
def test_an_approval_that_is_none_is_refused(outbox: Outbox, data: bytes) -> None:
    """A damaged approval is neither a yes nor a no; a moment needs its offset."""
    put(outbox)
    (outbox.root / ENTRY / "approval.json").write_bytes(data)

    with pytest.raises(OutboxError, match=r"approval\.json.*approve again"):
        outbox.approval(ENTRY)


def test_reading_writes_nothing(outbox: Outbox) -> None:
    """An outbox that was checked out read-only can be looked at."""
    put(outbox)
    (outbox.root / ".lock").unlink()

    outbox.get(ENTRY)
    outbox.approval(ENTRY)
    outbox.entries()

    assert [file.name for file in outbox.root.iterdir()] == [ENTRY]


def test_two_holders_of_the_lock_wait_for_each_other(outbox: Outbox) -> None:
    """Readers share it, a writer has it alone; it is gone when its holder is."""
    put(outbox)
    with files.folder(outbox.root) as directory:
        with files.locked(directory, shared=True):
            assert outbox.get(ENTRY)
        with files.locked(directory):
            pass
        assert put(outbox)


def test_half_a_surrogate_pair_in_a_finding_is_kept_readable(outbox: Outbox) -> None:
    """The author's line is quoted as it is, and check.json stays JSON."""
    odd = replace(WARNING, source="half \ud83d of a pair")

    put(outbox, check=(odd,))

    assert outbox.check(ENTRY) == (odd,)


def test_entry_names_are_made_here_too() -> None:
    """The door of the room offers the one function its callers need."""
    assert entry_id("Issue 91") == "issue-91"
