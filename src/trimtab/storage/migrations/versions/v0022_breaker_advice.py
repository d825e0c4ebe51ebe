"""Advice on open circuit breakers between machines."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "breaker_advice",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("upstream", sa.String(300), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("said_by", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "provider", "upstream", name="pk_breaker_advice"),
    )
