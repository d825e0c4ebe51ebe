"""Whose plan of a folder it was."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("folder_plans", sa.Column("author", sa.String(64), nullable=True))
