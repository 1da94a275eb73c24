"""A person's word about deliveries that no machine decides about (decision D7)."""

from __future__ import annotations

from msgspec import Struct

from pipeline.errors import NotAllowed
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.ports import Clock
from pipeline.operations.recover import Recover
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.ledger import SqlLedger


class Reopen(Struct, frozen=True, kw_only=True):
    """Send the uncertain or the refused again, or take the uncertain for accepted."""

    dispatches: Dispatches
    ledger: SqlLedger
    recover: Recover
    clock: Clock

    def __call__(self, id_: DispatchId, from_: DeliveryStatus, to: DeliveryStatus) -> int:
        """Decide about all deliveries of a status; return how many there were.

        Whoever had an uncertain message and gets it again has two copies with one Message-ID.

        Args:
            id_: the dispatch; a finished one goes on if there is something to send.
            from_: UNCERTAIN or REFUSED.
            to: PENDING, to send again; or ACCEPTED, only from UNCERTAIN.

        Raises:
            NotAllowed: there is none, or the dispatch was cancelled.
            Locked: the dispatch is being sent now.
        """
        with self.recover.lock(id_):
            self.recover.locked(id_)
            found = self.dispatches.get(id_)
            if not self.dispatches.counts(id_).by_status[from_]:
                raise NotAllowed(f"dispatch {id_} has no {from_} deliveries")
            sending = to is DeliveryStatus.PENDING
            if sending and found.state is DispatchState.FINISHED:
                self.dispatches.set_state(
                    id_, {DispatchState.FINISHED}, DispatchState.SENDING, now=self.clock()
                )
            return self.ledger.resolve(id_, from_, to, now=self.clock())
