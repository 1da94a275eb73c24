"""A person who exists while the doctor looks at the site; see `doctor.probing.Person`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from sqlalchemy import delete, exists, or_

from pipeline.audience.address import parse_address
from pipeline.audience.secrets import Keys
from pipeline.audience.tokens import Action, Tokens, address_hasher
from pipeline.doctor.probing import Standing
from pipeline.errors import NotAllowed
from pipeline.model.ports import Clock
from pipeline.model.subscriber import Consent, ListId, SubscriberId, SubscriberState
from pipeline.storage.engine import Database
from pipeline.storage.lists import PROBE, Lists
from pipeline.storage.schema import (
    consent,
    delivery,
    exclusion,
    feedback,
    notice,
    subscriber,
    subscription,
    tag,
)
from pipeline.storage.standing import NewSubscriber
from pipeline.storage.subscribers import Subscribers

NAME: Final = "probe"
_OWN: Final = (subscription, tag, consent, notice)
_REFERRING: Final = (delivery, exclusion, feedback)
_ENOUGH: Final = timedelta(minutes=1)  # to confirm: it happens in the same breath


class Probe(Struct, frozen=True, kw_only=True):
    """Somebody of our own, on a list of their own, to whom nothing is mailed.

    The token in their link is one of ours, so that the running site takes it for what it is. They
    are not erased as real people are, which rewrites the database and deletes older copies of it:
    their rows go, and as nobody ever wrote to them nothing else knew them.
    """

    id: SubscriberId
    list: ListId
    new: NewSubscriber
    database: Database
    subscribers: Subscribers
    tokens: Tokens
    clock: Clock

    @classmethod
    def open(cls, database: Database, keys: Keys, domain: str, clock: Clock) -> Probe:
        """Write them down, not yet active.

        Args:
            database: of the running site.
            keys: of the same workspace.
            domain: their address is there; it should be ours.
            clock: for what is written down.

        Raises:
            NotAllowed: somebody real has the address; nothing was written but the list.
        """
        list_ = Lists(database).ensure((PROBE,))[PROBE]
        subscribers = Subscribers(database, address_hasher(keys), list_)
        address = parse_address(f"{NAME}@{domain}")
        known = subscribers.find(address.normalised)
        # A probe that was killed leaves its person on this list; anybody else stays untouched.
        if known and {each.list for each in subscribers.subscriptions(known)} - {list_}:
            raise NotAllowed(f"{address.given} is a subscriber; the probe needs this address")
        new = NewSubscriber(
            address=address.given, normalised=address.normalised, state=SubscriberState.PENDING
        )
        return cls(
            id=subscribers.ask(new, _word("asked", clock())),
            list=list_,
            new=new,
            database=database,
            subscribers=subscribers,
            tokens=Tokens(keys),
            clock=clock,
        )

    @property
    def path(self) -> str:
        """Path of the link to leave; see `probing.Person`."""
        return f"/u/{self.tokens.mint(Action.UNSUBSCRIBE, self.id, self.list)}"

    def standing(self) -> Standing:
        """Return where they stand; see `probing.Person`."""
        found = self.subscribers.get(self.id)
        return Standing(
            active=found is not None and found.state is SubscriberState.ACTIVE,
            words=len(self.subscribers.consents(self.id)),
        )

    def revive(self) -> None:
        """Make them active, as a fresh double opt-in would.

        Raises:
            NotAllowed: the address is suppressed for good.
        """
        now = self.clock()
        self.subscribers.ask(self.new, _word("asked", now))
        self.subscribers.confirm(self.id, _word("given", now), now=now, within=_ENOUGH)
        if not self.standing().active:
            raise NotAllowed(f"{self.new.address} cannot be subscribed; is it suppressed?")

    def forget(self) -> None:
        """Delete what was written down of them; the row of a person somebody refers to stays."""
        referred = or_(*(exists().where(each.c.subscriber_id == self.id) for each in _REFERRING))
        with self.database.writing(quiet=True) as connection:
            for table in _OWN:
                connection.execute(delete(table).where(table.c.subscriber_id == self.id))
            connection.execute(delete(subscriber).where(subscriber.c.id == self.id, ~referred))


def _word(action: str, now: datetime) -> Consent:
    return Consent(action=action, method="command", source="broadsheet doctor", at=now)
