"""What the rooms need from one another, as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # the nouns of delivering; a build needs none of them
    from pipeline.model.delivery import (
        Claim,
        Deferred,
        DeliveryId,
        Envelope,
        Outcome,
        Outgoing,
        RelayLimits,
        Settled,
    )
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
    """Carries finished bytes, one message at a time. Knows no issue, no subscriber, no database.

    This is the port for plug-ins; its sessions are used from one thread, which may block.
    """

    def open(self) -> AbstractContextManager[Session]:
        """Connect; leaving the context always disconnects.

        Raises:
            SenderUnavailable: nobody answers, or they will not have us.
        """
        ...


class Work(Protocol):
    """The messages of a run, as a streaming sender pulls them.

    All calls come from the thread of one event loop. What was taken is settled or put back
    before `StreamingSender.carry` returns, whatever happens.
    """

    @property
    def backlog(self) -> int:
        """How many messages are known to wait; a sender opens connections by it."""
        ...

    def take(self, relay: str) -> Outgoing | None:
        """Return the next message this relay may carry now; None: none now, await `more`."""
        ...

    async def more(self, relay: str) -> bool:
        """Wait until `take` is worth another call; False: nothing will come any more."""
        ...

    def start(self, outgoing: Outgoing) -> bool:
        """Write START durably, with every outcome before it. Call it just before the body leaves.

        False: the body must not leave, because the reader left or the journal cannot be written.
        The message is off your hands then; nothing of it may be put on the wire.
        """
        ...

    def settle(self, outgoing: Outgoing, outcome: Outcome, relay: str) -> None:
        """Say what became of a message, started or not; call `flush` soon."""
        ...

    def put_back(self, outgoing: Outgoing, said: Deferred | None = None) -> None:
        """Give back a message that certainly did not arrive; it costs nobody an attempt.

        Args:
            outgoing: as it was taken.
            said: what the server said as it closed, for the throttle to hear.
        """
        ...

    def flush(self) -> None:
        """Write what was settled; costs nothing if nothing was."""
        ...


@runtime_checkable
class StreamingSender(Protocol):
    """Carries many messages at once: it pulls, so that it can pipeline."""

    @property
    def limits(self) -> Mapping[str, RelayLimits]:
        """What each of its relays takes, by the name it passes to `Work.take`."""
        ...

    async def carry(self, work: Work) -> None:
        """Carry messages until there are no more.

        Raises:
            SenderUnavailable: the way out is closed; nothing is in hand any more.
        """
        ...


class Ledger(Protocol):
    """The deliveries of a dispatch, as the delivery loop needs them; any thread may call."""

    def due(
        self, dispatch: DispatchId, *, now: datetime, after: DeliveryId, limit: int
    ) -> tuple[Claim, ...]:
        """Return what is to be tried, at most `limit` of it.

        That is: PENDING with ids above `after`, in their order, then what was DEFERRED and is due
        at `now`, longest first.
        A subscriber who is no longer active, or is suppressed, becomes LEFT_OUT instead. Less
        than `limit` means that there is no more; nothing comes if the dispatch is not SENDING.
        """
        ...

    def settle(self, dispatch: DispatchId, settled: Sequence[Settled]) -> None:
        """Store what became of attempts, in order, in one durable transaction.

        Idempotent: the same sequence again changes nothing.

        Raises:
            StorageError: nothing of it is stored.
        """
        ...

    def version(self) -> int:
        """Return a number that is another one as soon as anybody else has changed anything.

        It is asked before every START: an unsubscription wins until the moment a message begins.
        """
        ...

    def wanted(
        self, dispatch: DispatchId, deliveries: Sequence[DeliveryId]
    ) -> frozenset[DeliveryId]:
        """Return those that may still be sent; none if the dispatch is not SENDING."""
        ...
