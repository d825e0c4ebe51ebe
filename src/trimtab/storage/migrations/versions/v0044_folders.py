"""Which data folders there are of servers that share a catalog, and how far an erasure came in each."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "folders",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_folders"),
    )
    op.create_table(
        "erasure_folders",
        sa.Column("erasure_id", sa.String(64), nullable=False),
        sa.Column("folder", sa.String(64), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("erasure_id", "folder", name="pk_erasure_folders"),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name="fk_erasure_folders_erasure_id"),
    )
