"""Measures one changed issue in archives of 100 and 10,000 issues, for docs/benchmarks.md.

    python tests/bench/archive.py [--quick]

Quick is 1,000 issues for the 10,000, and writes nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from pipeline.app import App
from pipeline.formats import read
from pipeline.model.entry import Counts, EntryId
from pipeline.model.issue import Issue
from pipeline.model.issue_json import to_json
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.folder import Outbox
from pipeline.settings import load
from tests.bench.page import ROOT, prose, surroundings, write_section

ROUNDS: Final = 7
SMALL: Final = 100
LARGE: Final = 10_000
FIRST: Final = date(1999, 1, 1)  # an issue a day
TAGS: Final = ("harbours", "tides", "boats", "repairs", "winter", "pilots", "ropes", "weather")
APPROVED: Final = datetime(2026, 11, 1, tzinfo=UTC)
SETTINGS: Final = """\
[newsletter]
name = "The Harbour Letter"
from = "letter@harbour.example.org"
site_url = "https://harbour.example.org"
postal_address = "3 Chandlers Row"
"""
KINDS: Final[Mapping[str, str]] = {
    "new": "a new issue",
    "old": "a correction of the oldest issue",
    "none": "nothing",
}


class Unsynced:
    """Writes without waiting for the disk: preparing is not what is measured."""

    open = staticmethod(os.open)
    write = staticmethod(os.write)
    rename = staticmethod(os.rename)

    @staticmethod
    def fsync(fd: int) -> None:
        """Trust the machine."""


@dataclass(frozen=True)
class Archive:
    """A workspace whose outbox is full of approved issues."""

    folder: Path
    sample: Issue

    def put(self, number: int, *, edition: int = 0) -> None:
        """Build and approve an issue, as large as the sample is."""
        outbox = Outbox(self.folder / "outbox", system=Unsynced())
        entry = EntryId(f"n{number:05}")
        title = f"{self.sample.title}, {number}.{edition}"
        issue = replace(
            self.sample,
            title=title,
            number=str(number),
            date=FIRST + timedelta(days=number),
            tags=tuple(TAGS[(number + step) % len(TAGS)] for step in (0, 3)),
            image="/cover.png" if edition == 0 and number else None,  # else a card is drawn
        )
        mail = title * 700  # 40 KB, as newsletters have
        outbox.put(
            entry,
            issue_json=json.dumps(to_json(issue)).encode(),
            rendered=RenderedIssue(subject=title, preheader="", mjml=mail, html=mail, text=title),
            message=mail.encode(),
            check=(),
            tag=f"tag:harbour.example.org,2026:issue:{entry}",
            counts=Counts(sections=1, stories=1, words=1, minutes=1),
            number=issue.number,
            date=issue.date.isoformat() if issue.date else None,
            title=title,
        )
        outbox.approve(entry, now=APPROVED, by="bench")

    def publish(self) -> tuple[float, float, int]:
        """Publish in a process of its own; return seconds, CPU seconds and files written."""
        command = [sys.executable, "-m", "tests.bench.archive", "--publish", str(self.folder)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        seconds, cpu_s, files = said.stdout.split()
        return float(seconds), float(cpu_s), int(files)


def filled(folder: Path, count: int) -> Archive:
    """Return an archive of so many issues that is published."""
    folder.mkdir()
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    file = ROOT / "issues" / "043.md"
    archive = Archive(folder, read(file.read_bytes(), file.name).issue)
    for number in range(count):
        archive.put(number)
    begun = time.perf_counter()
    archive.publish()
    sys.stderr.write(f"{count} issues: first run {time.perf_counter() - begun:.0f} s\n")
    return archive


def publish(folder: Path) -> str:
    """Publish, and say what the operation alone took: start-up would flatter the ratio."""
    app = App(settings=load(folder, {}), root=folder, has_workspace=True)
    operation = app.publish()
    begun, cpu = time.perf_counter(), time.process_time()
    written = len(operation().changed)
    return f"{time.perf_counter() - begun} {time.process_time() - cpu} {written}\n"


def section(
    found: Mapping[tuple[str, int], list[tuple[float, float, int]]], large: int
) -> list[str]:
    """Return the lines of the section."""
    lines = prose(
        f"`tests/bench/archive.py`: what `broadsheet feeds` does after one change in an outbox of "
        f"{SMALL} and of {large:,} approved issues (one a day, two tags each, the length of the "
        f"sample 043), without the start of Python. Medians of {ROUNDS} rounds in turn on the "
        "disk of the checkout. Files written are pages, lists, feeds, parts of the sitemap and "
        "of the search."
    )
    lines += [
        f"| changed | {SMALL} issues | {large:,} issues | ratio | CPU ratio | files written |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind, words in KINDS.items():
        few, many = found[kind, SMALL], found[kind, large]
        seconds = [statistics.median(each[0] for each in side) for side in (few, many)]
        cpu = [statistics.median(each[1] for each in side) for side in (few, many)]
        lines.append(
            f"| {words} | {seconds[0] * 1e3:,.0f} ms | {seconds[1] * 1e3:,.0f} ms "
            f"| {seconds[1] / seconds[0]:.2f} x | {cpu[1] / cpu[0]:.2f} x "
            f"| {few[-1][2]}, {many[-1][2]} |"
        )
    return [*lines, "", surroundings("feedgen", "pillow")]


def main(*, quick: bool) -> None:
    """Measure, and write or only show the section."""
    large = LARGE // 10 if quick else LARGE
    cache = ROOT / ".cache"  # a memory disk, as /tmp may be, would flatter both
    cache.mkdir(exist_ok=True)
    found: dict[tuple[str, int], list[tuple[float, float, int]]] = {}
    with tempfile.TemporaryDirectory(dir=cache) as name:
        archives = {count: filled(Path(name) / str(count), count) for count in (SMALL, large)}
        for round_ in range(ROUNDS):
            for kind in KINDS:
                for count, archive in archives.items():
                    if kind == "new":
                        archive.put(count + round_, edition=1)
                    elif kind == "old":
                        archive.put(0, edition=round_ + 1)
                    found.setdefault((kind, count), []).append(archive.publish())
    lines = section(found, large)
    if quick:
        sys.stdout.write("\n".join(lines) + "\n")
    else:
        sys.stdout.write(write_section("One changed issue", lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--publish"]:
        sys.stdout.write(publish(Path(sys.argv[2])))
    else:
        main(quick="--quick" in sys.argv[1:])
