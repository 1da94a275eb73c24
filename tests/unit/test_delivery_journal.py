from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from errno import EIO
from pathlib import Path
from typing import Final

import pytest

from pipeline.delivery.journal import LONG, Begun, Journal, Recovered, discard, read
from pipeline.delivery.journal_file import SEGMENT
from pipeline.delivery.journal_records import BEGINNING, REPLY
from pipeline.errors import StorageError
from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId

THREE: Final = DispatchId(3)
OURS: Final = bytes(range(16))
AT: Final = 1_777_622_400_000_000
ANN, BOB, CID = DeliveryId(1), DeliveryId(2), DeliveryId(2**40)

# Fills a journal until the system says that a file may grow no more.
HOG: Final = """
import resource, sys
from pathlib import Path
from pipeline.delivery.journal import Journal
from pipeline.delivery.journal_file import SEGMENT

size = SEGMENT * 3 // 2 + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
journal = Journal.open(Path(sys.argv[1]), 3, bytes(range(16)))
number = 0
while not journal.full:
    number += 1
    journal.start(number, 1, number)
    journal.flush()
print(number)
"""


def accepted(delivery: DeliveryId, attempt: int = 1, reply: str = "2.0.0 taken") -> Settled:
    """Return an acceptance."""
    return Settled(delivery, attempt, DeliveryStatus.ACCEPTED, AT, AT + 5, code=250, reply=reply)


def taken_back(delivery: DeliveryId) -> Settled:
    """Return the end of an attempt that certainly came to nothing."""
    return Settled(delivery, 1, DeliveryStatus.PENDING, AT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the path of a folder that is not there yet."""
    return tmp_path / "journal" / "dispatch-3"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    """Give a journal that was just begun."""
    with closing(Journal.open(folder, THREE, OURS)) as opened:
        yield opened


def names(folder: Path) -> list[str]:
    """Return the names of the files in a folder."""
    return sorted(file.name for file in folder.iterdir())


def written(file: Path) -> int:
    """Return how many bytes of a file are not reserved zeros; no record ends in one here."""
    return len(file.read_bytes().rstrip(b"\0"))


def begin(journal: Journal, *deliveries: DeliveryId) -> None:
    """START deliveries for the first time."""
    for delivery in deliveries:
        journal.start(delivery, 1, AT)
    journal.flush()


def end(journal: Journal, *settled: Settled) -> None:
    """Write down outcomes."""
    for item in settled:
        journal.settle(item)
    journal.flush()


def test_what_was_flushed_is_read_again(journal: Journal, folder: Path) -> None:
    """Every field of every outcome, and what is still open; however often it is read."""
    ends = (
        accepted(ANN),
        Settled(BOB, 2, DeliveryStatus.DEFERRED, AT, AT + 1, AT + 9, 451, "4.2.0 später ✓"),
        Settled(CID, 2**31, DeliveryStatus.REFUSED, -1, 0, None, 550, ""),
        Settled(ANN, 7, DeliveryStatus.UNCERTAIN, AT, reply="the line was cut"),
        taken_back(BOB),
    )
    begin(journal, ANN, CID)
    end(journal, *ends)

    found = read(folder, THREE, OURS)
    assert found == Recovered(ends, (Begun(CID, 1, AT),))
    assert read(folder, THREE, OURS) == found


def test_what_was_not_flushed_is_not_there(journal: Journal, folder: Path) -> None:
    """START is written when `flush` returned and not before, and one call writes it all."""
    journal.start(ANN, 1, AT)

    assert read(folder, THREE, OURS) == Recovered((), ())
    journal.flush()
    assert read(folder, THREE, OURS) == Recovered((), (Begun(ANN, 1, AT),))


def test_a_flush_is_one_system_call_and_an_empty_one_none(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hot path pays once for all that came together."""
    calls = []
    pwrite = os.pwrite

    def counted(file: int, data: bytes, at: int) -> int:
        calls.append(len(data))
        return pwrite(file, data, at)

    monkeypatch.setattr(os, "pwrite", counted)
    journal.settle(accepted(BOB))
    begin(journal, ANN)
    journal.flush()

    assert len(calls) == 1


def test_no_journal_knows_nothing(folder: Path) -> None:
    """The first run of a dispatch has nothing to recover, and nothing to delete."""
    discard(folder)

    assert read(folder, THREE, OURS) == Recovered((), ())


def test_only_its_owner_reads_a_journal(journal: Journal, folder: Path) -> None:
    """The words of a server may name an address."""
    journal.sync()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "000001.journal")]

    assert modes == [0o700, 0o600]


def test_a_long_reply_is_cut_between_characters(journal: Journal, folder: Path) -> None:
    """The reserve holds every outcome because none is larger than that."""
    end(journal, accepted(ANN, reply="x" + "é" * 400), accepted(BOB, reply="a\udcffb"))

    first, second = (item.reply for item in read(folder, THREE, OURS).settled)
    assert first == "x" + "é" * ((REPLY - 1) // 2)
    assert second == "a?b"


def test_a_message_begun_again_is_open_again(journal: Journal, folder: Path) -> None:
    """An attempt taken back keeps its number; what is open is what was begun last."""
    begin(journal, ANN)
    end(journal, taken_back(ANN))
    assert read(folder, THREE, OURS).begun == ()
    begin(journal, ANN)

    assert read(folder, THREE, OURS) == Recovered((taken_back(ANN),), (Begun(ANN, 1, AT),))


def test_a_torn_end_is_the_end(journal: Journal, folder: Path) -> None:
    """Wherever a crash cuts the last file, what is whole before is known, and no more."""
    begin(journal, ANN, BOB)
    file = folder / "000001.journal"
    marks = [BEGINNING, written(file)]
    states = [Recovered((), ()), read(folder, THREE, OURS)]
    end(journal, accepted(ANN, reply=""), accepted(BOB))
    whole = file.read_bytes()[: written(file)]
    last = read(folder, THREE, OURS)
    seen = []
    for cut in range(BEGINNING, len(whole) + 1):
        file.write_bytes(whole[:cut])
        short = read(folder, THREE, OURS)
        file.write_bytes(whole[:cut].ljust(len(whole) + 100, b"\0"))
        assert read(folder, THREE, OURS) == short
        seen.append(short)

    assert seen[0] == states[0]
    assert seen[marks[1] - marks[0]] == states[1]
    assert seen[-1] == last
    assert [len(state.settled) for state in seen] == sorted(len(s.settled) for s in seen)


@pytest.mark.parametrize("flip", [1 << bit for bit in range(8)] + [0xFF])
def test_a_damaged_record_ends_the_journal(journal: Journal, folder: Path, flip: int) -> None:
    """Not one bit of a record can change and be believed."""
    begin(journal, ANN)
    file = folder / "000001.journal"
    before, start = read(folder, THREE, OURS), written(file)
    end(journal, accepted(ANN))
    whole = file.read_bytes()
    for at in range(start, written(file)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])

        assert read(folder, THREE, OURS) == before


def test_a_damaged_beginning_is_no_journal_to_believe(journal: Journal, folder: Path) -> None:
    """It had its name only when its beginning was whole, so no crash does that."""
    begin(journal, ANN)
    file = folder / "000001.journal"
    whole = file.read_bytes()
    for at in range(BEGINNING):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StorageError, match="damaged at its beginning"):
            read(folder, THREE, OURS)
    file.write_bytes(b"")
    with pytest.raises(StorageError, match="damaged at its beginning"):
        read(folder, THREE, OURS)


def test_a_journal_of_somebody_else_is_refused_and_kept(journal: Journal, folder: Path) -> None:
    """Outcomes of other messages are not taken for ours; the message says what to do."""
    begin(journal, ANN)
    before = (folder / "000001.journal").read_bytes()

    with pytest.raises(StorageError, match="of another database; put back the database"):
        read(folder, THREE, OURS[::-1])
    with pytest.raises(StorageError, match="of dispatch 3 and not of 4"):
        read(folder, DispatchId(4), OURS)
    assert (folder / "000001.journal").read_bytes() == before


def test_a_journal_that_was_not_read_is_not_written_over(journal: Journal, folder: Path) -> None:
    """A second run begins only after the first one's journal was stored and discarded."""
    begin(journal, ANN)
    with pytest.raises(StorageError, match="read and discard it first"):
        Journal.open(folder, THREE, OURS)
    assert read(folder, THREE, OURS).begun == (Begun(ANN, 1, AT),)
    discard(folder)
    Journal.open(folder, THREE, OURS).close()

    assert read(folder, THREE, OURS) == Recovered((), ())


def test_discarding_leaves_what_is_not_ours(journal: Journal, folder: Path) -> None:
    """Somebody's notes in the folder are not the journal."""
    begin(journal, ANN)
    (folder / "notes.txt").write_text("call the relay")
    (folder / "000002.partial").write_bytes(b"half of it")

    discard(folder)

    assert names(folder) == ["notes.txt"]


def test_a_new_file_carries_what_is_open(journal: Journal, folder: Path) -> None:
    """The older one can go: what it says of open messages is said again."""
    begin(journal, ANN, BOB)
    end(journal, accepted(ANN))
    journal.rotate()
    assert read(folder, THREE, OURS) == Recovered((accepted(ANN),), (Begun(BOB, 1, AT),))
    journal.forget(1)

    assert names(folder) == ["000002.journal"]
    assert read(folder, THREE, OURS) == Recovered((), (Begun(BOB, 1, AT),))
    end(journal, accepted(BOB))
    assert read(folder, THREE, OURS) == Recovered((accepted(BOB),), ())


def test_a_file_stays_while_one_of_its_outcomes_is_not_stored(
    journal: Journal, folder: Path
) -> None:
    """Outcomes are counted in order; those in newer files keep nothing old."""
    end(journal, accepted(ANN), accepted(BOB))
    journal.rotate()
    end(journal, accepted(CID))
    journal.forget(1)
    assert names(folder) == ["000001.journal", "000002.journal"]
    journal.forget(1)
    assert names(folder) == ["000002.journal"]
    journal.forget(1)

    assert names(folder) == ["000002.journal"]
    assert read(folder, THREE, OURS) == Recovered((accepted(CID),), ())


def test_a_long_file_is_followed_by_another(journal: Journal, folder: Path) -> None:
    """A run of a million messages does not keep them all on the disk."""
    number = 0
    while names(folder) == ["000001.journal"]:
        batch = [accepted(DeliveryId(number + at), reply="x" * REPLY) for at in range(500)]
        end(journal, *batch)
        journal.forget(len(batch))
        number += len(batch)

    assert names(folder) == ["000002.journal"]
    assert LONG <= number * 550 < 2 * LONG


def test_a_crash_while_a_new_file_is_made_changes_nothing(journal: Journal, folder: Path) -> None:
    """A file without its name is no journal yet, and does not stand in the way."""
    begin(journal, ANN)
    (folder / "000002.partial").write_bytes(b"half of it")

    assert read(folder, THREE, OURS).begun == (Begun(ANN, 1, AT),)
    journal.rotate()
    assert names(folder) == ["000001.journal", "000002.journal"]
    assert read(folder, THREE, OURS).begun == (Begun(ANN, 1, AT),)


def test_a_file_that_was_deleted_and_is_back_does_no_harm(journal: Journal, folder: Path) -> None:
    """What it calls open was settled later; only the last file says what is open."""
    begin(journal, ANN)
    old = (folder / "000001.journal").read_bytes()
    journal.rotate()
    end(journal, accepted(ANN))
    journal.rotate()
    journal.forget(1)
    (folder / "000001.journal").write_bytes(old)

    assert read(folder, THREE, OURS) == Recovered((), ())


def test_damage_in_an_older_file_is_no_torn_end(journal: Journal, folder: Path) -> None:
    """It was whole on the disk before the next one began: somebody has to look."""
    end(journal, accepted(ANN))
    journal.rotate()
    file = folder / "000001.journal"
    data = bytearray(file.read_bytes())
    data[written(file) - 1] ^= 1
    file.write_bytes(data)

    with pytest.raises(StorageError, match=r"000001\.journal: the journal is damaged in the mid"):
        read(folder, THREE, OURS)


def test_a_short_write_ends_the_journal(
    journal: Journal, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a record is on the disk then; nothing may follow it, so nothing is tried again."""
    begin(journal, ANN)
    journal.settle(accepted(ANN))
    journal.start(BOB, 1, AT)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:-1], at))
    with pytest.raises(StorageError, match=r"000001\.journal.*make room"):
        journal.flush()
    monkeypatch.undo()
    for refuse in (journal.flush, journal.rotate):
        with pytest.raises(StorageError, match="make room"):
            refuse()

    assert read(folder, THREE, OURS) == Recovered((accepted(ANN),), ())


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_a_disk_that_fails_ends_the_journal(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """What the kernel could not write it forgets: a second try would succeed and be a lie."""

    def fail(*_: object) -> int:
        raise OSError(EIO, os.strerror(EIO))

    begin(journal, ANN)
    journal.settle(accepted(ANN))
    monkeypatch.setattr(os, call, fail)

    def write() -> None:
        journal.flush()
        journal.sync()

    with pytest.raises(StorageError, match="check the disk"):
        write()
    monkeypatch.undo()
    journal.start(BOB, 1, AT)
    with pytest.raises(StorageError, match="check the disk"):
        journal.flush()


def test_syncing_each_flush_is_an_option(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fears a power cut more than waiting loses nothing to it."""
    synced = []
    fdatasync = os.fdatasync

    def counted(file: int) -> None:
        synced.append(file)
        fdatasync(file)

    monkeypatch.setattr(os, "fdatasync", counted)
    with closing(Journal.open(folder, THREE, OURS, sync_each=True)) as journal:
        begin(journal, ANN)
        end(journal, accepted(ANN))
        assert len(synced) == 2
        journal.sync()

    assert len(synced) == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of two segments and a half."""
    place = tmp_path / "disk"
    place.mkdir()
    size = f"size={SEGMENT * 5 // 2}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk; the limit on files is tested anyway")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_still_takes_the_outcomes_of_what_began(small_disk: Path) -> None:
    """Nothing more begins, and nobody whose message left is in doubt."""
    folder = small_disk / "dispatch-3"
    with closing(Journal.open(folder, THREE, OURS)) as journal:
        number = 0
        while not journal.full:
            for at in range(20):
                journal.start(DeliveryId(number + at), 1, AT)
            journal.flush()
            number += 20
            if number > 200:
                ended = range(number - 220, number - 200)
                end(journal, *(accepted(DeliveryId(at), reply="x" * 999) for at in ended))
        filler = small_disk / "filler"
        with filler.open("wb") as file, pytest.raises(OSError, match="No space left"):
            file.write(b"x" * SEGMENT)
        open_ones = read(folder, THREE, OURS).begun
        end(journal, *(accepted(one.delivery, reply="x" * 999) for one in open_ones))

        assert len(open_ones) >= 180
        assert read(folder, THREE, OURS).begun == ()
        assert len(read(folder, THREE, OURS).settled) == number


def test_without_room_for_a_new_file_the_old_one_goes_on(small_disk: Path) -> None:
    """The disk is full, and that is all: no half file stays, and nothing is lost."""
    folder = small_disk / "dispatch-3"
    with closing(Journal.open(folder, THREE, OURS)) as journal:
        begin(journal, ANN)
        (small_disk / "filler").write_bytes(b"x" * (SEGMENT * 5 // 4))
        journal.rotate()
        assert journal.full
        end(journal, accepted(ANN))

    assert names(folder) == ["000001.journal"]
    assert read(folder, THREE, OURS) == Recovered((accepted(ANN),), ())


def test_without_room_no_journal_begins(small_disk: Path) -> None:
    """It is said before anything is sent."""
    (small_disk / "filler").write_bytes(b"x" * (SEGMENT * 2))

    with pytest.raises(StorageError, match="No space left on device; make room"):
        Journal.open(small_disk / "dispatch-3", THREE, OURS)

    assert names(small_disk / "dispatch-3") == []


def test_a_file_that_may_not_grow_counts_as_a_full_disk(tmp_path: Path) -> None:
    """A limit on the size of files is noticed in time, too."""
    assert resource.RLIMIT_FSIZE
    run = subprocess.run(
        [sys.executable, "-c", HOG, str(tmp_path), "0"], check=True, capture_output=True, text=True
    )

    assert [one.delivery for one in read(tmp_path, THREE, OURS).begun] == [
        *range(1, int(run.stdout) + 1)
    ]


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file in its place, or a disk mounted read-only, is an error of ours with a remedy."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/dispatch-3: .*check the disk, and who owns"):
        Journal.open(tmp_path / "file" / "dispatch-3", THREE, OURS)
    with pytest.raises(StorageError, match="the journal cannot be used"):
        read(tmp_path / "file", THREE, OURS)


def test_a_read_only_folder_is_named(small_disk: Path) -> None:
    """It can be read, and neither written nor discarded."""
    folder = small_disk / "dispatch-3"
    with closing(Journal.open(folder, THREE, OURS)) as journal:
        begin(journal, ANN)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    assert read(folder, THREE, OURS).begun == (Begun(ANN, 1, AT),)
    with pytest.raises(StorageError, match="Read-only file system"):
        discard(folder)
    with pytest.raises(StorageError, match="Read-only file system"):
        Journal.open(small_disk / "dispatch-4", THREE, OURS)


def test_an_identity_has_sixteen_bytes(folder: Path) -> None:
    """Anything else would fit another database by chance."""
    with pytest.raises(ValueError, match="16 bytes"):
        Journal.open(folder, THREE, b"short")


def test_a_closed_journal_takes_nothing(folder: Path) -> None:
    """Whoever writes into it late hears of it."""
    journal = Journal.open(folder, THREE, OURS)
    journal.close()
    journal.start(ANN, 1, AT)

    with pytest.raises(StorageError, match="is closed"):
        journal.flush()
