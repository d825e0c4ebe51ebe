"""What was measured, by which judges, with which guards, and what people said. Functions of a connection."""

from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from trimtab.compliance.rows import About, Scope, made, section, short, tally, within
from trimtab.compliance.types import Cell, Section
from trimtab.evaluation import cells
from trimtab.evaluation import experiments as experiment_store
from trimtab.evaluation.calibrations import Figures
from trimtab.evaluation.redteam.build import SCORER
from trimtab.evaluation.redteam.report import build
from trimtab.evaluation.tables import CALIBRATIONS, DATASET_VERSIONS, DATASETS, EXPERIMENTS
from trimtab.evaluation.types import Report, Subject, SuiteSpec
from trimtab.governance.policies import SETS, VERSIONS
from trimtab.governance.store import PROJECTS
from trimtab.guard import store as guard_store
from trimtab.review import figures as review_figures
from trimtab.review.tables import HOLDS

MOST_ATTACKS = 50
"""Red team runs whose answers are read for the report."""
_ATTACKS = f'%"scorers":[{{"scorer":"{SCORER}"%'
"""What the JSON of a red team's run has and no text in it can: its quotes would be escaped."""


def evaluations(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="evaluations",
        title="Evaluations",
        about="Suites that were run on releases, and their outcome by paired comparison with intervals; those that "
        "failed or were cancelled are counted. Attacks of the red team are told of by themselves.",
        source="experiments",
        columns=("suite", "subjects", "dataset", "outcome", "passed", "says", "by", "ended_at", "experiment"),
    )
    table = EXPERIMENTS.c
    mine = (
        table.project_id == scope.project_id, table.state == "done", within(table.ended, scope.period),
        table.spec.not_like(_ATTACKS),
    )  # fmt: skip
    return section(
        conn,
        about,
        select(EXPERIMENTS).where(*mine).order_by(table.ended.desc(), table.id.desc()),
        lambda row: (
            row.suite, " against ".join(each.model for each in _subjects(row.subjects)),
            f"{row.dataset}@{row.version}", *_outcome(row.report), row.author_name, row.ended, row.id,
        ),
        {f"of_{suite}": count for suite, count in tally(conn, table.suite, *mine).items()} | _unfinished(conn, scope),
    )  # fmt: skip


def _unfinished(conn: Connection, scope: Scope, *, attacks: bool = False) -> dict[str, Cell]:
    """Runs whose end in the period was none: an outcome nobody waited for must not look like one that never was."""
    table = EXPERIMENTS.c
    which = table.spec.like(_ATTACKS) if attacks else table.spec.not_like(_ATTACKS)
    other = (table.project_id == scope.project_id, table.state.in_(("failed", "cancelled")), which)
    found = tally(conn, table.state, *other, within(table.ended, scope.period))
    return {f"ended_{state}": count for state, count in found.items()}


def _subjects(text: str) -> tuple[Subject, ...]:
    return msgspec.json.decode(text, type=tuple[Subject, ...])


def _outcome(text: str | None) -> tuple[str, bool | None, str]:
    if text is None:
        return "", None, ""
    report = msgspec.json.decode(text, type=Report)
    return report.outcome, report.passed, short(report.says)


def red_team(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="red_team",
        title="Red team",
        about="Attacks that were run on releases, and the share that broke through of those that were decided.",
        source="experiments with the scorer 'attack'",
        columns=("subject", "attacks", "broken", "held", "apart", "rate", "low", "high", "ended_at", "experiment"),
    )
    table = EXPERIMENTS.c
    query = select(table.id, table.spec, table.ended).where(
        table.project_id == scope.project_id,
        table.state == "done",
        within(table.ended, scope.period),
    )
    rows: list[tuple[str | int | float | None, ...]] = []
    attacked = [
        row
        for row in conn.execute(query.order_by(table.ended.desc(), table.id.desc()))
        if any(each.scorer == SCORER for each in msgspec.json.decode(row.spec, type=SuiteSpec).scorers)
    ]
    for row in attacked[:MOST_ATTACKS]:
        found = experiment_store.experiment(conn, scope.project_id, row.id)
        there, known = cells.with_cases(conn, found)
        report = build(found, there, known)
        rows += [
            (
                report.subjects[at], each.attacks, each.broken, each.held, each.attacks - each.broken - each.held,
                each.rate, each.low, each.high, row.ended, found.id,
            )
            for at, each in enumerate(report.total)
        ]  # fmt: skip
    return made(about, rows, figures={"runs": len(attacked)} | _unfinished(conn, scope, attacks=True))


def judges(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="judges",
        title="Model judges held against people",
        about="Calibrations of model judges: agreement with people on the same answers, and whether that drifts.",
        source="judge_calibrations",
        columns=("judge", "version", "labels", "agreement", "kappa", "kappa_low", "kappa_high", "drift", "made_at"),
    )
    table = CALIBRATIONS.c
    query = select(CALIBRATIONS).where(table.project_id == scope.project_id, within(table.created, scope.period))

    def row(each: Any) -> tuple[str | int | float | None, ...]:
        found = msgspec.json.decode(each.figures, type=Figures)
        kappa = found.kappa
        return (
            each.scorer, each.scorer_version, each.labels, found.alike.value, kappa.value, kappa.low, kappa.high,
            short(found.drift.says), each.created,
        )  # fmt: skip

    return section(conn, about, query.order_by(table.created.desc(), table.id.desc()), row)


def human_oversight(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="human_oversight",
        title="Human oversight",
        about="Answers that people decided on, by queue: how often they changed or refused them, with 95 % intervals.",
        source="review_items, review_verdicts, holds",
        columns=("queue", "decided", "corrected", "rejected", "override_rate", "low", "high", "late"),
    )
    period = scope.period
    found = review_figures.overrides(conn, scope.project_id, "queue", start=period.start, end=period.end)
    rows = [
        (
            each.group,
            each.decided,
            each.corrected,
            each.rejected,
            each.rate.value,
            each.rate.low,
            each.rate.high,
            each.late,
        )
        for each in found.groups
    ]
    holds = tally(conn, HOLDS.c.state, HOLDS.c.project_id == scope.project_id, within(HOLDS.c.created, scope.period))
    figures = {f"holds_{state}": count for state, count in holds.items()}
    figures |= {"audited_at_random": found.audited.of, "changed_of_those": found.audited.value}
    return made(about, rows, figures=figures)


def guards(conn: Connection, scope: Scope) -> Section:
    """Those in force now, and when each was last changed."""
    about = About(
        name="guards",
        title="Guards in force",
        about="Checks on what goes to models and what comes back, as they are now.",
        source="guards",
        columns=("guard", "kind", "mode", "action", "on_failure", "applies_to", "version", "author", "changed_at"),
    )
    rows = [
        (
            each.name, each.spec.kind, each.spec.mode, each.spec.action, each.spec.on_failure,
            ", ".join(each.spec.applies_to), each.version, each.author_name, each.created,
        )
        for each in guard_store.guards(conn, scope.project_id)
    ]  # fmt: skip
    return made(about, rows)


def policies(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="policies",
        title="Policies in force",
        about="Cedar policies over models, data classes, tools and promotions, as they are now.",
        source="access_policies",
        columns=("set", "scope", "version", "hash", "author", "note", "changed_at"),
    )
    own = select(PROJECTS.c.organisation_id).where(PROJECTS.c.id == scope.project_id)
    organisation = conn.execute(own).scalar_one()
    query = (
        select(SETS.c.scope, SETS.c.name, VERSIONS)
        .join(
            VERSIONS,
            (SETS.c.scope == VERSIONS.c.scope)
            & (SETS.c.name == VERSIONS.c.name)
            & (SETS.c.in_force == VERSIONS.c.number),
        )
        .where(SETS.c.scope.in_((scope.project_id, organisation)))
    )
    rows = [
        (
            row.name, "project" if row.scope == scope.project_id else "organisation", row.number, row.hash, row.author,
            short(row.note), row.created,
        )
        for row in conn.execute(query.order_by(SETS.c.scope, SETS.c.name))
    ]  # fmt: skip
    return made(about, rows)


def datasets(conn: Connection, scope: Scope) -> Section:
    about = About(
        name="datasets",
        title="Datasets",
        about="Versions of datasets made in the period; each case keeps its origin, licence, allowed uses and consent.",
        source="datasets, dataset_versions",
        columns=("dataset", "version", "cases", "licence", "hash", "author", "message", "made_at"),
    )
    table, of = DATASET_VERSIONS.c, DATASETS.c
    query = (
        select(DATASET_VERSIONS, of.licence.label("licence"))
        .join(DATASETS, (of.project_id == table.project_id) & (of.name == table.dataset))
        .where(table.project_id == scope.project_id, within(table.created, scope.period))
    )
    count = conn.execute(
        select(func.count()).select_from(DATASETS).where(of.project_id == scope.project_id, of.archived.is_(None))
    ).scalar_one()
    return section(
        conn,
        about,
        query.order_by(table.created.desc(), table.dataset, table.number.desc()),
        lambda row: (
            row.dataset, row.number, row.cases, row.licence, row.hash, row.author_name, short(row.message), row.created,
        ),
        {"datasets_now": count},
    )  # fmt: skip
