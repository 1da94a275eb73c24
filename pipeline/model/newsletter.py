"""The publication itself: what every issue of it shares."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct


class Mailbox(Struct, frozen=True, kw_only=True):
    """A display name and an address, as From and Reply-To show them."""

    address: str  # local@domain, ASCII, already validated
    name: str = ""


class Newsletter(Struct, frozen=True, kw_only=True):
    """Title, sender and home of the publication.

    The defaults let a file be built and looked at outside any workspace; preflight reports an
    empty `postal_address` as an error, so nothing built on them can be approved.
    """

    name: str = "Newsletter"
    tagline: str = ""
    site_url: str = "https://news.example.org"  # no trailing slash
    sender: Mailbox = Mailbox(address="newsletter@news.example.org", name="Newsletter")
    reply_to: Mailbox | None = None
    postal_address: str = ""  # one line a line of the footer
    language: str = "en"
    since: int = 2026  # year the feed ids are minted in (RFC 4151)
    unsubscribe_mailbox: str | None = None  # address for the mailto form of List-Unsubscribe

    @property
    def host(self) -> str:
        """The host name of the site."""
        return urlsplit(self.site_url).hostname or "localhost"

    @property
    def mail_domain(self) -> str:
        """The domain of the sender's address: Message-ID and List-Id stand in it."""
        return self.sender.address.rpartition("@")[2]
