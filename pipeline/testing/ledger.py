"""A ledger in memory, for tests of what stands on one; it passes the contract of ledgers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.errors import Locked
from pipeline.model.delivery import NEXT, Claim, DeliveryId, DeliveryStatus, Verdict
from pipeline.model.dispatch import DispatchId
from pipeline.model.subscriber import SubscriberId


@dataclass(slots=True, kw_only=True)
class _Row:
    id: DeliveryId
    dispatch: DispatchId
    address: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    due_at: datetime | None = None
    first_tried_at: datetime | None = None
    dated_at: datetime | None = None
    verdict: Verdict | None = None

    def move(self, status: DeliveryStatus) -> bool:
        """Change the status if the table of lives allows it."""
        if status not in NEXT[self.status]:
            return False
        self.status = status
        return True


@dataclass(slots=True)
class MemoryLedger:
    """See `ports.Ledger`."""

    _rows: dict[DeliveryId, _Row] = field(default_factory=dict)
    _dispatches: int = 0
    _paused: set[DispatchId] = field(default_factory=set)
    _suppressed: set[str] = field(default_factory=set)

    def prepare(self, addresses: Sequence[str]) -> DispatchId:
        """Write down a dispatch in state SENDING, with a delivery for each address."""
        self._dispatches += 1
        dispatch = DispatchId(self._dispatches)
        for address in addresses:
            number = DeliveryId(len(self._rows) + 1)
            self._rows[number] = _Row(id=number, dispatch=dispatch, address=address)
        return dispatch

    def pause(self, dispatch: DispatchId) -> None:
        """Let nothing more be claimed."""
        self._paused.add(dispatch)

    def suppress(self, address: str) -> None:
        """Let an address never be written to again."""
        self._suppressed.add(address)

    def statuses(self, dispatch: DispatchId) -> Mapping[str, DeliveryStatus]:
        """Return where each address of a dispatch stands."""
        return {row.address: row.status for row in self._of(dispatch)}

    def verdicts(self, dispatch: DispatchId) -> Mapping[str, Verdict]:
        """Return the last verdict of each address that has one."""
        return {row.address: row.verdict for row in self._of(dispatch) if row.verdict}

    def recover(self, dispatch: DispatchId) -> int:
        """Give up on what a dead sender had in hand; see `ports.Ledger.recover`."""
        lost = [row for row in self._of(dispatch) if row.status is DeliveryStatus.SENDING]
        return sum(row.move(DeliveryStatus.UNCERTAIN) for row in lost)

    def advance(
        self, dispatch: DispatchId, *, now: datetime, settled: tuple[DeliveryId, Verdict] | None
    ) -> Claim | None:
        """Settle and claim; see `ports.Ledger.advance`."""
        if settled:
            self._settle(*settled)
        if dispatch in self._paused:
            return None
        for row in self._of(dispatch):
            if not _is_due(row, now):
                continue
            if row.address in self._suppressed:
                row.move(DeliveryStatus.LEFT_OUT)
                continue
            return _start(row, now)
        return None

    def put_back(self, deliveries: tuple[DeliveryId, ...]) -> None:
        """Let deliveries be tried again; see `ports.Ledger.put_back`."""
        for delivery in deliveries:
            row = self._rows[delivery]
            if row.status is not DeliveryStatus.UNCERTAIN and row.move(DeliveryStatus.PENDING):
                row.attempts -= 1
                row.due_at = row.verdict = None
                if not row.attempts:  # nobody saw it, so nobody compares its date
                    row.first_tried_at = row.dated_at = None

    def _of(self, dispatch: DispatchId) -> list[_Row]:
        return [row for row in self._rows.values() if row.dispatch == dispatch]

    def _settle(self, delivery: DeliveryId, verdict: Verdict) -> None:
        row = self._rows[delivery]
        if row.status is not DeliveryStatus.SENDING:
            raise Locked(f"delivery {delivery} is {row.status}: somebody else works on it")
        row.move(verdict.status)
        row.due_at, row.verdict = verdict.due_at, verdict


def _is_due(row: _Row, now: datetime) -> bool:
    if DeliveryStatus.SENDING not in NEXT[row.status]:
        return False
    return row.due_at is None or row.due_at <= now


def _start(row: _Row, now: datetime) -> Claim:
    row.move(DeliveryStatus.SENDING)
    row.attempts += 1
    row.first_tried_at = row.first_tried_at or now
    row.dated_at = row.dated_at or now
    return Claim(
        delivery=row.id,
        dispatch=row.dispatch,
        subscriber=SubscriberId(row.id),
        address=row.address,
        name="",
        attempts=row.attempts,
        dated_at=row.dated_at,
        first_tried_at=row.first_tried_at,
    )
