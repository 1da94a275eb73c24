"""What becomes of a person who is to be written down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.model.subscriber import SubscriberState


class Standing(StrEnum):
    """The answer to one row of an import, or to one person added."""

    NEW = "new"
    UPDATED = "updated"  # a new name, or confirmed after having only asked
    UNCHANGED = "unchanged"
    UNSUBSCRIBED = "unsubscribed"  # left as they are: only they can come back
    SUPPRESSED = "suppressed"  # must not be written to; not even stored


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubscriber:
    """Someone to write down, perhaps known already."""

    address: str  # as given, domain lower-cased
    normalised: str  # for comparing; one address has one
    name: str = ""
    state: SubscriberState = SubscriberState.ACTIVE  # ACTIVE or PENDING


@dataclass(frozen=True, slots=True)
class Known:
    """What the database has of an address."""

    name: str
    state: SubscriberState


def stand(new: NewSubscriber, known: Known | None, *, suppressed: bool) -> tuple[Standing, Known]:
    """Decide what becomes of a person, and what is stored of them afterwards.

    Nobody who unsubscribed or is suppressed becomes active, a name is never emptied, and who
    confirmed once stays confirmed.

    Pure: no clock, no randomness, no storage.
    """
    if known is None:
        fresh = Known(new.name, new.state)
        return (Standing.SUPPRESSED if suppressed else Standing.NEW), fresh
    if known.state is SubscriberState.UNSUBSCRIBED:
        return Standing.UNSUBSCRIBED, known
    if suppressed:
        return Standing.SUPPRESSED, known
    confirmed = SubscriberState.ACTIVE in {known.state, new.state}
    after = Known(
        new.name or known.name, SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING
    )
    return (Standing.UNCHANGED if after == known else Standing.UPDATED), after
