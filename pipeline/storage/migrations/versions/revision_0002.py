"""STARTs move to a journal, the database gets an identity, and throttles are remembered."""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

CUT_OFF = "the sender stopped before the answer came"


def upgrade() -> None:
    """Add two tables; what is being sent by nobody any more becomes uncertain."""
    op.create_table(
        "throttle",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_throttle"),
    )
    meta = op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    op.bulk_insert(meta, [{"name": "identity", "value": os.urandom(16)}])
    _close_what_was_cut_off()
    op.drop_index("uq_attempt_sending", "attempt")


def _close_what_was_cut_off() -> None:
    """Do what the sender of revision 0001 did at its start: ask a person."""
    for table in ("attempt", "delivery"):
        columns = (sa.column(name, sa.Text()) for name in ("status", "code", "reply"))
        rows = sa.table(table, *columns)
        op.execute(
            rows.update()
            .where(rows.c.status == "sending")
            .values(status="uncertain", code=None, reply=CUT_OFF)
        )
