"""Lists, tags, fields and pauses; what comes back is kept, and mails about consent have rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.BigInteger()  # microseconds since 1970, UTC
STATES = "state IN ('pending', 'active', 'unsubscribed')"


def upgrade() -> None:
    """Make everybody a subscriber of the one list there was, in the state they were in."""
    _lists()
    _subscriptions()
    _subscribers()
    _consents()
    _dispatches()
    _deliveries()
    _feedback()
    _notices()


def _lists() -> None:
    table = op.create_table(
        "list",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_list"),
        _check("list", "id", "id BETWEEN 0 AND 255"),
        sa.UniqueConstraint("name", name="uq_list_name"),
    )
    op.bulk_insert(table, [{"id": 0, "name": "main"}])


def _subscriptions() -> None:
    op.create_table(
        "subscription",
        sa.Column("list_id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("paused_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("list_id", "subscriber_id", name="pk_subscription"),
        _check("subscription", "state", STATES),
        _reference("subscription", "list"),
        _reference("subscription", "subscriber"),
        sqlite_with_rowid=False,
    )
    # The newest word is what made the state; a name may have been changed since.
    op.execute("""
        INSERT INTO subscription (list_id, subscriber_id, state, since)
        SELECT 0, id, state,
               coalesce((SELECT max(at) FROM consent WHERE subscriber_id = subscriber.id),
                        updated_at)
          FROM subscriber ORDER BY id""")
    op.create_index("ix_subscription_subscriber_id", "subscription", ["subscriber_id"])
    op.create_table(
        "tag",
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", "tag", name="pk_tag"),
        _reference("tag", "subscriber"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tag_tag", "tag", ["tag"])


def _subscribers() -> None:
    # The copy that replaces a table counts its ids anew, from the highest that is still there.
    highest = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'")
    given = op.get_bind().scalar(highest)
    with op.batch_alter_table(
        "subscriber", table_kwargs={"sqlite_autoincrement": True}, recreate="always"
    ) as table:
        table.drop_constraint(op.f("ck_subscriber_state"), type_="check")
        table.drop_column("state")
        table.add_column(sa.Column("language", sa.Text(), nullable=True))
        table.add_column(sa.Column("zone", sa.Text(), nullable=True))
        table.add_column(sa.Column("fields", sa.Text(), server_default="{}", nullable=False))
    if given is not None:
        op.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'subscriber'"))
        op.execute(
            sa.text(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('subscriber', :given)"
            ).bindparams(given=given)
        )


def _consents() -> None:
    with op.batch_alter_table("consent", recreate="always") as table:
        table.drop_constraint(op.f("ck_consent_action"), type_="check")
        table.create_check_constraint(
            op.f("ck_consent_action"), "action IN ('asked', 'given', 'withdrawn')"
        )
        table.add_column(sa.Column("list_id", ID, server_default="0", nullable=False))
        table.add_column(sa.Column("wording", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("client", sa.Text(), server_default="", nullable=False))
        table.create_foreign_key("fk_consent_list_id", "list", ["list_id"], ["id"])
    _drop_defaults("consent", "list_id", "wording", "client")


def _dispatches() -> None:
    with op.batch_alter_table("dispatch", recreate="always") as table:
        table.add_column(sa.Column("list_id", ID, server_default="0", nullable=False))
        table.create_foreign_key("fk_dispatch_list_id", "list", ["list_id"], ["id"])
    _drop_defaults("dispatch", "list_id")
    op.execute("UPDATE dispatch SET audience = 'main' WHERE audience = 'everyone'")
    reasons = (
        "reason IN ('pending', 'unsubscribed', 'bounced', 'complained', 'erased', 'manual',"
        " 'already', 'paused')"
    )
    with op.batch_alter_table("exclusion", recreate="always") as table:
        table.drop_constraint(op.f("ck_exclusion_reason"), type_="check")
        table.create_check_constraint(op.f("ck_exclusion_reason"), reasons)


def _deliveries() -> None:
    with op.batch_alter_table("delivery", recreate="always") as table:
        table.drop_constraint(op.f("ck_delivery_status"), type_="check")
        table.add_column(sa.Column("fields", sa.Text(), nullable=True))


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delivery_id", ID, nullable=True),
        sa.Column("subscriber_id", ID, nullable=True),
        sa.Column("list_id", ID, nullable=True),
        sa.Column("dispatch_id", ID, nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("key", name="uq_feedback_key"),
        *(
            _reference("feedback", target)
            for target in ("delivery", "subscriber", "list", "dispatch")
        ),
    )
    for target in ("subscriber", "dispatch", "delivery"):
        op.create_index(f"ix_feedback_{target}_id", "feedback", [f"{target}_id"])


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("list_id", ID, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("dated_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        _check("notice", "due_at", "(status IN ('pending', 'deferred')) = (due_at IS NOT NULL)"),
        _reference("notice", "subscriber"),
        _reference("notice", "list"),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_notice_due_at", "notice", ["due_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_notice_subscriber_id_kind", "notice", ["subscriber_id", "kind"])


def _drop_defaults(table: str, *columns: str) -> None:
    """Let nobody write a row without saying so; only the old rows needed a default."""
    with op.batch_alter_table(table, recreate="always") as batch:
        for column in columns:
            batch.alter_column(column, server_default=None)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _reference(table: str, target: str) -> sa.ForeignKeyConstraint:
    column = f"{target}_id"
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}")
