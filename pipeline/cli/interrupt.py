"""Ctrl-C and SIGTERM while messages leave: first finish what is on the wire, then do not wait."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

import click

from pipeline.delivery.report import Stop

_SAID: Final = {
    Stop.DRAIN: "stopping: nothing more is begun, and what is on the wire gets its answer;"
    " once more to stop at once",
    Stop.NOW: "stopping at once: who had a message on the wire is listed as uncertain",
}


class Interruption:
    """Counts how often somebody asked to stop."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.stop = threading.Event()  # the same, for who waits
        self._asked = Stop.NO
        self._before: dict[int, Any] = {}

    def asked(self) -> Stop:
        """Say how urgently somebody wants us to end."""
        return self._asked

    @property
    def exit_code(self) -> int:
        """130 or 143 if somebody asked, else 0."""
        return 128 + self.signal if self.signal else 0

    def __enter__(self) -> Self:
        """Listen."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put back who listened before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        self.stop.set()
        if self._asked < Stop.NOW:
            self._asked = Stop(self._asked + 1)
            click.echo(_SAID[self._asked], err=True)
