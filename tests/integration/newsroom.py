"""A workspace with an approved issue and readers, and the command line that sends it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.app import App
from pipeline.audience.tokens import message_id
from pipeline.cli import run
from pipeline.model.entry import EntryId
from pipeline.settings import load

ENTRY: Final = "001"
OPEN: Final = ("pending", "deferred", "sending")  # statuses of who is still to be mailed
ISSUE: Final = """\
---
title: "A Title That Is Long Enough"
subtitle: "A line for the inbox that is long enough to be worth showing"
number: 1
date: 2026-01-02
---

## News

### A story

Its words.
"""
SETTINGS: Final = """\
[newsletter]
name = "The Quay"
from = "quay@example.org"
postal_address = "1 Quay Lane"
{tables}
[sender]
kind = "smtp"
host = "127.0.0.1"
port = {port}
{options}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """A folder in which `broadsheet send 001` has somebody to send to."""

    folder: Path

    def words(self, *command: str) -> list[str]:
        """Return the command line of a program in this workspace, for a process."""
        return [sys.executable, "-m", "pipeline", "-C", str(self.folder), *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, in a process of its own."""
        return subprocess.run(
            self.words(*command), capture_output=True, text=True, check=False, timeout=600
        )

    @contextmanager
    def start(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command whose words nobody reads; it is killed at the end if it still runs."""
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            self.words(*command), stdout=quiet, stderr=quiet, stdin=quiet
        ) as running:
            try:
                yield running
            finally:
                running.kill()

    def tell(self, *command: str) -> str:
        """Run a short command to its end, in this process; return what it printed.

        It comes sooner than a process of its own, which takes a second to start.
        """
        said, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            code = run(["-C", str(self.folder), *command])
        assert code == 0, complained.getvalue()
        return said.getvalue()

    def dispatch(self) -> dict[str, Any] | None:
        """Return what `status` counts of the dispatch; nothing before there is one."""
        rows = self._told("status")
        return rows[0] if rows else None

    def deliveries(self) -> list[dict[str, Any]]:
        """Return what `status` says of each person."""
        return self._told("status", "1", "--all")

    def still_open(self) -> int:
        """Return how many people `send --confirm` would have to name, a dispatch being there."""
        row = self.dispatch()
        assert row is not None
        return sum(row[status] for status in OPEN)

    def message_ids(self) -> dict[str, str]:
        """Return the Message-ID that each reader's message has to have, by address."""
        app = App(settings=load(self.folder), root=self.folder, has_workspace=True)
        domain = app.newsletter.mail_domain
        return {
            person.address: f"<{message_id(app.keys, EntryId(ENTRY), person.id, domain)}>"
            for person in app.subscribers.all()
        }

    def _told(self, *command: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.tell(*command, "--output", "json"))["items"]
        return items


def open_newsroom(
    folder: Path,
    *,
    port: int,
    readers: int,
    options: str = "",
    tables: str = "",
    issue: str = ISSUE,
) -> Newsroom:
    """Make a workspace, build and approve its one issue, and import its readers from a CSV.

    Args:
        folder: is there, and empty.
        port: of the relay on loopback.
        readers: how many; reader7@example.org is one of them.
        options: more lines of [sender].
        tables: more tables of newsletter.toml.
        issue: the issue, in Markdown.
    """
    settings = SETTINGS.format(port=port, options=options, tables=tables)
    (folder / "newsletter.toml").write_text(settings, encoding="utf-8")
    (folder / "issues").mkdir()
    (folder / "issues" / f"{ENTRY}.md").write_text(issue, encoding="utf-8")
    people = folder / "people.csv"
    with people.open("w", encoding="utf-8") as lines:
        lines.write("email,name\n")
        lines.writelines(f"reader{n}@example.org,Reader {n}\n" for n in range(readers))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as e:
        for command in (
            ["build", str(folder / "issues" / f"{ENTRY}.md")],
            ["approve", ENTRY],
            ["subscribers", "import", str(people), "--source", "asked"],
        ):
            assert run(["-C", str(folder), *command]) == 0, e.getvalue()
    return Newsroom(folder=folder)


@dataclass(slots=True)
class Audit:
    """What a sink has written down, read as it grows."""

    file: Path
    lines: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0  # bytes

    def count(self) -> int:
        """Read what is new, and return how many messages were taken in all."""
        with self.file.open("rb") as stream:
            stream.seek(self._read)
            for line in stream:
                if not line.endswith(b"\n"):
                    break  # it is being written
                self._read += len(line)
                self.lines.append(json.loads(line))
        return len(self.lines)

    def copies(self) -> Counter[str]:
        """Return how often a message was taken for each address."""
        self.count()
        return Counter(line["recipient"] for line in self.lines)

    def message_ids(self) -> Mapping[str, set[str]]:
        """Return the Message-IDs that came for each address."""
        self.count()
        found: dict[str, set[str]] = {}
        for line in self.lines:
            found.setdefault(line["recipient"], set()).add(line["message_id"])
        return found


@contextmanager
def sink_process(audit: Path, *options: str) -> Iterator[int]:
    """Run a sink as a process of its own; give its port."""
    audit.touch()
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.testing.sink", "--audit", str(audit), *options],
        stdout=subprocess.PIPE,
        text=True,
    ) as sink:
        assert sink.stdout
        try:
            yield int(sink.stdout.readline().split()[1])
        finally:
            sink.terminate()


def command_in_fork(folder: str, command: tuple[str, ...]) -> None:
    """Be the command line in a process that has everything imported already; quiet."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os._exit(run(["-C", folder, *command]))
