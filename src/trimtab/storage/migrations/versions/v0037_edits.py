"""Who changed what last, and switches in columns of their own: answers that were booked, texts that are indexed."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edits",
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.String(320), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("place", "kind", "name", name="pk_edits"),
        sqlite_with_rowid=False,
    )
    op.add_column("responses", sa.Column("booked_by", sa.String(64), nullable=True))
    # it stood as "booked", or as "booked:" and the request
    op.execute("UPDATE responses SET booked_by = substr(previous, 8), previous = NULL WHERE previous LIKE 'booked%'")
    op.add_column("projects", sa.Column("index_texts", sa.Boolean, nullable=False, server_default=sa.true()))
    op.execute(
        "UPDATE projects SET index_texts = false"
        " WHERE id IN (SELECT project_id FROM detectors_off WHERE detector = '\\:text_index')"
    )
    op.execute("DELETE FROM detectors_off WHERE detector = '\\:text_index'")
