from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import pytest

from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.ports import Ledger
from pipeline.model.subscriber import Consent, SuppressionReason
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.engine import open_database
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions
from pipeline.testing.ledger import MemoryLedger
from pipeline.testing.ledger_contract import NOW, LedgerContract


class TestMemoryLedger(LedgerContract):
    """The ledger that unit tests stand on keeps the promises of the real one."""

    @pytest.fixture(autouse=True)
    def _memory(self) -> None:
        self.memory = MemoryLedger()

    def ledger(self) -> Ledger:
        """Return the ledger under test."""
        return self.memory

    def prepare(self, addresses: Sequence[str]) -> DispatchId:
        """Write down a dispatch."""
        return self.memory.prepare(addresses)

    def statuses(self, dispatch: DispatchId) -> Mapping[str, DeliveryStatus]:
        """Say where each address stands."""
        return self.memory.statuses(dispatch)

    def suppress(self, address: str) -> None:
        """Suppress an address."""
        self.memory.suppress(address)

    def pause(self, dispatch: DispatchId) -> None:
        """Pause a dispatch."""
        self.memory.pause(dispatch)


class TestSqlLedger(LedgerContract):
    """The database keeps them too; others look and write through one of their own."""

    @pytest.fixture(autouse=True)
    def _database(self, tmp_path: Path) -> Iterator[None]:
        self.database = open_database(tmp_path / "broadsheet.db")
        self.second = open_database(tmp_path / "broadsheet.db")
        self.dispatches = Dispatches(self.database)
        self.numbers = count(1)
        yield
        self.second.close()
        self.database.close()

    def ledger(self) -> Ledger:
        """Return the ledger under test."""
        return SqlLedger(self.database)

    def prepare(self, addresses: Sequence[str]) -> DispatchId:
        """Write down a dispatch."""
        Subscribers(self.database, str).upsert(
            [NewSubscriber(address=address, normalised=address) for address in addresses],
            Consent(action="given", method="import", source="a test", at=NOW),
        )
        entry = EntryId(f"no-{next(self.numbers)}")
        dispatch = self.dispatches.create(entry=entry, digest="0", due_at=NOW, now=NOW)
        self.dispatches.prepare(dispatch.id, NOW)
        return dispatch.id

    def statuses(self, dispatch: DispatchId) -> Mapping[str, DeliveryStatus]:
        """Say where each address stands."""
        records = Dispatches(self.second).deliveries(dispatch)
        return {record.address: record.status for record in records}

    def suppress(self, address: str) -> None:
        """Suppress an address."""
        Suppressions(self.second, str).add(address, SuppressionReason.MANUAL, now=NOW)

    def pause(self, dispatch: DispatchId) -> None:
        """Pause a dispatch."""
        Dispatches(self.second).set_state(
            dispatch, {DispatchState.SENDING}, DispatchState.PAUSED, now=NOW
        )
