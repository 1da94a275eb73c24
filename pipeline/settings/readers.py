"""The tables of newsletter.toml about readers: lists, consent, pages, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from pipeline.settings.values import Duration, Name, Table


class ListTable(Table):
    """[lists.NAME]: a list readers can be on. Without any there is one, called main."""

    title: str = Field("", description="Name on the forms; empty is the newsletter's")
    description: str = Field("", description="One line on the forms")
    public: bool = Field(True, description="Whether the forms offer it")


class SegmentsTable(Table):
    """[segments]: rules with a name of your choice, such as `vip = "tag is vip"`; see segments.md."""


class ConsentTable(Table):
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


class WebTable(Table):
    """[web]: the public pages of `broadsheet serve`."""

    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or networks whose X-Forwarded-For is believed"
    )
    templates: str = Field("templates/web", description="Pages of your own")


class WebhookTable(Table):
    """[feedback.webhooks.NAME]: one provider that posts to /hooks/NAME."""

    kind: Literal["ses", "postmark", "mailgun", "sendgrid", "generic"] = Field(
        "generic", description="Whose format and whose signature"
    )
    secret_file: str = Field(
        "", description="File with the secret, the public key or the certificate"
    )


class FeedbackTable(Table):
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
