"""Datasets, suites, experiments, scoring of live traffic, review."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _datasets()
    _dataset_versions()
    _dataset_cases()
    _dataset_proposals()
    _suites()
    _custom_scorers()
    _experiments()
    _experiment_cells()
    _evaluation_cache()
    _calibrations()
    _online_rules()
    _review_queues()
    _review_items()
    _review_verdicts()
    _holds()


def _datasets() -> None:
    op.create_table(
        "datasets",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("schema", sa.Text, nullable=False),
        sa.Column("licence", sa.String(200), nullable=False),
        sa.Column("shares", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("staged", sa.Integer, nullable=True),
        sa.Column("staged_by", sa.String(64), nullable=False),
        sa.Column("staged_until", sa.BigInteger, nullable=False),
        sa.Column("archived", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_datasets"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_datasets_project_id"),
    )


def _dataset_versions() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(80), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("splits", sa.Text, nullable=False),
        sa.Column("parent", sa.Integer, nullable=True),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "dataset", "number", name="pk_dataset_versions"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_dataset_versions_project_id"),
    )


def _dataset_cases() -> None:
    op.create_table(
        "dataset_cases",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(128), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer, nullable=True),
        sa.Column("hash", sa.String(80), nullable=False),
        sa.Column("split", sa.String(64), nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("uses", sa.String(40), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "dataset", "case_id", "since", name="pk_dataset_cases"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_dataset_cases_project_id"),
    )
    op.create_index("ix_dataset_cases_source", "dataset_cases", ["project_id", "source"])
    ended = sa.text("until IS NOT NULL")
    op.create_index(
        "ix_dataset_cases_until",
        "dataset_cases",
        ["project_id", "dataset", "until"],
        sqlite_where=ended,
        postgresql_where=ended,
    )


def _dataset_proposals() -> None:
    op.create_table(
        "dataset_proposals",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("likeness", sa.String(80), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("trace_id", sa.String(64), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("reviewer_name", sa.String(200), nullable=False),
        sa.Column("reviewed", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dataset_proposals"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_dataset_proposals_project_id"),
    )
    op.create_index("ix_dataset_proposals_project_id", "dataset_proposals", ["project_id", "dataset", "state", "id"])


def _suites() -> None:
    op.create_table(
        "suites",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("hash", sa.String(80), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("archived", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_suites"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_suites_project_id"),
    )


def _custom_scorers() -> None:
    op.create_table(
        "custom_scorers",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("hash", sa.String(80), nullable=False),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("archived", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", "version", name="pk_custom_scorers"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_custom_scorers_project_id"),
    )


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("suite", sa.String(64), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("suite_hash", sa.String(80), nullable=False),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("subjects", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("cells", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=True),
        sa.Column("author", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(200), nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=True),
        sa.Column("ended", sa.BigInteger, nullable=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_experiments_project_id"),
    )
    op.create_index("ix_experiments_project_id", "experiments", ["project_id", "created"])
    op.create_index("ix_experiments_state", "experiments", ["state"])


def _experiment_cells() -> None:
    op.create_table(
        "experiment_cells",
        sa.Column("experiment", sa.String(64), nullable=False),
        sa.Column("subject", sa.Integer, nullable=False),
        sa.Column("case_id", sa.String(128), nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("output", sa.Text, nullable=True),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("trace_id", sa.String(64), nullable=False),
        sa.Column("latency_ms", sa.Float, nullable=True),
        sa.Column("cost", sa.BigInteger, nullable=True),
        sa.Column("input_tokens", sa.BigInteger, nullable=True),
        sa.Column("output_tokens", sa.BigInteger, nullable=True),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("scores", sa.Text, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("experiment", "subject", "case_id", "repeat", name="pk_experiment_cells"),
        sa.ForeignKeyConstraint(["experiment"], ["experiments.id"], name="fk_experiment_cells_experiment"),
    )


def _evaluation_cache() -> None:
    op.create_table(
        "evaluation_cache",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "key", name="pk_evaluation_cache"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_evaluation_cache_project_id"),
    )
    op.create_index("ix_evaluation_cache_created", "evaluation_cache", ["created"])


def _calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("scorer", sa.String(100), nullable=False),
        sa.Column("scorer_version", sa.String(80), nullable=False),
        sa.Column("labels", sa.Integer, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calibrations"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_calibrations_project_id"),
    )
    op.create_index("ix_calibrations_project_id", "calibrations", ["project_id", "scorer", "created"])


def _online_rules() -> None:
    op.create_table(
        "online_rules",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_online_rules"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_online_rules_project_id"),
    )


def _review_queues() -> None:
    op.create_table(
        "review_queues",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("archived", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_review_queues"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_review_queues_project_id"),
    )


def _review_items() -> None:
    op.create_table(
        "review_items",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("queue", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("trace_id", sa.String(64), nullable=False),
        sa.Column("span_id", sa.String(64), nullable=False),
        sa.Column("app", sa.String(64), nullable=False),
        sa.Column("release", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("priority", sa.Float, nullable=False),
        sa.Column("needed", sa.Integer, nullable=False),
        sa.Column("given", sa.Integer, nullable=False),
        sa.Column("hold", sa.String(64), nullable=False),
        sa.Column("assignee", sa.String(64), nullable=False),
        sa.Column("claimed_by", sa.String(64), nullable=False),
        sa.Column("claimed_until", sa.BigInteger, nullable=True),
        sa.Column("due", sa.BigInteger, nullable=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger, nullable=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_items"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_review_items_project_id"),
        sa.UniqueConstraint("project_id", "queue", "key", name="uq_review_items_project_id"),
    )
    op.create_index("ix_review_items_state", "review_items", ["project_id", "queue", "state", "priority"])
    op.create_index("ix_review_items_trace_id", "review_items", ["project_id", "trace_id"])


def _review_verdicts() -> None:
    op.create_table(
        "review_verdicts",
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("reviewer_name", sa.String(200), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sa.Column("correction", sa.Text, nullable=True),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float, nullable=True),
        sa.Column("scored", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("item", "reviewer", name="pk_review_verdicts"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_review_verdicts_project_id"),
        sa.ForeignKeyConstraint(["item"], ["review_items.id"], name="fk_review_verdicts_item"),
    )
    op.create_index("ix_review_verdicts_project_id", "review_verdicts", ["project_id", "created"])
    op.create_index("ix_review_verdicts_scored", "review_verdicts", ["scored"])


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("fallback", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_holds_project_id"),
    )
    op.create_index("ix_holds_project_id", "holds", ["project_id", "created"])
    op.create_index("ix_holds_state", "holds", ["state", "expires"])
