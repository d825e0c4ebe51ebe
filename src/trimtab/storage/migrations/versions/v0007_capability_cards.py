"""What models were found to do: capability cards."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "capability_cards",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("provider", sa.String(64), nullable=False),
        sa.Column("upstream", sa.String(200), nullable=False),
        sa.Column("suite", sa.String(64), nullable=False),
        sa.Column("results", sa.Text, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "model", "number", name="pk_capability_cards"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_capability_cards_project_id"),
    )
