"""Send an entry now: look first, then everybody once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from pipeline.delivery.report import Progress, Stop
from pipeline.errors import NotAllowed
from pipeline.model.audience import Audience
from pipeline.model.dispatch import Dispatch, DispatchState
from pipeline.model.entry import Entry, EntryId
from pipeline.model.newsletter import Mailbox
from pipeline.operations.deliver import Deliver, Delivered
from pipeline.operations.picking import condition
from pipeline.operations.schedule import Schedule, approved_entry
from pipeline.storage.dispatches import EVERYBODY

_SAMPLE = 3


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What sending would do: everything a person wants to know before the button."""

    entry: Entry
    audience: Audience
    sender: Mailbox
    people: int  # who would get it now, or are still waiting for it
    left_out: Mapping[str, int]  # by reason
    first: tuple[str, ...]  # some of their addresses
    message_bytes: int
    dispatch: Dispatch | None  # of an earlier run that did not finish
    recovered: int  # deliveries that were on the wire when that run died


class Send(Struct, frozen=True, kw_only=True):
    """Send an approved entry to an audience, or go on where an earlier run stopped."""

    schedule: Schedule
    deliver: Deliver

    def rehearse(self, entry: EntryId, *, audience: Audience = EVERYBODY) -> Rehearsal:
        """Say what would happen; nothing does.

        Raises:
            NotAllowed: not approved, sent already, or the dispatch cannot go on.
            RuleError: the rule of the audience cannot be read.
        """
        dispatches = self.deliver.dispatches
        dispatch = dispatches.find(entry, audience)
        recovered = 0
        if dispatch:
            recovered = self.deliver.recover(dispatch.id) or 0
            _refuse_what_is_over(dispatch)
        found = approved_entry(self.schedule.outbox, entry)
        now = self.schedule.clock()
        rule = condition(audience, now)
        if dispatch and dispatch.started_at:
            counts = dispatches.counts(dispatch.id)
            people, left_out = counts.open, counts.excluded
        else:
            forecast = dispatches.forecast(entry, now=now, audience=audience, rule=rule)
            people, left_out = forecast.to_send, forecast.left_out
        return Rehearsal(
            entry=found,
            audience=audience,
            sender=self.deliver.newsletter.sender,
            people=people,
            left_out=left_out,
            first=dispatches.sample(
                _SAMPLE,
                entry,
                now=now,
                dispatch=dispatch.id if dispatch else None,
                audience=audience,
                rule=rule,
            ),
            message_bytes=len(self.schedule.outbox.part(entry, "message.eml")),
            dispatch=dispatch,
            recovered=recovered,
        )

    def __call__(
        self,
        entry: EntryId,
        *,
        audience: Audience = EVERYBODY,
        stop: Callable[[], Stop] = lambda: Stop.NO,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Delivered:
        """Send; run again after an interruption, it goes on with whoever had nothing yet.

        Raises:
            NotAllowed: not approved, or sent already.
            Locked: another process is sending it.
        """
        dispatch = self.deliver.dispatches.find(entry, audience)
        if dispatch is None:
            dispatch = self.schedule(entry, due_at=self.schedule.clock(), audience=audience)
        _refuse_what_is_over(dispatch)
        if dispatch.state is DispatchState.PAUSED:  # whoever sends it has seen why
            self.deliver.dispatches.set_state(
                dispatch.id,
                {DispatchState.PAUSED},
                DispatchState.SENDING,
                now=self.schedule.clock(),
            )
        return self.deliver(dispatch.id, stop=stop, progress=progress)


def _refuse_what_is_over(dispatch: Dispatch) -> None:
    match dispatch.state:
        case DispatchState.FINISHED:
            raise NotAllowed(
                f"{dispatch.entry} was sent already (dispatch {dispatch.id}, finished "
                f"{dispatch.finished_at:%Y-%m-%d %H:%M} UTC); nobody gets an issue twice. "
                "A correction is an issue of its own"
            )
        case DispatchState.MISSED:
            raise NotAllowed(
                f"dispatch {dispatch.id} of {dispatch.entry} missed its time ({dispatch.note}); "
                f"to send it now, run: broadsheet resume {dispatch.id}"
            )
        case _:
            pass
