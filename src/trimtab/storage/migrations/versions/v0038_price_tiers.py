"""Prices of one service tier of a provider."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("prices", sa.Column("tier", sa.String(64), nullable=False, server_default=sa.text("''")))
