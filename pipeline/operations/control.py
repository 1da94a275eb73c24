"""Stop a dispatch, let it go on, give it up, and decide about the uncertain."""

from __future__ import annotations

from msgspec import Struct

from pipeline.model.dispatch import Dispatch, DispatchId, DispatchState
from pipeline.model.ports import Clock
from pipeline.operations.recover import Recover
from pipeline.storage.dispatches import Dispatches


class Control(Struct, frozen=True, kw_only=True):
    """Moves a dispatch along its table of states; what is on the wire is finished first."""

    dispatches: Dispatches
    recover: Recover
    clock: Clock

    def pause(self, id_: DispatchId, *, reason: str) -> Dispatch:
        """Stop before the next message.

        Raises:
            NotAllowed: it is not sending.
        """
        return self._move(id_, {DispatchState.SENDING}, DispatchState.PAUSED, reason)

    def resume(self, id_: DispatchId) -> Dispatch:
        """Let a paused dispatch go on, or a missed one start; the next tick or `send` does it.

        Raises:
            NotAllowed: it is neither.
        """
        found = self.dispatches.get(id_)
        to = (
            DispatchState.SCHEDULED
            if found.state is DispatchState.MISSED
            else DispatchState.SENDING
        )
        return self._move(id_, {DispatchState.PAUSED, DispatchState.MISSED}, to, None)

    def cancel(self, id_: DispatchId, *, reason: str) -> Dispatch:
        """Give up whatever has not left; the entry may be dispatched again.

        Raises:
            NotAllowed: it is over.
        """
        self.recover(id_)  # whom a killed sender reached stays reached
        cancellable = set(DispatchState) - {DispatchState.FINISHED, DispatchState.CANCELLED}
        return self._move(id_, cancellable, DispatchState.CANCELLED, reason)

    def _move(
        self, id_: DispatchId, from_: set[DispatchState], to: DispatchState, note: str | None
    ) -> Dispatch:
        return self.dispatches.set_state(id_, from_, to, now=self.clock(), note=note)
