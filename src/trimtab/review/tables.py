"""How review rests in the catalog. Contents are JSON text; times are Unix ms."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from trimtab.storage.content import Content
from trimtab.storage.schema import METADATA

GONE = "Encrypted with a key that was destroyed."
"""What is read in the place of words that nobody can read any more."""
GONE_ANSWER = (
    '{"front":"","model":"","stream":false,"content_type":"","body":"","request":"","trace_id":"","wants_usage":false}'
)
"""The same of a held answer: one without a dialect."""
ERASED = '{"note":"Erased."}'
"""What an erasure leaves of what a reviewer saw."""

REVIEW_QUEUES = Table(
    "review_queues",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
"""``spec``: rubric, rules that send answers here, time to answer, how many see each. ``state``: how far the rules
read."""
REVIEW_ITEMS = Table(
    "review_items",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("queue", String(64), nullable=False),
    Column("key", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False),
    Column("trace_id", String(64), nullable=False),
    Column("span_id", String(64), nullable=False),
    Column("app", String(64), nullable=False),
    Column("release", String(16), nullable=False),
    Column("subject", Content(f'{{"note":"{GONE}"}}', clear=(ERASED,)), nullable=False),
    Column("priority", Float, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("given", Integer, nullable=False),
    Column("hold", String(64), nullable=False),
    Column("assignee", String(64), nullable=False),
    Column("claimed_by", String(64), nullable=False),
    Column("claimed_until", BigInteger, nullable=True),
    Column("due", BigInteger, nullable=True),
    Column("outcome", Content(), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("closed", BigInteger, nullable=True),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("project_id", "queue", "key", name="uq_review_items_project_id"),
    Index("ix_review_items_state", "project_id", "queue", "state", "priority"),
    Index("ix_review_items_trace_id", "project_id", "trace_id"),
)
"""``key`` is what makes an item the same (a span's id): a rule that reads again sends nothing twice. ``subject`` is
what the reviewer sees: messages, answer, sources, scores."""
REVIEW_VERDICTS = Table(
    "review_verdicts",
    METADATA,
    Column("item", String(64), ForeignKey("review_items.id"), primary_key=True),
    Column("reviewer", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("reviewer_name", String(200), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("answers", Content("{}", clear=("{}",)), nullable=False),
    Column("correction", Content(None), nullable=True),
    Column("note", Content(GONE), nullable=False),
    Column("seconds", Float, nullable=True),
    Column("scored", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Index("ix_review_verdicts_project_id", "project_id", "created"),
    Index("ix_review_verdicts_scored", "scored"),
)
"""``scored``: when its scores were durable; until then whoever leads writes them (again: their ids are of the
verdict)."""
HOLDS = Table(
    "holds",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("item", String(64), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("answer", Content(GONE_ANSWER), nullable=False),
    Column("fallback", Text, nullable=False),
    Column("said", Content(), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=True),
    Index("ix_holds_state", "state", "expires"),
    Index("ix_holds_project_id", "project_id", "created"),
)
"""Answers that wait for a person before they reach the user."""
