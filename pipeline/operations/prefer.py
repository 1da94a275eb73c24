"""What the preferences page does: lists, a pause, and what the newsletter calls its reader."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import available_timezones

from pipeline.audience.address import clean_name
from pipeline.audience.tokens import Action, Ticket
from pipeline.model.notice import NoticeKind
from pipeline.model.ports import Clock
from pipeline.model.subscriber import (
    Consent,
    ConsentAction,
    ListId,
    SubscriberState,
    Subscription,
)
from pipeline.operations.bearer import Bearers, masked
from pipeline.storage.notices import Notices

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A list they may be on."""

    name: str
    title: str
    description: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencesView:
    """What the page shows."""

    address: str  # masked
    choices: tuple[Choice, ...]
    paused_until: datetime | None  # aware, UTC; UNTIL_THEY_RETURN: it has no end
    name: str
    language: str | None
    zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What somebody wants otherwise; None leaves it as it is."""

    lists: frozenset[str] | None = None  # names of those to be on, of those that were offered
    pause: Pause | None = None  # of everything they are on
    name: str | None = None  # empty for none
    language: str | None = None  # BCP 47; empty for none
    zone: str | None = None  # IANA; empty for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefer:
    """Let the bearer of a link to their preferences change them."""

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

    def __call__(self, token: str, changes: Changes) -> bool:
        """Change what they want; False: not a token of ours, or nobody's any more.

        A language or a zone that is none leaves it as it is, and so does the name of a list that
        was not offered: the form has no such choice. Safe to repeat.
        """
        ticket = self.bearers.ticket(token, Action.PREFERENCES)
        if ticket is None or self.bearers.person(ticket) is None:
            return False
        now = self.clock()
        language, zone = changes.language, changes.zone
        self.bearers.subscribers.change(
            ticket.subscriber,
            now=now,
            name=None if changes.name is None else clean_name(changes.name),
            language=language if not language or _LANGUAGE.fullmatch(language) else None,
            zone=zone if not zone or zone in available_timezones() else None,
        )
        if changes.lists is not None:
            self._choose(ticket, changes.lists, now)
        if changes.pause is not None:
            self._pause(ticket, changes.pause, now)
        return True

    def _choose(self, ticket: Ticket, names: frozenset[str], now: datetime) -> None:
        active = self._active(ticket)
        joined: list[ListId] = []
        for id_, each in self.bearers.lists.items():
            to_be_on = each.name in names
            if to_be_on == (id_ in active) or not (each.public or id_ in active):
                continue
            state = SubscriberState.ACTIVE if to_be_on else SubscriberState.UNSUBSCRIBED
            action = ConsentAction.GIVEN if to_be_on else ConsentAction.WITHDRAWN
            word = Consent(action=action, method="web", source="preferences", at=now)
            if self.bearers.subscribers.on(id_).set_state(ticket.subscriber, state, word):
                joined += [id_] if to_be_on else []
        if joined and self.welcome:
            # A forwarded mail has the link, too: the mailbox hears of it.
            self.notices.add(NoticeKind.WELCOME, ticket.subscriber, joined[0], now)

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
