"""Keeps the books of a run: outcomes go into the database, claims come out of it, in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from pipeline.delivery.journal import Journal
from pipeline.delivery.run import BATCH, Run, set_or_late
from pipeline.delivery.throttle import Throttle
from pipeline.errors import StorageBusy, StorageError
from pipeline.model.delivery import DeliveryId, DeliveryStatus
from pipeline.model.ports import Clock, Ledger

PAGE: Final = 2000  # claims a read
BEAT: Final = 0.5  # seconds between two commits, unless BATCH outcomes or an idle sender wait
SYNC: Final = 0.1  # seconds; what a power cut may take from the journal
REMEMBER: Final = 5.0  # seconds

T = TypeVar("T")


class Books:
    """The slow half of a run, in a thread of its own beside the event loop.

    One thread both stores and reads: SQLite lets one at a time, and nobody waits for himself.
    """

    def __init__(
        self,
        run: Run,
        *,
        ledger: Ledger,
        journal: Journal,
        clock: Clock,
        throttle: Throttle,
        remember: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._run = run
        self._throttle = throttle
        self._remember = remember
        self._remembered_at = self._stored_at = 0.0  # of the event loop
        self._ledger = ledger
        self._journal = journal
        self._clock = clock
        self._cursor = DeliveryId(0)
        self._dry = False  # the last page held nothing new, and was the last
        self._fruitful = True  # it held something new
        self._finished = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def keep(self) -> None:
        """Store and read until `finish`."""
        syncing = asyncio.create_task(self._sync())
        try:
            while not self._finished.is_set():
                try:
                    await self._keep_once()
                except StorageBusy:  # as in an import: the journal has it all until then
                    await set_or_late(self._finished, BEAT)
        except Exception as error:  # noqa: BLE001 - nobody else looks at this task before its end
            self._run.fail(error)
        await syncing

    async def _keep_once(self) -> None:
        if self._should_store():
            await self.store()
            await self._remember_now_and_then()
        if not self._wants_more():
            await self._run.business(BEAT)
            return
        await self.load()
        if self._run.queue.busy and not self._fruitful:
            await self._run.business(BEAT)

    async def finish(self, keeping: asyncio.Task[None]) -> None:
        """Store what is left, once nothing is in hand any more; the run has the error if it fails.

        Nothing is cancelled on the way: a thread that stores cannot be.
        """
        self._finished.set()
        self._run.tell()
        await keeping
        try:
            if self._run.unstored:
                await self.store()
            await self._remember_throttle()
        except Exception as error:  # noqa: BLE001 - the run has it, and ends
            self._run.fail(error)
        self._thread.shutdown()

    async def _remember_now_and_then(self) -> None:
        """Keep what the throttle counts, so that a crash does not forget today's quota."""
        now = asyncio.get_running_loop().time()
        if now - self._remembered_at >= REMEMBER:
            self._remembered_at = now
            await self._remember_throttle()

    async def _remember_throttle(self) -> None:
        state = self._throttle.remembered()  # here: it changes with every message
        await self._in_thread(lambda: self._remember(state))

    async def _sync(self) -> None:
        """Make the journal survive a power cut, some times a second."""
        loop = asyncio.get_running_loop()
        while not await set_or_late(self._finished, SYNC):
            try:
                await loop.run_in_executor(None, self._journal.sync)
            except StorageError as error:
                self._run.fail(error)
                return

    async def store(self) -> None:
        """Store every outcome so far, in the order of the journal.

        Raises:
            StorageError: nothing of it is stored; the journal has it.
        """
        self._stored_at = asyncio.get_running_loop().time()
        batch = self._run.unstored
        self._run.unstored = []
        try:
            await self._in_thread(lambda: self._ledger.settle(self._run.dispatch, batch))
        except BaseException:
            self._run.unstored = batch + self._run.unstored
            raise
        self._journal.forget(len(batch))
        self._run.queue.stored(
            settled.delivery
            for settled in batch
            if settled.status is not DeliveryStatus.PENDING  # that one waits here, or is in hand
        )
        self._dry = False
        self._run.tell()

    async def load(self) -> None:
        """Read the next claims.

        Nothing new while nobody is in hand means that all is done; the pages start over until
        then, because somebody may have been put back or become due again.
        """
        run, after, now = self._run, self._cursor, self._clock()
        nobody_busy = not run.queue.busy
        seen = self._ledger.version()
        # Deferred ones come without a cursor: those known here must not fill every page.
        limit = PAGE if self._fruitful else PAGE + len(run.queue.busy)
        claims = await self._in_thread(
            lambda: self._ledger.due(run.dispatch, now=now, after=after, limit=limit)
        )
        new = run.queue.add(claims)
        run.doubt(seen)
        self._fruitful = new > 0
        is_last = len(claims) < limit
        self._cursor = DeliveryId(0) if is_last else max(claim.delivery for claim in claims)
        self._dry = not new and is_last
        run.complete = self._dry and nobody_busy and after == 0
        run.all_known = self._dry or run.queue.is_crowded
        run.tell()

    def _should_store(self) -> bool:
        """Tell whether a commit pays: it costs the disk the same for one outcome or a thousand."""
        run = self._run
        if not run.unstored:
            return False
        late = asyncio.get_running_loop().time() - self._stored_at >= BEAT
        return late or len(run.unstored) >= BATCH or not (run.on_the_wire or run.backlog)

    def _wants_more(self) -> bool:
        run = self._run
        if run.closed or run.complete:
            return False
        if self._dry:  # everybody is known here; one more round once nobody is busy
            return not run.queue.busy
        return run.queue.is_low

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
