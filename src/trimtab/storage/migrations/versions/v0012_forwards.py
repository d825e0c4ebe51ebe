"""Where closed traces are forwarded to, how far each destination has come, and what could not be delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forwards",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_forwards"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_forwards_project_id"),
    )
    op.create_table(
        "forward_states",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("places", sa.Text, nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("passed_over", sa.BigInteger, nullable=False),
        sa.Column("last_delivered", sa.BigInteger, nullable=True),
        sa.Column("waiting_since", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_forward_states"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_forward_states_project_id"),
    )
    op.create_table(
        "forward_events",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("trace_id", sa.String(64), nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("first_tried", sa.BigInteger, nullable=False),
        sa.Column("last_tried", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_forward_events"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_forward_events_project_id"),
    )
    op.create_index("ix_forward_events_project_id", "forward_events", ["project_id"])
    op.create_index("ix_forward_events_state", "forward_events", ["state"])
