"""The tables, as the newest migration leaves them; a test compares the two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from pipeline.model.delivery import DeliveryStatus
from pipeline.model.dispatch import DispatchState
from pipeline.model.subscriber import SubscriberState, SuppressionReason
from pipeline.storage.moment import Moment

HEAD: Final = "0002"  # the newest revision; a database at it opens without loading Alembic

metadata: Final = MetaData(
    # SQLite can only change a table by copying it, and needs names to carry constraints over.
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite gives row ids only to INTEGER PRIMARY KEY.
Id: Final = BigInteger().with_variant(Integer, "sqlite")

ALREADY: Final = "already"  # a cancelled dispatch of the same entry reached them before

EXCLUSION_REASONS: Final = (
    SubscriberState.PENDING.value,
    SubscriberState.UNSUBSCRIBED.value,
    *(reason.value for reason in SuppressionReason if reason != SuppressionReason.UNSUBSCRIBED),
    ALREADY,
)


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _reference(name: str, target: str, **options: Any) -> Column[int]:
    # Never ON DELETE CASCADE: a deleted subscriber would take along who was written to.
    return Column(name, Id, ForeignKey(target), **options)


subscriber: Final = Table(
    "subscriber",
    metadata,
    Column("id", Id, primary_key=True),
    Column("address", Text, nullable=False),  # as given, domain lower-cased
    Column("address_norm", Text, nullable=False),  # for comparing
    # The keyed hash cannot be computed in SQL; it is here so that suppression can be joined.
    Column("address_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    _one_of("state", SubscriberState),
    UniqueConstraint("address_norm"),
    # Without it SQLite gives the id of an erased person to the next one, and an old unsubscribe
    # link, which never expires, would then unsubscribe a stranger.
    sqlite_autoincrement=True,
)

consent: Final = Table(
    "consent",  # append-only
    metadata,
    Column("id", Id, primary_key=True),
    _reference("subscriber_id", "subscriber.id", nullable=False),
    Column("action", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", Moment, nullable=False),
    CheckConstraint("action IN ('given', 'withdrawn')", name="action"),
    Index(None, "subscriber_id"),
)

suppression: Final = Table(
    "suppression",
    metadata,
    Column("id", Id, primary_key=True),
    Column("address_hash", Text, nullable=False),  # survives erasure; names nobody by itself
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
    _one_of("reason", SuppressionReason),
    UniqueConstraint("address_hash"),
)

_NOT_CANCELLED = text(f"state != '{DispatchState.CANCELLED}'")

dispatch: Final = Table(
    "dispatch",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entry", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("state", Text, nullable=False),
    Column("note", Text),
    Column("occurrence", Text),
    Column("people", Integer),  # size of the audience when it was written down
    Column("created_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    _one_of("state", DispatchState),
    UniqueConstraint("occurrence"),
    # Nobody gets an entry twice, whoever asks and however often.
    Index(
        "uq_dispatch_entry_audience",
        "entry",
        "audience",
        unique=True,
        sqlite_where=_NOT_CANCELLED,
        postgresql_where=_NOT_CANCELLED,
    ),
)

exclusion: Final = Table(
    "exclusion",
    metadata,
    _reference("dispatch_id", "dispatch.id", primary_key=True),
    _reference("subscriber_id", "subscriber.id", primary_key=True),
    Column("reason", Text, nullable=False),
    _one_of("reason", EXCLUSION_REASONS),
    Index(None, "subscriber_id"),
)

delivery: Final = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    _reference("dispatch_id", "dispatch.id", nullable=False),
    _reference("subscriber_id", "subscriber.id", nullable=False),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),
    Column("dated_at", Moment),
    Column("first_tried_at", Moment),
    Column("code", Integer),
    Column("reply", Text, nullable=False),
    Column("updated_at", Moment, nullable=False),
    _one_of("status", DeliveryStatus),
    CheckConstraint(
        f"(status = '{DeliveryStatus.DEFERRED}') = (due_at IS NOT NULL)", name="due_at"
    ),
    UniqueConstraint("dispatch_id", "subscriber_id"),
    # The claim is one seek in it, however many were sent before; counting by status needs only it.
    Index("ix_delivery_claim", "dispatch_id", "status", "due_at", "id"),
    Index(None, "subscriber_id"),
)

attempt: Final = Table(
    # Attempts that did not end in acceptance; of one that did, its delivery says everything.
    "attempt",
    metadata,
    _reference("delivery_id", "delivery.id", primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),  # nobody knows it of an attempt that a crash cut off
    Column("status", Text, nullable=False),  # PENDING: it was taken back
    Column("code", Integer),
    Column("reply", Text, nullable=False),
    _one_of("status", DeliveryStatus),
)

slot: Final = Table(
    "slot",
    metadata,
    Column("occurrence", Text, primary_key=True),  # local wall time: it happens once a clock
    Column("due_at", Moment, nullable=False),
    _reference("dispatch_id", "dispatch.id"),
    Column("note", Text, nullable=False),
)

throttle: Final = Table(
    "throttle",  # what was learned of relays and domains, kept from run to run
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),  # JSON
    Column("updated_at", Moment, nullable=False),
)

meta: Final = Table(
    "meta",  # about the database itself
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
