"""Answers kept for experiments say by what an erasure finds them, and traces which documents they had."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evaluation_cache", sa.Column("found_by", sa.String(64), nullable=True))
    op.create_index("ix_evaluation_cache_found_by", "evaluation_cache", ["project_id", "found_by", "key"])
    op.create_table(
        "answer_documents",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("trace_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "document", "trace_id", name="pk_answer_documents"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_answer_documents_project_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_answer_documents_trace_id", "answer_documents", ["project_id", "trace_id"])
