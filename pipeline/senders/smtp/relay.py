"""One relay in a run: how many connections it gets, and whether it can be used at all."""

from __future__ import annotations

import asyncio
import re
import ssl
from enum import Enum, auto
from math import inf
from typing import Final

from pipeline.errors import SenderUnavailable
from pipeline.model.delivery import Outgoing
from pipeline.model.ports import Work
from pipeline.senders.fault import SenderFault
from pipeline.senders.smtp.dial import TurnedAway, dial
from pipeline.senders.smtp.flow import Flow, Ours
from pipeline.senders.smtp.judge import Closing
from pipeline.senders.smtp.options import SmtpOptions
from pipeline.senders.smtp.reply import Lost
from pipeline.senders.smtp.roles import Flowing, Shares

FEW: Final = 5  # messages that wait for each connection before one more is worth opening


_TOO_MANY = re.compile(r"too many|concurren|connection.*(limit|exceed)", re.IGNORECASE)


class Phase(Enum):
    """What a relay is good for."""

    STANDBY = auto()  # a backup that is not needed
    UP = auto()  # carries, or may
    DOWN = auto()  # did not answer, again and again
    OUT = auto()  # refuses us until a person changes something
    DONE = auto()  # there is nothing more for it in this run


class Relay:
    """The connections to one relay, and what was learned about it in this run.

    `decide` looks at everything that may have changed and starts what is worth starting; it is
    called after every change and never waits.
    """

    def __init__(
        self, options: SmtpOptions, context: ssl.SSLContext | None, work: Work, pool: Shares
    ) -> None:
        self.options = options
        self._context = context
        self._work = work
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self.phase = Phase.STANDBY if options.backup else Phase.UP
        self.outage: SenderUnavailable | None = None  # why it is DOWN or OUT
        self.flows: set[Flowing] = set()
        self._idle: list[Flowing] = []
        self._leaving: set[Flowing] = set()  # said goodbye, or hung up, and not closed yet
        self._dialling: set[asyncio.Task[None]] = set()
        self._asking: asyncio.Task[None] | None = None
        self._hope = False  # the work has something, and nobody was told yet
        self._cap = options.connections
        self.per_connection = options.messages_per_connection
        self.serial = not options.pipelining
        self.proven = False
        self._doubts = 0
        self._failures = 0  # in a row
        self._failed_at = -inf
        self._retry_at = -inf
        self._revival = self._loop.call_later(0, lambda: None)
        self._trusted = False  # a connection got through; further ones may be opened
        self.taken = 0  # messages, by which weights are kept
        self.taken_at = -inf
        self.resting = False  # the work had nothing for it when it asked last

    # What its flows ask and tell.

    @property
    def stopped(self) -> bool:
        """Whether no message shall begin any more."""
        return self.phase is not Phase.UP

    def take(self) -> Outgoing | None:
        """Return the next message, if there is one for this relay."""
        if self.phase is not Phase.UP:
            return None
        if not self._pool.several:
            return self._work.take(self.options.place)
        if not self._pool.may_take(self):
            return None
        outgoing = self._work.take(self.options.place)
        self.resting = outgoing is None
        if outgoing is not None:
            self.taken += 1
            self.taken_at = self._loop.time()
            self._pool.carried()
        return outgoing

    def idle(self, flow: Flowing) -> None:
        """Keep a flow until there is work."""
        self._idle.append(flow)
        self._pool.reconsider()

    def ended(self, flow: Flowing, why: Lost | None) -> None:
        """Learn from how a connection ended."""
        self.flows.discard(flow)
        self._leaving.add(flow)
        if flow in self._idle:
            self._idle.remove(flow)
        if flow.useful:
            self._failures = 0
        if isinstance(why, Closing):
            self._learn(flow, str(why))
        elif why and not isinstance(why, Ours) and flow.unanswered_group and not self.proven:
            # Some servers drop whoever speaks before they have answered (OpenSMTPD, old Exchange).
            self._doubts += 1 if flow.accepted or flow.has_sent else 2
            self.serial = self._doubts >= 2
        if why and not (flow.useful or flow.is_idle or isinstance(why, Ours)):
            self._fail(SenderUnavailable(f"{self.options.place}: {why}"), flow.born_at)
        self._pool.reconsider()

    def gone(self, flow: Flowing) -> None:
        """Forget a connection."""
        self._leaving.discard(flow)
        self._pool.reconsider()

    def blame(self, fault: SenderFault) -> None:
        """Take the relay out of the run."""
        if self.phase is not Phase.OUT:
            place = f"{self.options.place}: "
            named = fault if str(fault).startswith(place) else SenderFault(f"{place}{fault}")
            self._stop(Phase.OUT, named)

    def crash(self, error: Exception) -> None:
        """Pass it on: it concerns all relays."""
        self._pool.crash(error)

    # What the pool asks and tells.

    @property
    def is_busy(self) -> bool:
        """Whether any connection has a message in hand."""
        return any(flow.is_busy for flow in self.flows)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left of its connections."""
        return not (self.flows or self._leaving or self._dialling)

    def decide(self) -> None:
        """Ask for work, give it to who is idle, and open connections as far as they pay."""
        if self._pool.over or self.phase is not Phase.UP:
            self._wind_up()
            return
        for _ in range(self._wanted()):
            task = self._loop.create_task(self._open())
            self._dialling.add(task)
            task.add_done_callback(self._opened)
        if self._asking is None and self._needs_more() and self._pool.may_take(self):
            self._asking = self._loop.create_task(self._ask())
            self._asking.add_done_callback(self._told)

    def sweep(self, now: float) -> None:
        """Look at all deadlines."""
        for flow in (*self.flows, *self._leaving):
            flow.check(now)

    def stand_by(self, *, needed: bool) -> None:
        """Begin to carry as a backup, or leave it to the others again."""
        self.phase = Phase.UP if needed else Phase.STANDBY

    def abort(self, why: str) -> list[asyncio.Task[None]]:
        """Hang up everywhere at once; what was in hand is settled or put back.

        Returns:
            What must be awaited until nothing runs any more.
        """
        self._revival.cancel()
        tasks = [*self._dialling, *([self._asking] if self._asking else [])]
        for task in tasks:
            task.cancel()
        for flow in (*self.flows, *self._leaving):
            flow.abort(why)
        return tasks

    def _wind_up(self) -> None:
        for task in (*self._dialling, *([self._asking] if self._asking else [])):
            task.cancel()
        for flow in tuple(self.flows):
            flow.finish()

    # Work.

    def _needs_more(self) -> bool:
        if self._idle:
            return True
        nothing_open = not (self.flows or self._dialling)
        return nothing_open and not self._hope and self._loop.time() >= self._retry_at

    async def _ask(self) -> None:
        if await self._work.more(self.options.place):
            if self._idle:
                self._idle.pop().go()
            else:
                self._hope = True
            self._pool.reconsider()
        elif not self._pool.is_busy:
            self._stop(Phase.DONE, None)
        # Otherwise something may still be put back; each end of a message asks again.

    def _told(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        self._report(task)

    def _report(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._pool.crash(error)

    # Connections.

    def _wanted(self) -> int:
        """Return how many connections should be opened now."""
        have = len(self.flows) + len(self._dialling)
        backlog = self._work.backlog
        if self._idle or self._loop.time() < self._retry_at:
            return 0
        if not self._trusted or not have:
            # One at first: a login that is refused ten times locks the account.
            return 1 if not have and (backlog or self._hope) else 0
        return max(0, min(self._cap, -(-backlog // FEW)) - have)

    async def _open(self) -> None:
        began = self._loop.time()
        self._hope = False
        try:
            connection = await dial(self.options, self._context)
        except SenderFault as fault:
            self.blame(fault)
        except TurnedAway as refusal:
            if self.flows:
                self._cap = len(self.flows)
            else:
                self._fail(refusal, began)
        except SenderUnavailable as outage:
            self._fail(outage, began)
        else:
            flow = Flow(connection, self, self._work, began)
            self.flows.add(flow)
            if not self._trusted:
                self._trusted = True
                self._pool.joins(self)
            flow.go()

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._dialling.discard(task)
        self._report(task)
        self._pool.reconsider()

    def _learn(self, flow: Flowing, words: str) -> None:
        """Learn from 421 how much a connection, or how many of them, the server takes."""
        if flow.accepted:
            self.per_connection = min(self.per_connection, flow.accepted)
        elif self.flows and _TOO_MANY.search(words):
            self._cap = len(self.flows)

    def _fail(self, outage: SenderUnavailable, began: float) -> None:
        """Count a connection that was of no use, and wait before the next one.

        Connections that were opened before the last one failed are part of the same failure.
        """
        if began <= self._failed_at:
            return
        self._failed_at = self._loop.time()
        self._failures += 1
        waits = self.options.reconnect_waits
        if self._failures > len(waits) and not self.flows:
            self._stop(Phase.DOWN, outage)
            self._revival = self._loop.call_later(self.options.revive_wait, self._revive)
            return
        self._trusted = bool(self.flows)
        self._retry_at = self._failed_at + waits[min(self._failures, len(waits)) - 1]
        self._loop.call_at(self._retry_at, self._pool.reconsider)

    def _revive(self) -> None:
        """Give a relay that is down one more chance, while others carry."""
        if self.phase is Phase.DOWN:
            self.phase = Phase.UP
            self._trusted = False
            self._failures = len(self.options.reconnect_waits)
            self._pool.reconsider()

    def _stop(self, phase: Phase, outage: SenderUnavailable | None) -> None:
        self.phase, self.outage = phase, outage
        self._pool.reconsider()
