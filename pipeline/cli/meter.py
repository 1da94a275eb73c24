"""How far a dispatch is: a bar on a terminal, one JSON line a second elsewhere."""

from __future__ import annotations

import json
import resource
import sys
import time
from types import TracebackType
from typing import Any, Final, Self

import click

from pipeline.delivery.report import Progress, Tally

_EVERY_S: Final = 1.0
_RATE_OVER_S: Final = 5.0  # the rate is that of the last seconds, as a person would count


class Meter:
    """Shows progress on stderr; the delivery loop calls it some times a second."""

    def __init__(self, people: int) -> None:
        self.people = people
        self._bar: Any = None
        self._task: Any = None
        self._started = self._said = time.monotonic()
        self._cpu_before = _cpu_seconds()
        self._seen: list[tuple[float, int]] = [(self._started, 0)]
        self._tally = Tally()

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
        """Show where a run is."""
        now = time.monotonic()
        self._tally = progress.tally
        rate = self._rate(now, progress.tally.total)
        if self._bar:
            others = "  ".join([*_others(progress.tally), *progress.throttled])
            self._bar.update(self._task, completed=progress.tally.total, rate=rate, others=others)
        elif now - self._said >= _EVERY_S:
            self._said = now
            left = self.people - progress.tally.total
            _say(
                "progress",
                people=self.people,
                **_counted(progress.tally),
                on_the_wire=progress.on_the_wire,
                rate=round(rate, 1),
                eta_seconds=round(left / rate) if rate else None,
                throttled=list(progress.throttled),
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
            return
        _say(
            "done" if kind is None else "failed",
            people=self.people,
            **_counted(self._tally),
            seconds=round(time.monotonic() - self._started, 3),
            cpu_seconds=round(_cpu_seconds() - self._cpu_before, 3),
        )

    def _rate(self, now: float, total: int) -> float:
        """Return messages a second over the last seconds."""
        self._seen.append((now, total))
        while len(self._seen) > 2 and now - self._seen[1][0] > _RATE_OVER_S:
            del self._seen[0]
        since, before = self._seen[0]
        return (total - before) / max(now - since, 1e-6)


def _say(event: str, **facts: object) -> None:
    click.echo(json.dumps({"event": event, **facts}), err=True)


def _counted(tally: Tally) -> dict[str, int]:
    return {
        "accepted": tally.accepted,
        "deferred": tally.deferred,
        "refused": tally.refused,
        "uncertain": tally.uncertain,
    }


def _others(tally: Tally) -> list[str]:
    return [
        f"{count} {word}"
        for word, count in _counted(tally).items()
        if count and word != "accepted"
    ]


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
