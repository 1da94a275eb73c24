"""Measures one changed issue in archives of 100 and 10,000 issues, for docs/benchmarks.md.

    python tests/bench/archive.py [--quick]

Quick is 1,000 issues for the 10,000, and writes nothing.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from unittest.mock import patch

from msgspec.structs import replace

from pipeline.app import App
from pipeline.formats import read
from pipeline.model.entry import Counts, EntryId
from pipeline.model.issue import Issue, Story
from pipeline.model.issue_json import to_json
from pipeline.model.rendered import RenderedIssue
from pipeline.outbox.folder import Outbox
from pipeline.settings import load
from tests.bench.page import ROOT, prose, surroundings, write_section

ROUNDS: Final = 5
SMALL: Final = 100
LARGE: Final = 10_000
FULL: Final = 60  # of the oldest are of full length: more than a feed document holds
NEWEST: Final = 220  # as well: more than feeds of tags reach back
MAIL: Final = 40_000  # bytes of each, as newsletters have
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

    def put(self, number: int, *, edition: int = 0, mail_bytes: int = MAIL) -> None:
        """Build and approve an issue with the words of the sample."""
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
        mail = "x" * mail_bytes
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
        """Run `broadsheet feeds`; return its seconds, its CPU seconds and the files written."""
        command = [sys.executable, "-m", "pipeline", "feeds"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        spent, begun = _children_s(), time.perf_counter()
        said = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=self.folder, env=environment
        )
        seconds = time.perf_counter() - begun
        return seconds, _children_s() - spent, said.stdout.count("\twritten\n")


def _children_s() -> float:
    """Return the CPU seconds of all processes started so far that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def filled(folder: Path, count: int) -> Archive:
    """Return an archive of so many issues that is published."""
    folder.mkdir()
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    file = ROOT / "issues" / "043.md"
    archive = Archive(folder, read(file.read_bytes(), file.name).issue)
    brief = Archive(folder, _in_brief(archive.sample))
    for number in range(count):
        if FULL <= number < count - NEWEST:
            brief.put(number, mail_bytes=100)
        else:
            archive.put(number)
    begun = time.perf_counter()
    with patch("os.fsync"):  # trust the machine: the first run is not what is measured
        App(settings=load(folder, {}), root=folder, has_workspace=True).publish()()
    sys.stderr.write(f"{count} issues: first run {time.perf_counter() - begun:.0f} s\n")
    archive.publish()  # the command has been used once
    return archive


def _in_brief(issue: Issue) -> Issue:
    """Return an issue with the heading of one story in each section."""
    return replace(
        issue,
        sections=tuple(
            replace(each, stories=(Story(title=each.stories[0].title),)) for each in issue.sections
        ),
    )


def section(
    found: Mapping[tuple[str, int], list[tuple[float, float, int]]], large: int
) -> list[str]:
    """Return the lines of the section."""
    lines = prose(
        f"`tests/bench/archive.py`: what `broadsheet feeds` does after one change in an outbox of "
        f"{SMALL} and of {large:,} approved issues: one a day, two tags each, the oldest {FULL} and "
        f"the newest {NEWEST} with the words of the sample 043 and those between them in brief, "
        f"because no change here reaches them. Medians of {ROUNDS} rounds in turn of the whole "
        "command, which starts a Python each time, on the disk of the checkout. CPU is user and "
        "system of the process. Files written are pages, lists, feeds, parts of the sitemap and of "
        "the search."
    )
    lines += [
        f"| changed | {SMALL} issues | {large:,} issues | ratio | CPU | CPU ratio | files written |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, words in KINDS.items():
        few, many = found[kind, SMALL], found[kind, large]
        seconds = [statistics.median(each[0] for each in side) for side in (few, many)]
        cpu = [statistics.median(each[1] for each in side) for side in (few, many)]
        lines.append(
            f"| {words} | {seconds[0] * 1e3:,.0f} ms | {seconds[1] * 1e3:,.0f} ms "
            f"| {seconds[1] / seconds[0]:.2f} x "
            f"| {cpu[0] * 1e3:,.0f} ms, {cpu[1] * 1e3:,.0f} ms | {cpu[1] / cpu[0]:.2f} x "
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
    main(quick="--quick" in sys.argv[1:])
