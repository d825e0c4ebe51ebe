"""Corpora: their documents, the pieces these are cut into, and what is searched in."""

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
