"""Policies of called names; stored answers, what they mean, what they saved; calls with an idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger
TEXT = sa.String


def upgrade() -> None:
    op.create_table(
        "call_policies",
        sa.Column("project_id", TEXT(64), nullable=False),
        sa.Column("name", TEXT(200), nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("updated", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_call_policies"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_call_policies_project_id"),
    )
    _answers()
    _meanings()
    op.create_table(
        "cache_tallies",
        sa.Column("project_id", TEXT(64), nullable=False),
        sa.Column("name", TEXT(512), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        *(
            sa.Column(name, NUMBER, nullable=False)
            for name in ("exact", "semantic", "misses", "bypassed", "tokens", "saved")
        ),
        sa.PrimaryKeyConstraint("project_id", "name", "day", name="pk_cache_tallies"),
    )
    _calls()


def _answers() -> None:
    op.create_table(
        "cache_answers",
        sa.Column("key", sa.LargeBinary(24), nullable=False),
        sa.Column("project_id", TEXT(64), nullable=False),
        sa.Column("name", TEXT(512), nullable=False),
        sa.Column("stored", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.Column("used", NUMBER, nullable=False),
        sa.Column("hits", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("about", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_cache_answers"),
    )
    op.create_index("ix_cache_answers_used", "cache_answers", ["used", "size"])
    op.create_index("ix_cache_answers_expires", "cache_answers", ["expires"])
    op.create_index("ix_cache_answers_project_id", "cache_answers", ["project_id", "name", "size"])


def _meanings() -> None:
    op.create_table(
        "cache_meanings",
        sa.Column("seq", NUMBER().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("space", sa.LargeBinary(24), nullable=False),
        sa.Column("key", sa.LargeBinary(24), nullable=False),
        sa.Column("project_id", TEXT(64), nullable=False),
        sa.Column("name", TEXT(512), nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_cache_meanings"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cache_meanings_space", "cache_meanings", ["space", "seq"])
    op.create_index("ix_cache_meanings_expires", "cache_meanings", ["expires"])
    op.create_index("ix_cache_meanings_key", "cache_meanings", ["key"])


def _calls() -> None:
    op.create_table(
        "idempotent_calls",
        sa.Column("key", sa.LargeBinary(24), nullable=False),
        sa.Column("project_id", TEXT(64), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(24), nullable=False),
        sa.Column("state", TEXT(16), nullable=False),
        sa.Column("owner", TEXT(64), nullable=False),
        sa.Column("lease", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.Column("request_id", TEXT(64), nullable=False),
        sa.Column("about", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotent_calls"),
    )
    op.create_index("ix_idempotent_calls_expires", "idempotent_calls", ["expires"])
    op.create_index("ix_idempotent_calls_owner", "idempotent_calls", ["owner"])
