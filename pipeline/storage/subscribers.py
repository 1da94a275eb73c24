"""The subscribers and what they agreed to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, update

from pipeline.model.subscriber import Consent, Subscriber, SubscriberId, SubscriberState
from pipeline.storage.engine import Database
from pipeline.storage.schema import consent, subscriber
from pipeline.storage.standing import NewSubscriber, Standing
from pipeline.storage.upserting import decide, write

BATCH: Final = 2000  # rows a transaction; SQLite's lock is not fair, longer ones starve the others
PAGE: Final = 5000  # rows a read

_COLUMNS: Final = select(
    subscriber.c.id,
    subscriber.c.address,
    subscriber.c.name,
    subscriber.c.state,
    subscriber.c.created_at,
)


@dataclass(frozen=True, slots=True)
class Subscribers:
    """Everybody who was ever written down, whatever their state."""

    database: Database
    hasher: Callable[[str], str]  # keyed hash of a normalised address

    def add(self, new: NewSubscriber, agreed: Consent) -> Standing:
        """Write down one person; see `upsert`."""
        return self.upsert((new,), agreed)[0]

    def upsert(self, rows: Sequence[NewSubscriber], agreed: Consent) -> tuple[Standing, ...]:
        """Write down people who may be known already; return what became of each, in order.

        Consent is recorded for everyone who becomes active by it. Of two rows with one address
        the second meets what the first left.

        A transaction holds at most BATCH rows. Between two calls a bulk import should pause for
        5 to 20 ms, or a web server beside it waits for seconds to store an unsubscribe.

        Args:
            rows: any number.
            agreed: how all of them agreed; its `at` is the time of the change.

        Raises:
            StorageError: the BATCH in hand was not written, those before it were.
        """
        standings: list[Standing] = []
        for start in range(0, len(rows), BATCH):
            with self.database.writing() as connection:
                decided = decide(connection, rows[start : start + BATCH], self.hasher)
                write(connection, decided, agreed)
            standings += decided.standings
        return tuple(standings)

    def foresee(self, rows: Sequence[NewSubscriber]) -> tuple[Standing, ...]:
        """Return what `upsert` would answer; nothing is written.

        A row does not know of rows in earlier calls, as nothing remembers them.
        """
        with self.database.reading() as connection:
            return tuple(decide(connection, rows, self.hasher).standings)

    def get(self, id_: SubscriberId) -> Subscriber | None:
        """Return the subscriber with that id; None if there is none, or no longer."""
        with self.database.reading() as connection:
            row = connection.execute(_COLUMNS.where(subscriber.c.id == id_)).one_or_none()
        return _subscriber(row) if row else None

    def by_address(self, normalised: str) -> Subscriber | None:
        """Return the subscriber with that normalised address."""
        query = _COLUMNS.where(subscriber.c.address_norm == normalised)
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return _subscriber(row) if row else None

    def all(self, state: SubscriberState | None = None) -> Iterator[Subscriber]:
        """Yield subscribers in the order they came, only those of a state if one is given.

        No transaction stays open between pages: nobody waits for a slow reader.
        """
        page = _COLUMNS.order_by(subscriber.c.id).limit(PAGE)
        if state is not None:
            page = page.where(subscriber.c.state == state)
        last = 0
        while True:
            with self.database.reading() as connection:
                rows = connection.execute(page.where(subscriber.c.id > last)).all()
            yield from map(_subscriber, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def count(self) -> dict[SubscriberState, int]:
        """Return how many there are of each state, zeros included."""
        query = select(subscriber.c.state, func.count()).group_by(subscriber.c.state)
        with self.database.reading() as connection:
            found: dict[str, int] = dict(connection.execute(query).all())
        return {state: found.get(state, 0) for state in SubscriberState}

    def set_state(self, id_: SubscriberId, state: SubscriberState, word: Consent) -> bool:
        """Change the state of a subscriber and record the word it rests on, in one commit.

        Returns:
            True if that changed anything; False if they are in that state or are not there.
        """
        change = (
            update(subscriber)
            .where(subscriber.c.id == id_, subscriber.c.state != state)
            .values(state=state, updated_at=word.at)
        )
        with self.database.writing() as connection:
            if not connection.execute(change).rowcount:
                return False
            connection.execute(insert(consent), {"subscriber_id": id_, **asdict(word)})
        return True

    def consents(self, id_: SubscriberId) -> tuple[Consent, ...]:
        """Return what a subscriber agreed to and withdrew, oldest first."""
        query = (
            select(consent.c.action, consent.c.method, consent.c.source, consent.c.at)
            .where(consent.c.subscriber_id == id_)
            .order_by(consent.c.id)
        )
        with self.database.reading() as connection:
            return tuple(Consent(**row) for row in connection.execute(query).mappings())


def _subscriber(row: Row[*tuple[Any, ...]]) -> Subscriber:
    return Subscriber(
        id=SubscriberId(row.id),
        address=row.address,
        name=row.name,
        state=SubscriberState(row.state),
        created_at=row.created_at,
    )
