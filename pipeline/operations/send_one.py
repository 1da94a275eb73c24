"""Send one message of an entry to one address, for its author to look at."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.audience.address import parse_address
from pipeline.model.delivery import Envelope, Outcome
from pipeline.model.entry import EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock, Sender
from pipeline.outbox.compose import compose
from pipeline.outbox.folder import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOne:
    """The very bytes readers will get, but for the reader; no row is written."""

    outbox: Outbox
    sender: Sender
    newsletter: Newsletter
    clock: Clock

    def __call__(self, entry: EntryId, address: str) -> Outcome:
        """Send the message; approval is not needed.

        Raises:
            AddressError: this is no address.
            SenderUnavailable: the way out is closed.
        """
        recipient = parse_address(address).given
        now = self.clock()
        template = compose(self.outbox.rendered(entry), self.newsletter, entry_id=entry)
        message = template.fill(
            recipient=recipient,
            message_id=f"test.{entry}.{now.timestamp():.6f}@{self.newsletter.mail_domain}",
            date=now,
            # It leads to a page that says the link is not complete: a test unsubscribes nobody.
            unsubscribe_url=f"{self.newsletter.site_url}/u/test",
            unsubscribe_token="test",  # noqa: S106 - a word, not a secret
        )
        with self.sender.open() as session:
            return session.send(Envelope(self.newsletter.sender.address, recipient), message)
