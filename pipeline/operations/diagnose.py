"""Look at a newsletter as mailbox providers, the law and a careful operator would."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import text

from pipeline.audience.secrets import LENGTH, Keys, load_secrets
from pipeline.audience.tokens import Action, Tokens, message_id
from pipeline.doctor.configuration import CONFIGURATION, Configuration
from pipeline.doctor.content import CONTENT
from pipeline.doctor.dns import DNS, Names, Published
from pipeline.doctor.lists import LISTS
from pipeline.doctor.mail import Mail
from pipeline.doctor.message import MESSAGE
from pipeline.doctor.one_click import ONE_CLICK, REACH
from pipeline.doctor.probing import Site, Walk
from pipeline.doctor.resolver import Resolver
from pipeline.doctor.rule import NotChecked, Outage, Result
from pipeline.doctor.signature import PublicKey
from pipeline.doctor.signing import SIGNING, SignedMail
from pipeline.doctor.site import PAGES
from pipeline.doctor.store import DATABASE, FILES, Contents, Files, PrivateFile
from pipeline.errors import ConfigError, NotAllowed, OutboxError, StorageError
from pipeline.model.entry import Entry, EntryId
from pipeline.model.issue import Issue, Section, Source, Story
from pipeline.model.moment import microseconds
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock
from pipeline.model.rendered import RenderedIssue
from pipeline.model.subscriber import SubscriberId
from pipeline.operations.probe import Probe
from pipeline.outbox.compose import compose
from pipeline.outbox.dkim import DkimSigner
from pipeline.outbox.dkim_key import DkimKey, dns_record, load_key
from pipeline.outbox.folder import Outbox, newest_first
from pipeline.outbox.message import Reader
from pipeline.render import Renderer
from pipeline.storage.engine import WAL_IS_SAFE_SINCE, Database, connect
from pipeline.storage.schema import HEAD

DATABASE_FILE: Final = "broadsheet.db"
SECRET_FILE: Final = "secret.key"  # noqa: S105 - a file's name
UNREAD: Final = Path("feedback", "unread")
KEPT: Final = ("*.eml", "*.json")  # mails and bodies of webhooks that nobody could read
BUSY: Final = timedelta(seconds=5)
MOST_DAMAGE: Final = 5  # lines; the first says it all

_INVENTED: Final = SubscriberId(1)
_READER: Final = "a.reader.whom.we.invented@example.net"
_STORY: Final = Story(
    title="A story of the doctor",
    tldr=("There is no entry yet, so this one stands for all to come.",),
    source=Source(anchor="An example", url="https://example.org/story"),
)
_ISSUE: Final = Issue(
    title="What an issue would look like",
    subtitle="Made by the doctor, because there is no entry in the outbox",
    sections=(Section(title="News", stories=(_STORY,)),),
)

_UNBALANCED: Final = text(
    "SELECT id FROM dispatch WHERE people IS NOT NULL"
    " AND state NOT IN ('scheduled', 'preparing') AND people !="
    " (SELECT count(*) FROM delivery WHERE dispatch_id = dispatch.id)"
    " + (SELECT count(*) FROM exclusion WHERE dispatch_id = dispatch.id)"
)
_UNCERTAIN: Final = text("SELECT count(*) FROM delivery WHERE status = 'uncertain'")


class Diagnose(Struct, frozen=True, kw_only=True):
    """Gather what the rules look at, and ask them; nothing is mailed to anybody."""

    outbox: Outbox
    newsletter: Newsletter
    renderer: Callable[[], Renderer]
    sender_kind: str
    sender_options: Mapping[str, Any]
    key_files: tuple[
        tuple[Path, str], ...
    ]  # DKIM keys with their selectors; none: the relay signs
    signing_domain: str
    envelope_domain: str  # of the address that bounces go to
    data: Path
    database: Callable[[], Database]  # made and migrated if need be: only the probe opens it so
    keys: Callable[[], Keys]
    clock: Clock

    def __call__(
        self,
        *,
        url: str | None = None,
        resolver: Resolver | None = None,
        address: str | None = None,
    ) -> Iterator[Result]:
        """Yield what becomes of every rule, family by family.

        Args:
            url: where the running site is reached; None leaves it alone.
            resolver: whom to ask about the DNS; None asks nobody.
            address: the IP address that mail leaves from.

        Raises:
            MessageError, TemplateError: no message can be composed with these settings.
        """
        dkim_keys, problem = self._dkim_keys()
        yield from CONFIGURATION.examine(self._configuration(problem))
        mail = self._mail(dkim_keys)
        for family in (MESSAGE, LISTS, CONTENT):
            yield from family.examine(mail)
        yield from SIGNING.examine(self._signed(mail, dkim_keys, problem))
        yield from FILES.examine(self._files())
        yield from DATABASE.examine(self._contents())
        yield from self._site(url)
        yield from DNS.examine(self._names(resolver, address, dkim_keys))

    def _configuration(self, problem: str) -> Configuration:
        return Configuration(
            newsletter=self.newsletter,
            sender_kind=self.sender_kind,
            sender_options=self.sender_options,
            signs=bool(self.key_files),
            key_problem=problem,
        )

    def _dkim_keys(self) -> tuple[tuple[DkimKey, ...], str]:
        """Return the keys, or why one of them cannot be used."""
        try:
            return tuple(load_key(file, selector) for file, selector in self.key_files), ""
        except ConfigError as error:
            return (), str(error)

    def _mail(self, dkim_keys: tuple[DkimKey, ...]) -> Mail:
        """Compose the newest entry for an invented reader, as `send` would for a real one."""
        now = self.clock()
        entry, rendered = self._newest() or (EntryId("sample"), self._sample())
        # Of the right shape, and good for nothing: nobody has these keys.
        keys = Keys((bytes(LENGTH),))
        tokens = Tokens(keys)
        reader = Reader(
            recipient=_READER,
            message_id=message_id(keys, entry, _INVENTED, self.newsletter.mail_domain),
            unsubscribe_token=tokens.mint(Action.UNSUBSCRIBE, _INVENTED),
            preferences_token=tokens.mint(Action.PREFERENCES, _INVENTED),
        )
        template = compose(rendered, self.newsletter, entry_id=entry)
        raw = template.fill(reader, dated_at=microseconds(now))
        if dkim_keys:
            raw = DkimSigner(dkim_keys, self.signing_domain).sign(raw)
        return Mail(
            raw=raw,
            newsletter=self.newsletter,
            reader=_READER,
            envelope_domain=self.envelope_domain,
            now=now,
        )

    def _newest(self) -> tuple[EntryId, RenderedIssue] | None:
        """Return the newest entry that is as it was left."""
        whole: list[Entry] = []
        for each in self.outbox.ids():
            try:
                whole.append(self.outbox.get(each))
            except OutboxError:  # `broadsheet check` and the index page say so
                continue
        for entry in newest_first(whole)[:1]:
            return entry.id, self.outbox.rendered(entry.id)
        return None

    def _sample(self) -> RenderedIssue:
        url = f"{self.newsletter.site_url}/issues/sample/"
        return self.renderer().render(_ISSUE, self.newsletter, web_url=url)

    def _signed(
        self, mail: Mail, dkim_keys: tuple[DkimKey, ...], problem: str
    ) -> SignedMail | NotChecked:
        if problem:
            return NotChecked("no message can be signed: see D504")
        if not dkim_keys:
            return NotChecked("[dkim] names no key: the relay has to sign")
        public = {key.selector: PublicKey(key.algorithm, key.public) for key in dkim_keys}
        return SignedMail(mail=mail, keys=public)

    def _files(self) -> Files | NotChecked:
        if not self.data.is_dir():
            return NotChecked("there is no data folder yet")
        secret, database = self.data / SECRET_FILE, self.data / DATABASE_FILE
        return Files(
            folder=str(self.data),
            mode=stat.S_IMODE(self.data.stat().st_mode),
            private=tuple(self._private_files()),
            has_database=database.exists(),
            has_secret=secret.exists(),
            secret_problem=_secret_problem(secret) if secret.exists() else "",
            database_bytes=database.stat().st_size if database.exists() else 0,
            free_bytes=shutil.disk_usage(self.data).free,
            unread=sum(1 for pattern in KEPT for _ in (self.data / UNREAD).glob(pattern)),
        )

    def _private_files(self) -> Iterator[PrivateFile]:
        now = self.clock()
        for file in sorted(self.data.iterdir()):
            found = file.lstat()
            if stat.S_ISREG(found.st_mode):
                yield PrivateFile(
                    name=file.name,
                    mode=stat.S_IMODE(found.st_mode),
                    age=now - datetime.fromtimestamp(found.st_mtime, UTC),
                    is_copy=file.match(f"{DATABASE_FILE}.*.backup"),
                )

    def _contents(self) -> Contents | NotChecked:
        """Look into the database as it is: nothing is migrated, nothing is made."""
        path = self.data / DATABASE_FILE
        if not path.exists():
            return NotChecked("there is no database yet")
        database = connect(path, busy_timeout=BUSY)
        try:
            return _contents(database)
        except StorageError as error:
            return Contents(damage=(str(error),))
        finally:
            database.close()

    def _site(self, url: str | None) -> Iterator[Result]:
        """Reach the site, then walk through it with a person made for that."""
        if url is None:
            why = NotChecked("nobody was asked; add --url")
            for family in (REACH, ONE_CLICK, PAGES):
                yield from family.examine(why)
            return
        site = Site(url.rstrip("/"))
        yield from REACH.examine(site)
        walk = self._walk(site)
        for family in (ONE_CLICK, PAGES):
            yield from family.examine(walk)

    def _walk(self, site: Site) -> Walk | NotChecked:
        try:
            site.reach()  # before anybody is written down
            probe = Probe.open(
                self.database(), self.keys(), self.newsletter.mail_domain, self.clock
            )
        except Outage:
            return NotChecked("the site does not answer: see D801")
        except NotAllowed as error:
            return NotChecked(str(error))
        try:
            probe.revive()
            return site.walk(probe)
        except (Outage, NotAllowed) as error:
            return NotChecked(str(error))
        finally:
            probe.forget()

    def _names(
        self, resolver: Resolver | None, address: str | None, dkim_keys: tuple[DkimKey, ...]
    ) -> Names | NotChecked:
        if resolver is None:
            return NotChecked("nobody was asked; add --dns")
        records = [dns_record(key, self.signing_domain) for key in dkim_keys]
        return Names(
            resolver=resolver,
            from_domain=self.newsletter.mail_domain,
            envelope_domain=self.envelope_domain,
            signing_domain=self.signing_domain if dkim_keys else "",
            records=tuple(Published(record.name, record.value) for record in records),
            address=address,
        )


def _contents(database: Database) -> Contents:
    with database.reading() as connection:
        damage = _damage(connection.exec_driver_sql)
        if damage:
            return Contents(damage=damage)
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return Contents(
            sqlite_version=sqlite3.sqlite_version,
            journal_mode=str(mode).lower(),
            wal_is_safe=sqlite3.sqlite_version_info >= WAL_IS_SAFE_SINCE,
            revision=str(revision or ""),
            newest_revision=HEAD,
            unbalanced=tuple(connection.scalars(_UNBALANCED)),
            uncertain=connection.execute(_UNCERTAIN).scalar_one(),
        )


def _damage(execute: Callable[[str], Any]) -> tuple[str, ...]:
    found = [str(row[0]) for row in execute(f"PRAGMA integrity_check({MOST_DAMAGE})")]
    if found != ["ok"]:
        return tuple(found)
    broken = execute("PRAGMA foreign_key_check").fetchall()
    return tuple(
        f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there"
        for row in broken[:MOST_DAMAGE]
    )


def _secret_problem(secret: Path) -> str:
    try:
        load_secrets(secret, create=False)
    except ConfigError as error:
        return str(error)
    return ""
