"""Who edited a release's draft, and who wrote a verdict down; entries of the audit log about the whole instance."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("apps", sa.Column("editors", sa.Text, nullable=True))
    op.add_column("releases", sa.Column("editors", sa.Text, nullable=True))
    op.add_column("gate_verdicts", sa.Column("author", sa.String(64), nullable=True))
    op.add_column("gate_verdicts", sa.Column("author_name", sa.String(200), nullable=True))
    with op.batch_alter_table("audit_log") as table:
        table.alter_column("project_id", existing_type=sa.String(64), nullable=True)
