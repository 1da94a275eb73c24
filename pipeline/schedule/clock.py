"""The clock of `serve`: APScheduler in memory, one tick, nothing stored (decision D6).

What is due is a question for the database, never for the scheduler's memory: a restart is free.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pipeline.errors import BroadsheetError

INTERVALS: Final = 3  # a tick this many intervals late means that the scheduler is dead
SHORTEST_PATIENCE_S: Final = 5.0  # a busy machine may keep a healthy thread waiting this long

_log = logging.getLogger(__name__)


class ClockStopped(BroadsheetError):
    """No tick came for too long; leave, and let the supervisor start the process anew."""


def run_clock(
    tick: Callable[[], None],
    *,
    every_s: float,
    stop: threading.Event,
    patience_s: float | None = None,
) -> None:
    """Call `tick` now and then every `every_s` seconds, until `stop` is set.

    Ticks never overlap: one that takes longer than the interval delays the next. A tick that
    raises is logged and the next one runs. A tick in progress is finished before this returns.

    Args:
        tick: runs in a thread of its own.
        every_s: more than 0.
        stop: set it from a signal handler or from `tick`.
        patience_s: how long no tick may begin or run; three intervals, but at least 5 seconds.

    Raises:
        ClockStopped: APScheduler's thread died, or waits because the wall clock was set back
            (both measured with 3.11.3). `tick` is not running and will not run.
    """
    pulse = Pulse(tick, last_s=time.monotonic())
    patience = patience_s or max(INTERVALS * every_s, SHORTEST_PATIENCE_S)
    scheduler = _scheduler(pulse, every_s)
    scheduler.start()
    try:
        while not stop.wait(min(every_s, patience)):
            if pulse.silence_s(time.monotonic()) > patience:
                raise ClockStopped(f"no tick for {patience:g} s: the scheduler stopped")
    finally:
        scheduler.shutdown(wait=True)


@dataclass(slots=True)
class Pulse:
    """Runs ticks and remembers when the last one ended."""

    tick: Callable[[], None]
    last_s: float  # time.monotonic() of the last end, at first of the start
    running: bool = False

    def __call__(self) -> None:
        """Run one tick; whatever it raises is logged."""
        self.running = True
        try:
            self.tick()
        except Exception:  # noqa: BLE001 - one bad tick must not stop the clock
            _log.exception("a tick failed; the next one runs as planned")
        finally:
            self.last_s = time.monotonic()
            self.running = False

    def silence_s(self, now_s: float) -> float:
        """Return the seconds since a tick last ran; 0 while one runs."""
        return 0.0 if self.running else now_s - self.last_s


def _scheduler(pulse: Pulse, every_s: float) -> Any:
    # Only a process that serves pays for APScheduler.
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.memory import MemoryJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(
        timezone=UTC,
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(max_workers=1)},
        # The default grace of one second would drop a tick on a busy machine.
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(
        pulse, "interval", seconds=every_s, id="tick", next_run_time=datetime.now(UTC)
    )
    return scheduler
