from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import Consent
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import open_database
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
READERS = tuple(f"r{number}@example.org" for number in range(200))
KILLS = 12

SENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path

from pipeline.delivery.lock import DispatchLock
from pipeline.delivery.loop import deliver
from pipeline.model.delivery import Envelope, RetryPolicy
from pipeline.model.dispatch import DispatchId
from pipeline.senders.smtp import build
from pipeline.storage.engine import open_database
from pipeline.storage.ledger import SqlLedger

folder, dispatch, host, port = Path(sys.argv[1]), DispatchId(int(sys.argv[2])), *sys.argv[3:]
BODY = b"Good morning, everybody.\\r\\n" * 1500


def message_for(claim):
    header = f"Message-ID: <{claim.delivery}@news.example.org>\\r\\nSubject: hello\\r\\n\\r\\n"
    return Envelope("bounces@news.example.org", claim.address), header.encode() + BODY


with DispatchLock(folder / "dispatch.lock"):
    report = deliver(
        dispatch,
        ledger=SqlLedger(open_database(folder / "broadsheet.db")),
        sender=build({"host": host, "port": port}),
        message_for=message_for,
        policy=RetryPolicy(),
        clock=lambda: datetime.now(UTC),
        stop=lambda: False,
        progress=lambda told: print(told.delivery, flush=True),
    )
assert report.paused_reason is None, report
"""

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class World:
    """A database with a dispatch to READERS, and a sink in a process of its own."""

    folder: Path
    dispatch: DispatchId
    sink: tuple[str, str]

    def sender(self) -> subprocess.Popen[str]:
        """Start a process that sends; it prints a line for each settled delivery."""
        return subprocess.Popen(
            [sys.executable, "-c", SENDER, str(self.folder), str(self.dispatch), *self.sink],
            stdout=subprocess.PIPE,
            text=True,
        )

    def statuses(self) -> dict[str, DeliveryStatus]:
        """Read where everybody stands."""
        database = open_database(self.folder / "broadsheet.db")
        try:
            records = Dispatches(database).deliveries(self.dispatch)
            return {record.address: record.status for record in records}
        finally:
            database.close()

    def arrived(self) -> Counter[str]:
        """Count what the sink took, by reader."""
        lines = (self.folder / "audit.jsonl").read_text().splitlines()
        return Counter(json.loads(line)["recipient"] for line in lines)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Prepare a dispatch and start a sink."""
    database = open_database(tmp_path / "broadsheet.db")
    Subscribers(database, str).upsert(
        [NewSubscriber(address=address, normalised=address) for address in READERS],
        Consent(action="given", method="import", source="a test", at=NOW),
    )
    dispatches = Dispatches(database)
    dispatch = dispatches.create(entry=EntryId("no-1"), digest="0", due_at=NOW, now=NOW).id
    dispatches.prepare(dispatch, NOW)
    database.close()
    with sink_process(tmp_path / "audit.jsonl") as sink:
        yield World(tmp_path, dispatch, sink)


@contextmanager
def sink_process(audit: Path) -> Iterator[tuple[str, str]]:
    """Run a sink as a process; give its host and port."""
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline.testing.sink", "--audit", str(audit)],
        stdout=subprocess.PIPE,
        text=True,
    ) as sink:
        assert sink.stdout
        host, port = sink.stdout.readline().split()
        try:
            yield host, port
        finally:
            sink.terminate()


def test_kill_9_loses_nobody_and_doubles_nobody(world: World) -> None:
    """After any number of kills each reader has one copy, or is named as uncertain."""
    chance = random.Random(91)
    kills = 0
    for _ in range(KILLS):
        with world.sender() as sender:
            assert sender.stdout
            for _ in range(chance.randint(1, 15)):
                sender.stdout.readline()
            if sender.poll() is None:
                sender.kill()
                kills += 1
    with world.sender() as sender:
        sender.communicate()
        assert sender.returncode == 0
    statuses, arrived = world.statuses(), world.arrived()

    uncertain = {who for who, status in statuses.items() if status is DeliveryStatus.UNCERTAIN}
    accepted = {who for who, status in statuses.items() if status is DeliveryStatus.ACCEPTED}
    assert uncertain | accepted == set(READERS)
    assert len(uncertain) <= kills
    assert max(arrived.values()) == 1
    assert accepted <= set(arrived) <= accepted | uncertain


def test_two_senders_share_nothing(world: World) -> None:
    """The second is turned away by the lock, however long the first one sleeps."""
    with world.sender() as first:
        assert first.stdout
        first.stdout.readline()
        first.send_signal(signal.SIGSTOP)  # or it might be done before the second begins
        with world.sender() as second:
            second.communicate()
        first.send_signal(signal.SIGCONT)
        first.communicate()

    assert (first.returncode, second.returncode) == (0, 1)
    assert world.arrived() == Counter(READERS)
