"""The tables of newsletter.toml; docs/settings.md is written from these fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from pipeline.model.delivery import RetryPolicy
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.settings.check import CheckTable
from pipeline.settings.readers import (
    ConsentTable,
    FeedbackTable,
    ListTable,
    SegmentsTable,
    WebhookTable,
    WebTable,
)
from pipeline.settings.values import Address, Duration, Name, Rate, Table

MOST_RESENDS: Final = 3


class NewsletterTable(Table):
    """[newsletter]: the publication itself."""

    name: str = Field("Newsletter", min_length=1, description="Name in the masthead and in From")
    tagline: str = Field("", description="One line under the name")
    site_url: str = Field(
        "https://news.example.org",
        description="Public address of feeds, pages and unsubscribe links",
    )
    sender: Address = Field(
        Mailbox(address="newsletter@news.example.org", name="Newsletter"),
        alias="from",
        description="From: a name and an address",
    )
    reply_to: Address | None = Field(None, description="Where replies go, if not to From")
    postal_address: str = Field(
        "", description="Required by law in the footer; nothing is approved without it"
    )
    language: str = Field("en", description="BCP 47 tag, such as en, de or pl")
    since: int = Field(2026, ge=1990, le=2200, description="Year the feed ids are minted in")
    template: str = Field(
        "digest", description="Theme of issues: digest, briefing, essay, or a folder of your own"
    )
    inliner: Literal["premailer", "css-inline"] = Field(
        "premailer", description="What writes style attributes; css-inline is an extra, and faster"
    )
    unsubscribe_mailbox: Address | None = Field(
        None, description="Mailbox for the mailto form of List-Unsubscribe"
    )

    @field_validator("site_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError('an absolute address, such as "https://news.example.org"')
        return value.rstrip("/")

    def newsletter(self) -> Newsletter:
        """Return the value that the rooms know."""
        sender = self.sender
        if not sender.name:
            sender = Mailbox(address=sender.address, name=self.name)
        return Newsletter(
            name=self.name,
            tagline=self.tagline,
            site_url=self.site_url,
            sender=sender,
            reply_to=self.reply_to,
            postal_address=self.postal_address.strip(),
            language=self.language,
            since=self.since,
            unsubscribe_mailbox=(
                self.unsubscribe_mailbox.address if self.unsubscribe_mailbox else None
            ),
        )


class ScheduleTable(Table):
    """[schedule]: the weekly slot. Without `day` nothing is sent by itself."""

    day: (
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        | None
    ) = Field(None, description="Weekday of the slot; without it nothing is sent by itself")
    time: str = Field(
        "09:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time of the slot"
    )
    zone: str = Field("UTC", description="Time zone, such as Europe/London")
    catch_up: Duration = Field(
        timedelta(hours=24), description="How late a slot may still be sent by itself"
    )

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError('a time zone such as "Europe/London" or "UTC"') from None
        return value


class SenderTable(BaseModel):
    """[sender]: the way out. What stands beside `kind` belongs to that sender."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = Field("eml", description="smtp, eml, console, or a plug-in")
    password: SecretStr | None = Field(
        None, description="Only from BROADSHEET_SENDER__PASSWORD, never from the file"
    )
    password_file: str | None = Field(None, description="File that holds the password alone")

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.password and self.password_file:
            raise ValueError("give the password once: in the environment or in password_file")
        return self

    @property
    def options(self) -> Mapping[str, Any]:
        """What the sender's own `build` is given, the password apart."""
        return MappingProxyType(dict(self.model_extra or {}))


class DeliveryTable(Table):
    """[delivery]: how messages leave, whichever way out they take."""

    uncertain: Literal["hold", "resend"] = Field(
        "hold",
        description="A message nobody answered waits for a person, or is sent again by itself,"
        " at most three times, under the same Message-ID",
    )
    retry_after: tuple[Duration, ...] = Field(
        RetryPolicy().waits,
        description="Waits before the second attempt, the third, ...; the last one repeats",
    )
    give_up_after: Duration = Field(
        RetryPolicy().give_up_after, description="Since the first attempt"
    )
    domains: Mapping[str, Rate] = Field(
        {},
        description='Rates for recipients\' domains, such as { "example.net" = "20/s" };'
        ' "*" is each other domain',
    )
    sync: Literal["often", "each"] = Field(
        "often",
        description="When the journal is forced to the disk: ten times a second, or before each"
        " message; it matters when the power fails, not when the program does",
    )
    loop: Literal["auto", "asyncio", "uvloop"] = Field(
        "auto", description="Event loop; auto takes uvloop if it is installed"
    )

    def policy(self) -> RetryPolicy:
        """Return the value that the rooms know."""
        return RetryPolicy(
            waits=self.retry_after,
            give_up_after=self.give_up_after,
            resends=MOST_RESENDS if self.uncertain == "resend" else 0,
        )


class DkimTable(Table):
    """[dkim]: signatures of our own; without `key_file` the relay has to sign."""

    key_file: str | None = Field(
        None, description="RSA key in PEM, readable by its owner alone; `broadsheet dkim keygen`"
    )
    selector: str = Field("broadsheet", description="Name of the key in the DNS")
    domain: str | None = Field(None, description="Signing domain, if not that of From")
    second_key_file: str | None = Field(None, description="Ed25519 key for a second signature")
    second_selector: str | None = Field(None, description="Its name in the DNS")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.second_key_file and not self.key_file:
            raise ValueError("a second key needs a first one: many receivers know only RSA")
        if bool(self.second_key_file) != bool(self.second_selector):
            raise ValueError("second_key_file and second_selector belong together")
        return self


class ImagesTable(Table):
    """[images]: pictures that lie beside an issue."""

    travel: Literal["archive", "attach"] = Field(
        "archive",
        alias="as",
        description="Mails link them from the site, or carry them; pages always have them",
    )
    width: int = Field(
        600, ge=200, le=1200, description="Widest one is shown, px; its file keeps twice that"
    )


class SiteTable(Table):
    """[site]: the archive that `broadsheet feeds` writes."""

    hub: str | None = Field(
        None, description="WebSub hub that is told of new issues, such as https://hub.example.org"
    )
    subscribe: bool = Field(
        False,
        description="A form on every page, for a site whose /subscribe is `broadsheet serve`",
    )

    @field_validator("hub")
    @classmethod
    def _secure(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value and not (
            (parts.scheme == "https" and parts.hostname)
            or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"})
        ):
            raise ValueError('an address with https, such as "https://hub.example.org/"')
        return value


class PathsTable(Table):
    """[paths]: where things are, relative to newsletter.toml."""

    issues: str = Field("issues", description="Issue files")
    templates: str = Field("templates/email", description="Templates of your own")
    outbox: str = Field("outbox", description="Frozen entries")
    site: str = Field("site", description="Feeds and pages")
    data: str = Field("data", description="Database, keys and locks: private, not for git")


class Settings(Table):
    """Everything that can be set."""

    newsletter: NewsletterTable = NewsletterTable.model_validate({})
    schedule: ScheduleTable = ScheduleTable.model_validate({})
    sender: SenderTable = SenderTable.model_validate({})
    delivery: DeliveryTable = DeliveryTable.model_validate({})
    dkim: DkimTable = DkimTable.model_validate({})
    lists: Mapping[Name, ListTable] = {}
    segments: Mapping[Name, str] = {}
    consent: ConsentTable = ConsentTable.model_validate({})
    web: WebTable = WebTable.model_validate({})
    feedback: FeedbackTable = FeedbackTable.model_validate({})
    images: ImagesTable = ImagesTable.model_validate({})
    site: SiteTable = SiteTable.model_validate({})
    check: CheckTable = CheckTable.model_validate({})
    paths: PathsTable = PathsTable.model_validate({})


SETTINGS_TABLES: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        "newsletter": NewsletterTable,
        "schedule": ScheduleTable,
        "sender": SenderTable,
        "delivery": DeliveryTable,
        "dkim": DkimTable,
        "lists.NAME": ListTable,
        "segments": SegmentsTable,
        "consent": ConsentTable,
        "web": WebTable,
        "feedback": FeedbackTable,
        "feedback.webhooks.NAME": WebhookTable,
        "images": ImagesTable,
        "site": SiteTable,
        "check": CheckTable,
        "paths": PathsTable,
    }
)
