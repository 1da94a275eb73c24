"""What the link of a confirmation does: looking shows a button, and only the button says yes."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from pipeline.audience.address import parse_address
from pipeline.audience.tokens import Action, Ticket
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, ConsentAction, SubscriberState, Subscription
from pipeline.operations.bearer import Bearers, masked
from pipeline.storage.consenting import LIFTED
from pipeline.storage.notices import Notices
from pipeline.storage.standing import Confirmed
from pipeline.storage.suppressions import Suppressions


class ConfirmView(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    address: str  # masked; empty: GONE
    lists: tuple[str, ...]  # titles of what they confirm together
    answer: Confirmed  # what the button would answer; only CONFIRMED needs one
    blocked: bool  # whatever they say, only an operator can let mail go to them again
    language: str | None


class Confirm(Struct, frozen=True, kw_only=True):
    """Turn a question into consent, in time and once."""

    bearers: Bearers
    suppressions: Suppressions
    notices: Notices
    clock: Clock
    within: timedelta = timedelta(hours=72)
    welcome: bool = True

    def look(self, token: str) -> ConfirmView | None:
        """Return what the page shows; changes nothing. None: it is not a token of ours."""
        ticket = self._ticket(token)
        if ticket is None:
            return None
        person = self.bearers.person(ticket)
        together = self.bearers.together(ticket.subscriber, ticket.list)
        return ConfirmView(
            address=masked(person),
            lists=self.bearers.titles(together),
            answer=self._foreseen(ticket, together, self.clock()),
            blocked=person is not None and self.bearers.is_blocked(person),
            language=person.language if person else None,
        )

    def __call__(self, token: str, client: str = "") -> Confirmed | None:
        """Confirm every list that was asked for by the same form; None: not a token of ours.

        Args:
            token: of the link.
            client: keyed hash of the client's network; kept as proof.
        """
        ticket = self._ticket(token)
        if ticket is None:
            return None
        now = self.clock()
        together = self.bearers.together(ticket.subscriber, ticket.list)
        others = [each.list for each in together[1:] if each.state is SubscriberState.PENDING]
        word = Consent(
            action=ConsentAction.GIVEN, method="web", source="confirmed", at=now, client=client
        )
        answers = [
            self.bearers.subscribers.on(list_).confirm(
                ticket.subscriber, word, now=now, within=self.within
            )
            for list_ in (ticket.list, *others)
        ]
        if answers[0] is Confirmed.CONFIRMED and self.welcome:
            self.notices.add(NoticeKind.WELCOME, ticket.subscriber, ticket.list, now)
        return answers[0]

    def _ticket(self, token: str) -> Ticket | None:
        """Return what a token says that answers the last question, and none before it."""
        return self.bearers.ticket(
            token,
            Action.CONFIRM,
            lambda ticket: self.bearers.asked_at(ticket.subscriber, ticket.list),
        )

    def _foreseen(
        self, ticket: Ticket, together: tuple[Subscription, ...], now: datetime
    ) -> Confirmed:
        """Return what `Subscribers.confirm` would answer."""
        if not together:
            return Confirmed.GONE
        match together[0].state:
            case SubscriberState.UNSUBSCRIBED:
                return Confirmed.EXPIRED
            case SubscriberState.PENDING:
                in_time = together[0].since >= now - self.within
                return Confirmed.CONFIRMED if in_time else Confirmed.EXPIRED
            case SubscriberState.ACTIVE:
                return self._lifts(ticket, now)

    def _lifts(self, ticket: Ticket, now: datetime) -> Confirmed:
        """Tell whether somebody ACTIVE who is suppressed all the same has asked for its end."""
        person = self.bearers.person(ticket)
        asked_at = self.bearers.asked_at(ticket.subscriber, ticket.list)
        if person is None or asked_at is None or asked_at < now - self.within:
            return Confirmed.ALREADY
        reason = self.suppressions.reason(parse_address(person.address).normalised)
        return Confirmed.CONFIRMED if reason in LIFTED else Confirmed.ALREADY
