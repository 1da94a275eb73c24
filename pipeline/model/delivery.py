"""A delivery: one dispatch to one subscriber, and everything that may become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, NewType

from msgspec import Struct

from pipeline.model.subscriber import SubscriberId

DeliveryId = NewType("DeliveryId", int)


class DeliveryStatus(StrEnum):
    """Where a delivery stands with our sender, not with anybody's inbox."""

    PENDING = "pending"  # to be tried
    SENDING = "sending"  # START is written: its bytes may be on the wire right now
    DEFERRED = "deferred"  # refused for now; see due_at
    ACCEPTED = "accepted"  # the sender took responsibility
    REFUSED = "refused"  # it never will, for this recipient
    UNCERTAIN = "uncertain"  # nobody knows whether it left; a person decides
    LEFT_OUT = "left_out"  # unsubscribed or suppressed after the audience was written down


NEXT: Final[Mapping[DeliveryStatus, frozenset[DeliveryStatus]]] = {
    DeliveryStatus.PENDING: frozenset({DeliveryStatus.SENDING, DeliveryStatus.LEFT_OUT}),
    DeliveryStatus.SENDING: frozenset(
        {
            DeliveryStatus.PENDING,  # put back: it certainly did not leave
            DeliveryStatus.DEFERRED,
            DeliveryStatus.ACCEPTED,
            DeliveryStatus.REFUSED,
            DeliveryStatus.UNCERTAIN,
        }
    ),
    DeliveryStatus.DEFERRED: frozenset({DeliveryStatus.SENDING, DeliveryStatus.LEFT_OUT}),
    DeliveryStatus.UNCERTAIN: frozenset({DeliveryStatus.PENDING, DeliveryStatus.ACCEPTED}),
    # A sender fault found late (the circuit breaker) takes the blame back.
    DeliveryStatus.REFUSED: frozenset({DeliveryStatus.PENDING}),
    DeliveryStatus.ACCEPTED: frozenset(),
    # They left while their message was on the wire, and it may have arrived all the same.
    DeliveryStatus.LEFT_OUT: frozenset({DeliveryStatus.ACCEPTED, DeliveryStatus.UNCERTAIN}),
}


class Accepted(Struct, frozen=True):
    """2xx to the message: the server is responsible now (RFC 5321 4.2.5)."""

    code: int
    reply: str


class Deferred(Struct, frozen=True):
    """4xx: definitely not accepted, worth another try."""

    code: int
    reply: str


class Refused(Struct, frozen=True):
    """5xx: never for this recipient."""

    code: int
    reply: str


class Unanswered(Struct, frozen=True):
    """The line was cut after the message and before the reply (RFC 1047)."""

    reason: str


Outcome = Accepted | Deferred | Refused | Unanswered


class Envelope(Struct, frozen=True):
    """The SMTP pair, not the From and To headers."""

    sender: str
    recipient: str


class Claim(NamedTuple):
    """A delivery to work on. A tuple: a million of them are made in a run."""

    delivery: DeliveryId
    subscriber: SubscriberId
    address: str
    name: str
    attempt: int  # the number of the attempt to come, from 1
    dated_at: int | None  # microseconds: the Date header of an earlier attempt, to be kept
    first_tried_at: int | None  # microseconds: giving up counts from it
    fields: Mapping[str, str] = MappingProxyType({})  # the reader's own, as they were at prepare


class Settled(NamedTuple):
    """What became of one attempt. PENDING takes it back: nobody is blamed, it did not count.

    The pair of delivery and attempt makes it idempotent: an attempt is counted once, however
    often a journal is read.
    """

    delivery: DeliveryId
    attempt: int
    status: DeliveryStatus  # PENDING, DEFERRED, ACCEPTED, REFUSED or UNCERTAIN
    started_at: int  # microseconds
    ended_at: int | None = None  # microseconds; nobody knows it of an attempt that was cut off
    due_at: int | None = None  # microseconds; only with DEFERRED
    code: int | None = None  # the server's reply code, if it gave one
    reply: str = ""  # the server's own words, or ours


@dataclass(slots=True, eq=False)
class Outgoing:
    """One message for one recipient on its way out; a sender gives it back as it got it."""

    envelope: Envelope
    message: bytes  # complete RFC 5322
    # By construction 7-bit, ended and divided by CRLF, no line starts with a dot: senders need
    # not look, which would cost more than sending.
    plain: bool = False


class Verdict(Struct, frozen=True, kw_only=True):
    """What follows for a delivery from an outcome."""

    status: DeliveryStatus
    due_at: datetime | None = None  # aware, UTC; only with DEFERRED
    code: int | None = None  # the server's reply code, if it gave one
    reply: str = ""  # the server's own words, or ours


class RelayLimits(Struct, frozen=True, kw_only=True):
    """How much one relay takes; None is without limit."""

    rate: float | None = None  # messages a second, over all connections
    daily: int | None = None  # messages a day
    warm_up: tuple[int, ...] = ()  # messages on the first day, the second, ...; then `daily`
    warm_up_from: date | None = None  # the first day
