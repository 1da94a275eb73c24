"""What a click on an unsubscribe link does."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.audience.tokens import Action, TokenError, Tokens
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, SubscriberState
from pipeline.storage.subscribers import Subscribers


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Take a reader's word back by a signed token; idempotent, and valid for ever."""

    subscribers: Subscribers
    tokens: Tokens
    clock: Clock

    def knows(self, token: str) -> bool:
        """Whether a token is one of ours; changes nothing."""
        try:
            return self.tokens.read(token)[0] is Action.UNSUBSCRIBE
        except TokenError:
            return False

    def __call__(self, token: str) -> bool:
        """Unsubscribe the bearer; return False if the token is not one of ours.

        A dispatch that is under way leaves them out from its next message on.
        """
        if not self.knows(token):
            return False
        word = Consent(action="withdrawn", method="one-click", source="link", at=self.clock())
        subscriber = self.tokens.read(token)[1]
        self.subscribers.set_state(subscriber, SubscriberState.UNSUBSCRIBED, word)
        return True
