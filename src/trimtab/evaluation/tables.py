"""How datasets, suites and experiments rest in the catalog. Contents are JSON text; times are Unix ms; money is whole
picodollars."""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, text

from trimtab.storage.content import Content
from trimtab.storage.schema import METADATA, of_project

GONE = "[encrypted with a key that was destroyed]"
"""What is read in the place of words that nobody can read any more."""
GONE_CASE = f'{{"id":"","input":"{GONE}","consent":"withdrawn","uses":[]}}'
"""The same of a case; whoever reads it knows its id."""


DATASETS = Table(
    "datasets",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("description", Text, nullable=False),
    Column("schema", Text, nullable=False),
    Column("licence", String(200), nullable=False),
    Column("shares", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("newest", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("staged", Integer, nullable=True),
    Column("staged_by", String(64), nullable=False),
    Column("staged_until", BigInteger, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
"""``staged`` is the version that is being written piece by piece (`dataset_staging.py`), null for none; who writes it
holds it until ``staged_until``."""
DATASET_VERSIONS = Table(
    "dataset_versions",
    METADATA,
    of_project(),
    Column("dataset", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("hash", String(80), nullable=False),
    Column("state", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("splits", Text, nullable=False),
    Column("parent", Integer, nullable=True),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)
DATASET_CASES = Table(
    "dataset_cases",
    METADATA,
    of_project(),
    Column("dataset", String(64), primary_key=True),
    Column("case_id", String(128), primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("until", Integer, nullable=True),
    Column("hash", String(80), nullable=False),
    Column("split", String(64), nullable=False),
    Column("tags", Text, nullable=False),
    Column("uses", String(40), nullable=False),
    Column("source", String(200), nullable=False),
    Column("body", Content(GONE_CASE), nullable=False),
    Index(
        "ix_dataset_cases_until",
        "project_id",
        "dataset",
        "until",
        # Only of what ended: what a case is now is looked up by its id, and must not be looked for among all that are.
        sqlite_where=text("until IS NOT NULL"),  # and so on PostgreSQL (`storage/migrations`)
    ),
    Index("ix_dataset_cases_source", "project_id", "source"),
)
"""One row per state of a case: in all versions from ``since`` to before ``until`` (null: still). ``tags`` stand each
between line ends, ``uses`` between commas; no use is left where consent was withdrawn."""
DATASET_PROPOSALS = Table(
    "dataset_proposals",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("dataset", String(64), nullable=False),
    Column("state", String(12), nullable=False),
    Column("body", Content(GONE_CASE), nullable=False),
    Column("likeness", String(80), nullable=False),
    Column("model", String(200), nullable=False),
    Column("trace_id", String(64), nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("reviewer", String(64), nullable=False),
    Column("reviewer_name", String(200), nullable=False),
    Column("reviewed", BigInteger, nullable=True),
    Index("ix_dataset_proposals_project_id", "project_id", "dataset", "state", "id"),
)
"""Cases that a model proposed: none is in the dataset before a person took it."""
SUITES = Table(
    "suites",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("spec", Text, nullable=False),
    Column("hash", String(80), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
CUSTOM_SCORERS = Table(
    "custom_scorers",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("spec", Text, nullable=False),
    Column("hash", String(80), nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
)
"""Judges that a team wrote: immutable versions."""
EXPERIMENTS = Table(
    "experiments",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("suite", String(64), nullable=False),
    Column("spec", Text, nullable=False),
    Column("suite_hash", String(80), nullable=False),
    Column("dataset", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("subjects", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    Column("cells", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("answered", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("report", Text, nullable=True),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=True),
    Column("ended", BigInteger, nullable=True),
    Column("revision", Integer, nullable=False),
    Index("ix_experiments_project_id", "project_id", "created"),
    Index("ix_experiments_state", "state"),
)
CELLS = Table(
    "experiment_cells",
    METADATA,
    Column("experiment", String(64), ForeignKey("experiments.id"), primary_key=True),
    Column("subject", Integer, primary_key=True),
    Column("case_id", String(128), primary_key=True),
    Column("repeat", Integer, primary_key=True),
    Column("state", String(12), nullable=False),
    Column("output", Content(GONE, owner="experiment", through="experiments"), nullable=True),
    Column("error", Text, nullable=False),
    Column("trace_id", String(64), nullable=False),
    Column("latency_ms", Float, nullable=True),
    Column("cost", BigInteger, nullable=True),
    Column("input_tokens", BigInteger, nullable=True),
    Column("output_tokens", BigInteger, nullable=True),
    Column("cached", Boolean, nullable=False),
    Column("scores", Content("[]", clear=("[]",), owner="experiment", through="experiments"), nullable=False),
    Column("ended", BigInteger, nullable=False),
)
EVALUATION_CACHE = Table(
    "evaluation_cache",
    METADATA,
    of_project(),
    Column("key", String(80), primary_key=True),
    Column("body", Content(), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("found_by", String(64)),
    Index("ix_evaluation_cache_created", "created"),
    Index("ix_evaluation_cache_found_by", "project_id", "found_by", "key"),
)
"""Answers and verdicts that were paid for, by what they are of: (release or model, case, repeat) and (answer,
scorer). ``found_by`` is what an erasure finds one by (`cache.py`): the trace of an answer, ``words`` of a verdict that
says something, empty where there is nothing to be erased; null in what was kept before that was written down."""
ANSWER_DOCUMENTS = Table(
    "answer_documents",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("document", String(32), primary_key=True),
    Column("trace_id", String(64), primary_key=True),
    Index("ix_answer_documents_trace_id", "project_id", "trace_id"),
    sqlite_with_rowid=False,
)
"""Which documents an answer to an experiment was made with, by its trace: `cache.document_mark`. It outlives the answer
that is kept, as cells do, and the document that is erased."""
CALIBRATIONS = Table(
    "calibrations",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("scorer", String(100), nullable=False),
    Column("scorer_version", String(80), nullable=False),
    Column("labels", Integer, nullable=False),
    Column("figures", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Index("ix_calibrations_project_id", "project_id", "scorer", "created"),
)
"""How a judge agreed with people, per version of the judge."""
ONLINE_RULES = Table(
    "online_rules",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("spec", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
"""What scores live traffic (``online``), and which suite runs when (``schedule``). ``state`` is the runner's own: how
far it came, what was spent, when it runs next."""
