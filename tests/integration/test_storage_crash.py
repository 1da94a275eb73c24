from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from pipeline.model.delivery import DeliveryStatus
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

# Says every claim it holds before it settles it, as a sender would put it on the wire.
SENDER: Final = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from pipeline.model.delivery import DeliveryStatus, Verdict
from pipeline.storage.engine import open_database
from pipeline.storage.ledger import SqlLedger

ledger = SqlLedger(open_database(Path(sys.argv[1])))
now = datetime(2026, 5, 1, 8, tzinfo=UTC)
accepted = Verdict(status=DeliveryStatus.ACCEPTED, code=250, reply="ok")
settled = None
while claim := ledger.advance(int(sys.argv[2]), now=now, settled=settled):
    print(claim.delivery, flush=True)
    settled = (claim.delivery, accepted)
print("done", flush=True)
"""
# Claims and never settles, so that several can race.
CLAIMANT: Final = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pipeline.storage.engine import open_database
from pipeline.storage.ledger import SqlLedger

ledger = SqlLedger(open_database(Path(sys.argv[1]), busy_timeout=timedelta(minutes=2)))
now = datetime(2026, 5, 1, 8, tzinfo=UTC)
print("ready", flush=True)
sys.stdin.readline()
while claim := ledger.advance(int(sys.argv[2]), now=now, settled=None):
    print(claim.delivery, flush=True)
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


def test_a_killed_sender_loses_nobody_and_leaves_at_most_one_in_doubt(tmp_path: Path) -> None:
    """After every kill -9 all are accounted for, and whom it spoke of is not tried again."""
    path, people, chance = tmp_path / "broadsheet.db", 400, random.Random(7)
    database = open_database(path)
    id_ = prepare(database, people)
    dispatches, ledger = Dispatches(database), SqlLedger(database)
    spoken: Counter[str] = Counter()
    kills = doubts = 0
    finished = False
    while not finished:
        with process(SENDER, path, id_) as sender:
            after = chance.randrange(1, 60)
            for heard, line in enumerate(lines(sender)):
                finished = line == "done"
                spoken.update([line] if not finished else [])
                if heard == after:
                    sender.send_signal(signal.SIGKILL)
                    kills += 1
        counts = dispatches.counts(id_)
        assert counts.balances
        assert counts.by_status[DeliveryStatus.SENDING] <= 1
        doubts += ledger.recover(id_)

    counts = dispatches.counts(id_)
    database.close()
    assert kills > 5
    assert doubts <= kills
    assert counts.by_status[DeliveryStatus.UNCERTAIN] == doubts
    assert counts.by_status[DeliveryStatus.ACCEPTED] == people - doubts
    assert set(spoken.values()) == {1}
    # A claim can be made and die unspoken, but none was spoken of that was not made.
    assert people - doubts <= len(spoken) <= people


def test_processes_that_race_never_claim_the_same_delivery(tmp_path: Path) -> None:
    """Even without the lock of the dispatch everybody is claimed once."""
    path, people = tmp_path / "broadsheet.db", 200
    database = open_database(path)
    id_ = prepare(database, people)
    with (
        process(CLAIMANT, path, id_) as a,
        process(CLAIMANT, path, id_) as b,
        process(CLAIMANT, path, id_) as c,
        process(CLAIMANT, path, id_) as d,
    ):
        claimants = (a, b, c, d)
        for claimant in claimants:
            assert claimant.stdout
            assert claimant.stdout.readline() == "ready\n"
        for claimant in claimants:
            assert claimant.stdin
            claimant.stdin.write("go\n")
            claimant.stdin.flush()
        claims = [line for claimant in claimants for line in lines(claimant)]

    counts = Dispatches(database).counts(id_)
    database.close()
    assert len(claims) == len(set(claims)) == people
    assert counts.by_status[DeliveryStatus.SENDING] == people


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
    assert [file.name for file in path.parent.iterdir()] == ["broadsheet.db"]
    open_database(path).close()
