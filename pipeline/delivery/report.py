"""What the delivery loop says: while it runs, and at its end."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.model.delivery import DeliveryId, DeliveryStatus, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many deliveries got which verdict in this run."""

    accepted: int = 0
    deferred: int = 0
    refused: int = 0
    uncertain: int = 0

    @property
    def total(self) -> int:
        """All verdicts."""
        return self.accepted + self.deferred + self.refused + self.uncertain

    def plus(self, status: DeliveryStatus) -> Tally:
        """Count one more verdict."""
        return replace(self, **{status.value: getattr(self, status.value) + 1})

    def without_refused(self, number: int) -> Tally:
        """Take back the blame of so many refusals."""
        return replace(self, refused=self.refused - number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One delivery is settled, durably."""

    delivery: DeliveryId
    verdict: Verdict
    tally: Tally  # this one included


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a run of the loop ended.

    With neither `paused_reason` nor `stopped`, nothing more was due.
    """

    tally: Tally
    recovered: int  # deliveries of a run before this one that died: uncertain now
    put_back: int = 0  # deliveries that did not leave, pending again
    paused_reason: str | None = None  # why the way out is closed
    sender_fault: bool = False  # a person must change something; waiting does not help
    stopped: bool = False  # because somebody asked
