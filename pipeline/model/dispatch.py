"""A dispatch: this entry, this audience, this time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from msgspec import Struct

from pipeline.model.entry import EntryId

DispatchId = NewType("DispatchId", int)


class DispatchState(StrEnum):
    """How far a dispatch is; NEXT says where each state may go."""

    SCHEDULED = "scheduled"  # waits for due_at
    PREPARING = "preparing"  # the audience is being written down
    SENDING = "sending"  # deliveries leave, or wait for their retry
    PAUSED = "paused"  # a person or an outage stopped it; nobody is blamed
    FINISHED = "finished"  # every delivery is accepted, refused, uncertain or left out
    CANCELLED = "cancelled"
    MISSED = "missed"  # due longer ago than catch_up allows; a person decides


NEXT: Final[Mapping[DispatchState, frozenset[DispatchState]]] = {
    DispatchState.SCHEDULED: frozenset(
        {DispatchState.PREPARING, DispatchState.CANCELLED, DispatchState.MISSED}
    ),
    DispatchState.PREPARING: frozenset(
        {DispatchState.SENDING, DispatchState.SCHEDULED, DispatchState.CANCELLED}
    ),
    DispatchState.SENDING: frozenset(
        {DispatchState.FINISHED, DispatchState.PAUSED, DispatchState.CANCELLED}
    ),
    DispatchState.PAUSED: frozenset({DispatchState.SENDING, DispatchState.CANCELLED}),
    DispatchState.MISSED: frozenset({DispatchState.SCHEDULED, DispatchState.CANCELLED}),
    # Only a person's word about uncertain deliveries opens it again.
    DispatchState.FINISHED: frozenset({DispatchState.SENDING}),
    DispatchState.CANCELLED: frozenset(),
}


class Dispatch(Struct, frozen=True, kw_only=True):
    """A row: what goes to whom and when, bound to the digest that was approved."""

    id: DispatchId
    entry: EntryId
    digest: str
    audience: str
    due_at: datetime  # aware, UTC
    state: DispatchState
    note: str | None  # why it is paused, missed or cancelled
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
