"""Whom a verdict is about is proven by a token of ours, and by nothing else."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from pipeline.audience.address import AddressError, parse_address
from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, ReturnPath, TokenError, Tokens, message_id
from pipeline.model.delivery import DeliveryId
from pipeline.model.dispatch import DispatchId
from pipeline.model.entry import EntryId
from pipeline.model.feedback import Feedback
from pipeline.model.subscriber import ListId, SubscriberId
from pipeline.storage.dispatches import Dispatches
from pipeline.storage.feedbacks import Feedbacks
from pipeline.storage.subscribers import Subscribers


class Proof(Struct, frozen=True, kw_only=True):
    """Whom and what a verdict is about: a token says so that only their mail held."""

    subscriber: SubscriberId
    list: ListId
    address: str  # as it was sent to; empty: they are erased
    delivery: DeliveryId | None = None
    dispatch: DispatchId | None = None
    by_link: bool = False  # by nothing but the link of a mail, which whoever has the mail has


class Prove(Struct, frozen=True, kw_only=True):
    """Find the token in a verdict that says whom it is about: the best one first."""

    feedbacks: Feedbacks
    subscribers: Subscribers
    dispatches: Dispatches
    tokens: Tokens
    return_path: ReturnPath
    keys: Keys
    mail_domain: str  # of our Message-IDs

    def __call__(self, feedback: Feedback) -> Proof | None:
        """Return whom a verdict is about; None: nothing in it says so."""
        for token in feedback.tokens:
            if found := self._by_return_path(token):
                return found
            if found := self._by_link(token):
                return self._with_issue(found, feedback.message_ids)
        for text in feedback.message_ids:
            if found := self._by_message_id(text, feedback.recipient):
                return found
        return None

    def is_sealed(self, verdicts: Sequence[Feedback]) -> bool:
        """Say whether candidates for a token are there, and none is one of ours."""
        tokens = {token for verdict in verdicts for token in verdict.tokens}
        return bool(tokens) and not any(map(self._is_ours, tokens))

    def _is_ours(self, token: str) -> bool:
        if self.return_path.read(token) is not None:
            return True
        try:
            self.tokens.read(token)
        except TokenError:
            return False
        return True

    def _by_return_path(self, token: str) -> Proof | None:
        delivery = self.return_path.read(token)
        return None if delivery is None else self.of_delivery(delivery)

    def of_delivery(self, delivery: DeliveryId) -> Proof | None:
        """Return whom a delivery was for; None: there is none with that id."""
        about = self.feedbacks.about(delivery)
        if about is None:
            return None
        return Proof(
            subscriber=about.subscriber,
            list=about.list,
            address=about.address,
            delivery=about.delivery,
            dispatch=about.dispatch,
        )

    def _by_link(self, token: str) -> Proof | None:
        try:
            ticket = self.tokens.read(token)
        except TokenError:
            return None
        person = self.subscribers.on(ticket.list).get(ticket.subscriber)
        if ticket.action is not Action.UNSUBSCRIBE or person is None:
            return None
        return Proof(subscriber=person.id, list=ticket.list, address=person.address, by_link=True)

    def _with_issue(self, found: Proof, message_ids: Sequence[str]) -> Proof:
        """Return a proof with the issue that a Message-ID made for the same reader tells."""
        for text in message_ids:
            if dispatch := self._issue(text, found.subscriber, found.list):
                return replace(found, dispatch=dispatch, by_link=False)
        return found

    def _by_message_id(self, text: str, recipient: str | None) -> Proof | None:
        """Return who it was minted for: whom the report names, if the signature fits them."""
        known_as = normalised(recipient or "")
        subscriber = self.subscribers.find(known_as) if known_as else None
        if subscriber is None:
            return None
        for subscription in self.subscribers.subscriptions(subscriber):
            if dispatch := self._issue(text, subscriber, subscription.list):
                return Proof(
                    subscriber=subscriber,
                    list=subscription.list,
                    address=recipient or "",
                    dispatch=dispatch,
                )
        return None

    def _issue(self, text: str, subscriber: SubscriberId, list_: ListId) -> DispatchId | None:
        """Return which issue to a reader of a list has a Message-ID."""
        entry = EntryId(text.partition("@")[0].rpartition(".")[0])
        if not entry:
            return None
        ours = message_id(self.keys, entry, subscriber, self.mail_domain)
        if not hmac.compare_digest(ours.encode(), text.encode()):
            return None
        sent = {each.id for each in self.dispatches.all() if each.entry == entry}
        fates = reversed(self.feedbacks.history(subscriber, list_))
        return next((fate.dispatch for fate in fates if fate.dispatch in sent), None)


def normalised(address: str) -> str:
    """Return an address as it is compared; empty if it is none."""
    try:
        return parse_address(address).normalised
    except AddressError:
        return ""
