"""The mails about consent: which wait, and what became of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NewType

from msgspec import Struct
from sqlalchemy import Row, Select, func, insert, literal, select, update

from pipeline.model.delivery import DeliveryStatus, Verdict
from pipeline.model.subscriber import ListId, SubscriberId, SubscriberState, SuppressionReason
from pipeline.storage.engine import Database
from pipeline.storage.moment import Moment
from pipeline.storage.schema import mailing_list, notice, subscriber, subscription, suppression

NoticeId = NewType("NoticeId", int)

ONE_A: Final = timedelta(hours=24)  # of a kind to a person: a stranger may have asked for it
DROPPED: Final = "dropped"  # it was not sent, and will not be

_WAITING: Final = (
    select(
        notice.c.id,
        notice.c.kind,
        notice.c.subscriber_id,
        notice.c.list_id,
        notice.c.attempts,
        notice.c.dated_at,
        notice.c.created_at,
        mailing_list.c.name.label("list_name"),
        subscriber.c.address,
        subscriber.c.language,
        subscription.c.state,
        suppression.c.reason,
    )
    .join_from(notice, subscriber)
    .join(mailing_list, mailing_list.c.id == notice.c.list_id)
    .outerjoin(
        subscription,
        (subscription.c.list_id == notice.c.list_id)
        & (subscription.c.subscriber_id == notice.c.subscriber_id),
    )
    .outerjoin(suppression, suppression.c.address_hash == subscriber.c.address_hash)
    .where(notice.c.due_at.is_not(None), subscriber.c.address != "")
)


class Notice(Struct, frozen=True, kw_only=True):
    """A mail to one person that waits, with all that decides whether it may still be sent."""

    id: NoticeId
    kind: str
    subscriber: SubscriberId
    list: ListId
    list_name: str
    address: str  # as it is now
    language: str | None  # BCP 47
    state: SubscriberState | None  # on that list, now; None: not on it any more
    suppressed: SuppressionReason | None
    attempt: int  # the number of the attempt to come, from 1
    dated_at: datetime | None  # the Date header of an earlier attempt, to be kept
    created_at: datetime


class Notices(Struct, frozen=True):
    """Every mail about consent that was ever to be sent, without its address and its text."""

    database: Database

    def add(self, kind: str, subscriber_: SubscriberId, list_: ListId, now: datetime) -> bool:
        """Let a mail be sent; False: the person got one of that kind within ONE_A.

        Whatever list that one was about: nobody's mailbox is filled by a stranger who asks.
        """
        with self.database.writing(quiet=True) as connection:
            newest = connection.scalar(_newest(kind, subscriber_))
            if newest is not None and newest > now - ONE_A:
                return False
            values = {
                "kind": kind,
                "subscriber_id": subscriber_,
                "list_id": list_,
                "status": DeliveryStatus.PENDING,
                "attempts": 0,
                "due_at": now,
                "created_at": now,
                "updated_at": now,
                "reply": "",
            }
            connection.execute(insert(notice), values)
        return True

    def due(self, now: datetime, limit: int = 100) -> tuple[Notice, ...]:
        """Return what is to be tried, what was due first first; never to somebody erased."""
        query = _WAITING.where(notice.c.due_at <= now)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(notice.c.due_at, notice.c.id).limit(limit))
            return tuple(map(_notice, rows))

    def waiting(self, id_: NoticeId) -> Notice | None:
        """Return a mail as it is now; None: it is over, or its person was erased."""
        with self.database.reading() as connection:
            row = connection.execute(_WAITING.where(notice.c.id == id_)).one_or_none()
        return _notice(row) if row else None

    def settle(self, id_: NoticeId, verdict: Verdict, now: datetime) -> None:
        """Store what became of an attempt that began at `now`; of one that is over, nothing."""
        values: dict[str, Any] = {
            "status": verdict.status,
            "attempts": notice.c.attempts + 1,
            "due_at": verdict.due_at,
            "dated_at": func.coalesce(notice.c.dated_at, literal(now, Moment)),
            "updated_at": now,
            "reply": verdict.reply,
        }
        self._close(id_, values)

    def drop(self, id_: NoticeId, reason: str, now: datetime) -> None:
        """Let a mail not be sent after all; of one that is over, nothing changes."""
        values = {"status": DROPPED, "due_at": None, "updated_at": now, "reply": reason}
        self._close(id_, values)

    def newest(self, kind: str, subscriber_: SubscriberId) -> datetime | None:
        """Return when the newest mail of a kind to a person was asked for; None: never."""
        with self.database.reading() as connection:
            return connection.scalar(_newest(kind, subscriber_))

    def count(self, kind: str, subscriber_: SubscriberId, *, since: datetime) -> int:
        """Return how many mails of a kind to a person were asked for since a moment."""
        query = select(func.count()).where(
            notice.c.subscriber_id == subscriber_,
            notice.c.kind == kind,
            notice.c.created_at >= since,
        )
        with self.database.reading() as connection:
            return connection.scalar(query) or 0

    def _close(self, id_: NoticeId, values: dict[str, Any]) -> None:
        change = update(notice).where(notice.c.id == id_, notice.c.due_at.is_not(None))
        with self.database.writing(quiet=True) as connection:
            connection.execute(change.values(values))


def _newest(kind: str, subscriber_: SubscriberId) -> Select[datetime | None]:
    return select(func.max(notice.c.created_at)).where(
        notice.c.subscriber_id == subscriber_, notice.c.kind == kind
    )


def _notice(row: Row[*tuple[Any, ...]]) -> Notice:
    return Notice(
        id=NoticeId(row.id),
        kind=row.kind,
        subscriber=SubscriberId(row.subscriber_id),
        list=ListId(row.list_id),
        list_name=row.list_name,
        address=row.address,
        language=row.language,
        state=None if row.state is None else SubscriberState(row.state),
        suppressed=None if row.reason is None else SuppressionReason(row.reason),
        attempt=row.attempts + 1,
        dated_at=row.dated_at,
        created_at=row.created_at,
    )
