"""How far a dispatch is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

import click

from pipeline.delivery.report import Progress

_EVERY_S = 5.0


class Meter:
    """Shows progress on stderr; the delivery loop calls it once a delivery."""

    def __init__(self, people: int) -> None:
        self.people = people
        self._bar: Any = None
        self._task: Any = None
        self._started = self._said = time.monotonic()

    def __enter__(self) -> Self:
        """Start showing."""
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                TextColumn,
                TimeRemainingColumn,
            )
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:.0f}/s"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[others]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self.people, rate=0.0, others="")
        return self

    def __call__(self, progress: Progress) -> None:
        """Take one settled delivery into account."""
        tally, now = progress.tally, time.monotonic()
        rate = tally.total / max(now - self._started, 1e-6)
        others = ", ".join(
            f"{count} {word}"
            for word, count in (
                ("deferred", tally.deferred),
                ("refused", tally.refused),
                ("uncertain", tally.uncertain),
            )
            if count
        )
        if self._bar:
            self._bar.update(self._task, completed=tally.total, rate=rate, others=others)
        elif now - self._said >= _EVERY_S:
            self._said = now
            left_s = (self.people - tally.total) / rate
            click.echo(
                f"{tally.total} of {self.people}, {rate:.0f}/s, about {left_s:.0f} s left"
                + (f"; {others}" if others else ""),
                err=True,
            )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state on the screen."""
        if self._bar:
            self._bar.stop()
