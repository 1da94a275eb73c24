"""All relays of a run: who carries, who stands by, and when there is nothing left to do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

from pipeline.errors import SenderUnavailable
from pipeline.model.ports import Work
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp.options import SmtpOptions
from pipeline.senders.smtp.relay import Phase, Relay
from pipeline.senders.smtp.roles import Sharing

SLACK: Final = 10  # messages for each unit of weight that a relay may be ahead of another
PATIENCE: Final = 1.0  # seconds that a relay is waited for by those that are ahead of it
SWEEP: Final = 1.0  # seconds between two looks at the deadlines, at most


class Pool:
    """Carries the messages of a run over one relay or several.

    Nothing here waits: every change asks each relay to decide anew, once, a moment later.
    """

    def __init__(
        self, relays: Sequence[tuple[SmtpOptions, ssl.SSLContext | None]], work: Work
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._relays = [Relay(options, context, work, self) for options, context in relays]
        self.several = len(relays) > 1
        self.over = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._deciding = False
        self._held = False  # some relay waits until the others have caught up
        shortest = min(
            min(seconds.connect, seconds.reply, seconds.block, seconds.dot)
            for seconds in (options.deadlines for options, _ in relays)
        )
        self._interval = min(SWEEP, shortest / 4)

    async def run(self) -> None:
        """Carry until there is nothing left; see `ports.StreamingSender.carry`."""
        self.reconsider()
        self._timer = self._loop.call_later(self._interval, self._sweep)
        try:
            await self._ended
        finally:
            self.over = True
            self._timer.cancel()
            tasks = [task for relay in self._relays for task in relay.abort("we were stopped")]
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._until_closed()

    # What the relays ask and tell.

    @property
    def is_busy(self) -> bool:
        """Whether any connection of any relay has a message in hand."""
        return any(relay.is_busy for relay in self._relays)

    def may_take(self, relay: Sharing) -> bool:
        """Tell whether it is a relay's turn, by its weight.

        Nobody waits for a relay that has no connection, has to rest, or is stuck.
        """
        if not self.several:
            return True
        share = relay.taken / relay.options.weight - SLACK
        patience = self._loop.time() - PATIENCE
        for other in self._relays:
            if (
                other.taken / other.options.weight < share
                and other.taken_at > patience
                and other.phase is Phase.UP
                and other.flows
                and not other.resting
            ):
                self._held = True
                return False
        return True

    def carried(self) -> None:
        """Hear that a relay took a message."""
        if self._held:
            self._held = False
            self.reconsider()

    def joins(self, relay: Sharing) -> None:
        """Let a relay begin where the others are: it has nothing to catch up."""
        others = [other for other in self._relays if other is not relay and other.flows]
        if others:
            share = min(other.taken / other.options.weight for other in others)
            relay.taken = max(relay.taken, int(share * relay.options.weight))
        relay.taken_at = self._loop.time()

    def reconsider(self) -> None:
        """Let every relay decide anew."""
        if not self._deciding:
            self._deciding = True
            self._loop.call_soon(self._decide)

    def crash(self, error: Exception) -> None:
        """Hear that our own side failed."""
        if not self._ended.done():
            self._ended.set_exception(error)

    # Decisions.

    def _decide(self) -> None:
        self._deciding = False
        if self._ended.done():
            return
        self._appoint()
        self.over = not any(relay.phase is Phase.UP for relay in self._relays)
        for relay in self._relays:
            relay.decide()
        if self.over and all(relay.is_over for relay in self._relays):
            outage = self._outage()
            if outage:
                self._ended.set_exception(outage)
            else:
                self._ended.set_result(None)

    def _appoint(self) -> None:
        """Let the backups carry while nobody else can."""
        needed = not any(
            relay.phase is Phase.UP and not relay.options.backup for relay in self._relays
        )
        for relay in self._relays:
            if relay.options.backup and relay.phase in {Phase.UP, Phase.STANDBY}:
                relay.stand_by(needed=needed)

    def _outage(self) -> SenderUnavailable | None:
        """Say why no relay is left, if anybody still wanted one.

        It is a fault only if waiting helps with none of them.
        """
        finished = any(relay.phase is Phase.DONE for relay in self._relays)
        outages = [relay.outage for relay in self._relays if relay.outage]
        if not outages or (finished and not self._work.backlog):
            return None
        if len(outages) == 1:
            return outages[0]
        words = "; ".join(map(str, outages))
        if all(isinstance(outage, SenderFault) for outage in outages):
            return SenderFault(words)
        return SenderUnavailable(words)

    def _sweep(self) -> None:
        now = self._loop.time()
        for relay in self._relays:
            relay.sweep(now)
        self.reconsider()  # the backlog may have grown
        self._timer = self._loop.call_later(self._interval, self._sweep)

    async def _until_closed(self) -> None:
        # A transport closes its socket a round of the loop after it was told, over TLS two.
        for _ in range(10):
            if all(relay.is_over for relay in self._relays):
                return
            await asyncio.sleep(0)
