"""Send an entry now: look first, then everybody once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from pipeline.audience.address import parse_address
from pipeline.delivery.report import Progress, Stop
from pipeline.errors import NotAllowed
from pipeline.model.dispatch import Dispatch, DispatchState
from pipeline.model.entry import Entry, EntryId
from pipeline.model.newsletter import Mailbox
from pipeline.model.subscriber import SubscriberState
from pipeline.operations.deliver import Deliver, Delivered
from pipeline.operations.schedule import Schedule, approved_entry
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

_SAMPLE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What sending would do: everything a person wants to know before the button."""

    entry: Entry
    sender: Mailbox
    people: int  # who would get it now, or are still waiting for it
    left_out: Mapping[str, int]  # by reason
    first: tuple[str, ...]  # some of their addresses
    message_bytes: int
    dispatch: Dispatch | None  # of an earlier run that did not finish
    recovered: int  # deliveries that were on the wire when that run died


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send an approved entry to everybody, or go on where an earlier run stopped."""

    schedule: Schedule
    deliver: Deliver
    subscribers: Subscribers
    suppressions: Suppressions

    def rehearse(self, entry: EntryId) -> Rehearsal:
        """Say what would happen; nothing does.

        Raises:
            NotAllowed: not approved, sent already, or the dispatch cannot go on.
        """
        dispatch = self.deliver.dispatches.find(entry)
        recovered = 0
        if dispatch:
            recovered = self.deliver.recover(dispatch.id) or 0
            _refuse_what_is_over(dispatch)
        found = approved_entry(self.schedule.outbox, entry)
        if dispatch and dispatch.started_at:
            counts = self.deliver.dispatches.counts(dispatch.id)
            people, left_out = counts.open, counts.excluded
        else:
            forecast = self.deliver.dispatches.forecast(entry)
            people, left_out = forecast.to_send, forecast.left_out
        return Rehearsal(
            entry=found,
            sender=self.deliver.newsletter.sender,
            people=people,
            left_out=left_out,
            first=tuple(islice(self._readers(), _SAMPLE)),
            message_bytes=len(self.schedule.outbox.part(entry, "message.eml")),
            dispatch=dispatch,
            recovered=recovered,
        )

    def _readers(self) -> Iterator[str]:
        """Yield addresses of people who would be written to."""
        for person in self.subscribers.all(SubscriberState.ACTIVE):
            if not self.suppressions.contains(parse_address(person.address).normalised):
                yield person.address

    def __call__(
        self,
        entry: EntryId,
        *,
        stop: Callable[[], Stop] = lambda: Stop.NO,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Delivered:
        """Send; run again after an interruption, it goes on with whoever had nothing yet.

        Raises:
            NotAllowed: not approved, or sent already.
            Locked: another process is sending it.
        """
        dispatch = self.deliver.dispatches.find(entry)
        if dispatch is None:
            dispatch = self.schedule(entry, due_at=self.schedule.clock())
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
