"""Batches: why one cannot be asked about and since when, and until when whoever books one is believed to live."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batches", sa.Column("trouble", sa.String(16), nullable=False, server_default=sa.text("''")))
    op.add_column("batches", sa.Column("since", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("batches", sa.Column("claimed", sa.BigInteger, nullable=False, server_default="0"))
