"""Wiring: settings in, operations out. The only file that names every room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline import plugins
from pipeline.errors import ConfigError
from pipeline.model.entry import EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock, Sender
from pipeline.settings import Settings

if TYPE_CHECKING:  # each operation brings its rooms; a command pays only for its own
    from pipeline.audience.secrets import Keys
    from pipeline.formats import Format
    from pipeline.operations.approve import Approve
    from pipeline.operations.build import Build
    from pipeline.operations.convert import Convert
    from pipeline.operations.examine import Examine
    from pipeline.operations.publish import Publish
    from pipeline.operations.read import ReadIssue
    from pipeline.outbox.folder import Outbox
    from pipeline.render import Renderer
    from pipeline.schedule.calendar import WeeklySlot
    from pipeline.storage.engine import Database

ISSUE_SUFFIXES = (".md", ".markdown", ".txt")


def utc_now() -> datetime:
    """Return the present moment; the one clock of the program."""
    return datetime.now(UTC)


def diagnostic_codes() -> dict[str, str]:
    """Return every stable code with its explanation, the reader's first."""
    from pipeline.formats.codes import CODES as READER_CODES
    from pipeline.preflight import CODES as PREFLIGHT_CODES

    return {**READER_CODES, **PREFLIGHT_CODES}


@dataclass(frozen=True, kw_only=True)
class App:
    """An opened workspace."""

    settings: Settings
    root: Path  # relative paths of the settings start here
    has_workspace: bool
    clock: Clock = utc_now

    @property
    def newsletter(self) -> Newsletter:
        """The publication."""
        return self.settings.newsletter.newsletter()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the newsletter."""
        return ZoneInfo(self.settings.schedule.zone)

    @property
    def slot(self) -> WeeklySlot | None:
        """The weekly slot, if there is one."""
        from pipeline.schedule.calendar import WeeklySlot

        schedule = self.settings.schedule
        if schedule.day is None:
            return None
        return WeeklySlot(day=schedule.day, time=schedule.time, zone=schedule.zone)

    @property
    def data(self) -> Path:
        """The private folder: database, keys, locks."""
        return self.root / self.settings.paths.data

    @property
    def site(self) -> Path:
        """The public folder: feeds and pages."""
        return self.root / self.settings.paths.site

    def issue_files(self) -> tuple[Path, ...]:
        """Return the issue files of the workspace by name.

        Raises:
            ConfigError: there is none.
        """
        folder = self.root / self.settings.paths.issues
        found = sorted(
            file
            for file in folder.glob("*")
            if file.suffix.lower() in ISSUE_SUFFIXES and not file.name.startswith(".")
        )
        if not found:
            raise ConfigError(f"{folder}: no issue files (.md, .txt); `broadsheet new` makes one")
        return tuple(found)

    def outbox(self, out: Path | None = None) -> Outbox:
        """Return the outbox of the workspace, or the one in folder `out`."""
        from pipeline.outbox.folder import Outbox

        return Outbox(out or self.root / self.settings.paths.outbox)

    def entry_named(self, text: str) -> EntryId:
        """Return the entry meant by its name or by the issue file it was built from."""
        from pipeline.outbox.folder import entry_id

        return entry_id(Path(text).stem if Path(text).suffix in ISSUE_SUFFIXES else text)

    @cached_property
    def formats(self) -> tuple[Format, ...]:
        """Every installed format."""
        return plugins.load_all("formats")

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer: the workspace's templates first, then the packaged ones."""
        from pipeline.render import Renderer, packaged_templates

        return Renderer(
            (self.root / self.settings.paths.templates, packaged_templates()),
            template=self.settings.newsletter.template,
        )

    @cached_property
    def database(self) -> Database:
        """The database of the workspace, made and migrated when needed."""
        from pipeline.storage.engine import open_database

        return open_database(self.data / "broadsheet.db")

    @cached_property
    def keys(self) -> Keys:
        """The keys derived from the workspace's secret."""
        from pipeline.audience.secrets import Keys, load_secret

        return Keys(load_secret(self.data / "secret.key"))

    def sender(self, kind: str | None = None) -> Sender:
        """Return the way out that the settings name, or another of the given kind.

        Raises:
            ConfigError: its options are wrong, or the password cannot be read.
        """
        table = self.settings.sender
        options = dict(table.options) if kind in {None, table.kind} else {}
        if table.password:
            options["password"] = table.password.get_secret_value()
        elif table.password_file:
            options["password"] = _secret(self.root / table.password_file)
        if "folder" in options:
            options["folder"] = str(self.root / str(options["folder"]))
        build: Callable[[dict[str, object]], Sender] = plugins.load("senders", kind or table.kind)
        return build(options)

    def read(self, *, format_: str | None = None, date_order: str | None = None) -> ReadIssue:
        """Read issue files."""
        from pipeline.operations.read import ReadIssue

        return ReadIssue(formats=self.formats, format=format_, date_order=date_order)

    def examine(self, *, format_: str | None = None, date_order: str | None = None) -> Examine:
        """Look at issue files without writing."""
        from pipeline.operations.examine import Examine

        return Examine(
            read=self.read(format_=format_, date_order=date_order),
            renderer=self.renderer,
            newsletter=self.newsletter,
        )

    def build(
        self, *, out: Path | None = None, format_: str | None = None, date_order: str | None = None
    ) -> Build:
        """Freeze issue files in an outbox."""
        from pipeline.operations.build import Build

        return Build(
            examine=self.examine(format_=format_, date_order=date_order),
            outbox=self.outbox(out),
            newsletter=self.newsletter,
        )

    def convert(self, *, format_: str | None = None, date_order: str | None = None) -> Convert:
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
        )


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"sender.password_file: {file}: {error.strerror}") from error
