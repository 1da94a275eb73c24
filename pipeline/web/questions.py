"""Questions of the subscribe form on their way to the database, beside the answer to the form."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, NamedTuple

from anyio import CapacityLimiter, to_thread

from pipeline.errors import StorageError

MOST: Final = 5000  # that wait; some megabytes
TOGETHER: Final = 50  # in one commit, which takes a tenth of a second
RETRY_S: Final = 1.0
GIVE_UP_S: Final = 3600.0
CLOSE_WITHIN_S: Final = 2.0

_log = logging.getLogger("broadsheet")


class _Question(NamedTuple):
    """What is to be asked, and how long it is worth trying."""

    ask: Callable[[], None]
    until_s: float  # of the monotonic clock


@dataclass(frozen=True, slots=True)
class Questions:
    """What forms asked, in memory, asked by one thread as soon as the database has time.

    A form is answered before anybody is looked up: neither a status nor a time of an answer can
    tell who is known. To be used on the event loop only.
    """

    together: Callable[[], AbstractContextManager[None]]  # makes what is asked inside one commit
    # Without an end of its own: what is tried again always has its place back.
    _waiting: asyncio.Queue[_Question] = field(default_factory=asyncio.Queue, repr=False)
    _thread: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1), repr=False)

    @property
    def full(self) -> bool:
        """Whether no more may be put; until the next await, what this says stays so."""
        return self._waiting.qsize() >= MOST

    def put(self, ask: Callable[[], None]) -> None:
        """Let something be asked in a while; without limit, so look whether it is `full` first."""
        self._waiting.put_nowait(_Question(ask, monotonic() + GIVE_UP_S))

    async def carry_out(self) -> None:
        """Ask, several in one commit where several wait, until cancelled."""
        while True:
            asking = [await self._waiting.get()]
            while len(asking) < TOGETHER and not self._waiting.empty():
                asking.append(self._waiting.get_nowait())
            again = await to_thread.run_sync(self._ask, asking, limiter=self._thread)
            for (
                question
            ) in again:  # behind the others: it may be the only one that cannot be asked
                self._waiting.put_nowait(question)
            for _ in asking:
                self._waiting.task_done()
            if again:
                await asyncio.sleep(RETRY_S)

    async def asked(self) -> None:
        """Wait until nothing waits."""
        await self._waiting.join()

    async def close(self) -> None:
        """Give what still waits a moment; what is left then is lost, and the log says how many."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.asked(), CLOSE_WITHIN_S)
        if lost := self._waiting.qsize():
            _log.warning("subscribe: %d forms are lost; the database had no time for them", lost)

    def _ask(self, asking: Sequence[_Question]) -> list[_Question]:
        """Ask in one commit; return those for which the database has no time, worth another try."""
        try:
            with self.together():
                return [question for question in asking if not _done(question)]
        except StorageError as error:  # none of them was written
            return [question for question in asking if _waits(question, error)]


def _done(question: _Question) -> bool:
    """Ask; False: the database has no time, and it is worth another try."""
    try:
        question.ask()
    except StorageError as error:
        return not _waits(question, error)
    except Exception as error:  # noqa: BLE001 - one must not silence all others
        # By its kind alone: its words may hold the address.
        _log.warning("subscribe: a form is lost: %s", type(error).__name__)
    return True


def _waits(question: _Question, error: StorageError) -> bool:
    """Tell whether a question is worth another try."""
    if monotonic() < question.until_s:
        _log.warning("subscribe: a form waits: %s", error)
        return True
    _log.warning("subscribe: a form is lost after an hour: %s", error)
    return False
