"""What came back: recorded once, and what it says of a person's issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from pipeline.model.delivery import DeliveryId, DeliveryStatus
from pipeline.model.dispatch import DispatchId
from pipeline.model.feedback import FeedbackKind
from pipeline.model.issue_fate import IssueFate
from pipeline.model.subscriber import ListId, SubscriberId
from pipeline.storage.engine import Database
from pipeline.storage.schema import delivery, dispatch, feedback, subscriber

# A bounce may say less than the complaint that follows it; the first of these that came counts.
_GRAVITY: Final = (
    FeedbackKind.COMPLAINT,
    FeedbackKind.HARD,
    FeedbackKind.MAILBOX,
    FeedbackKind.UNKNOWN,
    FeedbackKind.TRANSIENT,
)
_ARRIVED: Final = (DeliveryStatus.ACCEPTED, DeliveryStatus.REFUSED)
_RECENT: Final = 50  # issues; no rule looks back further
_AS_IT_CAME: Final = {"at", "source", "key"}


class About(Struct, frozen=True, kw_only=True):
    """Whom and what a verdict is about, as far as a token proves it."""

    delivery: DeliveryId
    subscriber: SubscriberId
    list: ListId
    dispatch: DispatchId
    address: str  # it was sent to; empty: they were erased


class FeedbackRecord(Struct, frozen=True, kw_only=True):
    """One verdict that came back, as it is kept."""

    at: datetime  # aware, UTC
    source: str
    key: str  # the same again is not heard twice; kept as a digest, as it may name somebody
    kind: FeedbackKind
    status: str | None  # RFC 3463
    reply: str
    detector: str
    proven: bool
    counted: bool
    delivery: DeliveryId | None = None
    subscriber: SubscriberId | None = None
    list: ListId | None = None
    dispatch: DispatchId | None = None


class Feedbacks(Struct, frozen=True):
    """Every verdict that came back, believed or not."""

    database: Database

    def known(self, key: str, *, proven: bool = False) -> bool:
        """Say whether a verdict was recorded before; with `proven`, whether it was as proven."""
        query = select(feedback.c.id).where(feedback.c.key == _digest(key))
        if proven:
            query = query.where(feedback.c.proven)
        with self.database.reading() as connection:
            return connection.scalar(query) is not None

    def about(self, id_: DeliveryId) -> About | None:
        """Return whom a delivery was for; None if there is none with that id."""
        query = (
            select(
                delivery.c.subscriber_id,
                delivery.c.dispatch_id,
                delivery.c.address,
                dispatch.c.list_id,
            )
            .join_from(delivery, dispatch)
            .where(delivery.c.id == id_)
        )
        with self.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return About(
            delivery=id_,
            subscriber=SubscriberId(row.subscriber_id),
            list=ListId(row.list_id),
            dispatch=DispatchId(row.dispatch_id),
            address=row.address,
        )

    def record(self, heard: FeedbackRecord) -> bool:
        """Keep a verdict; return False if its key was recorded before, and change nothing.

        What was recorded unproven becomes proven, with all that follows; when and where it came
        from stay. Of what is about somebody erased only the kind is kept.
        """
        values = {
            "at": heard.at,
            "source": heard.source,
            "key": _digest(heard.key),
            "kind": heard.kind,
            "delivery_id": heard.delivery,
            "subscriber_id": heard.subscriber,
            "list_id": heard.list,
            "dispatch_id": heard.dispatch,
            "status": heard.status,
            "reply": heard.reply,
            "detector": heard.detector,
            "proven": heard.proven,
            "counted": heard.counted,
        }
        with self.database.writing(quiet=True) as connection:
            if heard.subscriber is not None and _is_erased(connection, heard.subscriber):
                values |= {"reply": "", "subscriber_id": None, "delivery_id": None}
            new = insert(feedback).values(values)
            told = {name: new.excluded[name] for name in values.keys() - _AS_IT_CAME}
            statement = new.on_conflict_do_update(
                index_elements=[feedback.c.key],
                set_=told,
                where=~feedback.c.proven & new.excluded.proven,
            )
            return bool(connection.execute(statement).rowcount)

    def history(self, about: SubscriberId, list_: ListId) -> tuple[IssueFate, ...]:
        """Return what became of the newest issues of a list to a person, the oldest first.

        An issue is there if it was accepted or refused, or if something counted came back of it.
        """
        issues = (
            select(delivery.c.dispatch_id, delivery.c.status, delivery.c.updated_at)
            .join_from(delivery, dispatch)
            .where(
                delivery.c.subscriber_id == about,
                dispatch.c.list_id == list_,
                delivery.c.status.in_(_ARRIVED),
            )
            .order_by(delivery.c.updated_at.desc())
            .limit(_RECENT)
        )
        verdicts = (
            select(feedback.c.dispatch_id, feedback.c.kind, feedback.c.at)
            .where(
                feedback.c.subscriber_id == about,
                feedback.c.list_id == list_,
                feedback.c.counted,
            )
            .order_by(feedback.c.at)
        )
        with self.database.reading() as connection:
            fates = {
                row.dispatch_id: IssueFate(
                    dispatch=DispatchId(row.dispatch_id), at=row.updated_at, kind=None
                )
                for row in connection.execute(issues)
                if row.status == DeliveryStatus.ACCEPTED
            }
            for row in connection.execute(verdicts):
                told = IssueFate(dispatch=row.dispatch_id, at=row.at, kind=FeedbackKind(row.kind))
                fates[row.dispatch_id] = _graver(fates.get(row.dispatch_id), told)
        return tuple(sorted(fates.values(), key=lambda fate: fate.at))

    def counts(self, id_: DispatchId) -> Mapping[FeedbackKind, int]:
        """Return how often each kind came back of a dispatch, only those that did."""
        query = (
            select(feedback.c.kind, func.count())
            .where(feedback.c.dispatch_id == id_, feedback.c.proven)
            .group_by(feedback.c.kind)
            .order_by(feedback.c.kind)
        )
        with self.database.reading() as connection:
            return {FeedbackKind(kind): n for kind, n in connection.execute(query)}

    def attempted(self, id_: DispatchId) -> Mapping[str, int]:
        """Return how many deliveries of a dispatch were tried, by domain in lower case.

        It reads the whole dispatch: call it when something looks odd.
        """
        domain = func.substr(delivery.c.address, func.instr(delivery.c.address, "@") + 1)
        query = (
            select(domain, func.count())
            .where(delivery.c.dispatch_id == id_, delivery.c.attempts > 0)
            .group_by(domain)
        )
        found: Counter[str] = Counter()
        with self.database.reading() as connection:
            for name, n in connection.execute(query):
                found[name.lower()] += n
        return found

    def of(self, about: SubscriberId) -> tuple[FeedbackRecord, ...]:
        """Return everything that is proven to be about a person, the oldest first."""
        query = select(feedback).where(feedback.c.subscriber_id == about).order_by(feedback.c.id)
        with self.database.reading() as connection:
            return tuple(
                FeedbackRecord(
                    at=row.at,
                    source=row.source,
                    key=row.key,
                    kind=FeedbackKind(row.kind),
                    status=row.status,
                    reply=row.reply,
                    detector=row.detector,
                    proven=row.proven,
                    counted=row.counted,
                    delivery=row.delivery_id,
                    subscriber=row.subscriber_id,
                    list=row.list_id,
                    dispatch=row.dispatch_id,
                )
                for row in connection.execute(query)
            )


def _digest(key: str) -> str:
    return blake2b(key.encode(), digest_size=16).hexdigest()


def _is_erased(connection: Connection, id_: SubscriberId) -> bool:
    address = connection.scalar(select(subscriber.c.address).where(subscriber.c.id == id_))
    return address == ""


def _graver(one: IssueFate | None, other: IssueFate) -> IssueFate:
    if one is None or one.kind is None:
        return other
    return min(one, other, key=_gravity)


def _gravity(fate: IssueFate) -> int:
    return _GRAVITY.index(fate.kind) if fate.kind in _GRAVITY else len(_GRAVITY)
