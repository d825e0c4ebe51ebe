"""Keys of content at rest, and legal holds."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("project_id", sa.String(64), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("wrapped", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("retired", sa.BigInteger, nullable=True),
        sa.Column("destroyed", sa.BigInteger, nullable=True),
        sa.Index("ix_data_keys_project_id", "project_id", "created"),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("project_id", sa.String(64), sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=True),
        sa.Column("end", sa.BigInteger, nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("released", sa.BigInteger, nullable=True),
        sa.Column("released_by", sa.String(64), nullable=False),
        sa.Column("release_reason", sa.Text, nullable=False),
        sa.Index("ix_legal_holds_project_id", "project_id", "released"),
    )
