"""A person's word about deliveries nobody is certain of (decision D7)."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import NotAllowed
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.ports import Clock
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.ledger import SqlLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveUncertain:
    """Send the uncertain again, or take them for accepted; no machine decides that."""

    dispatches: Dispatches
    ledger: SqlLedger
    clock: Clock

    def __call__(self, id_: DispatchId, *, arrived: bool) -> int:
        """Decide about all uncertain deliveries of a dispatch; return how many there were.

        Args:
            id_: the dispatch.
            arrived: True if they did arrive; False makes them pending again, and a reader who
                had the message gets a second copy with the same Message-ID.

        Raises:
            NotAllowed: there is none, or the dispatch was cancelled.
        """
        found = self.dispatches.get(id_)
        if not self.dispatches.counts(id_).by_status[DeliveryStatus.UNCERTAIN]:
            raise NotAllowed(f"dispatch {id_} has no uncertain deliveries")
        if not arrived and found.state is DispatchState.FINISHED:
            self.dispatches.set_state(
                id_, {DispatchState.FINISHED}, DispatchState.SENDING, now=self.clock()
            )
        to = DeliveryStatus.ACCEPTED if arrived else DeliveryStatus.PENDING
        return self.ledger.resolve_uncertain(id_, to, now=self.clock())
