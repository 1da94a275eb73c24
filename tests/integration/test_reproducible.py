"""The same issue gives the same entry, wherever and however it is built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli import run
from pipeline.outbox.approval import ApprovalState
from pipeline.outbox.folder import Outbox, entry_id

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


def digest(outbox: Path, entry: str) -> str:
    """Return the digest of an entry."""
    found: str = json.loads((outbox / entry / "entry.json").read_text())["digest"]
    return found


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample workspace, in the current folder."""
    (tmp_path / "newsletter.toml").write_bytes((ROOT / "newsletter.toml").read_bytes())
    (tmp_path / "issues").mkdir()
    for file in (ROOT / "issues").iterdir():
        (tmp_path / "issues" / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_naming_the_file_in_another_way_changes_nothing(workspace: Path) -> None:
    """A relative path, an absolute one, or none at all: the approval holds."""
    assert run(["build"]) == 0
    assert run(["approve", "042-sectioned"]) == 0
    before = digest(workspace / "outbox", "042-sectioned")

    for name in ("issues/042-sectioned.txt", str(workspace / "issues" / "042-sectioned.txt")):
        assert run(["build", name]) == 0
        assert digest(workspace / "outbox", "042-sectioned") == before
    state = Outbox(workspace / "outbox").approval_state(entry_id("042-sectioned"))
    assert state is ApprovalState.APPROVED


def test_no_path_of_this_machine_is_in_an_entry(workspace: Path) -> None:
    """An outbox can be committed and reviewed by others."""
    assert run(["build"]) == 0

    for file in (workspace / "outbox").rglob("*"):
        if file.is_file():
            assert str(workspace).encode() not in file.read_bytes(), file


def test_another_process_makes_the_same_bytes(workspace: Path) -> None:
    """Neither the hash seed, the locale nor the time zone of the process shows."""
    digests = set()
    for seed, zone, locale in (("1", "UTC", "C"), ("2", "Asia/Tokyo", "C.UTF-8")):
        out = workspace / f"out{seed}"
        subprocess.run(
            [sys.executable, "-m", "pipeline", "build", "--out", out],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale},
            check=True,
            capture_output=True,
        )
        digests.add(tuple(digest(out, entry) for entry in ("041-labelled", "043")))

    assert len(digests) == 1


def test_a_second_build_touches_no_file(workspace: Path) -> None:
    """Not even a time of modification."""
    assert run(["build"]) == 0
    outbox = workspace / "outbox"
    before = {file: file.stat().st_mtime_ns for file in outbox.rglob("*") if file.is_file()}
    assert run(["build"]) == 0

    after = {file: file.stat().st_mtime_ns for file in outbox.rglob("*") if file.is_file()}
    assert after == before
