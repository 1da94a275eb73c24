"""Work on one dispatch: write its audience down, then send what is due of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, Tokens, message_id
from pipeline.delivery.lock import DispatchLock
from pipeline.delivery.loop import MessageFor, Unrepresentable, deliver
from pipeline.delivery.report import Progress, Report
from pipeline.errors import NotAllowed, OutboxError
from pipeline.model.delivery import Claim, DeliveryStatus, Envelope, RetryPolicy
from pipeline.model.dispatch import Dispatch, DispatchId, DispatchState
from pipeline.model.entry import EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock, Ledger, Sender
from pipeline.outbox.compose import MessageTemplate, compose
from pipeline.outbox.folder import Outbox
from pipeline.outbox.headers import MessageError
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.progress import DispatchCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How far a dispatch is after a run."""

    dispatch: Dispatch
    counts: DispatchCounts
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Makes the message of one subscriber from a frozen entry."""

    entry: EntryId
    template: MessageTemplate
    newsletter: Newsletter
    keys: Keys
    tokens: Tokens

    def __call__(self, claim: Claim) -> tuple[Envelope, bytes] | Unrepresentable:
        """Return envelope and bytes, the same on every attempt."""
        token = self.tokens.mint(Action.UNSUBSCRIBE, claim.subscriber)
        try:
            message = self.template.fill(
                recipient=claim.address,
                recipient_name=claim.name,
                message_id=message_id(
                    self.keys, self.entry, claim.subscriber, self.newsletter.mail_domain
                ),
                date=claim.dated_at,
                unsubscribe_url=f"{self.newsletter.site_url}/u/{token}",
                unsubscribe_token=token,
            )
        except MessageError as error:
            return Unrepresentable(str(error))
        return Envelope(self.newsletter.sender.address, claim.address), message


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Take a dispatch as far as it goes now; call it again to go on."""

    outbox: Outbox
    dispatches: Dispatches
    ledger: Ledger
    sender: Sender
    newsletter: Newsletter
    keys: Keys
    locks: Path  # folder of lock files
    policy: RetryPolicy
    clock: Clock

    def __call__(
        self,
        id_: DispatchId,
        *,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> Delivered:
        """Send what is due of a dispatch that is SCHEDULED or SENDING.

        Raises:
            Locked: another process is at it.
            NotAllowed: it is paused, missed or over; only a person's word changes that.
            OutboxError: the entry is not what was approved; nothing was sent.
        """
        with DispatchLock(self.locks / f"dispatch-{id_}.lock", clock=self.clock):
            dispatch = self.dispatches.get(id_)
            messages = self._messages(dispatch)
            self.dispatches.prepare(id_, self.clock())
            state = self.dispatches.get(id_).state
            if state is not DispatchState.SENDING:
                raise NotAllowed(f"dispatch {id_} is {state}; nothing was sent")
            report = deliver(
                id_,
                ledger=self.ledger,
                sender=self.sender,
                message_for=messages,
                policy=self.policy,
                clock=self.clock,
                stop=stop,
                progress=progress,
                proven=self._is_proven(id_),
            )
            return self._concluded(id_, report)

    def _messages(self, dispatch: Dispatch) -> MessageFor:
        """Compose from the frozen parts; what was approved is what goes out (decision D5)."""
        found = self.outbox.get(dispatch.entry)
        if found.digest != dispatch.digest:
            raise OutboxError(
                f"{dispatch.entry} was built again after dispatch {dispatch.id} was made of it; "
                f"put the approved parts back, or run: broadsheet cancel {dispatch.id}"
            )
        rendered = self.outbox.rendered(dispatch.entry)
        return Messages(
            entry=dispatch.entry,
            template=compose(rendered, self.newsletter, entry_id=dispatch.entry),
            newsletter=self.newsletter,
            keys=self.keys,
            tokens=Tokens(self.keys),
        )

    def _is_proven(self, id_: DispatchId) -> bool:
        return self.dispatches.counts(id_).by_status[DeliveryStatus.ACCEPTED] > 0

    def _concluded(self, id_: DispatchId, report: Report) -> Delivered:
        counts = self.dispatches.counts(id_)
        dispatch = self.dispatches.get(id_)
        if dispatch.state is DispatchState.SENDING:
            # An outage passes by itself: the dispatch stays SENDING and the next run goes on. What
            # only a person can mend pauses it, or every tick would knock on a closed door.
            if report.sender_fault:
                dispatch = self._move(id_, DispatchState.PAUSED, note=report.paused_reason)
            elif not counts.open:
                dispatch = self._move(id_, DispatchState.FINISHED)
        return Delivered(dispatch=dispatch, counts=counts, report=report)

    def _move(self, id_: DispatchId, to: DispatchState, note: str | None = None) -> Dispatch:
        return self.dispatches.set_state(
            id_, {DispatchState.SENDING}, to, now=self.clock(), note=note
        )
