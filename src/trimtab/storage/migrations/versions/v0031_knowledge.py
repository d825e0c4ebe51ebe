"""Corpora: their documents, the pieces these are cut into, and what is searched in."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def _of_project(name: str, keys: tuple[sa.Column[Any], ...], *columns: sa.Column[Any]) -> None:
    """A table whose key begins with the project."""
    op.create_table(
        name,
        sa.Column("project_id", sa.String(64), nullable=False),
        *keys,
        *columns,
        sa.PrimaryKeyConstraint("project_id", *(key.name for key in keys), name=f"pk_{name}"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=f"fk_{name}_project_id"),
    )


def _corpus() -> sa.Column[Any]:
    return sa.Column("corpus", sa.String(64), nullable=False)


def _document() -> sa.Column[Any]:
    return sa.Column("document", sa.String(128), nullable=False)


def upgrade() -> None:
    _of_project(
        "corpora",
        (sa.Column("name", sa.String(64), nullable=False),),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("chunker", sa.Text, nullable=False),
        sa.Column("embedder", sa.Text, nullable=False),
        sa.Column("stale_days", sa.Integer, nullable=True),
        sa.Column("newest", sa.Integer, nullable=False),
        sa.Column("ready", sa.Integer, nullable=False),
        sa.Column("standing", sa.BigInteger, nullable=False),
        sa.Column("erased", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("archived", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    _of_project(
        "corpus_documents",
        (_corpus(), _document()),
        sa.Column("text", sa.String(80), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("access", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("put", sa.BigInteger, nullable=False),
        sa.Column("checked", sa.BigInteger, nullable=True),
        sa.Column("source_state", sa.String(12), nullable=False),
        sa.Column("removed", sa.BigInteger, nullable=True),
        sa.Column("erased", sa.BigInteger, nullable=True),
    )
    text = sa.Column("text", sa.String(80), nullable=False)
    said = (sa.Column("head", sa.LargeBinary, nullable=False), sa.Column("body", sa.LargeBinary, nullable=False))
    _of_project("corpus_texts", (_corpus(), _document(), text), *said)
    _versions()
    _of_project(
        "corpus_entries",
        (_corpus(), _document(), sa.Column("since", sa.Integer, nullable=False)),
        sa.Column("until", sa.Integer, nullable=True),
        sa.Column("text", sa.String(80), nullable=False),
    )
    made_of = (sa.Column("text", sa.String(80), nullable=False), sa.Column("recipe", sa.String(64), nullable=False))
    _of_project(
        "corpus_pieces",
        (_corpus(), _document(), *made_of),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )


def _versions() -> None:
    _of_project(
        "corpus_versions",
        (_corpus(), sa.Column("number", sa.Integer, nullable=False)),
        sa.Column("hash", sa.String(80), nullable=False),
        sa.Column("chunker", sa.Text, nullable=False),
        sa.Column("embedder", sa.Text, nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("documents", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("reached", sa.String(128), nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("built", sa.BigInteger, nullable=True),
    )
    op.create_index("ix_corpus_versions_state", "corpus_versions", ["state"])
