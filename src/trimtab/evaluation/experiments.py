"""The SQL of experiments: what is put to which cases, how far it is, and what came of it. Functions of a connection;
times are Unix ms, money is whole picodollars.

    queued -> running -> done
                |  \\-> paused (budget spent, key revoked)  -> queued again by `resume`
                |  \\-> failed (it cannot go on)            -> queued again by `resume`
                \\----> cancelled                           -> queued again by `resume`

Who runs one writes what it did together with how far it is (`cells.keep`), in one transaction: a server that dies in
the middle leaves counts that are right.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.evaluation.tables import EXPERIMENTS
from trimtab.evaluation.types import Experiment, ExperimentState, Report, Settings, Subject, Suite, SuiteSpec
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.ledger.limits import dollars, picodollars
from trimtab.scoring.stats import Outcome

MOST_CELLS: Final = 200_000
"""Answers of one experiment."""
ACTIVE: Final[tuple[ExperimentState, ...]] = ("queued", "running")
RESUMABLE: Final[tuple[ExperimentState, ...]] = ("paused", "failed", "cancelled", "done")


class NewExperiment(Struct, frozen=True, kw_only=True):
    """``spec`` is the suite's, with what was asked otherwise of this run in it (repeats, budget). ``cases`` of the
    version are in it after all that narrows it."""

    suite: Suite
    spec: SuiteSpec
    dataset: str
    version: int
    cases: int
    subjects: tuple[Subject, ...]
    settings: Settings
    origin: str
    actor: Actor
    now: int


def create(conn: Connection, made: NewExperiment) -> Experiment:
    """Queue an experiment. Raises `InvalidRequest` where there is nothing to do, or too much."""
    cells = made.cases * len(made.subjects) * made.spec.repeats
    if not cells:
        raise InvalidRequest(
            f"No case of {made.dataset}@{made.version} fits the suite.",
            fix="Add cases that may be used to evaluate, or widen the suite's 'split' and 'tags'.",
            code="no_cases",
        )
    if cells > MOST_CELLS:
        raise InvalidRequest(
            f"{made.cases:,} cases, {made.spec.repeats} repeats and {len(made.subjects)} subjects are {cells:,} calls; "
            f"an experiment has at most {MOST_CELLS:,}.",
            fix="Take fewer cases ('cases'), repeats, or a split.",
            code="too_many_cells",
        )
    values: dict[str, Any] = {
        "id": new_id("exp"),
        "project_id": made.suite.project_id,
        "suite": made.suite.name,
        "spec": _json(made.spec),
        "suite_hash": made.suite.hash,
        "dataset": made.dataset,
        "version": made.version,
        "subjects": _json(made.subjects),
        "settings": _json(made.settings),
        "state": "queued",
        "origin": made.origin,
        "cells": cells,
        "done": 0,
        "answered": 0,
        "failed": 0,
        "cost": 0,
        "reason": "",
        "report": None,
        "author": made.actor.id,
        "author_name": made.actor.name,
        "created": made.now,
        "started": None,
        "ended": None,
        "revision": 1,
    }
    conn.execute(insert(EXPERIMENTS).values(values))
    told = {"suite": made.suite.name, "dataset": f"{made.dataset}@{made.version}", "cells": cells,
            "subjects": [each.model for each in made.subjects]}  # fmt: skip
    subject = f"experiment:{values['id']}"
    audit.append(conn, made.suite.project_id, made.actor, "experiment.started", subject, now=made.now, detail=told)
    return experiment(conn, made.suite.project_id, values["id"])


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def experiment(conn: Connection, project_id: str, name: str) -> Experiment:
    """By its id. Raises `NotFound`."""
    name = name.replace("\0", "?")  # which no id has, and PostgreSQL does not take
    query = select(EXPERIMENTS).where(EXPERIMENTS.c.id == name, EXPERIMENTS.c.project_id == project_id)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no experiment {name[:80]!r} in this project.", fix="'trimtab experiments list' shows them."
        )
    return _made(row)


def listed(
    conn: Connection,
    project_id: str,
    *,
    suite: str | None = None,
    state: str = "",
    subject: str = "",
    scorer: str = "",
    before: str = "",
    limit: int = 100,
) -> list[Experiment]:
    """Newest first; ``subject`` as it is called (``support@r12``), ``scorer`` one that its suite has."""
    query = select(EXPERIMENTS).where(EXPERIMENTS.c.project_id == project_id)
    if suite is not None:
        query = query.where(EXPERIMENTS.c.suite == suite)
    if state:
        query = query.where(EXPERIMENTS.c.state == state)
    if subject:
        query = query.where(EXPERIMENTS.c.subjects.contains(f'"model":{_json(subject)}', autoescape=True))
    if scorer:
        query = query.where(EXPERIMENTS.c.spec.contains(f'"scorer":{_json(scorer)}', autoescape=True))
    if before:
        query = query.where(EXPERIMENTS.c.id < before)
    return [_made(row) for row in conn.execute(query.order_by(EXPERIMENTS.c.id.desc()).limit(limit))]


def active(conn: Connection) -> list[Experiment]:
    """Those of all projects that somebody has to run, oldest first."""
    query = select(EXPERIMENTS).where(EXPERIMENTS.c.state.in_(ACTIVE)).order_by(EXPERIMENTS.c.id)
    return [_made(row) for row in conn.execute(query)]


def report(conn: Connection, project_id: str, name: str) -> Report | None:
    """What it found; None while there is no report. Raises `NotFound`."""
    experiment(conn, project_id, name)
    text = conn.execute(select(EXPERIMENTS.c.report).where(EXPERIMENTS.c.id == name)).scalar_one()
    return None if text is None else msgspec.json.decode(text, type=Report)


class Said(Struct, frozen=True):
    """What a report comes to."""

    outcome: Outcome
    passed: bool
    says: str


def said(conn: Connection, names: Sequence[str]) -> dict[str, Said]:
    """By id, of those that have a report."""
    query = select(EXPERIMENTS.c.id, EXPERIMENTS.c.report).where(
        EXPERIMENTS.c.id.in_(names), EXPERIMENTS.c.report.is_not(None)
    )
    return {row.id: msgspec.json.decode(row.report, type=Said) for row in conn.execute(query)}


# --- what its runner writes ---


def begin(conn: Connection, name: str, now: int) -> bool:
    """It runs now, from the queue or again; False where it was ended meanwhile."""
    mine = (EXPERIMENTS.c.id == name, EXPERIMENTS.c.state.in_(ACTIVE))
    moved = conn.execute(update(EXPERIMENTS).where(*mine).values(state="running", reason="")).rowcount == 1
    first = update(EXPERIMENTS).where(EXPERIMENTS.c.id == name, EXPERIMENTS.c.started.is_(None)).values(started=now)
    conn.execute(first)
    return moved


def put_back(conn: Connection, name: str) -> None:
    """Its runner leaves, with no call under way: another goes on."""
    mine = (EXPERIMENTS.c.id == name, EXPERIMENTS.c.state == "running")
    conn.execute(update(EXPERIMENTS).where(*mine).values(state="queued"))


def advance(
    conn: Connection, name: str, *, done: int, failed: int, cost: int, answered: int | None = None
) -> ExperimentState:
    """How much further it is; its state as it is now, which tells its runner to stop. ``answered`` is no difference,
    but how many answers there are in all, judged or not."""
    table = EXPERIMENTS
    further: dict[str, Any] = {
        "done": table.c.done + done, "failed": table.c.failed + failed, "cost": table.c.cost + cost,
    }  # fmt: skip
    if answered is not None:
        further["answered"] = answered
    conn.execute(update(table).where(table.c.id == name).values(further))
    return conn.execute(select(table.c.state).where(table.c.id == name)).scalar_one()


def end(
    conn: Connection, name: str, state: ExperimentState, *, reason: str, report: Report | None, now: int,
    revision: int | None = None,
) -> bool:  # fmt: skip
    """It has ended so, with what was found; False where somebody else ended it, and then only the report is kept.
    ``revision`` is that of the experiment as it was run: what somebody queued anew meanwhile (cancelled, then resumed)
    is not ended, and goes on."""
    table = EXPERIMENTS
    values: dict[str, Any] = {"state": state, "reason": reason, "ended": now, "revision": table.c.revision + 1}
    mine = [table.c.id == name, table.c.state.in_(ACTIVE)]
    if revision is not None:
        mine.append(table.c.revision == revision)
    ended = conn.execute(update(table).where(*mine).values(values)).rowcount == 1
    if report is not None:
        of = (table.c.id == name, table.c.state.not_in(ACTIVE))
        conn.execute(update(table).where(*of).values(report=_json(report)))
    return ended


# --- what people do ---


def cancel(conn: Connection, project_id: str, name: str, actor: Actor, now: int) -> Experiment:
    """No further call is made; what is there stays, and `resume` goes on from there. Raises `NotFound`, and `Conflict`
    for one that has ended."""
    found = experiment(conn, project_id, name)
    table = EXPERIMENTS
    values = {"state": "cancelled", "reason": f"Cancelled by {actor.name}.", "ended": now,
              "revision": table.c.revision + 1}  # fmt: skip
    mine = (table.c.id == name, table.c.state.in_((*ACTIVE, "paused")))
    if conn.execute(update(table).where(*mine).values(values)).rowcount != 1:
        raise Conflict(f"The experiment is {found.state}.", fix="Look at its report.", code="experiment_ended")
    audit.append(conn, project_id, actor, "experiment.cancelled", f"experiment:{name}", now=now)
    return experiment(conn, project_id, name)


class Again(Struct, frozen=True, kw_only=True):
    """How to go on. ``budget``: another bound in dollars, None for the one there is. ``failed``: answers that are
    errors are asked for again. ``unknown``: also those of which nobody knows whether they were paid for."""

    budget: str | None = None
    failed: bool = False
    unknown: bool = False


def resume(conn: Connection, project_id: str, name: str, again: Again, actor: Actor, now: int) -> Experiment:
    """Queue one that has ended. What it has is kept, but for answers that are errors where ``again`` says so; remove
    those first (`cells.drop_failed`). Raises `NotFound`, `Conflict`."""
    found = experiment(conn, project_id, name)
    if found.state not in RESUMABLE or (found.state == "done" and found.done == found.cells):
        raise Conflict(
            f"The experiment is {found.state}, and nothing of it is left to do.",
            fix="Start another one; or ask for failed answers again: 'failed' (on the command line --failed).",
            code="nothing_to_resume",
        )
    spec, settings = found.spec, found.settings
    if again.budget is not None:
        spec = msgspec.structs.replace(spec, budget=again.budget)
    _check_room(found, spec.budget)
    if again.unknown:
        settings = msgspec.structs.replace(settings, retry_unknown=True)
    table = EXPERIMENTS
    values: dict[str, Any] = {
        "state": "queued", "reason": "", "ended": None, "report": None, "spec": _json(spec),
        "settings": _json(settings), "revision": table.c.revision + 1,
    }  # fmt: skip
    conn.execute(update(table).where(table.c.id == name).values(values))
    told = {"budget": spec.budget, "failed": again.failed, "unknown": again.unknown}
    audit.append(conn, project_id, actor, "experiment.resumed", f"experiment:{name}", now=now, detail=told)
    return experiment(conn, project_id, name)


def _check_room(found: Experiment, budget: str) -> None:
    """Raises `Conflict` where it would stop before the first call."""
    if budget and found.done < found.cells and picodollars(budget, param="budget") <= found.cost:
        raise Conflict(
            f"${dollars(found.cost)} of its budget of ${budget} are spent: nothing more would be asked for.",
            fix="Give a larger one, of all that it costs together ('budget'; on the command line --budget).",
            code="budget_spent",
            param="budget",
        )


def _made(row: Any) -> Experiment:
    values = {name: getattr(row, name) for name in Experiment.__struct_fields__}
    values["spec"] = msgspec.json.decode(row.spec, type=SuiteSpec)
    values["subjects"] = msgspec.json.decode(row.subjects, type=tuple[Subject, ...])
    values["settings"] = msgspec.json.decode(row.settings, type=Settings)
    return Experiment(**values)
