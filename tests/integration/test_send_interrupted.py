"""`broadsheet send`, killed and started again: one message each, or listed as uncertain."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.cli import run
from pipeline.delivery.lock import DispatchLock

pytestmark = pytest.mark.integration

READERS = 120
KILLS = 4
SEED = 20261120
ISSUE = """\
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
SETTINGS = """
[newsletter]
name = "The Quay"
from = "quay@example.org"
postal_address = "1 Quay Lane"
[sender]
kind = "smtp"
host = "127.0.0.1"
port = {port}
"""
SEND = [sys.executable, "-m", "pipeline", "send", "001", "--confirm"]


def wait_for(condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
    """Return when a condition holds that another process brings about."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)  # polling another process, not waiting for luck


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    """The file in which the mail server writes a line for each message before it answers."""
    return tmp_path / "audit.jsonl"


@pytest.fixture
def port(audit: Path) -> Iterator[int]:
    """A mail server in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "pipeline.testing.sink", "--audit", str(audit)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    yield int(server.stdout.readline().split()[1])
    server.terminate()
    server.wait()
    server.stdout.close()


@pytest.fixture
def workspace(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An approved entry and its readers, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "newsletter.toml").write_text(SETTINGS.format(port=port))
    (tmp_path / "issues").mkdir()
    (tmp_path / "issues" / "001.md").write_text(ISSUE)
    (tmp_path / "people.txt").write_text(
        "".join(f"reader{number}@example.org\n" for number in range(READERS))
    )
    assert run(["build"]) == 0
    assert run(["approve", "001"]) == 0
    assert run(["subscribers", "import", "people.txt", "--source", "asked"]) == 0
    return tmp_path


def deliveries(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, str]]:
    """Return what `status` says of each person."""
    capsys.readouterr()
    assert run(["status", "1", *options, "--output", "json"]) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)["items"]
    return found


def arrived(audit: Path) -> Counter[str]:
    """Return how often the server took a message for each address."""
    lines = audit.read_text().splitlines() if audit.exists() else []
    return Counter(json.loads(line)["recipient"] for line in lines)


def test_after_any_kill_everyone_has_one_message_or_is_uncertain(
    workspace: Path, audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody twice, nobody lost, at most one uncertain a kill, and the server agrees row by row."""
    del workspace
    chance = random.Random(SEED)
    people = READERS
    for _ in range(KILLS):
        before = sum(arrived(audit).values())
        more = chance.randrange(1, READERS // (KILLS + 1))
        send = subprocess.Popen(
            [*SEND, str(people)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda target=before + more: sum(arrived(audit).values()) >= target)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        send.send_signal(signal.SIGKILL)
        send.wait()
        people = sum(
            each["status"] in {"pending", "deferred", "sending"}
            for each in deliveries(capsys, "--all")
        )
    last = subprocess.run([*SEND, str(people)], capture_output=True, text=True, check=False)

    everybody = deliveries(capsys, "--all")
    by_status = Counter(each["status"] for each in everybody)
    copies = arrived(audit)
    assert last.returncode in {0, 5}, last.stderr
    assert len(everybody) == READERS
    assert set(by_status) <= {"accepted", "uncertain"}
    assert by_status["uncertain"] <= KILLS
    assert max(copies.values()) == 1
    assert all(copies[each["address"]] for each in everybody if each["status"] == "accepted")
    assert set(copies) <= {each["address"] for each in everybody}


def test_sigterm_finishes_the_message_in_hand(
    workspace: Path, audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told to stop, it leaves nobody uncertain, and says 143."""
    del workspace
    send = subprocess.Popen(
        [*SEND, str(READERS)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: sum(arrived(audit).values()) >= 5)
    send.terminate()
    code = send.wait()

    by_status = Counter(each["status"] for each in deliveries(capsys, "--all"))
    assert code == 143
    assert by_status["uncertain"] == by_status["sending"] == 0
    assert by_status["accepted"] == sum(arrived(audit).values()) < READERS


def test_the_second_of_two_senders_is_refused(workspace: Path, audit: Path) -> None:
    """Exit 7 while this process has the dispatch, naming it; afterwards everybody gets one."""
    assert run(["schedule", "001", "--at", "in 1h"]) == 0
    with DispatchLock(workspace / "data" / "locks" / "dispatch-1.lock"):
        second = subprocess.run([*SEND, str(READERS)], capture_output=True, text=True, check=False)
    third = subprocess.run([*SEND, str(READERS)], capture_output=True, text=True, check=False)

    assert second.returncode == 7
    assert str(os.getpid()) in second.stderr
    assert third.returncode == 0
    assert set(arrived(audit).values()) == {1}
    assert len(arrived(audit)) == READERS
