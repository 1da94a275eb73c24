"""People, and what they agreed to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

SubscriberId = NewType("SubscriberId", int)


class SubscriberState(StrEnum):
    """Only ACTIVE people are written to."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person's address and where they stand."""

    id: SubscriberId
    address: str  # as given, domain lower-cased
    name: str
    state: SubscriberState
    created_at: datetime  # aware, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One record of an append-only history: who said what, when, and how we know."""

    action: str  # "given" | "withdrawn"
    method: str  # "import" | "command" | "web" | "one-click"
    source: str  # file name, form URL or the operator's words
    at: datetime  # aware, UTC
