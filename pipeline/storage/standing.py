"""What becomes of a person who is to be written down, or who confirms."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from pipeline.model.subscriber import SubscriberState

NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
NO_TAGS: Final[frozenset[str]] = frozenset()


class Standing(StrEnum):
    """The answer to one row of an import, or to one person added."""

    NEW = "new"  # to the list; other lists may know them
    UPDATED = "updated"  # something new about them, or confirmed after having only asked
    UNCHANGED = "unchanged"
    UNSUBSCRIBED = "unsubscribed"  # before, or by what the row says: only they can come back
    SUPPRESSED = "suppressed"  # must not be written to; not even stored


class Confirmed(StrEnum):
    """The answer to somebody who confirms."""

    CONFIRMED = "confirmed"
    ALREADY = "already"
    EXPIRED = "expired"  # asked too long ago, or left since; they can ask anew
    GONE = "gone"  # erased, or forgotten as they never confirmed


class NewSubscriber(NamedTuple):
    """Someone to write down, perhaps known already. A tuple: an import makes a million of them."""

    address: str  # as given, domain lower-cased
    normalised: str  # for comparing; one address has one
    name: str = ""
    state: SubscriberState = SubscriberState.ACTIVE
    language: str | None = None  # BCP 47
    zone: str | None = None  # IANA
    fields: Mapping[str, str] = NO_FIELDS
    tags: frozenset[str] = NO_TAGS
    proof: str = ""  # what a file says of how they agreed; stands behind the source of the word


class Known(NamedTuple):
    """What the database has of an address."""

    name: str
    state: SubscriberState | None  # on the list in question; None: not on it
    language: str | None = None
    zone: str | None = None
    fields: Mapping[str, str] = NO_FIELDS
    tags: frozenset[str] = NO_TAGS

    @property
    def facts(self) -> tuple[str, str | None, str | None, Mapping[str, str]]:
        """What is the same on every list."""
        return self.name, self.language, self.zone, self.fields


def stand(
    new: NewSubscriber, known: Known | None, *, suppressed: bool
) -> tuple[Standing, Known | None]:
    """Decide what becomes of a person, and what is stored of them afterwards.

    Nobody who unsubscribed or is suppressed becomes active, nothing known is emptied, no tag is
    lost, and who confirmed once stays confirmed. Of a stranger who left somewhere else, nothing
    is stored but that; of one who is suppressed, nothing at all (None).

    Pure: no clock, no randomness, no storage.
    """
    if known is None:
        if suppressed:
            return Standing.SUPPRESSED, None
        if new.state is SubscriberState.UNSUBSCRIBED:
            return Standing.UNSUBSCRIBED, Known("", new.state)
        fresh = Known(new.name, new.state, new.language, new.zone, new.fields, new.tags)
        return Standing.NEW, fresh
    if known.state is SubscriberState.UNSUBSCRIBED:
        return Standing.UNSUBSCRIBED, known
    if new.state is SubscriberState.UNSUBSCRIBED:
        return Standing.UNSUBSCRIBED, known._replace(state=new.state)
    if suppressed:
        return Standing.SUPPRESSED, known
    confirmed = SubscriberState.ACTIVE in {known.state, new.state}
    after = Known(
        new.name or known.name,
        SubscriberState.ACTIVE if confirmed else SubscriberState.PENDING,
        new.language or known.language,
        new.zone or known.zone,
        {**known.fields, **new.fields} if new.fields else known.fields,
        known.tags | new.tags,
    )
    if known.state is None:
        return Standing.NEW, after
    return (Standing.UNCHANGED, known) if after == known else (Standing.UPDATED, after)
