"""The message of one reader, from a frozen entry."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, ReturnPath, Tokens, message_ids
from pipeline.delivery.run import Unrepresentable
from pipeline.model.delivery import Claim, Envelope, Outgoing
from pipeline.model.entry import EntryId
from pipeline.model.newsletter import Newsletter
from pipeline.model.subscriber import MAIN, ListId
from pipeline.outbox.headers import MessageError
from pipeline.outbox.message import MessageTemplate, Reader

Sign = Callable[[bytes], bytes]  # a complete message in, the signed one out


class Messages:
    """Fills the template of an entry; the same bytes on every attempt."""

    def __init__(
        self,
        template: MessageTemplate,
        *,
        entry: EntryId,
        newsletter: Newsletter,
        keys: Keys,
        sign: Sign | None,
        list_: ListId = MAIN,
        return_path: ReturnPath | None = None,
    ) -> None:
        self._template = template
        self._sender = newsletter.sender.address
        self._message_id = message_ids(keys, entry, newsletter.mail_domain)
        tokens = Tokens(keys)
        self._unsubscribe = tokens.minter(Action.UNSUBSCRIBE, list_)
        self._preferences = tokens.minter(Action.PREFERENCES, list_)
        self._return_path = return_path
        self._sign = sign

    def __call__(self, claim: Claim, dated_at: int) -> Outgoing | Unrepresentable:
        """Return the message of a claim, or why there is none."""
        preferences = self._template.has_preferences
        reader = Reader(
            recipient=claim.address,
            message_id=self._message_id(claim.subscriber),
            unsubscribe_token=self._unsubscribe(claim.subscriber),
            preferences_token=self._preferences(claim.subscriber) if preferences else "",
            name=claim.name,
            fields=claim.fields,
        )
        try:
            message = self._template.fill(reader, dated_at=dated_at)
        except MessageError as error:
            return Unrepresentable(str(error))
        if self._sign:
            message = self._sign(message)
        sender = self._return_path.mint(claim.delivery) if self._return_path else self._sender
        return Outgoing(Envelope(sender, claim.address), message, plain=True)
