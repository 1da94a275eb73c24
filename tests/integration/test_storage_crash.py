from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from pipeline.model.delivery import DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.subscriber import Consent
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import Database, open_database
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers

pytestmark = pytest.mark.integration

NOW: Final = datetime(2026, 5, 1, 8, tzinfo=UTC)
GIVEN: Final = Consent(action="given", method="import", source="people.csv", at=NOW)

# Says whom it settles before it does, as a journal would have it. With more of them at once they
# all settle everybody.
SETTLER: Final = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pipeline.model.delivery import DeliveryStatus, Settled
from pipeline.storage.engine import open_database
from pipeline.storage.ledger import SqlLedger

ledger = SqlLedger(open_database(Path(sys.argv[1]), busy_timeout=timedelta(minutes=2)))
now = datetime(2026, 5, 1, 8, tzinfo=UTC)
print("ready", flush=True)
sys.stdin.readline()
while claims := ledger.due(int(sys.argv[2]), now=now, after=0, limit=10):
    print(*(claim.delivery for claim in claims), flush=True)
    accepted = DeliveryStatus.ACCEPTED
    ledger.settle(
        int(sys.argv[2]),
        [Settled(claim.delivery, claim.attempt, accepted, 1, 2, None, 250, "ok") for claim in claims],
    )
print("done", flush=True)
"""
OPENER: Final = """
import sys
from pathlib import Path
from pipeline.storage.engine import open_database

print("ready", flush=True)
sys.stdin.readline()
open_database(Path(sys.argv[1])).close()
"""


def prepare(database: Database, people: int) -> DispatchId:
    """Prepare a dispatch to so many people."""
    Subscribers(database, str.upper).upsert(
        [NewSubscriber(address=f"p{at}@example.org", normalised=f"p{at}") for at in range(people)],
        GIVEN,
    )
    dispatches = Dispatches(database)
    id_ = dispatches.create(entry=EntryId("first-letter"), digest="d1", due_at=NOW, now=NOW).id
    dispatches.prepare(id_, NOW)
    return id_


@contextmanager
def process(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program with its lines in reach; it is gone afterwards, whatever happened."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def lines(running: subprocess.Popen[str]) -> Iterator[str]:
    """Yield what a process says until it ends."""
    assert running.stdout
    yield from (line.strip() for line in running.stdout)


def test_a_killed_settler_leaves_whole_batches(tmp_path: Path) -> None:
    """After every kill -9 the numbers balance, and to settle its last words again is harmless."""
    path, people, chance = tmp_path / "broadsheet.db", 400, random.Random(7)
    database = open_database(path)
    id_ = prepare(database, people)
    dispatches, ledger = Dispatches(database), SqlLedger(database)
    said: list[list[int]] = []
    kills = 0
    while not said or said[-1]:
        with process(SETTLER, path, id_) as settler:
            assert settler.stdin
            settler.stdin.write("go\n")
            settler.stdin.flush()
            after = chance.randrange(1, 8)
            for heard, line in enumerate(lines(settler)):
                if line != "ready":
                    said.append([int(word) for word in line.split() if word != "done"])
                if heard == after:
                    settler.send_signal(signal.SIGKILL)
                    kills += 1
        counts = dispatches.counts(id_)
        assert counts.balances
        assert counts.by_status[DeliveryStatus.ACCEPTED] % 10 == 0
        ledger.settle(id_, [outcome(delivery) for batch in said for delivery in batch])

    records = list(dispatches.deliveries(id_))
    database.close()
    assert kills > 5
    assert {record.status for record in records} == {DeliveryStatus.ACCEPTED}
    assert {record.attempts for record in records} == {1}
    assert {delivery for batch in said for delivery in batch} == {record.id for record in records}


def outcome(delivery: int) -> Settled:
    """Return what a settler says of a delivery."""
    accepted = DeliveryStatus.ACCEPTED
    return Settled(DeliveryId(delivery), 1, accepted, 1, 2, None, 250, "ok")


def test_settlers_that_race_count_everybody_once(tmp_path: Path) -> None:
    """Even without the lock of the dispatch, an attempt counts once, and nobody gives up."""
    path, people = tmp_path / "broadsheet.db", 200
    database = open_database(path)
    id_ = prepare(database, people)
    with (
        process(SETTLER, path, id_) as a,
        process(SETTLER, path, id_) as b,
        process(SETTLER, path, id_) as c,
        process(SETTLER, path, id_) as d,
    ):
        settlers = (a, b, c, d)
        for settler in settlers:
            assert settler.stdout
            assert settler.stdout.readline() == "ready\n"
        for settler in settlers:
            assert settler.stdin
            settler.stdin.write("go\n")
            settler.stdin.flush()
        last = [list(lines(settler))[-1] for settler in settlers]

    records = list(Dispatches(database).deliveries(id_))
    database.close()
    assert last == ["done"] * 4
    assert {(record.status, record.attempts) for record in records} == {
        (DeliveryStatus.ACCEPTED, 1)
    }
    assert len(records) == people


def test_processes_that_open_a_new_database_at_once_make_it_once(tmp_path: Path) -> None:
    """The second waits for the first, and finds nothing left to do."""
    path = tmp_path / "data" / "broadsheet.db"
    with process(OPENER, path) as a, process(OPENER, path) as b, process(OPENER, path) as c:
        openers = (a, b, c)
        for opener in openers:
            assert opener.stdout
            assert opener.stdout.readline() == "ready\n"
        for opener in openers:
            assert opener.stdin
            opener.stdin.write("go\n")
            opener.stdin.flush()
        ends = [opener.wait(timeout=60) for opener in openers]

    assert ends == [0, 0, 0]
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "broadsheet.db",
        "broadsheet.db.doorbell",
    ]
    open_database(path).close()
