"""Send one message of an entry to one address, for its author to look at."""

from __future__ import annotations

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.delivery.single import send_single
from pipeline.model.delivery import Envelope, Outcome, Outgoing
from pipeline.model.entry import EntryId
from pipeline.model.moment import microseconds
from pipeline.model.newsletter import Newsletter
from pipeline.model.ports import Clock, Sender, StreamingSender
from pipeline.model.rendered import RenderedIssue
from pipeline.operations.messages import Sign
from pipeline.outbox.compose import compose
from pipeline.outbox.folder import Outbox
from pipeline.outbox.message import Reader


class SendOne(Struct, frozen=True, kw_only=True):
    """The very bytes readers will get, but for the reader; no row is written."""

    outbox: Outbox
    sender: Sender | StreamingSender
    newsletter: Newsletter
    sign: Sign | None
    clock: Clock

    def __call__(self, entry: EntryId, address: str) -> Outcome:
        """Send the message; approval is not needed.

        Raises:
            AddressError: this is no address.
            SenderUnavailable: the way out is closed.
        """
        return self.rendered(self.outbox.rendered(entry), entry, address)

    def rendered(self, rendered: RenderedIssue, entry: EntryId, address: str) -> Outcome:
        """Send what is not frozen yet; see `__call__`."""
        recipient = parse_address(address).given
        now = self.clock()
        template = compose(rendered, self.newsletter, entry_id=entry)
        reader = Reader(
            recipient=recipient,
            message_id=f"test.{entry}.{now.timestamp():.6f}@{self.newsletter.mail_domain}",
            # They lead to a page that says the link is not complete: a test unsubscribes nobody.
            unsubscribe_token="test",  # noqa: S106 - a word, not a secret
            preferences_token="test",  # noqa: S106 - a word, not a secret
        )
        message = template.fill(reader, dated_at=microseconds(now))
        if self.sign:
            message = self.sign(message)
        envelope = Envelope(self.newsletter.sender.address, recipient)
        return send_single(self.sender, Outgoing(envelope, message, plain=True))
