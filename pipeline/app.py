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
    from pipeline.formats import DateOrder, Format
    from pipeline.operations.approve import Approve
    from pipeline.operations.build import Build
    from pipeline.operations.control import Control
    from pipeline.operations.convert import Convert
    from pipeline.operations.deliver import Deliver
    from pipeline.operations.demo import Demo
    from pipeline.operations.examine import Examine
    from pipeline.operations.import_subscribers import ImportSubscribers
    from pipeline.operations.publish import Publish
    from pipeline.operations.read import ReadIssue
    from pipeline.operations.resolve import ResolveUncertain
    from pipeline.operations.schedule import Schedule
    from pipeline.operations.send import Send
    from pipeline.operations.send_test import SendTest
    from pipeline.operations.subscribe import Subscribe
    from pipeline.operations.tick import Tick
    from pipeline.operations.unsubscribe import Unsubscribe
    from pipeline.outbox.folder import Outbox
    from pipeline.render import Renderer
    from pipeline.schedule.calendar import WeeklySlot
    from pipeline.storage.dispatches import Dispatches
    from pipeline.storage.engine import Database
    from pipeline.storage.ledger import SqlLedger
    from pipeline.storage.subscribers import Subscribers
    from pipeline.storage.suppressions import Suppressions

ISSUE_SUFFIXES = (".md", ".markdown", ".txt")
_PATH_OPTIONS = {"folder", "ca_file"}  # options of senders that are relative to newsletter.toml


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

        _ = self.keys  # made before the database, and never again after it
        return open_database(self._database_file)

    @cached_property
    def keys(self) -> Keys:
        """The keys derived from the workspace's secret."""
        from pipeline.audience.secrets import Keys, load_secret

        # A new secret beside an old database would forget every suppression and break every link.
        create = not self._database_file.exists()
        return Keys(load_secret(self.data / "secret.key", create=create))

    @property
    def _database_file(self) -> Path:
        return self.data / "broadsheet.db"

    @property
    def dispatches(self) -> Dispatches:
        """The dispatch rows."""
        from pipeline.storage.dispatches import Dispatches

        return Dispatches(self.database)

    @property
    def ledger(self) -> SqlLedger:
        """The delivery rows."""
        from pipeline.storage.ledger import SqlLedger

        return SqlLedger(self.database)

    @property
    def subscribers(self) -> Subscribers:
        """The people."""
        from pipeline.audience.tokens import address_hasher
        from pipeline.storage.subscribers import Subscribers

        return Subscribers(self.database, address_hasher(self.keys))

    @property
    def suppressions(self) -> Suppressions:
        """The addresses nobody writes to."""
        from pipeline.audience.tokens import address_hasher
        from pipeline.storage.suppressions import Suppressions

        return Suppressions(self.database, address_hasher(self.keys))

    def sender(self, kind: str | None = None) -> Sender:
        """Return the way out that the settings name, or another of the given kind.

        Raises:
            ConfigError: its options are wrong, or the password cannot be read.
        """
        table = self.settings.sender
        options: dict[str, object] = {}
        if kind in {None, table.kind}:
            options |= table.options
            if table.password:
                options["password"] = table.password.get_secret_value()
            elif table.password_file:
                options["password"] = _secret(self.root / table.password_file)
        if (kind or table.kind) == "eml":
            options.setdefault("folder", f"{self.settings.paths.data}/sent")
        for name in _PATH_OPTIONS & options.keys():
            options[name] = str(self.root / str(options[name]))
        build: Callable[[dict[str, object]], Sender] = plugins.load("senders", kind or table.kind)
        return build(options)

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
        )

    def subscribe(self) -> Subscribe:
        """Change one subscriber."""
        from pipeline.operations.subscribe import Subscribe

        return Subscribe(
            subscribers=self.subscribers, suppressions=self.suppressions, clock=self.clock
        )

    def import_subscribers(self) -> ImportSubscribers:
        """Bring in people from a file."""
        from pipeline.operations.import_subscribers import ImportSubscribers

        return ImportSubscribers(
            subscribers=self.subscribers, suppressions=self.suppressions, clock=self.clock
        )

    def unsubscribe(self) -> Unsubscribe:
        """Act on unsubscribe links."""
        from pipeline.audience.tokens import Tokens
        from pipeline.operations.unsubscribe import Unsubscribe

        return Unsubscribe(
            subscribers=self.subscribers, tokens=Tokens(self.keys), clock=self.clock
        )

    def schedule(self) -> Schedule:
        """Make dispatches."""
        from pipeline.operations.schedule import Schedule

        return Schedule(outbox=self.outbox(), dispatches=self.dispatches, clock=self.clock)

    def deliver(self, sender: Sender | None = None) -> Deliver:
        """Work on dispatches, with the way out of the settings or another."""
        from pipeline.model.delivery import RetryPolicy
        from pipeline.operations.deliver import Deliver

        return Deliver(
            outbox=self.outbox(),
            dispatches=self.dispatches,
            ledger=self.ledger,
            sender=sender or self.sender(),
            newsletter=self.newsletter,
            keys=self.keys,
            locks=self.data / "locks",
            policy=RetryPolicy(),
            clock=self.clock,
        )

    def send(self, sender: Sender | None = None) -> Send:
        """Send an entry now, with the way out of the settings or another."""
        from pipeline.operations.send import Send

        return Send(
            schedule=self.schedule(),
            deliver=self.deliver(sender),
            subscribers=self.subscribers,
            suppressions=self.suppressions,
        )

    def send_test(self, kind: str | None = None) -> SendTest:
        """Send one message to one address."""
        from pipeline.operations.send_test import SendTest

        return SendTest(
            outbox=self.outbox(),
            sender=self.sender(kind),
            newsletter=self.newsletter,
            clock=self.clock,
        )

    def control(self) -> Control:
        """Pause, resume and cancel dispatches."""
        from pipeline.operations.control import Control

        return Control(dispatches=self.dispatches, clock=self.clock)

    def resolve_uncertain(self) -> ResolveUncertain:
        """Decide about uncertain deliveries."""
        from pipeline.operations.resolve import ResolveUncertain

        return ResolveUncertain(dispatches=self.dispatches, ledger=self.ledger, clock=self.clock)

    def tick(self) -> Tick:
        """Do what is due."""
        from pipeline.operations.tick import Tick
        from pipeline.storage.slots import Slots

        return Tick(
            outbox=self.outbox(),
            dispatches=self.dispatches,
            slots=Slots(self.database),
            schedule=self.schedule(),
            deliver=self.deliver(),
            slot=self.slot,
            catch_up=self.settings.schedule.catch_up,
            clock=self.clock,
        )

    def demo(self, *, say: Callable[[str], None]) -> Demo:
        """Walk the whole way in this workspace."""
        from pipeline.operations.demo import Demo

        return Demo(
            build=self.build(),
            approve=self.approve(),
            publish=self.publish(),
            import_subscribers=self.import_subscribers(),
            send_to=lambda host, port: self.send(
                plugins.load("senders", "smtp")({"host": host, "port": port})
            ),
            unsubscribe=self.unsubscribe(),
            say=say,
        )


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"sender.password_file: {file}: {error.strerror}") from error
