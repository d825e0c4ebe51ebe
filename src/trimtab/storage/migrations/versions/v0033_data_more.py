"""What is to be sealed of what lay in the catalog before its project was encrypted.

Columns of content hold what they held, sealed or not, so their types stay. Projects that are encrypted already are
asked for: their cases, answers and reviews lay in the clear until this version.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_sealings",
        sa.Column("project_id", sa.String(64), sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=True),
    )
    op.execute(
        "INSERT INTO content_sealings (project_id, state, rows, asked, ended)"
        " SELECT project_id, 'running', 0, created, NULL FROM data_keys WHERE state = 'active'"
    )
