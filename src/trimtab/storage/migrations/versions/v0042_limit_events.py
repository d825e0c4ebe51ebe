"""Events of limits: whether one of a counter is told already is asked with each refusal, of any number of them."""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_limit_events_counter", "limit_events", ["project_id", "name", "bucket", "at"])
