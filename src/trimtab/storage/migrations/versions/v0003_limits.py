"""Limits and budgets: rules, the counters every worker agrees on, who holds what of them, events."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limits",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_limits"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_limits_project_id"),
    )
    op.create_table(
        "limit_counters",
        sa.Column("series", sa.String(32), nullable=False),
        sa.Column("bucket", sa.String(600), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("counts_until", sa.BigInteger, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("last_grant", sa.BigInteger, nullable=False),
        sa.Column("wanted", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("series", "bucket", "start", name="pk_limit_counters"),
    )
    op.create_index("ix_limit_counters_counts_until", "limit_counters", ["counts_until"])
    op.create_table(
        "limit_holds",
        sa.Column("id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("worker", sa.String(64), nullable=False),
        sa.Column("series", sa.String(32), nullable=False),
        sa.Column("bucket", sa.String(600), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("granted", sa.BigInteger, nullable=False),
        sa.Column("reported", sa.BigInteger, nullable=False),
        sa.Column("heard", sa.BigInteger, nullable=False),
        sa.Column("comes_back", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limit_holds"),
    )
    op.create_index("ix_limit_holds_worker", "limit_holds", ["worker"])
    op.create_table(
        "limit_workers",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limit_workers"),
    )
    op.create_table(
        "limit_events",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("bucket", sa.String(600), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("bound", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limit_events"),
    )
    op.create_index("ix_limit_events_project_id", "limit_events", ["project_id"])
