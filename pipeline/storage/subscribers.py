"""The subscribers of a list and what they agreed to."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Row, Select, func, select

from pipeline.model.subscriber import (
    MAIN,
    Consent,
    ListId,
    Subscriber,
    SubscriberId,
    SubscriberState,
    Subscription,
    SuppressionReason,
)
from pipeline.storage import changing, consenting
from pipeline.storage.engine import Database
from pipeline.storage.schema import consent, subscriber, subscription, suppression, tag
from pipeline.storage.standing import Confirmed, NewSubscriber, Standing
from pipeline.storage.upserting import decide, from_json, retag, write

ROUND: Final = 2000  # rows decided and written together; more at once only take more memory
PAGE: Final = 5000  # rows a read
# With its usual 2 MB, SQLite writes pages of the address index many times in one transaction.
_ROOM: Final = "PRAGMA cache_size = -16000"  # KiB

_TAGS: Final = (
    select(func.json_group_array(tag.c.tag))
    .where(tag.c.subscriber_id == subscriber.c.id)
    .scalar_subquery()
)
_COLUMNS: Final = select(
    subscriber.c.id,
    subscriber.c.address,
    subscriber.c.name,
    subscriber.c.language,
    subscriber.c.zone,
    subscriber.c.fields,
    subscriber.c.created_at,
    subscription.c.state,
    suppression.c.reason,
    _TAGS.label("tags"),
).select_from(
    subscription.join(subscriber, subscription.c.subscriber_id == subscriber.c.id).outerjoin(
        suppression, suppression.c.address_hash == subscriber.c.address_hash
    )
)


class Subscribers(Struct, frozen=True):
    """Everybody who was ever on a list, whatever their state on it."""

    database: Database
    hasher: Callable[[str], str]  # keyed hash of a normalised address
    list_: ListId = MAIN

    def on(self, list_: ListId) -> Subscribers:
        """Return the subscribers of another list."""
        return replace(self, list_=list_)

    def add(self, new: NewSubscriber, agreed: Consent) -> Standing:
        """Write down one person; see `upsert`."""
        return self.upsert((new,), agreed)[0]

    def upsert(self, rows: Sequence[NewSubscriber], agreed: Consent) -> tuple[Standing, ...]:
        """Write down people who may be known already; return what became of each, in order.

        Consent is recorded for everyone who becomes active by it, with the proof of the row that
        made them so. Of two rows with one address the second meets what the first left.

        It is one transaction: who brings many takes `Turns`, or a web server beside it waits for
        seconds to store an unsubscribe.

        Args:
            rows: any number.
            agreed: how all of them agreed; its `at` is the time of the change.

        Raises:
            StorageError: nothing of it was written.
        """
        if not rows:
            return ()
        standings: list[Standing] = []
        with self.database.writing() as connection:
            if len(rows) > ROUND:
                connection.exec_driver_sql(_ROOM)
            for start in range(0, len(rows), ROUND):
                part = rows[start : start + ROUND]
                decided = decide(connection, part, self.hasher, self.list_)
                write(connection, decided, agreed, self.list_)
                standings += decided.standings
        return tuple(standings)

    def foresee(self, rows: Sequence[NewSubscriber]) -> tuple[Standing, ...]:
        """Return what `upsert` would answer; nothing is written.

        A row does not know of rows in earlier calls, as nothing remembers them.
        """
        with self.database.reading() as connection:
            return tuple(decide(connection, rows, self.hasher, self.list_).standings)

    def ask(self, new: NewSubscriber, word: Consent) -> SubscriberId:
        """Let somebody ask to be on the list; they are PENDING until they `confirm`.

        Who is ACTIVE stays so, as anybody can ask for anybody; who left is PENDING again. What is
        known of a person is not changed by it.

        Args:
            new: who; its state says nothing.
            word: of action ASKED; its `at` is when.
        """
        with self.database.writing(quiet=True) as connection:
            return consenting.ask(connection, new, word, self.hasher, self.list_)

    def confirm(
        self, id_: SubscriberId, word: Consent, *, now: datetime, within: timedelta
    ) -> Confirmed:
        """Make a person ACTIVE who asked at most `within` ago, and record the word, in one commit.

        It lifts the suppressions UNSUBSCRIBED, BOUNCED and ERASED; the others stay, and stay
        stronger than the state.
        """
        with self.database.writing() as connection:
            return consenting.confirm(connection, id_, word, now - within, self.list_)

    def expire(self, before: datetime) -> int:
        """Forget who asked before a moment and never confirmed; return how many.

        Who had left before is UNSUBSCRIBED again. Others leave the list, and the database if
        nothing else refers to them.
        """
        with self.database.writing(quiet=True) as connection:
            return consenting.expire(connection, before, self.list_)

    def get(self, id_: SubscriberId) -> Subscriber | None:
        """Return the subscriber with that id; None if there is none on the list, or no longer."""
        return self._one(subscriber.c.id == id_)

    def by_address(self, normalised: str) -> Subscriber | None:
        """Return the subscriber of the list with that normalised address."""
        return self._one(subscriber.c.address_norm == normalised)

    def find(self, normalised: str) -> SubscriberId | None:
        """Return who has that normalised address, on whatever list they are or were."""
        query = select(subscriber.c.id).where(subscriber.c.address_norm == normalised)
        with self.database.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else SubscriberId(found)

    def all(
        self,
        state: SubscriberState | None = None,
        *,
        tag: str | None = None,
        where: ColumnElement[bool] | None = None,
    ) -> Iterator[Subscriber]:
        """Yield subscribers in the order they came.

        No transaction stays open between pages: nobody waits for a slow reader.

        Args:
            state: only those in it.
            tag: only those who have it.
            where: only those for whom it holds; over `subscriber`, `subscription` and `tag`.
        """
        page = self._query().order_by(subscription.c.subscriber_id).limit(PAGE)
        if state is not None:
            page = page.where(subscription.c.state == state)
        if tag is not None:
            page = page.where(changing.has_tag(tag))
        if where is not None:
            page = page.where(where)
        last = 0
        while True:
            with self.database.reading() as connection:
                rows = connection.execute(page.where(subscription.c.subscriber_id > last)).all()
            yield from map(_subscriber, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1].id

    def count(self) -> dict[SubscriberState, int]:
        """Return how many there are of each state, zeros included."""
        query = (
            select(subscription.c.state, func.count())
            .where(subscription.c.list_id == self.list_)
            .group_by(subscription.c.state)
        )
        with self.database.reading() as connection:
            found: dict[str, int] = dict(connection.execute(query).all())
        return {state: found.get(state, 0) for state in SubscriberState}

    def set_state(self, id_: SubscriberId, state: SubscriberState, word: Consent) -> bool:
        """Change the state of a subscriber and record the word it rests on, in one commit.

        Who is on another list only comes to this one, unless they are to leave it.

        Returns:
            True if that changed anything; False if they are in that state or are not there.
        """
        with self.database.writing() as connection:
            return changing.set_state(connection, id_, state, word, self.list_)

    def pause(self, id_: SubscriberId, until: datetime | None, word: Consent) -> bool:
        """Let a subscriber get nothing of the list before a moment; None: no longer so.

        Returns:
            True if that changed anything. The word is recorded then; its action is the caller's.
        """
        with self.database.writing() as connection:
            return changing.pause(connection, id_, until, word, self.list_)

    def change(
        self,
        id_: SubscriberId,
        *,
        now: datetime,
        name: str | None = None,
        language: str | None = None,
        zone: str | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> bool:
        """Change what is known of a person, on every list; None leaves it as it is.

        Args:
            id_: who; nothing happens if they are not there or erased.
            now: aware, UTC.
            name: empty for none.
            language: BCP 47; empty for none.
            zone: IANA; empty for none.
            fields: those that change; an empty one is taken away.

        Returns:
            True if they are there.
        """
        facts = {"name": name, "language": language, "zone": zone}
        with self.database.writing(quiet=True) as connection:
            return changing.change(connection, id_, facts, fields, now)

    def tag(
        self, id_: SubscriberId, *, add: Collection[str] = (), remove: Collection[str] = ()
    ) -> bool:
        """Give a person tags and take others away; return whether they are there."""
        return bool(self.tag_all((id_,), add=add, remove=remove))

    def tag_all(
        self,
        ids: Sequence[SubscriberId],
        *,
        add: Collection[str] = (),
        remove: Collection[str] = (),
    ) -> int:
        """Do what `tag` does for many people in one transaction; return how many are there."""
        with self.database.writing(quiet=True) as connection:
            return retag(connection, ids, add, remove)

    def subscriptions(self, id_: SubscriberId) -> tuple[Subscription, ...]:
        """Return where a person stands with every list they are or were on, `main` first."""
        query = (
            select(
                subscription.c.list_id.label("list"),
                subscription.c.state,
                subscription.c.since,
                subscription.c.paused_until,
            )
            .where(subscription.c.subscriber_id == id_)
            .order_by(subscription.c.list_id)
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            Subscription(**{**row, "state": SubscriberState(row["state"])}) for row in rows
        )

    def consents(self, id_: SubscriberId) -> tuple[Consent, ...]:
        """Return what a subscriber asked, agreed to and withdrew on the list, oldest first."""
        query = (
            select(*(consent.c[name] for name in Consent.__struct_fields__))
            .where(consent.c.subscriber_id == id_, consent.c.list_id == self.list_)
            .order_by(consent.c.id)
        )
        with self.database.reading() as connection:
            return tuple(Consent(**row) for row in connection.execute(query).mappings())

    def _query(self) -> Select[*tuple[Any, ...]]:
        return _COLUMNS.where(subscription.c.list_id == self.list_)

    def _one(self, condition: ColumnElement[bool]) -> Subscriber | None:
        with self.database.reading() as connection:
            row = connection.execute(self._query().where(condition)).one_or_none()
        return _subscriber(row) if row else None


def _subscriber(row: Row[*tuple[Any, ...]]) -> Subscriber:
    return Subscriber(
        id=SubscriberId(row.id),
        address=row.address,
        name=row.name,
        state=SubscriberState(row.state),
        created_at=row.created_at,
        language=row.language,
        zone=row.zone,
        fields=from_json(row.fields),
        tags=frozenset(json.loads(row.tags)),
        suppression=SuppressionReason(row.reason) if row.reason else None,
    )
