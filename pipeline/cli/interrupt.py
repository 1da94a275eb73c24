"""Ctrl-C and SIGTERM while messages leave: finish the one in hand, then stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

import click


class Interruption:
    """Remembers that somebody asked to stop. A second signal does not wait."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.stop = threading.Event()  # the same, for who waits
        self._before: dict[int, Any] = {}

    def asked(self) -> bool:
        """Whether somebody asked."""
        return self.signal is not None

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
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        self.stop.set()
        click.echo("stopping after the message in hand; once more to stop at once", err=True)
