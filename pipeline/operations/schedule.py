"""Decide that an approved entry goes out, and when."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from pipeline.errors import NotAllowed
from pipeline.model.audience import Audience
from pipeline.model.dispatch import Dispatch
from pipeline.model.entry import Entry, EntryId
from pipeline.model.ports import Clock
from pipeline.operations.picking import condition
from pipeline.outbox.folder import Outbox
from pipeline.storage.dispatches import EVERYBODY, Dispatches


class Schedule(Struct, frozen=True, kw_only=True):
    """Write a dispatch row: entry, audience, time, bound to the digest that was approved."""

    outbox: Outbox
    dispatches: Dispatches
    clock: Clock

    def __call__(
        self,
        entry: EntryId,
        *,
        due_at: datetime,
        audience: Audience = EVERYBODY,
        occurrence: str | None = None,
    ) -> Dispatch:
        """Schedule an entry for a list, or for those of it that a rule picks.

        Args:
            entry: an approved entry of the outbox.
            due_at: aware; a moment that has passed means: at the next tick.
            audience: to whom.
            occurrence: key of the weekly slot that it fills, if one does.

        Raises:
            NotAllowed: not approved, or there is a dispatch of it to that audience already.
            RuleError: the rule of the audience cannot be read.
            OutboxError: the entry was changed by hand.
        """
        approved = approved_entry(self.outbox, entry)
        now = self.clock()
        condition(audience, now)  # read now rather than when it is due, with nobody there
        return self.dispatches.create(
            entry=entry,
            digest=approved.digest,
            audience=audience,
            due_at=due_at,
            occurrence=occurrence,
            now=now,
        )


def approved_entry(outbox: Outbox, entry: EntryId) -> Entry:
    """Return the entry if a person approved exactly what is there now.

    Raises:
        NotAllowed: nobody did, or it was edited since.
    """
    found = outbox.get(entry)
    approval = outbox.approval(entry)
    if approval is None:
        raise NotAllowed(
            f"{entry} is not approved; look at it, then run: broadsheet approve {entry}"
        )
    if approval.digest != found.digest:
        raise NotAllowed(
            f"{entry} was edited after {approval.approved_by} approved it; "
            f"look at it again, then run: broadsheet approve {entry}"
        )
    return found
