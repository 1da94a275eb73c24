"""A workspace to measure sending in, made with the public commands."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.page import ROOT
from tests.bench.sinks import run

CONNECTIONS: Final = 10
ISSUE: Final = "042-sectioned"  # its message has 40 KB, as newsletters have
SETTINGS: Final = f"""\
[newsletter]
name = "The Quay"
from = "quay@example.org"
postal_address = "1 Quay Lane"
[sender]
kind = "smtp"
host = "127.0.0.1"
connections = {CONNECTIONS}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """A prepared workspace: built, approved, its readers imported, nothing sent."""

    folder: Path
    readers: int

    @property
    def message(self) -> Path:
        """The sample message as smtp-source wants it: without CR."""
        return self.folder / "message"

    @property
    def entry(self) -> Path:
        """The folder of the outbox that holds the parts of the message."""
        return self.folder / "outbox" / ISSUE

    def copy(self, to: Path) -> Path:
        """Return a copy to send from; the dispatch of each round is its first."""
        shutil.copytree(self.folder, to)
        return to


def workshop(folder: Path, readers: int) -> Workshop:
    """Prepare a workspace with the public commands."""
    (folder / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "issues").mkdir()
    shutil.copy(ROOT / "issues" / f"{ISSUE}.txt", folder / "issues")
    people = folder / "people.csv"
    with people.open("w", encoding="utf-8") as lines:
        lines.write("email,name\n")
        lines.writelines(f"reader{n}@example.org,Reader {n}\n" for n in range(readers))
    for command in (
        ("build", str(folder / "issues" / f"{ISSUE}.txt")),
        ("approve", ISSUE),
        ("subscribers", "import", str(people), "--source", "asked"),
    ):
        run(broadsheet(folder, *command))
    people.unlink()
    made = Workshop(folder=folder, readers=readers)
    data = (made.entry / "message.eml").read_bytes()
    made.message.write_bytes(data.replace(b"\r\n", b"\n"))
    return made


def broadsheet(folder: Path, *command: str) -> list[str]:
    """Return a command line in a workspace."""
    return [sys.executable, "-m", "pipeline", "-C", str(folder), *command]


def environment(port: int, loop: str) -> dict[str, str]:
    """Return the environment that points a sender at a sink.

    Args:
        port: of the sink, on loopback.
        loop: asyncio, uvloop or auto.
    """
    return {
        **os.environ,
        "BROADSHEET_SENDER__PORT": str(port),
        "BROADSHEET_DELIVERY__LOOP": loop,
    }


def summary(said: bytes) -> dict[str, Any] | None:
    """Return the line in which `broadsheet send` says what the delivery alone took."""
    for line in reversed(said.splitlines()):
        if line.startswith(b"{"):
            told: dict[str, Any] = json.loads(line)
            if told.get("event") == "done":
                return told
    return None
