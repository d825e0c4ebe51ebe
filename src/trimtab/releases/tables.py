"""How releases rest in the catalog. Contents, plans and evidence are JSON text; times are Unix ms."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from trimtab.storage.schema import METADATA

APPS = Table(
    "apps",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("newest", Integer, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
RELEASES = Table(
    "releases",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("app", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hash", String(80), nullable=False),
    Column("content", Text, nullable=False),
    Column("parent", Integer, nullable=True),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
ENVIRONMENTS = Table(
    "environments",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("protection", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
PLACEMENTS = Table(
    "placements",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("app", String(64), primary_key=True),
    Column("environment", String(40), primary_key=True),
    Column("stable", Integer, nullable=True),
    Column("rollout", String(64), nullable=True),
    Column("revision", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
ROLLOUTS = Table(
    "rollouts",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("app", String(64), nullable=False),
    Column("environment", String(40), nullable=False),
    Column("stable", Integer, nullable=True),
    Column("candidate", Integer, nullable=False),
    Column("plan", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Integer, nullable=False),
    Column("step_started", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=True),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index("ix_rollouts_project_id", "project_id", "app", "environment", "started"),
)
APPROVALS = Table(
    "approvals",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("app", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("environment", String(40), primary_key=True),
    Column("author", String(64), primary_key=True),
    Column("author_name", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
GATE_VERDICTS = Table(
    "gate_verdicts",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("app", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("hash", String(80), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("source", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("ix_gate_verdicts_project_id", "project_id", "app", "number"),
)
