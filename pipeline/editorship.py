"""Wiring of everything that concerns issues: reading, looking, freezing, publishing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.errors import ConfigError
from pipeline.workspace import Workspace

if TYPE_CHECKING:  # each operation brings its rooms; a command pays only for its own
    from pipeline.formats import DateOrder
    from pipeline.operations.approve import Approve
    from pipeline.operations.build import Build
    from pipeline.operations.convert import Convert
    from pipeline.operations.examine import Examine
    from pipeline.operations.follow import Follow
    from pipeline.operations.preview import Preview
    from pipeline.operations.publish import Publish
    from pipeline.operations.read import ReadIssue
    from pipeline.operations.shelf import Shelf
    from pipeline.operations.template import CheckTemplate, ListTemplates, NewTemplate


class Editorship(Workspace, frozen=True, kw_only=True):
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
        from pipeline.images.collect import Collector, Options
        from pipeline.operations.examine import Examine

        images = self.settings.images
        return Examine(
            read=self.read(format_=format_, date_order=date_order),
            collect=Collector(
                Options(travel=images.travel, column=images.width),
                root=self.root if self.has_workspace else None,
            ),
            renderer_for=self.renderer_for,
            newsletter=self.newsletter,
            rules=tuple(rule for rules in plugins.load_all("preflight") for rule in rules),
            severity=self.settings.check.severities(),
        )

    def follow(self) -> Follow:
        """Ask the network about links."""
        from pipeline.operations.follow import Follow
        from pipeline.preflight.following.door import Door

        table = self.settings.check
        return Follow(
            newsletter=self.newsletter,
            door=Door(ports=frozenset(table.link_ports)),
            severity=table.severities(),
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

    def preview(
        self, *, format_: str | None = None, date_order: DateOrder | None = None
    ) -> Preview:
        """Look at issues as the messages that would leave."""
        from pipeline.operations.preview import Preview

        try:
            sign, unsigned = self.sign, "" if self.sign else "no key is set in [dkim]"
        except ConfigError as error:  # whoever writes need not have the key of who sends
            sign, unsigned = None, str(error)
        return Preview(
            examine=self.examine(format_=format_, date_order=date_order),
            outbox=self.outbox(),
            newsletter=self.newsletter,
            sign=sign,
            unsigned=unsigned,
        )

    def shelf(self, files: Callable[[], Iterable[Path]] | None = None) -> Shelf:
        """List what there is to look at.

        Args:
            files: where issue files are; None: in the folder of the workspace.
        """
        from pipeline.operations.shelf import Shelf

        return Shelf(
            files=files or self.issue_files,
            examine=self.examine(),
            outbox=self.outbox(),
            # A look makes no database.
            dispatches=lambda: self.dispatches.all() if self.has_database else (),
            site=self.site,
        )

    def list_templates(self) -> ListTemplates:
        """List the templates an issue can be sent in."""
        from pipeline.operations.template import ListTemplates

        return ListTemplates(roots=self.template_dirs)

    def new_template(self) -> NewTemplate:
        """Start a template of one's own."""
        from pipeline.operations.template import NewTemplate

        return NewTemplate(roots=self.template_dirs)

    def check_template(self) -> CheckTemplate:
        """Look whether a template is fit to be sent."""
        from pipeline.operations.template import CheckTemplate

        return CheckTemplate(
            roots=self.template_dirs, examine=self.examine(), renderer_for=self.renderer_for
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
        from pipeline.operations.ping import Ping
        from pipeline.operations.publish import Publish
        from pipeline.publish.frame import Frame

        schedule, site = self.settings.schedule, self.settings.site
        return Publish(
            outbox=self.outbox(),
            frame=Frame(
                newsletter=self.newsletter,
                feeds=plugins.load_all("feeds"),
                hub=site.hub,
                subscribe=site.subscribe,
            ),
            site=self.site,
            catalogue=self.data / "archive.db",
            slot_time=datetime.strptime(schedule.time, "%H:%M").time(),  # noqa: DTZ007 - a wall time
            zone=self.zone,
            clock=self.clock,
            ping=Ping(hub=site.hub, file=self.data / "pings.json"),
        )
