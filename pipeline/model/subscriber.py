"""People, and what they agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

from msgspec import Struct, field

SubscriberId = NewType("SubscriberId", int)
ListId = NewType("ListId", int)  # 0 to 255: a token has one byte for it

MAIN: Final = ListId(0)  # the list that every workspace has
MAIN_NAME: Final = "main"


class SubscriberState(StrEnum):
    """Where a person stands with one list; only ACTIVE people are written to."""

    PENDING = "pending"  # asked, not confirmed
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"


class SuppressionReason(StrEnum):
    """Why an address must not be written to, whoever asks."""

    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ERASED = "erased"
    MANUAL = "manual"


class Subscriber(Struct, frozen=True, kw_only=True):
    """A person's address, what we know of them, and where they stand with the list asked for."""

    id: SubscriberId
    address: str  # as given, domain lower-cased
    name: str
    state: SubscriberState
    created_at: datetime  # aware, UTC
    language: str | None = None  # BCP 47
    zone: str | None = None  # IANA
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tags: frozenset[str] = frozenset()
    suppression: SuppressionReason | None = None  # nobody writes to them, whatever their state

    @property
    def standing(self) -> str:
        """Why they are not written to, or else their state."""
        return (self.suppression or self.state).value


class Subscription(Struct, frozen=True, kw_only=True):
    """A person's word for one list."""

    list: ListId
    state: SubscriberState
    since: datetime  # aware, UTC: when it became this state
    paused_until: datetime | None = None  # aware, UTC: they want nothing before


class ConsentAction(StrEnum):
    """What somebody said."""

    ASKED = "asked"  # a form was sent; nobody knows yet by whom
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class Consent(Struct, frozen=True, kw_only=True):
    """One record of an append-only history: who said what, when, and how we know."""

    action: str  # a ConsentAction
    method: str  # "import" | "command" | "web" | "one-click" | "mail"
    source: str  # file name, form URL or the operator's words
    at: datetime  # aware, UTC
    wording: str = ""  # what the form said they agree to
    client: str = ""  # keyed hash of the client's network; empty after it was forgotten
