"""Which detectors a project has switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "detectors_off",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("detector", sa.String(100), nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "detector", name="pk_detectors_off"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_detectors_off_project_id"),
    )
