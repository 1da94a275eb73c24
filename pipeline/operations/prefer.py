"""What the preferences page does: lists, a pause, and what the newsletter calls its reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import available_timezones

from msgspec import Struct

from pipeline.audience.address import clean_name, parse_address
from pipeline.audience.tokens import Action, Ticket
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    ListId,
    Subscriber,
    SubscriberState,
    Subscription,
)
from pipeline.operations.bearer import Bearers, masked
from pipeline.operations.unsubscribe import leaving, may_return
from pipeline.storage.notices import ONE_A, Notices
from pipeline.storage.standing import NewSubscriber

UNTIL_THEY_RETURN: Final = datetime(9999, 12, 31, tzinfo=UTC)

_MONTH: Final = timedelta(days=30)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")  # enough of BCP 47


class Pause(StrEnum):
    """How long somebody wants to get nothing; the values are those of the form."""

    NONE = "none"
    ONE_MONTH = "1"
    TWO_MONTHS = "2"
    THREE_MONTHS = "3"
    UNTIL_THEY_RETURN = "open"

    def until(self, now: datetime) -> datetime | None:
        """Return when it ends; None: it is none."""
        match self:
            case Pause.NONE:
                return None
            case Pause.UNTIL_THEY_RETURN:
                return UNTIL_THEY_RETURN
            case _:
                return now + int(self.value) * _MONTH


class Choice(Struct, frozen=True, kw_only=True):
    """A list they may be on."""

    name: str
    title: str
    description: str
    on: bool


class PreferencesView(Struct, frozen=True, kw_only=True):
    """What the page shows."""

    address: str  # masked
    choices: tuple[Choice, ...]
    paused_until: datetime | None  # aware, UTC; UNTIL_THEY_RETURN: it has no end
    name: str
    language: str | None
    zone: str | None


class Changes(Struct, frozen=True, kw_only=True):
    """What somebody wants otherwise; None leaves it as it is."""

    lists: frozenset[str] | None = None  # names of those to be on, of those that were offered
    pause: Pause | None = None  # of everything they are on
    name: str | None = None  # empty for none
    language: str | None = None  # BCP 47; empty for none
    zone: str | None = None  # IANA; empty for none


class Preferred(StrEnum):
    """The answer to somebody who changes something."""

    SAVED = "saved"
    ASKED = "asked"  # saved, but the lists they want to be on wait for the answer to a mail
    BLOCKED = "blocked"  # saved, but only an operator can let mail go to them again


class Prefer(Struct, frozen=True, kw_only=True):
    """Let the bearer of a link to their preferences change them.

    The link stands in every mail, and mails get forwarded: it alone brings nobody back who left.
    """

    bearers: Bearers
    notices: Notices
    clock: Clock
    welcome: bool = True

    def look(self, token: str) -> PreferencesView | None:
        """Return what the page shows; None: not a token of ours, or nobody's any more."""
        ticket = self.bearers.ticket(token, Action.PREFERENCES)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None:
            return None
        active = self._active(ticket)
        now = self.clock()
        pauses = [each.paused_until for each in active.values() if each.paused_until]
        return PreferencesView(
            address=masked(person),
            choices=tuple(
                Choice(
                    name=each.name,
                    title=self.bearers.title(id_),
                    description=each.description,
                    on=id_ in active,
                )
                for id_, each in self.bearers.lists.items()
                if each.public or id_ in active
            ),
            paused_until=max((until for until in pauses if until > now), default=None),
            name=person.name,
            language=person.language,
            zone=person.zone,
        )

    def __call__(self, token: str, changes: Changes) -> Preferred | None:
        """Change what they want; None: not a token of ours, or nobody's any more.

        A language or a zone that is none leaves it as it is, and so does the name of a list that
        was not offered: the form has no such choice. Safe to repeat.
        """
        ticket = self.bearers.ticket(token, Action.PREFERENCES)
        person = self.bearers.person(ticket) if ticket else None
        if ticket is None or person is None:
            return None
        now = self.clock()
        language, zone = changes.language, changes.zone
        self.bearers.subscribers.change(
            ticket.subscriber,
            now=now,
            name=None if changes.name is None else clean_name(changes.name),
            language=language if not language or _LANGUAGE.fullmatch(language) else None,
            zone=zone if not zone or zone in available_timezones() else None,
        )
        asked = changes.lists is not None and self._choose(ticket, person, changes.lists, now)
        if changes.pause is not None:
            self._pause(ticket, changes.pause, now)
        if self.bearers.is_blocked(person):
            return Preferred.BLOCKED
        return Preferred.ASKED if asked else Preferred.SAVED

    def _choose(
        self, ticket: Ticket, person: Subscriber, names: frozenset[str], now: datetime
    ) -> bool:
        """Leave and join lists; return whether joining any needs more than this link."""
        active = self._active(ticket)
        offered = {id_: each for id_, each in self.bearers.lists.items() if each.public}
        wanted = [id_ for id_, each in offered.items() if each.name in names and id_ not in active]
        joined = [
            id_ for id_ in wanted if self._may_join(ticket, id_, now, elsewhere=bool(active))
        ]
        left = [
            id_
            for id_ in active
            if (each := self.bearers.lists.get(id_)) and each.name not in names
        ]
        for lists, state, action in (
            (joined, SubscriberState.ACTIVE, ConsentAction.GIVEN),
            (left, SubscriberState.UNSUBSCRIBED, ConsentAction.WITHDRAWN),
        ):
            word = Consent(action=action, method="web", source="preferences", at=now)
            for id_ in lists:
                self.bearers.subscribers.on(id_).set_state(ticket.subscriber, state, word)
        if joined and self.welcome:
            # A forwarded mail has the link, too: the mailbox hears of it.
            self.notices.add(NoticeKind.WELCOME, ticket.subscriber, joined[0], now)
        doubtful = [id_ for id_ in wanted if id_ not in joined]
        if doubtful:
            self._ask(person, doubtful, now)
        return bool(doubtful)

    def _may_join(self, ticket: Ticket, list_: ListId, now: datetime, *, elsewhere: bool) -> bool:
        """Tell whether the link is enough: they get mail from us, or left a moment ago."""
        words = self.bearers.subscribers.on(list_).consents(ticket.subscriber)
        removed = any(word.method == "command" for word in leaving(words))
        return may_return(words, now) or (elsewhere and not removed)

    def _ask(self, person: Subscriber, lists: Sequence[ListId], now: datetime) -> None:
        """Ask the mailbox about all lists in one mail, at most once a day."""
        newest = self.notices.newest(NoticeKind.CONFIRM, person.id)
        if newest is not None and newest > now - ONE_A:
            return
        new = NewSubscriber(person.address, parse_address(person.address).normalised)
        word = Consent(action=ConsentAction.ASKED, method="web", source="preferences", at=now)
        for id_ in lists:
            self.bearers.subscribers.on(id_).ask(new, word)
        self.notices.add(NoticeKind.CONFIRM, person.id, lists[0], now)

    def _pause(self, ticket: Ticket, pause: Pause, now: datetime) -> None:
        until = pause.until(now)
        source = f"pause until {until:%Y-%m-%d}" if until else "end of a pause"
        word = Consent(action=ConsentAction.GIVEN, method="web", source=source, at=now)
        for id_ in self._active(ticket):
            self.bearers.subscribers.on(id_).pause(ticket.subscriber, until, word)

    def _active(self, ticket: Ticket) -> dict[ListId, Subscription]:
        return {
            each.list: each
            for each in self.bearers.subscribers.subscriptions(ticket.subscriber)
            if each.state is SubscriberState.ACTIVE
        }
