"""Lets a sender of either kind carry a list of messages, and says what became of each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pipeline.model.delivery import Deferred, Envelope, Outcome, Outgoing
from pipeline.model.ports import Sender, StreamingSender

MOST_RETURNS: Final = 5  # a message that comes back so often is no longer handed out


def carry(
    sender: Sender | StreamingSender, messages: Iterable[tuple[Envelope, bytes]]
) -> list[Outcome | None]:
    """Return the outcomes in the order of the messages; None: it certainly did not leave.

    Raises:
        SenderUnavailable: the way out is closed.
    """
    if isinstance(sender, StreamingSender):
        work = ListedWork.of(messages)
        asyncio.run(sender.carry(work))
        return work.results
    with sender.open() as session:
        return [session.send(envelope, message) for envelope, message in messages]


@dataclass(slots=True)
class ListedWork:
    """Work that is all known beforehand and remembers what was done to it; see `ports.Work`."""

    listed: list[Outgoing]
    waiting: deque[Outgoing] = field(init=False)
    in_hand: set[Outgoing] = field(default_factory=set, init=False)
    started: list[Outgoing] = field(default_factory=list, init=False)
    outcomes: dict[Outgoing, Outcome] = field(default_factory=dict, init=False)
    returns: dict[Outgoing, int] = field(default_factory=dict, init=False)
    relays: dict[Outgoing, str] = field(default_factory=dict, init=False)
    said: list[Deferred] = field(default_factory=list, init=False)  # by servers that closed
    news: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        self.waiting = deque(self.listed)

    @classmethod
    def of(cls, messages: Iterable[tuple[Envelope, bytes]], *, plain: bool = False) -> ListedWork:
        """List messages; `plain` promises what `Outgoing.plain` says."""
        return cls([Outgoing(envelope, message, plain) for envelope, message in messages])

    @property
    def results(self) -> list[Outcome | None]:
        """What became of each message, in their order."""
        return [self.outcomes.get(outgoing) for outgoing in self.listed]

    @property
    def backlog(self) -> int:
        """How many wait."""
        return len(self.waiting)

    def take(self, relay: str) -> Outgoing | None:
        """Hand out the next message."""
        if not self.waiting:
            return None
        outgoing = self.waiting.popleft()
        self.in_hand.add(outgoing)
        self.relays[outgoing] = relay
        return outgoing

    async def more(self, relay: str) -> bool:
        """Wait until something comes back, or nothing is in hand any more."""
        del relay
        while not self.waiting and self.in_hand:
            self.news.clear()
            await self.news.wait()
        return bool(self.waiting)

    def start(self, outgoing: Outgoing) -> bool:
        """Remember that its body leaves."""
        assert outgoing in self.in_hand
        self.started.append(outgoing)
        return True

    def settle(self, outgoing: Outgoing, outcome: Outcome, relay: str) -> None:
        """Remember what became of it."""
        assert relay == self.relays[outgoing]
        self.in_hand.remove(outgoing)
        self.outcomes[outgoing] = outcome
        self.news.set()

    def put_back(self, outgoing: Outgoing, said: Deferred | None = None) -> None:
        """Hand it out again, as long as that does not go on for ever."""
        if said:
            self.said.append(said)
        self.in_hand.remove(outgoing)
        self.returns[outgoing] = self.returns.get(outgoing, 0) + 1
        if self.returns[outgoing] <= MOST_RETURNS:
            self.waiting.appendleft(outgoing)
        self.news.set()

    def flush(self) -> None:
        """Write nothing: this is memory."""
