"""The audit log becomes chains of hashes: what is there already is chained in its order."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
AT_ONCE = 5_000
"""Entries that are held in memory."""


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_heads"),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("chain", sa.String(64), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", name="pk_audit_checkpoints"),
    )
    op.add_column("audit_log", sa.Column("seq", sa.BigInteger, nullable=True))
    op.add_column("audit_log", sa.Column("prev", sa.String(64), nullable=True))
    op.add_column("audit_log", sa.Column("hash", sa.String(64), nullable=True))
    _chain()
    with op.batch_alter_table("audit_log") as table:
        table.alter_column("seq", existing_type=sa.BigInteger, nullable=False)
        table.alter_column("prev", existing_type=sa.String(64), nullable=False)
        table.alter_column("hash", existing_type=sa.String(64), nullable=False)
    op.create_index("ix_audit_log_seq", "audit_log", ["project_id", "seq"])


def _chain() -> None:
    """As `governance/audit_chain.py` does it, in a copy: what that does later must not change this."""
    conn = op.get_bind()
    names = ("id", "at", "actor", "actor_name", "action", "subject", "detail")
    numbers = ("at", "seq")  # PostgreSQL takes no text for them
    columns = [
        sa.column(name, sa.BigInteger if name in numbers else sa.Text)
        for name in (*names, "project_id", "seq", "prev", "hash")
    ]
    log = sa.table("audit_log", *columns)
    written = log.update().where(log.c.id == sa.bindparam("of"))
    heads: dict[str, tuple[int, str]] = {}
    last = ""
    while page := conn.execute(sa.select(log).where(log.c.id > last).order_by(log.c.id).limit(AT_ONCE)).all():
        rows: list[dict[str, object]] = []
        for row in page:
            chain = row.project_id or ""
            seq, prev = heads.get(chain, (0, ""))
            told = [1, chain, seq + 1, prev, *(getattr(row, name) for name in names)]
            body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
            hashed = hashlib.sha256(body).hexdigest()
            rows.append({"of": row.id, "seq": seq + 1, "prev": prev, "hash": hashed})
            heads[chain] = (seq + 1, hashed)
        conn.execute(written, rows)
        last = page[-1].id
    table = sa.table(
        "audit_heads", sa.column("chain", sa.String), sa.column("seq", sa.BigInteger), sa.column("hash", sa.String)
    )
    for chain, (seq, hashed) in heads.items():
        conn.execute(table.insert().values(chain=chain, seq=seq, hash=hashed))
