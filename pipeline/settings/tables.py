"""The tables of newsletter.toml; docs/settings.md is written from these fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from pipeline.model.delivery import RetryPolicy
from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.rate import per_second

MOST_RESENDS: Final = 3
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    """Read "24h", "30m", "2d" or a number of seconds."""
    if isinstance(value, str) and value[-1:] in _UNITS and value[:-1].isdigit():
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
    if isinstance(value, str) and not value.isdigit():
        raise ValueError('a duration is a number and a unit, such as "24h", "30m" or "2d"')
    return value


def _name(value: str) -> str:
    """Check a name that stands in addresses and on the command line."""
    if not _NAME.fullmatch(value):
        raise ValueError("a name has small letters, digits and hyphens, at most 40")
    return value


def _mailbox(value: object) -> object:
    """Read `Name <local@domain>` or a bare address."""
    if not isinstance(value, str):
        return value
    name, address = parseaddr(value)
    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f'an address such as "Name <name@example.org>" ({error})') from None
    return Mailbox(address=checked.ascii_email or checked.normalized, name=name)


Name = Annotated[str, AfterValidator(_name)]
Rate = Annotated[float, BeforeValidator(per_second)]  # messages a second
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[Mailbox, BeforeValidator(_mailbox)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class NewsletterTable(_Table):
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
    template: str = Field("default", description="Folder in templates/email/")
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


class ScheduleTable(_Table):
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


class DeliveryTable(_Table):
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


class DkimTable(_Table):
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


class ListTable(_Table):
    """[lists.NAME]: a list readers can be on. Without any there is one, called main."""

    title: str = Field("", description="Name on the forms; empty is the newsletter's")
    description: str = Field("", description="One line on the forms")
    public: bool = Field(True, description="Whether the forms offer it")


class SegmentsTable(_Table):
    """[segments]: rules with a name of your choice, such as `vip = "tag is vip"`; see segments.md."""


class ConsentTable(_Table):
    """[consent]: how people come in and leave."""

    double_opt_in: bool = Field(
        True, description="Whether a mailbox is asked before anybody is written to"
    )
    confirm_within: Duration = Field(
        timedelta(hours=72), description="How long a confirmation link works"
    )
    welcome: bool = Field(True, description="A mail when somebody confirmed")
    goodbye: bool = Field(False, description="A mail when somebody left")
    wording: str = Field(
        "", description="What the form says people agree to; kept with each consent"
    )


class WebTable(_Table):
    """[web]: the public pages of `broadsheet serve`."""

    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or networks whose X-Forwarded-For is believed"
    )
    templates: str = Field("templates/web", description="Pages of your own")


class WebhookTable(_Table):
    """[feedback.webhooks.NAME]: one provider that posts to /hooks/NAME."""

    kind: Literal["ses", "postmark", "mailgun", "sendgrid", "generic"] = Field(
        "generic", description="Whose format and whose signature"
    )
    secret_file: str = Field(
        "", description="File with the secret, the public key or the certificate"
    )


class FeedbackTable(_Table):
    """[feedback]: what comes back, and what it counts."""

    return_path_domain: str = Field(
        "",
        description="Domain of envelope senders that name the delivery (VERP); empty sends with"
        " the address of From",
    )
    mailbox: str = Field(
        "", description="Where bounces arrive: `maildir:PATH`, `mbox:PATH` or `imap`"
    )
    imap_host: str = Field("", description="The server, for `imap`")
    imap_port: int = Field(993, ge=1, le=65535, description="Its port")
    imap_tls: Literal["implicit", "starttls"] = Field(
        "implicit", description="When TLS begins; certificates are always verified"
    )
    imap_ca_file: str | None = Field(None, description="Certificates of a private authority, PEM")
    imap_user: str = Field("", description="The account")
    imap_password_file: str = Field("", description="File that holds the password alone")
    imap_folder: str = Field("INBOX", description="The folder to read")
    imap_move_to: str | None = Field(
        None, description="Folder for what was heard; without it, mail stays and is marked as seen"
    )
    hard: int = Field(
        1, ge=1, description="Days with a hard bounce a program can read until an address rests"
    )
    hard_in_words: int = Field(2, ge=1, description="The same if the bounce is prose")
    in_a_row: int = Field(3, ge=1, description="Other bounces: so many issues in a row ...")
    over: Duration = Field(timedelta(days=14), description="... from the first to the last")
    issues: int = Field(
        5, ge=1, description="Or so many issues a full or closed mailbox sent back ..."
    )
    window: Duration = Field(timedelta(days=90), description="... in this time")
    keep: Duration = Field(
        timedelta(days=30), description="How long mail that nobody can read is kept"
    )
    webhooks: Mapping[Name, WebhookTable] = Field(
        {}, description="Providers that post, by the name in their address"
    )

    @model_validator(mode="after")
    def _account(self) -> Self:
        if self.mailbox == "imap" and not (
            self.imap_host and self.imap_user and self.imap_password_file
        ):
            raise ValueError("imap needs imap_host, imap_user and imap_password_file")
        return self


class PathsTable(_Table):
    """[paths]: where things are, relative to newsletter.toml."""

    issues: str = Field("issues", description="Issue files")
    templates: str = Field("templates/email", description="Templates of your own")
    outbox: str = Field("outbox", description="Frozen entries")
    site: str = Field("site", description="Feeds and pages")
    data: str = Field("data", description="Database, keys and locks: private, not for git")


class Settings(_Table):
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
        "paths": PathsTable,
    }
)
