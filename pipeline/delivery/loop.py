"""The loop that sends: journal, books and sender at work together (decisions D7 and D8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from pipeline.delivery.books import Books
from pipeline.delivery.journal import Journal, discard
from pipeline.delivery.one_by_one import carry_one_by_one
from pipeline.delivery.recovery import recover
from pipeline.delivery.report import Progress, Report, Stop
from pipeline.delivery.run import MessageFor, Run
from pipeline.delivery.throttle import Throttle
from pipeline.errors import ConfigError, SenderUnavailable
from pipeline.model.dispatch import DispatchId
from pipeline.model.ports import Clock, Ledger, Sender, StreamingSender
from pipeline.model.retry import RetryPolicy

WATCH: Final = 0.1  # seconds between two looks at `stop`

LoopKind = Literal["auto", "asyncio", "uvloop"]


class Delivery(Struct, frozen=True, kw_only=True):
    """What a run of the loop needs; the caller holds the lock of the dispatch."""

    ledger: Ledger
    sender: Sender | StreamingSender
    message_for: MessageFor
    throttle: Throttle
    remember: Callable[[Mapping[str, str]], None]  # stores what the throttle knows; in a thread
    policy: RetryPolicy
    clock: Clock
    journal: Path  # folder of this dispatch alone
    identity: bytes  # of the database, 16 bytes: no other one's journal is ever read
    sync_each: bool = False  # also a power cut must not take a START
    loop: LoopKind = "auto"
    proven: bool = False  # the way out took a message of this dispatch before


def deliver(
    dispatch: DispatchId,
    parts: Delivery,
    *,
    stop: Callable[[], Stop],
    progress: Callable[[Progress], None],
) -> Report:
    """Send what is due of a dispatch, until nothing is, or until the way out closes.

    First the journal of a run that died is read. START is in the journal before a body leaves,
    so a kill -9 makes at most one delivery for each open connection uncertain.

    Args:
        dispatch: its lock is held by the caller.
        parts: what to work with.
        stop: asked some times a second.
        progress: told some times a second.

    Returns:
        What happened. A closed way out is in it, and not an exception: the caller pauses.

    Raises:
        StorageError: journal or database cannot be written. Nothing was begun after that, and the
            journal has what the database has not.
    """
    recovered = recover(
        dispatch,
        folder=parts.journal,
        identity=parts.identity,
        ledger=parts.ledger,
        policy=parts.policy,
        now=parts.clock(),
    )
    with closing(
        Journal.open(parts.journal, dispatch, parts.identity, sync_each=parts.sync_each)
    ) as journal:
        run = Run(
            dispatch,
            ledger=parts.ledger,
            journal=journal,
            throttle=parts.throttle,
            message_for=parts.message_for,
            policy=parts.policy,
            clock=parts.clock,
        )
        with asyncio.Runner(loop_factory=_loop_factory(parts.loop)) as runner:
            ended = runner.run(_carried(run, journal, parts, stop, progress))
    if not run.unstored:
        discard(parts.journal)
    if run.failure and not isinstance(run.failure, SenderUnavailable):
        raise run.failure
    outage = ended.outage or run.failure
    return Report(
        tally=run.tally,
        recovered=recovered,
        put_back=run.put_back_count,
        paused_reason=str(outage) if outage else None,
        sender_fault=isinstance(outage, ConfigError),
        stopped=ended.stop > Stop.NO,
        resumes_at=_moment(run.resumes_at) if len(run.queue) else None,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


class _Ended(Struct, frozen=True):
    """Why the sender stopped: it was asked to, or its way out closed, or nothing was left."""

    stop: Stop
    outage: SenderUnavailable | None = None


async def _carried(
    run: Run,
    journal: Journal,
    parts: Delivery,
    stop: Callable[[], Stop],
    progress: Callable[[Progress], None],
) -> _Ended:
    """Let the sender carry, with the books kept beside it; everything is stored at the end."""
    books = Books(
        run,
        ledger=parts.ledger,
        journal=journal,
        clock=parts.clock,
        throttle=parts.throttle,
        remember=parts.remember,
    )
    keeping = asyncio.create_task(books.keep())
    carrying = asyncio.create_task(_carry(parts.sender, run))
    try:
        return await _watched(carrying, run, parts, stop, progress)
    finally:
        run.close()
        carrying.cancel()  # changes nothing if it is done
        await asyncio.wait({carrying})  # whatever it raises: the books come first
        if run.blames_us() and not parts.proven:
            run.take_blame_back()
        await books.finish(keeping)


async def _watched(
    carrying: asyncio.Task[None],
    run: Run,
    parts: Delivery,
    stop: Callable[[], Stop],
    progress: Callable[[Progress], None],
) -> _Ended:
    """Wait for the sender, and look up from time to time."""
    asked, idle = Stop.NO, False
    while True:
        asked = max(asked, stop())
        if asked >= Stop.DRAIN:
            run.close()
        # With nothing in hand nobody becomes uncertain, and a sender that is connecting or waits to
        # connect again would take its time. Twice: it may be about to say goodbye.
        was_idle, idle = idle, run.closed and not run.on_the_wire
        if asked >= Stop.NOW or (was_idle and idle):
            carrying.cancel()
        throttled = parts.throttle.describe(parts.clock().timestamp())
        progress(Progress(tally=run.tally, on_the_wire=run.on_the_wire, throttled=throttled))
        if carrying.done():
            break
        await asyncio.wait({carrying}, timeout=WATCH)
    if carrying.cancelled():
        return _Ended(asked)
    error = carrying.exception()
    if error is None or isinstance(error, SenderUnavailable):
        return _Ended(asked, error)
    raise error


async def _carry(sender: Sender | StreamingSender, run: Run) -> None:
    if isinstance(sender, StreamingSender):
        await sender.carry(run)
    else:
        await carry_one_by_one(sender, run)


def _loop_factory(kind: LoopKind) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop; None is the one of the standard library.

    Raises:
        ConfigError: uvloop is asked for and not installed.
    """
    if kind == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if kind == "auto":
            return None
        raise ConfigError(
            'delivery.loop: uvloop is not installed; run: pip install "broadsheet[fast]"'
        ) from None
    return uvloop.new_event_loop
