"""What the rooms need from one another, as small protocols."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from pipeline.model.delivery import Claim, DeliveryId, Envelope, Outcome, Verdict
from pipeline.model.dispatch import DispatchId

Clock = Callable[[], datetime]  # the present moment: aware, UTC


class Session(Protocol):
    """An open way out, used for many messages in turn."""

    def send(self, envelope: Envelope, message: bytes) -> Outcome:
        """Hand over one message for one recipient.

        Args:
            envelope: the SMTP pair, not the From and To headers.
            message: complete RFC 5322 bytes, CRLF line ends, not dot-stuffed.

        Returns:
            What became of this recipient. A refusal is a value.

        Raises:
            SenderUnavailable: this message certainly did not leave, and the next one would not
                either; the session is of no further use.
        """
        ...


class Sender(Protocol):
    """Carries finished bytes. Knows no issue, no subscriber, no database."""

    def open(self) -> AbstractContextManager[Session]:
        """Connect; leaving the context always disconnects.

        Raises:
            SenderUnavailable: nobody answers, or they will not have us.
        """
        ...


class Ledger(Protocol):
    """The deliveries of a dispatch, as the delivery loop needs them.

    Every method is one durable transaction: when it returns, a kill -9 loses nothing of it.
    """

    def recover(self, dispatch: DispatchId) -> int:
        """Turn every SENDING delivery into UNCERTAIN; return how many there were.

        Call it only while holding the lock of the dispatch: then nobody is sending.
        """
        ...

    def advance(
        self, dispatch: DispatchId, *, now: datetime, settled: tuple[DeliveryId, Verdict] | None
    ) -> Claim | None:
        """Store the verdict of the last delivery and START the next due one, in one commit.

        A subscriber who is no longer active, or is suppressed, becomes LEFT_OUT instead.

        Returns:
            The next claim, or None: nothing is due at `now`, or the dispatch is not SENDING.

        Raises:
            Locked: the delivery in `settled` is not in hand any more; nothing was written.
        """
        ...

    def put_back(self, deliveries: tuple[DeliveryId, ...]) -> None:
        """Make deliveries PENDING again that certainly did not arrive; no blame, no attempt."""
        ...
