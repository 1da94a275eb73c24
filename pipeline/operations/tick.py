"""One step of everything that is due; clocks call it and know nothing else (decision D6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from msgspec import Struct, field

from pipeline.delivery.report import Stop
from pipeline.errors import BroadsheetError, Locked, OutboxError
from pipeline.feedback.sources.keep import Unread
from pipeline.model.audience import Audience
from pipeline.model.dispatch import DispatchId, DispatchState
from pipeline.model.ports import Clock
from pipeline.model.subscriber import MAIN_NAME
from pipeline.operations.deliver import Deliver, Delivered
from pipeline.operations.erase import Erase
from pipeline.operations.keep_word import KeepWord
from pipeline.operations.notify import Notify
from pipeline.operations.schedule import Schedule
from pipeline.outbox.approval import ApprovalState, approval_state
from pipeline.outbox.folder import Outbox
from pipeline.schedule.calendar import WeeklySlot, due_between, occurrences
from pipeline.schedule.plan import Candidate, Decision, Missed, SendEntry, Skip, plan
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.slots import Slots


class Ticked(Struct, frozen=True, kw_only=True):
    """What a tick did."""

    decisions: tuple[Decision, ...]
    delivered: tuple[Delivered, ...]
    failures: tuple[str, ...]  # what could not be worked on, and why


class Tick(Struct, frozen=True, kw_only=True):
    """Keep readers' words, fill the weekly slot, then work on every dispatch that is due."""

    outbox: Outbox
    dispatches: Dispatches
    slots: Slots
    schedule: Schedule
    deliver: Deliver
    keep_word: KeepWord
    notify: Notify
    erase: Erase
    unread: Unread
    keep: timedelta  # how long unread mail waits for a person
    slot: WeeklySlot | None
    catch_up: timedelta
    clock: Clock
    outage_wait: timedelta = timedelta(minutes=2)
    waiting: dict[DispatchId, datetime] = field(default_factory=dict)  # no knocking before then

    def __call__(self, *, stop: Callable[[], Stop] = lambda: Stop.NO) -> Ticked:
        """Do what is due now. Safe to repeat, and after any crash."""
        delivered: list[Delivered] = []
        failures: list[str] = []
        now = self.clock()
        self._keep_words(stop, now, failures)
        decisions = self._fill_slot(now, failures)
        for dispatch in self.dispatches.due(now):
            if stop():
                break
            if now < self.waiting.get(dispatch.id, now):
                continue
            try:
                done = self.deliver(dispatch.id, stop=stop)
            except Locked:
                continue
            except BroadsheetError as error:
                failures.append(f"dispatch {dispatch.id}: {error}")
                self.waiting[dispatch.id] = now + self.outage_wait
                continue
            delivered.append(done)
            if done.report.paused_reason:
                failures.append(f"dispatch {dispatch.id}: {done.report.paused_reason}")
                self.waiting[dispatch.id] = now + self.outage_wait
            elif done.report.resumes_at:  # a quota is used up; asking earlier changes nothing
                self.waiting[dispatch.id] = done.report.resumes_at
        return Ticked(decisions=decisions, delivered=tuple(delivered), failures=tuple(failures))

    def _keep_words(self, stop: Callable[[], Stop], now: datetime, failures: list[str]) -> None:
        """Do what readers asked for, before anybody is written to."""
        steps: tuple[Callable[[], object], ...] = (
            self.keep_word.carry_out,
            lambda: failures.extend(self.notify(stop, now).failures),
            self.erase.finish,
            lambda: self.unread.expire(now, self.keep),
        )
        for step in steps:
            try:
                step()
            except BroadsheetError as error:  # the next tick tries again
                failures.append(str(error))

    def foresee(self, turns: int) -> tuple[Decision, ...]:
        """Say what the next turns of the slot will do if nobody approves anything until then."""
        if self.slot is None:
            return ()
        now = self.clock()
        until = occurrences(self.slot, now, turns)[-1].due_at
        return plan(
            self.slot,
            since=now,
            now=until,
            catch_up=until - now,
            recorded=(),
            candidates=self._candidates([]),
        )

    def _fill_slot(self, now: datetime, failures: list[str]) -> tuple[Decision, ...]:
        decided_until = self.slots.latest()
        if self.slot is None or (
            # Between two turns there is nothing to decide, and no entry has to be read for it.
            decided_until and not due_between(self.slot, decided_until, now)
        ):
            return ()
        candidates = self._candidates(failures)
        # Before the first decision, the slot is in force since the first approval it could fill.
        in_force = min((each.approved_at for each in candidates), default=now)
        decisions = plan(
            self.slot,
            since=decided_until or in_force,
            now=now,
            catch_up=self.catch_up,
            recorded=(),
            candidates=candidates,
        )
        for decision in decisions:
            self._carry_out(decision, now)
        return decisions

    def _carry_out(self, decision: Decision, now: datetime) -> None:
        occurrence = decision.occurrence
        match decision:
            case Skip(reason=reason):
                self.slots.record(
                    occurrence.key, due_at=occurrence.due_at, dispatch=None, note=reason
                )
            case SendEntry(entry_id=entry):
                self.schedule(entry, due_at=occurrence.due_at, occurrence=occurrence.key)
            case Missed(entry_id=entry, reason=reason):
                made = self.schedule(entry, due_at=occurrence.due_at, occurrence=occurrence.key)
                self.dispatches.set_state(
                    made.id, {DispatchState.SCHEDULED}, DispatchState.MISSED, now=now, note=reason
                )

    def _candidates(self, failures: list[str]) -> list[Candidate]:
        """Return the approved entries that may go to the main list; name the damaged ones.

        One that went to another list was meant for that list, and one that all of main gets is
        on its way. What a rule picked of main before, as for a last look, leaves it for the rest.
        """
        taken = {
            dispatch.entry
            for dispatch in self.dispatches.all()
            if not _is_part_of_main(Audience.parse(dispatch.audience))
        }
        found: list[Candidate] = []
        for id_ in self.outbox.ids():
            if id_ in taken:
                continue
            try:
                entry, approval = self.outbox.get(id_), self.outbox.approval(id_)
            except OutboxError as error:
                failures.append(f"entry {id_}: {error}")
                continue
            if approval and approval_state(entry, approval) is ApprovalState.APPROVED:
                day = date.fromisoformat(entry.date) if entry.date else None
                found.append(
                    Candidate(
                        entry_id=id_,
                        number=entry.number,
                        date=day,
                        approved_at=approval.approved_at,
                    )
                )
        return found


def _is_part_of_main(audience: Audience) -> bool:
    return audience.list == MAIN_NAME and bool(audience.rule)
