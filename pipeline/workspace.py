"""What an opened workspace has: its newsletter, its folders, its database, its way out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

from pipeline import plugins
from pipeline.errors import ConfigError
from pipeline.model.entry import EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock, Sender, StreamingSender
from pipeline.settings import Settings

if TYPE_CHECKING:  # each brings its room; a command pays only for what it uses
    from pipeline.audience.secrets import Keys
    from pipeline.formats import Format
    from pipeline.operations.recover import Recover
    from pipeline.outbox.folder import Outbox
    from pipeline.render import Renderer
    from pipeline.render.notice import NoticeRenderer
    from pipeline.schedule.calendar import WeeklySlot
    from pipeline.storage.dispatches import Dispatches
    from pipeline.storage.engine import Database
    from pipeline.storage.ledger import SqlLedger
    from pipeline.storage.slots import Slots
    from pipeline.storage.subscribers import Subscribers
    from pipeline.storage.suppressions import Suppressions
    from pipeline.storage.throttles import Throttles

ISSUE_SUFFIXES = (".md", ".markdown", ".txt")
_PATH_OPTIONS = {"folder", "ca_file"}  # options of senders that are relative to newsletter.toml


def utc_now() -> datetime:
    """Return the present moment; the one clock of the program."""
    return datetime.now(UTC)


class Workspace(Struct, frozen=True, kw_only=True, dict=True):
    """A folder with a newsletter in it; each part is opened when it is first asked for."""

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
    def words(self) -> Path:
        """The folder of unsubscriptions that wait for the database."""
        return self.data / "words"

    @property
    def site(self) -> Path:
        """The public folder: feeds and pages."""
        return self.root / self.settings.paths.site

    def issue_files(self) -> tuple[Path, ...]:
        """Return the issue files of the workspace by name, from the current folder if they can be.

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
        here = Path.cwd()
        return tuple(
            file.relative_to(here) if file.is_relative_to(here) else file for file in found
        )

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

    @property
    def template_dirs(self) -> tuple[Path, Path]:
        """Where templates are: the workspace's first, then the packaged ones."""
        from pipeline.render import packaged_templates

        return (self.root / self.settings.paths.templates, packaged_templates())

    @property
    def renderer(self) -> Renderer:
        """The renderer of the newsletter's template."""
        return self.renderer_for(None)

    @property
    def notice_renderer(self) -> NoticeRenderer:
        """What makes mails about consent, in the look of the newsletter's template."""
        from pipeline.render.notice import NoticeRenderer

        table = self.settings.newsletter
        return NoticeRenderer(self.template_dirs, table.template, inliner=table.inliner)

    def renderer_for(self, template: str | None) -> Renderer:
        """Return the renderer of a template; None: of the newsletter's. Each is made once.

        Raises:
            ConfigError: no template has that name; the message lists those there are.
        """
        from pipeline.render import Renderer

        name = template or self.settings.newsletter.template
        if name not in self._renderers:
            inliner = self.settings.newsletter.inliner
            self._renderers[name] = Renderer(self.template_dirs, name, inliner=inliner)
        return self._renderers[name]

    @cached_property
    def _renderers(self) -> dict[str, Renderer]:
        return {}

    @cached_property
    def database(self) -> Database:
        """The database of the workspace, made and migrated when needed."""
        from pipeline.storage.engine import open_database

        _ = self.keys  # made before the database, and never again after it
        return open_database(self._database_file)

    @cached_property
    def keys(self) -> Keys:
        """The keys derived from the workspace's secret."""
        from pipeline.audience.secrets import Keys, load_secrets

        # A new secret beside an old database would forget every suppression and break every link.
        create = not self._database_file.exists()
        file = self.data / "secret.key"
        return Keys(load_secrets(file, create=create), file)

    @property
    def has_database(self) -> bool:
        """Whether anything was ever stored."""
        return self._database_file.exists()

    @property
    def _database_file(self) -> Path:
        return self.data / "broadsheet.db"

    @property
    def dispatches(self) -> Dispatches:
        """The dispatch rows."""
        from pipeline.storage.dispatches import Dispatches

        return Dispatches(self.database)

    @property
    def slots(self) -> Slots:
        """The turns of the weekly slot that were decided."""
        from pipeline.storage.slots import Slots

        return Slots(self.database)

    @property
    def ledger(self) -> SqlLedger:
        """The delivery rows."""
        from pipeline.audience.tokens import Tokens
        from pipeline.operations.keep_word import whose_words
        from pipeline.storage.ledger import SqlLedger

        tokens = Tokens(self.keys)
        return SqlLedger(self.database, gone=lambda: whose_words(self.words, tokens))

    @property
    def throttles(self) -> Throttles:
        """What was learned about relays."""
        from pipeline.storage.throttles import Throttles

        return Throttles(self.database)

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

    def recover(self) -> Recover:
        """Read the journals of senders that died."""
        from pipeline.operations.recover import Recover

        return Recover(
            ledger=self.ledger,
            locks=self.data / "locks",
            journals=self.data / "journal",
            policy=self.settings.delivery.policy(),
            clock=self.clock,
        )

    @cached_property
    def sign(self) -> Callable[[bytes], bytes] | None:
        """What puts our signatures before a message; None: the relay signs.

        Raises:
            ConfigError: a key is missing, unsafe or too weak.
        """
        table = self.settings.dkim
        if table.key_file is None:
            return None
        from pipeline.outbox.dkim import DkimSigner
        from pipeline.outbox.dkim_key import load_key

        keys = [load_key(self.root / table.key_file, table.selector)]
        if table.second_key_file and table.second_selector:
            keys.append(load_key(self.root / table.second_key_file, table.second_selector))
        return DkimSigner(keys, table.domain or self.newsletter.mail_domain).sign

    def sender(self, kind: str | None = None) -> Sender | StreamingSender:
        """Return the way out that the settings name, or another of the given kind.

        Raises:
            ConfigError: its options are wrong, or the password cannot be read.
        """
        table = self.settings.sender
        options: dict[str, object] = {}
        if kind in {None, table.kind}:
            options |= table.options
            if table.password:
                options["password"] = table.password.reveal()
            elif table.password_file:
                file = self.root / table.password_file
                options["password"] = read_secret(file, "sender.password_file")
        if (kind or table.kind) == "eml":
            options.setdefault("folder", f"{self.settings.paths.data}/sent")
        for name in _PATH_OPTIONS & options.keys():
            options[name] = str(self.root / str(options[name]))
        build: Callable[[dict[str, object]], Sender | StreamingSender] = plugins.load(
            "senders", kind or table.kind
        )
        return build(options)


def read_secret(file: Path, setting: str) -> str:
    """Return what a file holds, without its line end.

    Raises:
        ConfigError: it cannot be read; the setting that names it is told.
    """
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"{setting}: {file}: {reason}") from error
