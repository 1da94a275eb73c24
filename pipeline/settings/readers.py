"""The tables of newsletter.toml about readers: lists, consent, pages, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta

from pipeline.settings.values import Duration, Name, Table


class ListTable(Table, frozen=True):
    """[lists.NAME]: a list readers can be on. Without any there is one, called main."""

    title: Annotated[str, Meta(description="Name on the forms; empty is the newsletter's")] = ""
    description: Annotated[str, Meta(description="One line on the forms")] = ""
    public: Annotated[bool, Meta(description="Whether the forms offer it")] = True


class SegmentsTable(Table, frozen=True):
    """[segments]: rules with a name of your choice, such as `vip = "tag is vip"`; see segments.md."""


class ConsentTable(Table, frozen=True):
    """[consent]: how people come in and leave."""

    double_opt_in: Annotated[
        bool, Meta(description="Whether a mailbox is asked before anybody is written to")
    ] = True
    confirm_within: Annotated[Duration, Meta(description="How long a confirmation link works")] = (
        Duration(hours=72)
    )
    welcome: Annotated[bool, Meta(description="A mail when somebody confirmed")] = True
    goodbye: Annotated[bool, Meta(description="A mail when somebody left")] = False
    wording: Annotated[
        str, Meta(description="What the form says people agree to; kept with each consent")
    ] = ""


class WebTable(Table, frozen=True):
    """[web]: the public pages of `broadsheet serve`."""

    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(description="Addresses or networks whose X-Forwarded-For is believed"),
    ] = ()
    templates: Annotated[str, Meta(description="Pages of your own")] = "templates/web"


class WebhookTable(Table, frozen=True):
    """[feedback.webhooks.NAME]: one provider that posts to /hooks/NAME."""

    kind: Annotated[
        Literal["ses", "postmark", "mailgun", "sendgrid", "generic"],
        Meta(description="Whose format and whose signature"),
    ] = "generic"
    secret_file: Annotated[
        str, Meta(description="File with the secret, the public key or the certificate")
    ] = ""


class FeedbackTable(Table, frozen=True):
    """[feedback]: what comes back, and what it counts."""

    return_path_domain: Annotated[
        str,
        Meta(
            description="Domain of envelope senders that name the delivery (VERP); empty sends with"
            " the address of From"
        ),
    ] = ""
    mailbox: Annotated[
        str, Meta(description="Where bounces arrive: `maildir:PATH`, `mbox:PATH` or `imap`")
    ] = ""
    imap_host: Annotated[str, Meta(description="The server, for `imap`")] = ""
    imap_port: Annotated[int, Meta(ge=1, le=65535, description="Its port")] = 993
    imap_tls: Annotated[
        Literal["implicit", "starttls"],
        Meta(description="When TLS begins; certificates are always verified"),
    ] = "implicit"
    imap_ca_file: Annotated[
        str | None, Meta(description="Certificates of a private authority, PEM")
    ] = None
    imap_user: Annotated[str, Meta(description="The account")] = ""
    imap_password_file: Annotated[str, Meta(description="File that holds the password alone")] = ""
    imap_folder: Annotated[str, Meta(description="The folder to read")] = "INBOX"
    imap_move_to: Annotated[
        str | None,
        Meta(
            description="Folder for what was heard; without it, mail stays and is marked as seen"
        ),
    ] = None
    hard: Annotated[
        int,
        Meta(
            ge=1, description="Days with a hard bounce a program can read until an address rests"
        ),
    ] = 1
    hard_in_words: Annotated[int, Meta(ge=1, description="The same if the bounce is prose")] = 2
    in_a_row: Annotated[
        int, Meta(ge=1, description="Other bounces: so many issues in a row ...")
    ] = 3
    over: Annotated[Duration, Meta(description="... from the first to the last")] = Duration(
        days=14
    )
    issues: Annotated[
        int, Meta(ge=1, description="Or so many issues a full or closed mailbox sent back ...")
    ] = 5
    window: Annotated[Duration, Meta(description="... in this time")] = Duration(days=90)
    keep: Annotated[Duration, Meta(description="How long mail that nobody can read is kept")] = (
        Duration(days=30)
    )
    webhooks: Annotated[
        Mapping[Name, WebhookTable],
        Meta(description="Providers that post, by the name in their address"),
    ] = {}

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Yield a mailbox that cannot be reached."""
        if self.mailbox == "imap" and not (
            self.imap_host and self.imap_user and self.imap_password_file
        ):
            yield "mailbox", "imap needs imap_host, imap_user and imap_password_file"
