"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.BigInteger()  # microseconds since 1970, UTC


def upgrade() -> None:
    """Make every table of the first release."""
    _people()
    _dispatches()
    _deliveries()


def _people() -> None:
    op.create_table(
        "subscriber",
        sa.Column("id", ID, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("address_norm", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber"),
        _check("subscriber", "state", "state IN ('pending', 'active', 'unsubscribed')"),
        sa.UniqueConstraint("address_norm", name="uq_subscriber_address_norm"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "suppression",
        sa.Column("id", ID, nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_suppression"),
        _check(
            "suppression",
            "reason",
            "reason IN ('unsubscribed', 'bounced', 'complained', 'erased', 'manual')",
        ),
        sa.UniqueConstraint("address_hash", name="uq_suppression_address_hash"),
    )
    op.create_table(
        "consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consent"),
        _check("consent", "action", "action IN ('given', 'withdrawn')"),
        _reference("consent", "subscriber"),
    )
    op.create_index("ix_consent_subscriber_id", "consent", ["subscriber_id"])


def _dispatches() -> None:
    op.create_table(
        "dispatch",
        sa.Column("id", ID, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("occurrence", sa.Text(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dispatch"),
        _check(
            "dispatch",
            "state",
            "state IN ('scheduled', 'preparing', 'sending', 'paused', 'finished', 'cancelled',"
            " 'missed')",
        ),
        sa.UniqueConstraint("occurrence", name="uq_dispatch_occurrence"),
    )
    _unique_where(
        "uq_dispatch_entry_audience", "dispatch", ["entry", "audience"], "state != 'cancelled'"
    )
    op.create_table(
        "slot",
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("dispatch_id", ID, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("occurrence", name="pk_slot"),
        _reference("slot", "dispatch"),
    )
    op.create_table(
        "exclusion",
        sa.Column("dispatch_id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dispatch_id", "subscriber_id", name="pk_exclusion"),
        _check(
            "exclusion",
            "reason",
            "reason IN ('pending', 'unsubscribed', 'bounced', 'complained', 'erased', 'manual',"
            " 'already')",
        ),
        _reference("exclusion", "dispatch"),
        _reference("exclusion", "subscriber"),
    )
    op.create_index("ix_exclusion_subscriber_id", "exclusion", ["subscriber_id"])


def _deliveries() -> None:
    statuses = "'pending', 'sending', 'deferred', 'accepted', 'refused', 'uncertain', 'left_out'"
    op.create_table(
        "delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("dispatch_id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("dated_at", MOMENT, nullable=True),
        sa.Column("first_tried_at", MOMENT, nullable=True),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        _check("delivery", "status", f"status IN ({statuses})"),
        _check("delivery", "due_at", "(status = 'deferred') = (due_at IS NOT NULL)"),
        sa.UniqueConstraint(
            "dispatch_id", "subscriber_id", name="uq_delivery_dispatch_id_subscriber_id"
        ),
        _reference("delivery", "dispatch"),
        _reference("delivery", "subscriber"),
    )
    op.create_index("ix_delivery_claim", "delivery", ["dispatch_id", "status", "due_at", "id"])
    op.create_index("ix_delivery_subscriber_id", "delivery", ["subscriber_id"])
    op.create_table(
        "attempt",
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_attempt"),
        _check("attempt", "status", f"status IN ({statuses})"),
        _reference("attempt", "delivery"),
    )
    _unique_where("uq_attempt_sending", "attempt", ["delivery_id"], "status = 'sending'")


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _reference(table: str, target: str) -> sa.ForeignKeyConstraint:
    column = f"{target}_id"
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}")


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)
