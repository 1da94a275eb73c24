"""A database with three lists, a clock that tests move, and the operations of consent on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, Tokens, address_hasher
from pipeline.delivery.report import Stop
from pipeline.model.audience import MailingList
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.ports import Sender, StreamingSender
from pipeline.model.retry import RetryPolicy
from pipeline.model.subscriber import (
    MAIN,
    Consent,
    ListId,
    SubscriberId,
    SubscriberState,
    SuppressionReason,
)
from pipeline.operations.ask import Ask
from pipeline.operations.bearer import Bearers
from pipeline.operations.confirm import Confirm
from pipeline.operations.disclose import Disclose
from pipeline.operations.erase import Erase
from pipeline.operations.notify import Notified, Notify
from pipeline.operations.prefer import Prefer
from pipeline.operations.unsubscribe import Unsubscribe
from pipeline.render import packaged_templates
from pipeline.render.notice import NoticeRenderer
from pipeline.senders.eml import Eml
from pipeline.storage.disclosure import Disclosure
from pipeline.storage.engine import Database, open_database
from pipeline.storage.erasure import Erasure
from pipeline.storage.lists import Lists
from pipeline.storage.notices import Notices
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers
from pipeline.storage.suppressions import Suppressions

NOW: Final = datetime(2026, 5, 1, 8, tzinfo=UTC)
ADA: Final = "Ada@example.org"
ADA_NORMALISED: Final = "ada@example.org"
NEWSLETTER: Final = Newsletter(
    name="The Quay",
    site_url="https://quay.example.org",
    sender=Mailbox(address="quay@example.org", name="The Quay"),
    postal_address="The Quay\n1 Quay Lane",
)
LISTS: Final = (
    MailingList(),
    MailingList(name="harbour", title="Harbour news", description="Ships, weekly"),
    MailingList(name="crew", title="Crew only", public=False),
)


@cache
def _empty() -> bytes:
    """Return the file of an empty database; making it takes longer than writing it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "broadsheet.db"
        database = open_database(file)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return file.read_bytes()


@dataclass
class Desk:
    """Everything a door may call, wired by hand."""

    folder: Path
    sender: Sender | StreamingSender | None = None
    now: datetime = NOW
    keys: Keys = field(default_factory=lambda: Keys((b"k" * 32,)))
    newsletter: Newsletter = NEWSLETTER
    settle: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        """Make the lists of the settings, so that later changes are those of a test."""
        _ = self.lists

    @cached_property
    def database(self) -> Database:
        """The database."""
        file = self.folder / "broadsheet.db"
        if not file.exists():
            file.write_bytes(_empty())
        return open_database(file)

    @property
    def subscribers(self) -> Subscribers:
        """The people of the main list."""
        return Subscribers(self.database, address_hasher(self.keys))

    @property
    def suppressions(self) -> Suppressions:
        """The addresses nobody writes to."""
        return Suppressions(self.database, address_hasher(self.keys))

    @property
    def notices(self) -> Notices:
        """The mails about consent."""
        return Notices(self.database)

    @cached_property
    def lists(self) -> Mapping[ListId, MailingList]:
        """The lists of the settings by number."""
        ids = Lists(self.database).ensure(each.name for each in LISTS)
        return {ids[each.name]: each for each in LISTS}

    @property
    def bearers(self) -> Bearers:
        """Who comes with a link."""
        return Bearers(
            subscribers=self.subscribers,
            tokens=Tokens(self.keys),
            lists=self.lists,
            newsletter=self.newsletter,
        )

    @property
    def ask(self) -> Ask:
        """What a form does."""
        return Ask(
            subscribers=self.subscribers,
            suppressions=self.suppressions,
            notices=self.notices,
            lists=self.lists,
            clock=self.clock,
        )

    @property
    def confirm(self) -> Confirm:
        """What a confirmation link does."""
        return Confirm(
            bearers=self.bearers,
            suppressions=self.suppressions,
            notices=self.notices,
            clock=self.clock,
        )

    @property
    def unsubscribe(self) -> Unsubscribe:
        """What an unsubscribe link does."""
        return Unsubscribe(bearers=self.bearers, notices=self.notices, clock=self.clock)

    @property
    def prefer(self) -> Prefer:
        """What a preferences link does."""
        return Prefer(bearers=self.bearers, notices=self.notices, clock=self.clock)

    @property
    def disclose(self) -> Disclose:
        """What the links to one's data do."""
        return Disclose(
            bearers=self.bearers,
            notices=self.notices,
            disclosure=Disclosure(self.database),
            clock=self.clock,
        )

    @property
    def erase(self) -> Erase:
        """What the links that erase do."""
        return Erase(
            bearers=self.bearers,
            notices=self.notices,
            erasure=Erasure(self.database, address_hasher(self.keys)),
            mails=(self.folder / "sent", self.folder / "kept"),
            settle=self.settle,
            clock=self.clock,
        )

    @property
    def notify(self) -> Notify:
        """What sends notices."""
        return Notify(
            bearers=self.bearers,
            notices=self.notices,
            renderer=NoticeRenderer((packaged_templates(),)),
            sender=self.sender or Eml(self.folder / "sent"),
            keys=self.keys,
            sign=None,
            policy=RetryPolicy(),
            lock=self.folder / "notices.lock",
        )

    def clock(self) -> datetime:
        """Return the moment that tests have come to."""
        return self.now

    def wait(self, **lapse: float) -> None:
        """Let time pass."""
        self.now += timedelta(**lapse)

    def form(self, address: str = ADA, *lists: str, **more: Any) -> None:
        """Send the subscribe form."""
        self.ask(
            address,
            **{
                "lists": lists or ("main",),
                "form": "https://quay.example.org/subscribe",
                "wording": "Send me The Quay.",
                "client": "c1",
                **more,
            },
        )

    def send_notices(self) -> Notified:
        """Let the clock tick."""
        return self.notify(lambda: Stop.NO, self.now)

    def enrol(self, address: str = ADA, list_: ListId = MAIN, **more: Any) -> SubscriberId:
        """Write down somebody who agreed."""
        new = NewSubscriber(address=address, normalised=address.lower(), **more)
        word = Consent(action="given", method="import", source="people.csv", at=self.now)
        self.subscribers.on(list_).add(new, word)
        found = self.subscribers.find(address.lower())
        assert found is not None
        return found

    def suppress(self, reason: SuppressionReason, address: str = ADA_NORMALISED) -> None:
        """Let an address be suppressed."""
        self.suppressions.add(address, reason, now=self.now)

    def token(self, action: Action, id_: SubscriberId, list_: ListId = MAIN) -> str:
        """Mint the link that a mail of now would have."""
        moment: datetime | None = None
        if action is Action.CONFIRM:
            moment = self.bearers.asked_at(id_, list_)
        elif action in {Action.DISCLOSE, Action.ERASE}:
            moment = self.notices.newest(action.name.lower(), id_)
        return Tokens(self.keys).mint(action, id_, list_, moment=moment)

    def state(self, id_: SubscriberId, list_: ListId = MAIN) -> SubscriberState | None:
        """Return where a person stands with a list."""
        found = self.subscribers.on(list_).get(id_)
        return found.state if found else None

    def pending_notices(self) -> list[tuple[str, ListId]]:
        """Return kind and list of each notice that is due."""
        return [(each.kind, each.list) for each in self.notices.due(self.now)]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything in the database, to compare."""
        with self.database.reading() as connection:
            names = connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
            ).scalars()
            return {
                name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]
                for name in list(names)
            }
