"""Queueing the experiment that a schedule asks for: the same as when a person asks, by nobody's key."""

from collections.abc import Callable

from sqlalchemy import Connection

from trimtab.core.errors import Conflict, NotFound
from trimtab.evaluation import experiments
from trimtab.evaluation.online import Rule, ScheduleSpec
from trimtab.evaluation.types import Settings
from trimtab.governance.audit import Actor
from trimtab.server.acting import moment
from trimtab.server.api.experiments import wanted
from trimtab.server.bodies.experiment import NewExperiment
from trimtab.server.dependencies import Dependencies
from trimtab.server.experiment_estimates import require_prices, unpriced
from trimtab.server.inner.calls import NOBODY


def queuing(deps: Dependencies) -> Callable[[Connection, Rule, ScheduleSpec], str]:
    """The function that `scoring_live.Parts.queue` wants. It raises `Conflict` while the last run is not over, and what
    `wanted` raises."""

    def queue(conn: Connection, rule: Rule, spec: ScheduleSpec) -> str:
        _check_last(conn, rule)
        asked = NewExperiment(
            suite=spec.suite,
            subjects=[spec.subject, spec.against] if spec.against else [spec.subject],
            alone=spec.alone,
            budget=spec.budget or None,
        )
        found = wanted(conn, deps, rule.project_id, asked)
        if found.suite.spec.budget:
            require_prices(unpriced(conn, deps, rule.project_id, found.subjects, found.bound))
        made = experiments.NewExperiment(
            suite=found.suite,
            spec=found.suite.spec,
            dataset=found.which.dataset,
            version=found.which.version,
            cases=len(found.ids),
            subjects=found.subjects,
            settings=Settings(fresh=True),  # how it is today: no answer of an earlier run
            origin="schedule",
            actor=Actor(NOBODY, f"schedule {rule.name}"),
            now=moment(conn, deps),
        )
        return experiments.create(conn, made).id

    return queue


def _check_last(conn: Connection, rule: Rule) -> None:
    if not rule.state.experiment:
        return
    try:
        last = experiments.experiment(conn, rule.project_id, rule.state.experiment)
    except NotFound:
        return
    if last.state in experiments.ACTIVE:
        raise Conflict(
            f"The run before, {last.id}, is not over.",
            fix="It goes on by itself when that is; or let it run less often.",
            code="schedule_behind",
        )
