"""Work on one dispatch: write its audience down, then send what is due of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import ReturnPath
from pipeline.delivery.loop import Delivery, LoopKind, deliver
from pipeline.delivery.report import Progress, Report, Stop
from pipeline.delivery.throttle import Throttle
from pipeline.errors import Locked, NotAllowed, OutboxError
from pipeline.model.audience import Audience, MailingList
from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import Dispatch, DispatchId, DispatchState
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock, Sender, StreamingSender
from pipeline.model.subscriber import ListId
from pipeline.operations.hear import Hear
from pipeline.operations.messages import Messages, Sign
from pipeline.operations.picking import condition
from pipeline.operations.recover import Recover
from pipeline.outbox.compose import compose
from pipeline.outbox.folder import Outbox
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.ledger import SqlLedger
from pipeline.storage.lists import Lists
from pipeline.storage.progress import DispatchCounts
from pipeline.storage.throttles import Throttles


class Delivered(Struct, frozen=True, kw_only=True):
    """How far a dispatch is after a run."""

    dispatch: Dispatch
    counts: DispatchCounts
    report: Report
    notes: tuple[str, ...] = ()  # what a person should know of what servers said


class Deliver(Struct, frozen=True, kw_only=True):
    """Take a dispatch as far as it goes now; call it again to go on."""

    outbox: Outbox
    dispatches: Dispatches
    ledger: SqlLedger
    throttles: Throttles
    sender: Sender | StreamingSender
    newsletter: Newsletter
    keys: Keys
    list_numbers: Lists
    lists: Mapping[ListId, MailingList]  # those of the settings
    return_path: ReturnPath | None  # None: bounces go to the address of From
    sign: Sign | None
    recover: Recover
    hear: Hear
    domains: Mapping[str, float]  # messages a second to a recipient's domain
    sync_each: bool
    loop: LoopKind
    clock: Clock

    def __call__(
        self,
        id_: DispatchId,
        *,
        stop: Callable[[], Stop] = lambda: Stop.NO,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Delivered:
        """Send what is due of a dispatch that is SCHEDULED or SENDING.

        Raises:
            Locked: another process is at it.
            NotAllowed: it is paused, missed or over; only a person's word changes that.
            OutboxError: the entry is not what was approved; nothing was sent.
            StorageError: the disk is full or broken; run it again when it is not.
        """
        with self.recover.lock(id_):
            dispatch = self.dispatches.get(id_)
            messages = self._messages(dispatch)
            self._require_earlier_ones_over(dispatch)
            self._prepare(dispatch)
            state = self.dispatches.get(id_).state
            if state is not DispatchState.SENDING:
                self.recover.locked(id_)
                raise NotAllowed(f"dispatch {id_} is {state}; nothing was sent")
            return self._concluded(id_, self._run(id_, messages, stop, progress))

    def _prepare(self, dispatch: Dispatch) -> None:
        now = self.clock()
        rule = condition(Audience.parse(dispatch.audience), now)
        self.dispatches.prepare(dispatch.id, now, rule)

    def _run(
        self,
        id_: DispatchId,
        messages: Messages,
        stop: Callable[[], Stop],
        progress: Callable[[Progress], None],
    ) -> Report:
        limits = self.sender.limits if isinstance(self.sender, StreamingSender) else {}
        throttle = Throttle(limits, self.domains, remembered=self.throttles.load())
        return deliver(
            id_,
            Delivery(
                ledger=self.ledger,
                sender=self.sender,
                message_for=messages,
                throttle=throttle,
                remember=lambda state: self.throttles.save(state, self.clock()),
                policy=self.recover.policy,
                clock=self.clock,
                journal=self.recover.journal(id_),
                identity=self.ledger.database.identity,
                sync_each=self.sync_each,
                loop=self.loop,
                proven=self._is_proven(id_),
            ),
            stop=stop,
            progress=progress,
        )

    def _messages(self, dispatch: Dispatch) -> Messages:
        """Compose from the frozen parts; what was approved is what goes out (decision D5)."""
        found = self.outbox.get(dispatch.entry)
        if found.digest != dispatch.digest:
            raise OutboxError(
                f"{dispatch.entry} was built again after dispatch {dispatch.id} was made of it; "
                f"put the approved parts back, or run: broadsheet cancel {dispatch.id}"
            )
        rendered = self.outbox.rendered(dispatch.entry)
        name = Audience.parse(dispatch.audience).list
        number = self.list_numbers.all()[name]
        list_ = self.lists.get(number, MailingList(name=name))  # the settings may forget one
        return Messages(
            compose(rendered, self.newsletter, entry_id=dispatch.entry, list_=list_),
            entry=dispatch.entry,
            newsletter=self.newsletter,
            keys=self.keys,
            sign=self.sign,
            list_=number,
            return_path=self.return_path,
        )

    def _require_earlier_ones_over(self, dispatch: Dispatch) -> None:
        """Know whom a cancelled dispatch of the same entry reached before anybody is written to.

        Raises:
            Locked: its sender still waits for answers.
        """
        for other in self.dispatches.all():
            cancelled = other.state is DispatchState.CANCELLED
            if cancelled and other.entry == dispatch.entry and self.recover(other.id) is None:
                raise Locked(
                    f"dispatch {other.id} of {other.entry} was cancelled, and its sender still "
                    "waits for answers; try again in a moment"
                )

    def _is_proven(self, id_: DispatchId) -> bool:
        return self.dispatches.counts(id_).by_status[DeliveryStatus.ACCEPTED] > 0

    def _concluded(self, id_: DispatchId, report: Report) -> Delivered:
        # What servers said to our face counts as what they mail back.
        judged = self.hear.refusals(id_)
        notes = dict.fromkeys(each.decision.note for each in judged if each.decision.doubted)
        counts = self.dispatches.counts(id_)
        dispatch = self.dispatches.get(id_)
        if dispatch.state is DispatchState.SENDING:
            # An outage passes by itself: the dispatch stays SENDING and the next run goes on. What
            # only a person can mend pauses it, or every tick would knock on a closed door.
            try:
                if report.sender_fault:
                    dispatch = self._move(id_, DispatchState.PAUSED, note=report.paused_reason)
                elif not counts.open:
                    dispatch = self._move(id_, DispatchState.FINISHED)
            except NotAllowed:  # a person paused or cancelled it just now; their word stands
                dispatch = self.dispatches.get(id_)
        return Delivered(dispatch=dispatch, counts=counts, report=report, notes=tuple(notes))

    def _move(self, id_: DispatchId, to: DispatchState, note: str | None = None) -> Dispatch:
        return self.dispatches.set_state(
            id_, {DispatchState.SENDING}, to, now=self.clock(), note=note
        )
