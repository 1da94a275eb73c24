"""What the delivery loop says: while it runs, and at its end."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from msgspec import Struct


class Stop(IntEnum):
    """How urgently somebody wants the loop to end."""

    NO = 0
    DRAIN = 1  # begin nothing; wait for the answers to what is on the wire
    NOW = 2  # wait for nothing: what is on the wire becomes uncertain


class Tally(Struct, frozen=True, kw_only=True):
    """How many deliveries got which verdict in this run."""

    accepted: int = 0
    deferred: int = 0
    refused: int = 0
    uncertain: int = 0

    @property
    def total(self) -> int:
        """All verdicts."""
        return self.accepted + self.deferred + self.refused + self.uncertain


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is; some times a second."""

    tally: Tally
    on_the_wire: int  # taken by the sender and not settled yet
    throttled: tuple[str, ...] = ()  # what slows the run down, in words; nothing if nothing does


class Report(Struct, frozen=True, kw_only=True):
    """How a run of the loop ended.

    With neither `paused_reason` nor `stopped` nor `resumes_at`, nothing more was due.
    """

    tally: Tally
    recovered: int  # deliveries of a run before this one that died with them on the wire
    put_back: int = 0  # deliveries that did not leave, pending again
    paused_reason: str | None = None  # why the way out is closed
    sender_fault: bool = False  # a person must change something; waiting does not help
    stopped: bool = False  # because somebody asked
    resumes_at: datetime | None = None  # aware, UTC: a quota is used up until then
