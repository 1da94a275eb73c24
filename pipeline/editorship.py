"""Wiring of everything that concerns issues: reading, looking, freezing, publishing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.workspace import Workspace

if TYPE_CHECKING:  # each operation brings its rooms; a command pays only for its own
    from pipeline.formats import DateOrder
    from pipeline.operations.approve import Approve
    from pipeline.operations.build import Build
    from pipeline.operations.convert import Convert
    from pipeline.operations.examine import Examine
    from pipeline.operations.publish import Publish
    from pipeline.operations.read import ReadIssue


@dataclass(frozen=True, kw_only=True)
class Editorship(Workspace):
    """What a door may ask about issues."""

    def read(
        self, *, format_: str | None = None, date_order: DateOrder | None = None
    ) -> ReadIssue:
        """Read issue files."""
        from pipeline.operations.read import ReadIssue

        return ReadIssue(formats=self.formats, format=format_, date_order=date_order)

    def examine(
        self, *, format_: str | None = None, date_order: DateOrder | None = None
    ) -> Examine:
        """Look at issue files without writing."""
        from pipeline.operations.examine import Examine

        return Examine(
            read=self.read(format_=format_, date_order=date_order),
            renderer=self.renderer,
            newsletter=self.newsletter,
            rules=tuple(rule for rules in plugins.load_all("preflight") for rule in rules),
        )

    def build(
        self,
        *,
        out: Path | None = None,
        format_: str | None = None,
        date_order: DateOrder | None = None,
    ) -> Build:
        """Freeze issue files in an outbox."""
        from pipeline.operations.build import Build

        return Build(
            examine=self.examine(format_=format_, date_order=date_order),
            outbox=self.outbox(out),
            newsletter=self.newsletter,
        )

    def convert(
        self, *, format_: str | None = None, date_order: DateOrder | None = None
    ) -> Convert:
        """Write issues as Markdown."""
        from pipeline.operations.convert import Convert

        return Convert(read=self.read(format_=format_, date_order=date_order))

    def approve(self) -> Approve:
        """Approve entries."""
        from pipeline.operations.approve import Approve

        return Approve(outbox=self.outbox(), newsletter=self.newsletter, clock=self.clock)

    def publish(self) -> Publish:
        """Write feeds and pages."""
        from pipeline.operations.publish import Publish

        schedule = self.settings.schedule
        return Publish(
            outbox=self.outbox(),
            newsletter=self.newsletter,
            site=self.site,
            slot_time=datetime.strptime(schedule.time, "%H:%M").time(),  # noqa: DTZ007 - a wall time
            zone=self.zone,
            clock=self.clock,
            feeds=plugins.load_all("feeds"),
        )
