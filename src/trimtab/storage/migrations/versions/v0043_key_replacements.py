"""Keys that took the place of others: which limits know them by, and go on counting them as."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keys", sa.Column("replaces", sa.String(64), nullable=True))
    op.add_column("keys", sa.Column("counts_as", sa.String(64), nullable=True))
    op.add_column("keys", sa.Column("aliases", sa.Text, nullable=True))
