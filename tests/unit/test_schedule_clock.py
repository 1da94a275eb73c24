"""The clock ticks, survives a bad tick, stops when told and notices its own death."""

from __future__ import annotations

import logging
import threading

import pytest

from pipeline.schedule.clock import ClockStopped, Pulse, run_clock

LONG_S = 30.0  # far longer than any of these tests takes; waits end with an event


def test_the_clock_ticks_until_it_is_stopped() -> None:
    """The first tick comes at once, more follow, and none after the end."""
    stop = threading.Event()
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(threading.get_ident())
        if len(ticks) == 3:
            stop.set()

    run_clock(tick, every_s=0.01, stop=stop)

    count = len(ticks)
    assert count >= 3
    assert threading.get_ident() not in ticks
    assert [thread for thread in threading.enumerate() if thread.name == "APScheduler"] == []


def test_the_first_tick_does_not_wait_for_the_interval() -> None:
    """After a restart what is due is looked at immediately."""
    stop = threading.Event()

    run_clock(stop.set, every_s=LONG_S, stop=stop)

    assert stop.is_set()


def test_a_tick_that_raises_is_logged_and_the_next_one_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bad tick does not end a process that serves."""
    stop = threading.Event()
    ticks: list[None] = []

    def tick() -> None:
        ticks.append(None)
        if len(ticks) == 1:
            raise OSError("disk on fire")
        stop.set()

    with caplog.at_level(logging.ERROR, logger="pipeline.schedule.clock"):
        run_clock(tick, every_s=0.01, stop=stop)

    logged = [record for record in caplog.records if record.name == "pipeline.schedule.clock"]
    assert len(ticks) >= 2
    assert len(logged) == 1
    assert logged[0].exc_info is not None
    assert str(logged[0].exc_info[1]) == "disk on fire"


def test_ticks_never_overlap_and_the_last_one_is_finished() -> None:
    """A tick longer than the interval delays the next, and `stop` waits for it."""
    stop = threading.Event()
    several_intervals = threading.Event()
    running = threading.Lock()
    overlaps: list[None] = []
    finished: list[None] = []

    def tick() -> None:
        if not running.acquire(blocking=False):
            overlaps.append(None)
            return
        several_intervals.wait(0.05)  # never set: five intervals pass
        stop.set()
        finished.append(None)
        running.release()

    run_clock(tick, every_s=0.01, stop=stop)

    assert overlaps == []
    assert len(finished) >= 1
    assert not running.locked()


def test_a_clock_without_ticks_gives_up() -> None:
    """If no tick comes for longer than the patience, the process is told to leave."""
    ticks: list[None] = []

    with pytest.raises(ClockStopped, match="no tick for"):
        run_clock(
            lambda: ticks.append(None), every_s=LONG_S, stop=threading.Event(), patience_s=0.05
        )

    assert len(ticks) == 1


def test_a_long_tick_is_not_silence() -> None:
    """While a tick runs, however long, the clock is alive; after it the silence is counted."""
    during: list[float] = []

    def tick() -> None:
        during.append(pulse.silence_s(1e12))

    pulse = Pulse(tick, last_s=100.0)

    assert pulse.silence_s(107.0) == 7.0
    pulse()
    assert during == [0.0]
    assert pulse.silence_s(pulse.last_s + 5.0) == 5.0
