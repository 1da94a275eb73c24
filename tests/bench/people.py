"""Measures the import of a million subscribers beside bare SQLite, for docs/benchmarks.md.

    python tests/bench/people.py [--quick]

Quick is a tenth of it, and writes nothing.
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from pipeline.storage.engine import journal_mode, open_database
from tests.bench.page import ROOT, prose, surroundings, write_section
from tests.bench.sinks import Ran, run
from tests.bench.workshop import SETTINGS, broadsheet

ROUNDS: Final = 3
ROWS: Final = 1_000_000
NOW: Final = 1_800_000_000_000_000  # microseconds
INSERTS: Final = (
    (
        "INSERT INTO subscriber (id, address, address_norm, address_hash, name, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
    ),
    "INSERT INTO subscription (list_id, subscriber_id, state, since) VALUES (?, ?, ?, ?)",
    (
        "INSERT INTO consent (subscriber_id, action, method, source, at, list_id, wording, client)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    ),
)


def people(rows: int) -> Iterator[tuple[str, str]]:
    """Yield addresses and names, all different, in no order that an index would like."""
    for number in range(rows):
        mixed = number * 2_654_435_761 % 2**32  # a permutation of 32 bits
        yield f"{mixed:08x}.reader@example.{'org' if number % 3 else 'net'}", f"Reader {number}"


def bare(file: Path, rows: int) -> tuple[float, float]:
    """Return the seconds of three `executemany` and one commit, and those of them on the CPU.

    The tables are made before.

    In a process of its own: the peak memory of a process counts that of its parent at its start.
    """
    open_database(file).close()
    command = [sys.executable, "-m", "tests.bench.people", "--bare", str(file), str(rows)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    seconds, cpu_s = map(float, said.stdout.split())
    return seconds, cpu_s


def insert(file: Path, rows: int) -> tuple[float, float]:
    """Do what is measured, in an empty database."""
    rest = list(people(rows))
    begun, busy = time.perf_counter(), time.process_time()
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=FULL")  # the journal mode is kept in the file
        database.execute("BEGIN")
        persons, words, consents = INSERTS
        database.executemany(
            persons,
            (
                (id_, address, address, f"{id_:032x}", name, NOW, NOW)
                for id_, (address, name) in enumerate(rest, 1)
            ),
        )
        database.executemany(words, ((0, id_, "active", NOW) for id_ in range(1, rows + 1)))
        database.executemany(
            consents,
            ((id_, "given", "import", "asked", NOW, 0, "", "") for id_ in range(1, rows + 1)),
        )
        database.execute("COMMIT")
    return time.perf_counter() - begun, time.process_time() - busy


def imported(folder: Path, rows: int) -> Ran:
    """Import so many people into a fresh workspace with the public command."""
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    file = folder / "people.csv"
    with file.open("w", encoding="utf-8") as lines:
        lines.write("email,name\n")
        lines.writelines(f"{address},{name}\n" for address, name in people(rows))
    ran = run(broadsheet(folder, "subscribers", "import", str(file), "--source", "asked"))
    [database] = (folder / "data").glob("*.db")
    with closing(sqlite3.connect(database)) as stored:
        [(found,)] = stored.execute("SELECT count(*) FROM consent")
    if found != rows:
        raise RuntimeError(f"{found} consents of {rows} people")
    return ran


def section(bares: list[tuple[float, float]], ours: list[Ran], tenth: Ran, rows: int) -> list[str]:
    """Return the lines of the section."""
    bare_s, bare_cpu_s = map(statistics.median, zip(*bares, strict=True))
    ours_s = statistics.median(ran.seconds for ran in ours)
    cpu_s = statistics.median(ran.cpu_s for ran in ours)
    ratios = [ran.seconds / seconds for ran, (seconds, _) in zip(ours, bares, strict=True)]
    most = max(ran.peak_bytes for ran in ours)
    return [
        *prose(
            f"`tests/bench/people.py`: {rows:,} rows of address and name, medians of {len(ours)} "
            "rounds in turn on the disk of the checkout. Ours is `broadsheet subscribers import "
            "people.csv --source asked`, the whole process: addresses checked, duplicates and "
            "suppressed found, consent recorded, in transactions short enough for a web server "
            "beside it. Bare is `sqlite3.executemany` of the same rows, ready in memory, into the "
            "same tables and indexes with one commit; both with the same journal mode "
            f"({journal_mode()}) and `synchronous=FULL`."
        ),
        "| what | seconds | ratio | CPU | ratio | rows/s |",
        "|---|---:|---:|---:|---:|---:|",
        (
            f"| `sqlite3.executemany`, one commit | {bare_s:.1f} | 1 "
            f"| {bare_cpu_s:.1f} s | 1 | {rows / bare_s:,.0f} |"
        ),
        (
            f"| `broadsheet subscribers import` | {ours_s:.1f} | {ours_s / bare_s:.2f} x "
            f"| {cpu_s:.1f} s | {cpu_s / bare_cpu_s:.2f} x | {rows / ours_s:,.0f} |"
        ),
        "",
        *prose(
            f"The ratio was {min(ratios):.2f} to {max(ratios):.2f} in single rounds. Resident "
            f"memory was {tenth.peak_bytes / 1e6:.0f} MB at most for {rows // 10:,} rows, and "
            f"{most / 1e6:.0f} MB for {rows:,}."
        ),
        f"SQLite {sqlite3.sqlite_version}; {surroundings('sqlalchemy')}",
    ]


def main(*, quick: bool) -> None:
    """Measure, and write or only show the section."""
    rows = ROWS // 10 if quick else ROWS
    cache = ROOT / ".cache"  # a memory disk, as /tmp may be, would flatter both
    cache.mkdir(exist_ok=True)
    bares: list[tuple[float, float]] = []
    ours: list[Ran] = []
    with tempfile.TemporaryDirectory(dir=cache) as name:
        tenth = imported(_made(Path(name), "tenth"), rows // 10)
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=cache) as name:
            bares.append(bare(_made(Path(name), "bare") / "broadsheet.db", rows))
            ours.append(imported(_made(Path(name), "ours"), rows))
        sys.stderr.write(f"{number + 1}: {bares[-1][0]:.1f} s, ours {ours[-1].seconds:.1f} s\n")
    lines = section(bares, ours, tenth, rows)
    if quick:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("A million subscribers", lines))


def _made(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        sys.stdout.write("{} {}".format(*insert(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        main(quick="--quick" in sys.argv[1:])
