"""What belongs to which folder of config as code, and the plans that people were shown."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "managed",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("folder", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("made", sa.Boolean, nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("applied", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", name="pk_managed"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_managed_project_id"),
    )
    op.create_table(
        "folder_plans",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("basis", sa.Text, nullable=False),
        sa.Column("made", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "hash", name="pk_folder_plans"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_folder_plans_project_id"),
    )
