"""A ledger in memory, for tests of what stands on one; it passes the contract of ledgers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pipeline.model.delivery import NEXT, Claim, DeliveryId, DeliveryStatus, Settled
from pipeline.model.dispatch import DispatchId
from pipeline.model.moment import microseconds
from pipeline.model.subscriber import SubscriberId

WAITING: Final = frozenset({DeliveryStatus.PENDING, DeliveryStatus.DEFERRED})
# Whoever was left out while their message was on the wire may have got it all the same.
COUNTS_FROM: Final[Mapping[DeliveryStatus, frozenset[DeliveryStatus]]] = {
    DeliveryStatus.DEFERRED: WAITING,
    DeliveryStatus.REFUSED: WAITING,
    DeliveryStatus.ACCEPTED: WAITING | {DeliveryStatus.LEFT_OUT},
    DeliveryStatus.UNCERTAIN: WAITING | {DeliveryStatus.LEFT_OUT},
}
TAKEN_BACK_FROM: Final = frozenset({DeliveryStatus.REFUSED, DeliveryStatus.DEFERRED})


@dataclass(slots=True, kw_only=True)
class _Row:
    id: DeliveryId
    dispatch: DispatchId
    address: str
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    due_at: int = 0  # microseconds
    dated_at: int | None = None
    first_tried_at: int | None = None
    last: Settled | None = None

    def settle(self, settled: Settled) -> None:
        """Count an attempt that follows the last that counted."""
        follows = settled.attempt == self.attempts + 1
        if follows and self.status in COUNTS_FROM[settled.status]:
            self.attempts = settled.attempt
            self.status, self.due_at, self.last = settled.status, settled.due_at or 0, settled
            if self.dated_at is None:
                self.dated_at = settled.started_at
            if self.first_tried_at is None:
                self.first_tried_at = settled.started_at

    def take_back(self, attempt: int) -> None:
        """Let an attempt not count that was refused, for now or for ever."""
        if attempt == self.attempts and self.status in TAKEN_BACK_FROM:
            self.attempts -= 1
            self.status, self.due_at, self.last = DeliveryStatus.PENDING, 0, None
            if not self.attempts:  # nobody saw it, so nobody compares its date
                self.dated_at = self.first_tried_at = None


@dataclass(slots=True)
class MemoryLedger:
    """See `ports.Ledger`."""

    _rows: dict[DeliveryId, _Row] = field(default_factory=dict)
    _dispatches: int = 0
    _paused: set[DispatchId] = field(default_factory=set)
    _suppressed: set[str] = field(default_factory=set)
    _version: int = 0

    def prepare(self, addresses: Sequence[str]) -> DispatchId:
        """Write down a dispatch in state SENDING, with a delivery for each address."""
        self._version += 1
        self._dispatches += 1
        dispatch = DispatchId(self._dispatches)
        for address in addresses:
            number = DeliveryId(len(self._rows) + 1)
            self._rows[number] = _Row(id=number, dispatch=dispatch, address=address)
        return dispatch

    def pause(self, dispatch: DispatchId) -> None:
        """Let nothing more be begun."""
        self._paused.add(dispatch)
        self._version += 1

    def resume(self, dispatch: DispatchId) -> None:
        """Let it go on."""
        self._paused.discard(dispatch)
        self._version += 1

    def suppress(self, address: str) -> None:
        """Let an address never be written to again."""
        self._suppressed.add(address)
        self._version += 1

    def statuses(self, dispatch: DispatchId) -> Mapping[str, DeliveryStatus]:
        """Return where each address of a dispatch stands."""
        return {row.address: row.status for row in self._of(dispatch)}

    def attempts(self, dispatch: DispatchId) -> Mapping[str, int]:
        """Return how many attempts count for each address."""
        return {row.address: row.attempts for row in self._of(dispatch)}

    def settled(self, dispatch: DispatchId) -> Mapping[str, Settled]:
        """Return the last attempt that counts, for each address that has one."""
        return {row.address: row.last for row in self._of(dispatch) if row.last}

    def due(
        self, dispatch: DispatchId, *, now: datetime, after: DeliveryId, limit: int
    ) -> tuple[Claim, ...]:
        """Return what is to be tried; see `ports.Ledger.due`."""
        if dispatch in self._paused:
            return ()
        rows = self._of(dispatch)
        found = [row for row in rows if row.status is DeliveryStatus.PENDING and row.id > after]
        deferred = [
            row
            for row in rows
            if row.status is DeliveryStatus.DEFERRED and row.due_at <= microseconds(now)
        ]
        claims: list[Claim] = []
        for row in found + sorted(deferred, key=lambda row: (row.due_at, row.id)):
            if len(claims) == limit:
                break
            if row.address in self._suppressed:
                row.status, row.due_at = DeliveryStatus.LEFT_OUT, 0
            else:
                claims.append(_claim(row))
        return tuple(claims)

    def settle(self, dispatch: DispatchId, settled: Sequence[Settled]) -> None:
        """Store what became of attempts; see `ports.Ledger.settle`."""
        for item in settled:
            if item.status not in NEXT[DeliveryStatus.SENDING]:
                raise ValueError(f"an attempt cannot end as {item.status}")
        for item in settled:
            row = self._rows.get(item.delivery)
            if row is None or row.dispatch != dispatch:
                continue
            if item.status is DeliveryStatus.PENDING:
                row.take_back(item.attempt)
            else:
                row.settle(item)

    def version(self) -> int:
        """Return the number of the last change from outside; see `ports.Ledger.version`."""
        return self._version

    def wanted(
        self, dispatch: DispatchId, deliveries: Sequence[DeliveryId]
    ) -> frozenset[DeliveryId]:
        """Return those that may still be sent; see `ports.Ledger.wanted`."""
        if dispatch in self._paused:
            return frozenset()
        asked = frozenset(deliveries)
        return frozenset(
            row.id
            for row in self._of(dispatch)
            if row.id in asked and row.status in WAITING and row.address not in self._suppressed
        )

    def _of(self, dispatch: DispatchId) -> list[_Row]:
        return [row for row in self._rows.values() if row.dispatch == dispatch]


def _claim(row: _Row) -> Claim:
    return Claim(
        delivery=row.id,
        subscriber=SubscriberId(row.id),
        address=row.address,
        name="",
        attempt=row.attempts + 1,
        dated_at=row.dated_at,
        first_tried_at=row.first_tried_at,
    )
