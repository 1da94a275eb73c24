"""Pictures of an entry: frozen with it, covered by its digest, believed as its other parts are."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from pipeline.errors import OutboxError
from pipeline.model.entry import PARTS, Counts, EntryId
from pipeline.model.picture import Picture
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.approval import ApprovalState
from pipeline.outbox.folder import Outbox, Written
from pipeline.publish.pictures import pictures as on_site

ENTRY = EntryId("091")
NOW = datetime(2026, 11, 19, 17, 30, tzinfo=UTC)
BARE = RenderedIssue(subject="Tides", preheader="", mjml="", html="<p></p>", text="\n")


def picture(stem: str, data: bytes) -> Picture:
    """Return an invented picture; nothing here looks into one."""
    name = f"{stem}-{sha256(data).hexdigest()[:8]}.png"
    return Picture(name=name, data=data, media_type="image/png", width=40, height=20)


CRANE, QUAY = picture("crane", b"a crane"), picture("quay", b"a quay")
RENDERED = replace(BARE, pictures=(QUAY, CRANE))


def put(outbox: Outbox, rendered: RenderedIssue = RENDERED) -> Written:
    """Freeze an invented issue."""
    return outbox.put(
        ENTRY,
        issue_json=b"{}\n",
        rendered=rendered,
        message=b"",
        check=(),
        tag="tag:news.example.org,2026:issue:091",
        counts=Counts(sections=1, stories=1, words=1, minutes=1),
        number=None,
        date=None,
        title="Tides",
    )


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    """Give an outbox with one entry of two pictures."""
    made = Outbox(tmp_path / "outbox")
    put(made)
    return made


def images(outbox: Outbox) -> Path:
    """Return the folder of the pictures."""
    return outbox.root / ENTRY / "images"


def test_what_was_put_is_what_is_got(outbox: Outbox) -> None:
    """The same pictures in the same order, from two doors."""
    assert outbox.rendered(ENTRY) == RENDERED
    assert outbox.pictures(ENTRY) == RENDERED.pictures
    assert {file.name: file.read_bytes() for file in images(outbox).iterdir()} == {
        each.name: each.data for each in RENDERED.pictures
    }


def test_a_second_build_touches_nothing(outbox: Outbox) -> None:
    """The same pictures leave even the modification times."""
    for file in images(outbox).iterdir():
        os.utime(file, ns=(1, 1))

    assert not put(outbox).changed
    assert {file.stat().st_mtime_ns for file in images(outbox).iterdir()} == {1}


def test_the_digest_covers_pictures(outbox: Outbox) -> None:
    """It can be computed by anybody: their digests are among the parts, and their sizes follow."""
    folder = outbox.root / ENTRY
    names = [*PARTS, *(f"images/{each.name}" for each in RENDERED.pictures)]
    digests = [[name, sha256((folder / name).read_bytes()).hexdigest()] for name in names]
    sizes = [[each.name, each.width, each.height] for each in RENDERED.pictures]

    document = json.dumps([digests, "Tides", "", sizes], separators=(",", ":"))

    assert outbox.get(ENTRY).digest == sha256(document.encode()).hexdigest()


def test_an_entry_without_pictures_is_as_it_always_was(tmp_path: Path) -> None:
    """No folder, no key in entry.json, and a digest over three elements: old entries verify."""
    outbox = Outbox(tmp_path)

    entry = put(outbox, BARE).entry

    digests = [list(part) for part in entry.parts]
    document = json.dumps([digests, "Tides", ""], separators=(",", ":"))
    assert entry.digest == sha256(document.encode()).hexdigest()
    assert "pictures" not in json.loads((tmp_path / ENTRY / "entry.json").read_bytes())
    assert not (tmp_path / ENTRY / "images").exists()
    assert outbox.rendered(ENTRY) == BARE


def _swapped(folder: Path) -> None:
    """Give each of two pictures the bytes of the other."""
    one, other = (folder / CRANE.name, folder / QUAY.name)
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def _linked(folder: Path) -> None:
    """Put a link to the same bytes in the place of a picture."""
    there = folder / CRANE.name
    there.rename(folder.parent / "elsewhere.png")
    there.symlink_to(folder.parent / "elsewhere.png")


def _linked_folder(folder: Path) -> None:
    """Put a link to the same folder in the place of the folder."""
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / CRANE.name).write_bytes(b"another crane"), CRANE.name),
        (lambda folder: (folder / CRANE.name).unlink(), CRANE.name),
        (lambda folder: (folder / "extra.png").write_bytes(b"x"), "extra.png"),
        (lambda folder: (folder / "folder").mkdir(), "folder"),
        (_swapped, ".png"),
        (_linked, "link"),
        (_linked_folder, "link"),
    ],
)
def test_a_picture_changed_by_hand_is_refused(
    outbox: Outbox, damage: Callable[[Path], None], named: str
) -> None:
    """Changed, missing, one too many, a link: nothing is approved or sent, and a build mends it."""
    damage(images(outbox))

    with pytest.raises(OutboxError, match=named):
        outbox.rendered(ENTRY)
    with pytest.raises(OutboxError):
        outbox.approve(ENTRY, now=NOW, by="Ada")


@pytest.mark.parametrize("extra", ["extra.png", "old-00000000.png"])
def test_a_build_removes_what_does_not_belong(outbox: Outbox, extra: str) -> None:
    """Whatever was left there; hidden files of the system stay."""
    (images(outbox) / extra).write_bytes(b"x")
    (images(outbox) / ".DS_Store").write_bytes(b"x")

    assert put(outbox).changed
    assert outbox.rendered(ENTRY) == RENDERED
    assert sorted(file.name for file in images(outbox).iterdir()) == sorted(
        [".DS_Store", CRANE.name, QUAY.name]
    )


def test_another_picture_voids_approval(outbox: Outbox) -> None:
    """Approval is for these pictures, even if no other part names them."""
    outbox.approve(ENTRY, now=NOW, by="Ada")

    written = put(outbox, replace(RENDERED, pictures=(CRANE,)))

    assert written.changed
    assert outbox.approval_state(ENTRY) is ApprovalState.VOID
    assert [file.name for file in images(outbox).iterdir()] == [CRANE.name]


def test_the_folder_goes_with_the_last_picture(outbox: Outbox) -> None:
    """An entry that lost its pictures is one that never had any."""
    put(outbox, BARE)

    assert not images(outbox).exists()
    assert outbox.rendered(ENTRY) == BARE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"width": 40', '"width": 41'),
        (CRANE.name, QUAY.name),
        (f"images/{CRANE.name}", f"images/../{CRANE.name}"),
        (CRANE.name, f"../../{CRANE.name}"),
        (CRANE.name, "approval.json"),
        ('"width": 40', '"width": "40"'),
        ('"pictures"', '"picture"'),
    ],
)
def test_a_forged_record_is_refused(outbox: Outbox, old: str, new: str) -> None:
    """entry.json must agree with itself, and no name in it leads elsewhere."""
    file = outbox.root / ENTRY / "entry.json"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))

    with pytest.raises(OutboxError, match="build the issue again"):
        outbox.get(ENTRY)


def test_a_name_that_leads_elsewhere_is_refused_though_all_digests_agree(outbox: Outbox) -> None:
    """Whoever forges the digest too still reads no file outside `images/`."""
    from pipeline.outbox import records

    folder = outbox.root / ENTRY
    (folder.parent / "stolen.png").write_bytes(b"a crane")
    entry = outbox.get(ENTRY)
    forged_name = "../../stolen.png"
    parts = tuple(
        (f"images/{forged_name}" if name.endswith(CRANE.name) else name, digest)
        for name, digest in entry.parts
    )
    sizes = tuple((forged_name if n == CRANE.name else n, w, h) for n, w, h in entry.pictures)
    digest = records.entry_digest(parts, subject="Tides", preheader="", pictures=sizes)
    forged = replace(entry, parts=parts, pictures=sizes, digest=digest)
    (folder / "entry.json").write_bytes(records.write_entry(forged))

    with pytest.raises(OutboxError, match="another entry"):
        outbox.get(ENTRY)


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


@pytest.mark.parametrize("fails_at", range(1, 40))
def test_a_disk_that_fills_up_leaves_the_old_entry_or_an_explanation(
    outbox: Outbox, fails_at: int
) -> None:
    """At whatever call it happens: never a half entry that is believed; a build mends it."""
    changed = replace(
        RENDERED, subject="Tides again", pictures=(CRANE, picture("mill", b"a mill"))
    )

    try:
        put(Outbox(outbox.root, Failing(fails_at)), changed)
    except OutboxError:
        pass
    else:
        assert outbox.rendered(ENTRY) == changed
    try:
        found = outbox.rendered(ENTRY)
    except OutboxError as error:
        assert "build the issue again" in str(error)  # noqa: PT017 - either is allowed
    else:
        assert found in (RENDERED, changed)
    put(outbox, changed)
    assert outbox.rendered(ENTRY) == changed
    left = [file.name for file in images(outbox).iterdir()]
    assert sorted(left) == sorted(each.name for each in changed.pictures)


def test_the_site_has_them_where_the_issue_says(outbox: Outbox) -> None:
    """Each picture once, under the name of its entry."""
    assert dict(on_site(ENTRY, outbox.pictures(ENTRY))) == {
        f"images/091/{each.name}": each.data for each in RENDERED.pictures
    }
