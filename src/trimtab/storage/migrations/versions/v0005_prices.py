"""Dated prices, the currency to show, and re-pricings of past rows."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prices",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("valid_from", sa.BigInteger, nullable=True),
        sa.Column("valid_to", sa.BigInteger, nullable=True),
        sa.Column("rates", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prices"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_prices_project_id"),
    )
    op.create_index("ix_prices_project_id", "prices", ["project_id"])
    op.create_table(
        "display_currencies",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("code", sa.String(3), nullable=False),
        sa.Column("rate", sa.String(40), nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_display_currencies"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_display_currencies_project_id"),
    )
    op.create_table(
        "repricings",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("position_ns", sa.BigInteger, nullable=False),
        sa.Column("position_span", sa.String(64), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_repricings"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_repricings_project_id"),
    )
    op.create_index("ix_repricings_project_id", "repricings", ["project_id"])
    op.create_index("ix_repricings_state", "repricings", ["state"])
