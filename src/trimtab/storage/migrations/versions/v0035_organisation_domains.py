"""Domains of e-mail that are an organisation's own."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisation_domains",
        sa.Column("domain", sa.String(253), nullable=False),
        sa.Column("organisation_id", sa.String(64), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_organisation_domains"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_organisation_domains_organisation_id"
        ),
    )
    op.create_index("ix_organisation_domains_organisation_id", "organisation_domains", ["organisation_id"])
