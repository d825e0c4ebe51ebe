"""What evaluation and review learned to keep."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("experiments", sa.Column("answered", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE experiments SET answered = done")
