"""What thresholds of guards were chosen with, and how they did when they were checked again."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guard_points",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("chosen", sa.Text, nullable=False),
        sa.Column("checked", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "name", "version", name="pk_guard_points"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_guard_points_project_id"),
    )
