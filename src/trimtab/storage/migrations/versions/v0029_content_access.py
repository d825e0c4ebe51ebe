"""Whether reads of content stand in a project's audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("projects", sa.Column("audit_reads", sa.String(40), nullable=False, server_default="none"))
