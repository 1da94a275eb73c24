"""One message without a dispatch: a test to its author. No journal, no row."""

from __future__ import annotations

import asyncio

from pipeline.delivery.one_by_one import carry_one_by_one
from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Deferred, Outcome, Outgoing, Unanswered
from pipeline.model.ports import Sender, StreamingSender

_MOST_RETURNS = 2


def send_single(sender: Sender | StreamingSender, outgoing: Outgoing) -> Outcome:
    """Send one message and return what became of it.

    Raises:
        SenderUnavailable: the way out is closed; it certainly did not leave.
    """
    return asyncio.run(_send(sender, outgoing))


async def _send(sender: Sender | StreamingSender, outgoing: Outgoing) -> Outcome:
    work = _Single(outgoing)
    if isinstance(sender, StreamingSender):
        await sender.carry(work)
    else:
        await carry_one_by_one(sender, work)
    if work.outcome is None:
        raise SenderUnavailable("the connection was cut each time before the message was whole")
    return work.outcome


class _Single:
    """See `ports.Work`."""

    def __init__(self, outgoing: Outgoing) -> None:
        self.outcome: Outcome | None = None
        self._waiting: Outgoing | None = outgoing
        self._returns = 0
        self._news = asyncio.Event()

    @property
    def backlog(self) -> int:
        return int(self._waiting is not None)

    def take(self, relay: str) -> Outgoing | None:
        del relay
        taken, self._waiting = self._waiting, None
        return taken

    async def more(self, relay: str) -> bool:
        del relay
        while self._waiting is None and self.outcome is None and self._returns <= _MOST_RETURNS:
            self._news.clear()
            await self._news.wait()
        return self._waiting is not None

    def start(self, outgoing: Outgoing) -> bool:
        del outgoing
        self.outcome = Unanswered("it was cut off")  # until somebody says better
        return True

    def settle(self, outgoing: Outgoing, outcome: Outcome, relay: str) -> None:
        del outgoing, relay
        self.outcome = outcome
        self._news.set()

    def put_back(self, outgoing: Outgoing, said: Deferred | None = None) -> None:
        del said
        self.outcome = None
        self._returns += 1
        if self._returns <= _MOST_RETURNS:
            self._waiting = outgoing
        self._news.set()

    def flush(self) -> None:
        return
