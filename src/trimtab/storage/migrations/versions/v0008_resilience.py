"""How hard to try, by provider or model; how high a key's calls may go in a queue."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "resilience_policies",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "subject", "name", name="pk_resilience_policies"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_resilience_policies_project_id"),
    )
    op.create_table(
        "key_priorities",
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("highest", sa.Integer, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_key_priorities"),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name="fk_key_priorities_key_id"),
    )
