"""Which environments of apps a key may call."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keys", sa.Column("environments", sa.Text, nullable=True))
