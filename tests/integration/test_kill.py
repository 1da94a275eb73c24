"""`broadsheet send` killed with SIGKILL, again and again: the promise of decision 0007, counted.

`make kill-test KILLS=1000` runs it for longer than CI does.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.integration.machine import do_without, need, wait_for
from tests.integration.newsroom import (
    Audit,
    Newsroom,
    command_in_fork,
    open_newsroom,
    sink_process,
)

pytestmark = pytest.mark.integration

LOG: Final = logging.getLogger(__name__)
KILLS: Final = int(os.environ.get("KILLS", "200"))
READERS: Final = 20_000
CONNECTIONS: Final = 10
AMID: Final = 200  # messages after which a run is killed in any case
SEED: Final = int(os.environ.get("SEED", "20261121"))
PRELOADED: Final = ("pipeline.cli", "tests.integration.newsroom")
ENDED: Final = {0, 5, 75}  # docs/commands.md: done, partly done, try again later
# What a run does to the disk and to the wire, and about how often beyond what starting takes; the
# call that kills is drawn from it.
SYSCALLS: Final = {
    **dict.fromkeys(("pwrite64", "sendto", "write"), 300),
    "openat": 60,
    "fdatasync": 40,
    "unlink": 20,
    "connect": CONNECTIONS,
    "fsync": 3,
    **dict.fromkeys(("fallocate", "ftruncate", "rename"), 1),
}


@dataclass(slots=True)
class Trial:
    """One dispatch, its sink, and what was seen of them between the kills."""

    newsroom: Newsroom
    audit: Audit
    readers: int
    holds: bool  # the policy for the uncertain; else they are sent again
    kills: int = 0
    uncertain: int = 0  # at the last look
    where: Counter[str] = field(default_factory=Counter)  # kills by system call, or "time"

    def command(self) -> tuple[str, ...]:
        """Return the command that goes on with the dispatch."""
        row = self.newsroom.dispatch()
        people = self.newsroom.still_open() if row and row["started_at"] else self.readers
        return ("send", "001", "--confirm", str(people))

    @property
    def over(self) -> bool:
        """Whether there is nobody left to send to."""
        row = self.newsroom.dispatch()
        return row is not None and row["started_at"] is not None and not self.newsroom.still_open()

    def killed(self, where: str) -> None:
        """Count a kill."""
        self.kills += 1
        self.where[where] += 1

    def check(self) -> None:
        """Hold what must be true after each kill: the books balance, and little is uncertain."""
        row = self.newsroom.dispatch()
        if row is None or row["started_at"] is None:
            assert self.audit.count() == 0
            return
        statuses = (*("pending", "sending", "deferred", "accepted"), "refused", "uncertain")
        assert row["balances"]
        assert sum(row[status] for status in (*statuses, "left_out")) == self.readers
        # `status` has read the journal of the dead, so nothing that arrived is unaccounted for.
        assert row["accepted"] <= self.audit.count()
        if self.holds:
            assert self.audit.count() <= row["accepted"] + row["uncertain"]
        assert 0 <= row["uncertain"] - self.uncertain <= CONNECTIONS
        self.uncertain = row["uncertain"]

    def finish(self) -> None:
        """Send the rest in peace."""
        for _ in range(5):
            if self.over:
                return
            done = self.newsroom.run(*self.command())
            assert done.returncode in ENDED, done.stderr
            self.check()
        assert self.over, f"it does not come to an end: {self.newsroom.dispatch()}"

    def reconcile(self, *, copies: int) -> None:
        """Hold the ledger against the sink's audit, row by row."""
        came, ids = self.audit.copies(), self.audit.message_ids()
        expected = self.newsroom.message_ids()
        rows = self.newsroom.deliveries()
        accepted = {row["address"] for row in rows if row["status"] == "accepted"}
        uncertain = {row["address"] for row in rows if row["status"] == "uncertain"}
        LOG.info(
            "%d kills %s, %d readers: %d accepted, %d uncertain of whom %d had it, %d second copies",
            self.kills,
            dict(self.where),
            len(rows),
            len(accepted),
            len(uncertain),
            len(uncertain & set(came)),
            sum(came.values()) - len(came),
        )
        assert len(rows) == self.readers == len(accepted | uncertain)
        assert accepted <= set(came), "lost"
        assert set(came) <= accepted | uncertain
        assert max(came.values()) <= copies
        assert ids == {address: {expected[address]} for address in came}


@contextmanager
def trial(folder: Path, readers: int, *, policy: str, loop: str = "auto") -> Iterator[Trial]:
    """Open a newsroom behind a sink that takes a moment over each message."""
    audit = Audit(folder / "audit.jsonl")
    workspace = folder / "workspace"
    workspace.mkdir()
    with sink_process(audit.file, "--delay", "0.01") as port:
        newsroom = open_newsroom(
            workspace,
            port=port,
            readers=readers,
            options=f"connections = {CONNECTIONS}",
            tables=f'[delivery]\nuncertain = "{policy}"\nretry_after = ["0s"]\nloop = "{loop}"\n',
        )
        yield Trial(newsroom=newsroom, audit=audit, readers=readers, holds=policy == "hold")


def kill_at_random_times(trial: Trial, kills: int, chance: random.Random) -> None:
    """Kill forks of a process that has everything imported, so that there is time for many.

    Half of them die while they begin, the others when some messages more have arrived.
    """
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["__main__", *PRELOADED])
    folder = str(trial.newsroom.folder)
    for _ in range(3 * kills):
        if trial.kills == kills or trial.over:
            return
        send = forks.Process(target=command_in_fork, args=(folder, trial.command()))
        begun = trial.audit.count()
        send.start()
        if chance.random() < 0.5:
            send.join(chance.uniform(0.0, 0.4))
        else:
            more = chance.randrange(1, 2 * trial.readers // kills)
            _await(send.is_alive, trial.audit, begun + more)
        if send.is_alive():
            send.kill()
            trial.killed("time")
            send.join()
        else:
            assert send.exitcode in ENDED
        send.close()
        trial.check()


def _await(alive: Callable[[], bool], audit: Audit, messages: int) -> None:
    """Return when so many messages arrived, or whoever sends them ended."""
    wait_for(lambda: audit.count() >= messages or not alive(), "more messages are there")


def test_after_any_kill_everyone_has_one_message_or_is_uncertain(tmp_path: Path) -> None:
    """Nobody lost and nobody twice, at most one uncertain a connection, row by row."""
    with trial(tmp_path, READERS, policy="hold") as one:
        kill_at_random_times(one, KILLS * 6 // 10, random.Random(SEED))
        one.finish()
        one.reconcile(copies=1)
    assert one.kills == KILLS * 6 // 10


def test_told_to_resend_there_are_no_more_copies_than_uncertain(tmp_path: Path) -> None:
    """Every reader has the message, and a second copy only who was uncertain; same Message-ID."""
    with trial(tmp_path, READERS // 4, policy="resend") as one:
        kill_at_random_times(one, KILLS * 15 // 100, random.Random(SEED + 1))
        one.finish()
        one.reconcile(copies=1 + 3)  # no message is sent again more than three times
    came = one.audit.copies()
    assert len(came) == one.readers
    assert one.uncertain == 0
    assert sum(came.values()) - len(came) <= one.kills * CONNECTIONS


def test_killed_at_a_system_call_it_keeps_the_same_promise(tmp_path: Path) -> None:
    """The real command, killed inside chosen calls: also those that sync, rename and connect."""
    strace = need("strace", "strace")
    chance = random.Random(SEED + 2)
    kills = KILLS * 25 // 100
    # With uvloop every call to a socket is a plain write.
    with trial(tmp_path, AMID * kills, policy="hold", loop="asyncio") as one:
        usual = _calls(strace, one.newsroom, tmp_path / "calls")
        if not usual:
            do_without("strace is not allowed to trace")
        for _ in range(3 * kills):
            if one.kills == kills or one.over:
                break
            call = chance.choice(list(SYSCALLS))
            number = usual[call] + chance.randint(1, SYSCALLS[call])
            enough = one.audit.count() + AMID
            send = _traced(strace, call, number, one.newsroom.words(*one.command()))
            _await(partial(_is_running, send), one.audit, enough)
            if send.poll() is None:  # it does that call less often, so time decides
                call = "time"
                for child in _children(send.pid):
                    os.kill(child, signal.SIGKILL)
            if send.wait(timeout=120) in {-signal.SIGKILL, 128 + signal.SIGKILL}:
                one.killed(call)
            one.check()
        one.finish()
        one.reconcile(copies=1)
    assert one.kills - one.where["time"] >= kills // 2, "strace kills hardly anything"


def _traced(strace: str, call: str, number: int, command: list[str]) -> subprocess.Popen[bytes]:
    # Not with --seccomp-bpf: strace 6.1 then injects nothing.
    tracer = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}"]
    return subprocess.Popen(
        [*tracer, "-e", f"inject={call}:signal=SIGKILL:when={number}", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _is_running(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _calls(strace: str, newsroom: Newsroom, report: Path) -> Counter[str]:
    """Count the system calls of a run that sends nothing; none if tracing is forbidden."""
    command = newsroom.words("send", "001", "--dry-run")
    calls = ",".join(SYSCALLS)
    subprocess.run(
        [strace, "-f", "-qq", "-o", str(report), "-e", f"trace={calls}", *command],
        capture_output=True,
        check=False,
    )
    if not report.exists():
        return Counter()
    return Counter(re.findall(r"^\d+\s+(\w+)\(", report.read_text(), re.MULTILINE))
