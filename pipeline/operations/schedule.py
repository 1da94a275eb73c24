"""Decide that an approved entry goes out, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.errors import NotAllowed
from pipeline.model.dispatch import EVERYONE, Dispatch
from pipeline.model.entry import Entry, EntryId
from pipeline.model.ports import Clock
from pipeline.outbox.folder import Outbox
from pipeline.storage.dispatches import Dispatches


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Write a dispatch row: entry, audience, time, bound to the digest that was approved."""

    outbox: Outbox
    dispatches: Dispatches
    clock: Clock

    def __call__(
        self, entry: EntryId, *, due_at: datetime, occurrence: str | None = None
    ) -> Dispatch:
        """Schedule an entry for everybody.

        Args:
            entry: an approved entry of the outbox.
            due_at: aware; a moment that has passed means: at the next tick.
            occurrence: key of the weekly slot that it fills, if one does.

        Raises:
            NotAllowed: not approved, or there is a dispatch of it already.
            OutboxError: the entry was changed by hand.
        """
        approved = approved_entry(self.outbox, entry)
        return self.dispatches.create(
            entry=entry,
            digest=approved.digest,
            audience=EVERYONE,
            due_at=due_at,
            occurrence=occurrence,
            now=self.clock(),
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
