from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipeline.delivery.journal import Begun, Journal, Recovered, discard, read
from pipeline.model.delivery import NEXT, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId

THREE: Final = DispatchId(3)
OURS: Final = bytes(16)
STATUSES = st.sampled_from(sorted(NEXT[DeliveryStatus.SENDING]))
MOMENTS = st.integers(-(2**62), 2**62)


class JournalLife(RuleBasedStateMachine):
    """A run that writes its journal, dies at any moment, and is followed by another."""

    def __init__(self) -> None:
        """Begin the first run."""
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "dispatch-3"
        self.journal = Journal.open(self.folder, THREE, OURS)
        self.open: dict[DeliveryId, Begun] = {}  # as the run knows it
        self.ends: list[Settled] = []
        self.flushed = Recovered((), ())
        self.stored = 0

    @rule(delivery=st.integers(1, 4).map(DeliveryId), attempt=st.integers(1, 3), at=MOMENTS)
    def start(self, delivery: DeliveryId, attempt: int, at: int) -> None:
        """A message is about to leave."""
        if delivery not in self.open:
            self.open[delivery] = Begun(delivery, attempt, at)
            self.journal.start(delivery, attempt, at)

    @precondition(lambda self: self.open)
    @rule(
        data=st.data(),
        status=STATUSES,
        moments=st.tuples(*[st.none() | MOMENTS] * 2),
        code=st.none() | st.integers(0, 999),
        reply=st.text(max_size=100),
    )
    def settle(
        self,
        data: st.DataObject,
        status: DeliveryStatus,
        moments: tuple[int | None, int | None],
        code: int | None,
        reply: str,
    ) -> None:
        """A message that left has its answer, or is put back."""
        begun = self.open.pop(data.draw(st.sampled_from(sorted(self.open))))
        end = Settled(begun.delivery, begun.attempt, status, begun.at, *moments, code, reply)
        self.ends.append(end)
        self.journal.settle(end)

    @rule(delivery=st.integers(5, 9).map(DeliveryId), status=STATUSES, at=MOMENTS)
    def settle_unbegun(self, delivery: DeliveryId, status: DeliveryStatus, at: int) -> None:
        """A message cannot be made, or an old refusal is taken back."""
        end = Settled(delivery, 1, status, at)
        self.ends.append(end)
        self.journal.settle(end)

    @rule()
    def flush(self) -> None:
        """It is written."""
        self.journal.flush()
        self.flushed = self.known()

    @rule()
    def rotate(self) -> None:
        """A file is long enough."""
        self.journal.rotate()
        self.flushed = self.known()

    @rule(count=st.integers(0, 5))
    def store(self, count: int) -> None:
        """Some of what is written is in the database now."""
        count = min(count, len(self.flushed.settled) - self.stored)
        self.stored += count
        self.journal.forget(count)

    @rule(cut=st.integers(0, 60), torn=st.binary(max_size=60))
    def crash(self, cut: int, torn: bytes) -> None:
        """Part of a record is written when the run dies; the next one stores all and begins."""
        self.journal.close()
        last = max(self.folder.iterdir())
        data = last.read_bytes()
        clean = data.rstrip(b"\0") + bytes(4)  # a checksum may end in zeros
        last.write_bytes((clean + b"\xff" + torn[:cut]).ljust(len(data), b"\0"))
        self.expect()
        self.expect()
        discard(self.folder)
        self.journal = Journal.open(self.folder, THREE, OURS)
        self.open, self.ends, self.stored = {}, [], 0
        self.flushed = Recovered((), ())

    @invariant()
    def expect(self) -> None:
        """Exactly what was flushed is known; what is stored may be forgotten, in order."""
        found = read(self.folder, THREE, OURS)
        forgotten = len(self.flushed.settled) - len(found.settled)
        assert 0 <= forgotten <= self.stored
        assert found.settled == self.flushed.settled[forgotten:]
        assert sorted(found.begun) == sorted(self.flushed.begun)

    def known(self) -> Recovered:
        """Return what the run has said so far."""
        return Recovered(tuple(self.ends), tuple(self.open.values()))

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.journal.close()
        shutil.rmtree(self.folder)
        self.temporary.cleanup()


TestJournalLife = JournalLife.TestCase
TestJournalLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
