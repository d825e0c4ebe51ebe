"""Guards, their versions, and what users are told when one stops a call."""

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
