"""The tables, as the newest migration leaves them; a test compares the two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from pipeline.model.subscriber import ConsentAction, SubscriberState, SuppressionReason
from pipeline.storage.moment import Moment

HEAD: Final = "0003"  # the newest revision; a database at it opens without loading Alembic

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

ALREADY: Final = "already"  # another dispatch of the same entry is for them, or reached them
PAUSED: Final = "paused"  # they want nothing before a day of their own

NO_FIELDS: Final = "{}"  # of a subscriber

EXCLUSION_REASONS: Final = (
    SubscriberState.PENDING.value,
    SubscriberState.UNSUBSCRIBED.value,
    *(reason.value for reason in SuppressionReason if reason != SuppressionReason.UNSUBSCRIBED),
    ALREADY,
    PAUSED,
)


def _one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _reference(name: str, target: str, **options: Any) -> Column[int]:
    # Never ON DELETE CASCADE: a deleted subscriber would take along who was written to.
    return Column(name, Id, ForeignKey(target), **options)


mailing_list: Final = Table(
    "list",  # never deleted: tokens name them by their number
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),  # as in the settings, which say all the rest
    CheckConstraint("id BETWEEN 0 AND 255", name="id"),
    UniqueConstraint("name"),
)

subscriber: Final = Table(
    "subscriber",  # of somebody erased there is left that they were there; see `Erasure`
    metadata,
    Column("id", Id, primary_key=True),
    Column("address", Text, nullable=False),  # as given, domain lower-cased; empty: erased
    Column("address_norm", Text, nullable=False),  # for comparing
    # The keyed hash cannot be computed in SQL; it is here so that suppression can be joined.
    Column("address_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text),  # BCP 47
    Column("zone", Text),  # IANA
    Column("fields", Text, nullable=False, server_default=NO_FIELDS),  # JSON object of strings
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("address_norm"),
    # Without it SQLite gives the id of an erased person to the next one, and an old unsubscribe
    # link, which never expires, would then unsubscribe a stranger.
    sqlite_autoincrement=True,
)

subscription: Final = Table(
    "subscription",
    metadata,
    _reference("list_id", "list.id", primary_key=True),
    _reference("subscriber_id", "subscriber.id", primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", Moment, nullable=False),  # when it became this state
    Column("paused_until", Moment),
    _one_of("state", SubscriberState),
    Index(None, "subscriber_id"),
    sqlite_with_rowid=False,
)

tag: Final = Table(
    "tag",
    metadata,
    _reference("subscriber_id", "subscriber.id", primary_key=True),
    Column("tag", Text, primary_key=True),
    Index(None, "tag"),
    sqlite_with_rowid=False,
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
    _reference("list_id", "list.id", nullable=False),
    Column("wording", Text, nullable=False),
    Column("client", Text, nullable=False),
    _one_of("action", ConsentAction),
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
    Column("audience", Text, nullable=False),  # the text of a model Audience
    _reference("list_id", "list.id", nullable=False),  # of that audience
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
    # One dispatch an audience; of those to several, `preparing` leaves out who has another.
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
    Column("fields", Text),  # the reader's own, as they were then; NULL for none
    # No list of the statuses is checked: that would be a fifth of what it costs to settle.
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

feedback: Final = Table(
    "feedback",  # what came back, believed or not
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),  # the same again is not heard twice
    Column("kind", Text, nullable=False),  # a FeedbackKind
    _reference("delivery_id", "delivery.id"),
    _reference("subscriber_id", "subscriber.id"),
    _reference("list_id", "list.id"),
    _reference("dispatch_id", "dispatch.id"),
    Column("status", Text),  # RFC 3463
    Column("reply", Text, nullable=False),
    Column("detector", Text, nullable=False),
    Column("proven", Boolean, nullable=False),  # a token says whom it is about
    Column("counted", Boolean, nullable=False),  # it weighs in what is decided about them
    UniqueConstraint("key"),
    Index(None, "subscriber_id"),
    Index(None, "dispatch_id"),
    Index(None, "delivery_id"),
)

_NOTICE_IS_OPEN = text("due_at IS NOT NULL")

notice: Final = Table(
    "notice",  # mails about consent; the address is the subscriber's when it is sent
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    _reference("subscriber_id", "subscriber.id", nullable=False),
    _reference("list_id", "list.id", nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),  # of a pending or deferred one
    Column("dated_at", Moment),  # its Date header: when it was first tried
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("reply", Text, nullable=False),
    CheckConstraint("(status IN ('pending', 'deferred')) = (due_at IS NOT NULL)", name="due_at"),
    Index(
        "ix_notice_due_at",
        "due_at",
        sqlite_where=_NOTICE_IS_OPEN,
        postgresql_where=_NOTICE_IS_OPEN,
    ),
    Index(None, "subscriber_id", "kind"),
    sqlite_autoincrement=True,  # a Message-ID is made of the number
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
