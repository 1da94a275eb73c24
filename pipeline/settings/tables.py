"""The tables of newsletter.toml; docs/settings.md is written from these fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from msgspec import Meta, field

from pipeline.model.newsletter import Mailbox, Newsletter
from pipeline.model.retry import RetryPolicy
from pipeline.settings.check import CheckTable
from pipeline.settings.readers import (
    ConsentTable,
    FeedbackTable,
    ListTable,
    SegmentsTable,
    WebhookTable,
    WebTable,
)
from pipeline.settings.values import Address, Duration, Name, Rate, Secret, Table

MOST_RESENDS: Final = 3
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


class NewsletterTable(Table, frozen=True):
    """[newsletter]: the publication itself."""

    name: Annotated[str, Meta(min_length=1, description="Name in the masthead and in From")] = (
        "Newsletter"
    )
    tagline: Annotated[str, Meta(description="One line under the name")] = ""
    site_url: Annotated[
        str, Meta(description="Public address of feeds, pages and unsubscribe links")
    ] = "https://news.example.org"
    sender: Annotated[Address, Meta(description="From: a name and an address")] = field(
        default=Address(Newsletter().sender), name="from"
    )
    reply_to: Annotated[Address | None, Meta(description="Where replies go, if not to From")] = (
        None
    )
    postal_address: Annotated[
        str, Meta(description="Required by law in the footer; nothing is approved without it")
    ] = ""
    language: Annotated[str, Meta(description="BCP 47 tag, such as en, de or pl")] = "en"
    since: Annotated[
        int, Meta(ge=1990, le=2200, description="Year the feed ids are minted in")
    ] = 2026
    template: Annotated[
        str, Meta(description="Theme of issues: digest, briefing, essay, or a folder of your own")
    ] = "digest"
    inliner: Annotated[
        Literal["premailer", "css-inline"],
        Meta(description="What writes style attributes; css-inline is an extra, and faster"),
    ] = "premailer"
    unsubscribe_mailbox: Annotated[
        Address | None, Meta(description="Mailbox for the mailto form of List-Unsubscribe")
    ] = None

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield an address of the site that cannot be put before those of pages."""
        parts = _split(self.site_url)
        if parts is None or parts.scheme not in {"http", "https"} or parts.query:
            yield "site_url", 'an absolute address, such as "https://news.example.org"'

    def newsletter(self) -> Newsletter:
        """Return the value that the rooms know."""
        sender = self.sender.mailbox
        if not sender.name:
            sender = Mailbox(address=sender.address, name=self.name)
        return Newsletter(
            name=self.name,
            tagline=self.tagline,
            site_url=self.site_url.rstrip("/"),
            sender=sender,
            reply_to=self.reply_to.mailbox if self.reply_to else None,
            postal_address=self.postal_address.strip(),
            language=self.language,
            since=self.since,
            unsubscribe_mailbox=(
                self.unsubscribe_mailbox.mailbox.address if self.unsubscribe_mailbox else None
            ),
        )


class ScheduleTable(Table, frozen=True):
    """[schedule]: the weekly slot. Without `day` nothing is sent by itself."""

    day: Annotated[
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        | None,
        Meta(description="Weekday of the slot; without it nothing is sent by itself"),
    ] = None
    time: Annotated[str, Meta(description="Local time of the slot")] = "09:00"
    zone: Annotated[str, Meta(description="Time zone, such as Europe/London")] = "UTC"
    catch_up: Annotated[
        Duration, Meta(description="How late a slot may still be sent by itself")
    ] = Duration(hours=24)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield a time or a zone that no clock shows."""
        if not _TIME.fullmatch(self.time):
            yield "time", 'a time of day such as "09:00"'
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            yield "zone", 'a time zone such as "Europe/London" or "UTC"'


class SenderTable(Table, frozen=True):
    """[sender]: the way out. What stands beside `kind` belongs to that sender."""

    others: ClassVar[str | None] = "options"

    kind: Annotated[str, Meta(description="smtp, eml, console, or a plug-in")] = "eml"
    password: Annotated[
        Secret | None,
        Meta(description="Only from BROADSHEET_SENDER__PASSWORD, never from the file"),
    ] = None
    password_file: Annotated[
        str | None, Meta(description="File that holds the password alone")
    ] = None
    options: Mapping[str, Any] = {}  # what the sender's own `build` is given, the password apart

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield a second password."""
        if self.password and self.password_file:
            yield "password", "give the password once: in the environment or in password_file"


class DeliveryTable(Table, frozen=True):
    """[delivery]: how messages leave, whichever way out they take."""

    uncertain: Annotated[
        Literal["hold", "resend"],
        Meta(
            description="A message nobody answered waits for a person, or is sent again by itself,"
            " at most three times, under the same Message-ID"
        ),
    ] = "hold"
    retry_after: Annotated[
        tuple[Duration, ...],
        Meta(description="Waits before the second attempt, the third, ...; the last one repeats"),
    ] = tuple(map(Duration.of, RetryPolicy().waits))
    give_up_after: Annotated[Duration, Meta(description="Since the first attempt")] = Duration.of(
        RetryPolicy().give_up_after
    )
    domains: Annotated[
        Mapping[str, Rate],
        Meta(
            description='Rates for recipients\' domains, such as { "example.net" = "20/s" };'
            ' "*" is each other domain'
        ),
    ] = {}
    sync: Annotated[
        Literal["often", "each"],
        Meta(
            description="When the journal is forced to the disk: ten times a second, or before each"
            " message; it matters when the power fails, not when the program does"
        ),
    ] = "often"
    loop: Annotated[
        Literal["auto", "asyncio", "uvloop"],
        Meta(description="Event loop; auto takes uvloop if it is installed"),
    ] = "auto"

    def policy(self) -> RetryPolicy:
        """Return the value that the rooms know."""
        return RetryPolicy(
            waits=self.retry_after,
            give_up_after=self.give_up_after,
            resends=MOST_RESENDS if self.uncertain == "resend" else 0,
        )


class DkimTable(Table, frozen=True):
    """[dkim]: signatures of our own; without `key_file` the relay has to sign."""

    key_file: Annotated[
        str | None,
        Meta(description="RSA key in PEM, readable by its owner alone; `broadsheet dkim keygen`"),
    ] = None
    selector: Annotated[str, Meta(description="Name of the key in the DNS")] = "broadsheet"
    domain: Annotated[str | None, Meta(description="Signing domain, if not that of From")] = None
    second_key_file: Annotated[
        str | None, Meta(description="Ed25519 key for a second signature")
    ] = None
    second_selector: Annotated[str | None, Meta(description="Its name in the DNS")] = None

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield a second key that is not whole, or alone."""
        if self.second_key_file and not self.key_file:
            yield "second_key_file", "needs a key_file beside it: many receivers know only RSA"
        if bool(self.second_key_file) != bool(self.second_selector):
            yield "second_selector", "belongs together with second_key_file"


class ImagesTable(Table, frozen=True):
    """[images]: pictures that lie beside an issue."""

    travel: Annotated[
        Literal["archive", "attach"],
        Meta(description="Mails link them from the site, or carry them; pages always have them"),
    ] = field(default="archive", name="as")
    width: Annotated[
        int,
        Meta(ge=200, le=1200, description="Widest one is shown, px; its file keeps twice that"),
    ] = 600


class SiteTable(Table, frozen=True):
    """[site]: the archive that `broadsheet feeds` writes."""

    hub: Annotated[
        str | None,
        Meta(description="WebSub hub that is told of new issues, such as https://hub.example.org"),
    ] = None
    subscribe: Annotated[
        bool,
        Meta(
            description="A form on every page, for a site whose /subscribe is `broadsheet serve`"
        ),
    ] = False

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield a hub that would be told in the clear."""
        parts = _split(self.hub) if self.hub else None
        if self.hub and not (
            parts
            and (
                parts.scheme == "https"
                or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"})
            )
        ):
            yield "hub", 'an address with https, such as "https://hub.example.org/"'


class PathsTable(Table, frozen=True):
    """[paths]: where things are, relative to newsletter.toml."""

    issues: Annotated[str, Meta(description="Issue files")] = "issues"
    templates: Annotated[str, Meta(description="Templates of your own")] = "templates/email"
    outbox: Annotated[str, Meta(description="Frozen entries")] = "outbox"
    site: Annotated[str, Meta(description="Feeds and pages")] = "site"
    data: Annotated[str, Meta(description="Database, keys and locks: private, not for git")] = (
        "data"
    )


class Settings(Table, frozen=True):
    """Everything that can be set."""

    newsletter: NewsletterTable = NewsletterTable()
    schedule: ScheduleTable = ScheduleTable()
    sender: SenderTable = SenderTable()
    delivery: DeliveryTable = DeliveryTable()
    dkim: DkimTable = DkimTable()
    lists: Mapping[Name, ListTable] = {}
    segments: Mapping[Name, str] = {}
    consent: ConsentTable = ConsentTable()
    web: WebTable = WebTable()
    feedback: FeedbackTable = FeedbackTable()
    images: ImagesTable = ImagesTable()
    site: SiteTable = SiteTable()
    check: CheckTable = CheckTable()
    paths: PathsTable = PathsTable()


SETTINGS_TABLES: Final[Mapping[str, type[Table]]] = MappingProxyType(
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


def _split(address: str) -> SplitResult | None:
    """Take an address apart; None: it names no host."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts if parts.hostname else None
