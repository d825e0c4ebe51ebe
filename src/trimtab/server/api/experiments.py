"""Experiments: what they would cost, starting them, how far they are, what they found."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter, SkipValidation
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.evaluation import cells, experiments, judging, subjects, suites
from trimtab.evaluation.cells import Which
from trimtab.evaluation.experiments import Again, Said
from trimtab.evaluation.gate import SCORED
from trimtab.evaluation.render import junit, markdown, terminal, words
from trimtab.evaluation.types import (
    CaseTexts,
    Cell,
    CellScore,
    Experiment,
    ExperimentState,
    Report,
    Settings,
    Subject,
    Suite,
)
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance import audit
from trimtab.ledger.limits import dollars, picodollars
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.experiment import (
    CellPage,
    CellScoreView,
    CellView,
    ExperimentEstimate,
    ExperimentPage,
    ExperimentView,
    GivenScores,
    GiveScores,
    NewExperiment,
    ReportView,
    ResumeExperiment,
    SubjectView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.experiment_estimates import Asked, estimate, require_prices, unpriced
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "experiments"
BASE = "/api/v1/projects/{project:str}/experiments"
ONE = BASE + "/{experiment:str}"
SHOWN_CASES: Final = 10
"""Of the cases that changed, whose texts a report shows."""
RENDERED = {"terminal": terminal.render, "markdown": markdown.render, "junit": junit.render}
# Litestar keeps the argument's name ``state`` for itself.
Only = Annotated[ExperimentState | Literal[""], QueryParameter(name="state")]
Place = Annotated[Annotated[int, msgspec.Meta(ge=0, le=1)] | None, QueryParameter(ge=0, le=1)]
CellOnly = Annotated[Literal["", "done", "failed"], QueryParameter(name="state")]
Format = Annotated[Literal["json", "terminal", "markdown", "junit"], QueryParameter(name="format")]


# --- views ---


def view(found: Experiment, said: Said | None, now: int, *, priced: bool = True, unknown: int = 0) -> ExperimentView:
    return ExperimentView(
        id=found.id,
        suite=found.suite,
        suite_hash=found.suite_hash,
        spec=found.spec,
        dataset=found.dataset,
        version=found.version,
        subjects=[each.model for each in found.subjects],
        called=[_called(each) for each in found.subjects],
        state=found.state,
        origin=found.origin,
        cells=found.cells,
        done=found.done,
        answered=max(found.answered, found.done),
        failed=found.failed,
        unknown=unknown,
        cost=dollars(found.cost) if priced else None,
        left_ms=_left(found, now),
        reason=found.reason,
        outcome=None if said is None else said.outcome,
        passed=None if said is None else said.passed,
        says="" if said is None else said.says,
        fresh=found.settings.fresh,
        cases=found.settings.most_cases,
        author=found.author,
        author_name=found.author_name,
        created=found.created,
        started=found.started,
        ended=found.ended,
        revision=found.revision,
    )


def _called(each: Subject) -> SubjectView:
    return SubjectView(name=each.name, model=each.model, app=each.app, number=each.number, hash=each.hash)


def _left(found: Experiment, now: int) -> int | None:
    """By how long it took so far."""
    if found.state != "running" or not found.done or found.started is None:
        return None
    return round((now - found.started) * (found.cells - found.done) / found.done)


def cell_view(found: Cell) -> CellView:
    own: dict[str, Any] = {name: getattr(found, name) for name in CellView.__struct_fields__ if name != "withheld"}
    own["cost"] = None if found.cost is None else dollars(found.cost)
    own["scores"] = [
        CellScoreView(
            name=each.name,
            value=each.value,
            label=each.label,
            unscored=each.unscored,
            explanation=each.explanation,
            version=each.version,
            cost=None if each.cost is None else dollars(each.cost),
        )
        for each in found.scores
    ]
    return CellView(**own)


def report_view(found: Report, texts: Sequence[CaseTexts] = (), text: str = "") -> ReportView:
    own: dict[str, Any] = {"text": text, "texts": list(texts)}
    for name in ReportView.__struct_fields__:
        if name not in own:
            value = getattr(found, name)
            own[name] = list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value
    own["cost"] = None if found.cost is None else dollars(found.cost)
    own["judging_cost"] = None if found.judging_cost is None else dollars(found.judging_cost)
    return ReportView(**own)


# --- what is asked for ---


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment as it would be made; ``ids`` of its cases."""

    suite: Suite
    which: Which
    ids: Sequence[str]
    subjects: tuple[Subject, ...]
    bound: tuple[judging.Bound, ...]
    notes: list[str]


def meaning_of(deps: Dependencies, project_id: str) -> subjects.Meaning:
    """What a model's or a route's name stands for in the configuration in force."""
    snapshot = deps.snapshots.current
    targets: ProjectTargets = snapshot.targets[project_id]

    def meaning(name: str) -> Any:
        route_found = snapshot.routes.get(project_id, {}).get(name)
        if route_found is not None:
            return msgspec.to_builtins(route_found.route)
        model = targets.models.get(name)
        if model is not None:
            return [model.provider, model.upstream, list(model.fallback)]
        provider, slash, upstream = name.partition("/")
        return [provider, upstream] if slash and upstream and provider in targets.providers else None

    return meaning


def wanted(conn: Connection, deps: Dependencies, project_id: str, data: NewExperiment) -> Wanted:
    """Raises `NotFound` for a suite, a dataset or a subject there is not, `InvalidRequest`, and `Conflict` for a suite
    that was put away."""
    suite = suites.suite(conn, project_id, data.suite)
    if suite.archived is not None:
        raise Conflict(f"The suite {suite.name!r} is archived.", fix="Take it out first.", code="suite_archived")
    spec = suite.spec
    if data.repeats is not None:
        spec = msgspec.structs.replace(spec, repeats=data.repeats)
    if data.budget is not None:
        picodollars(data.budget or "0", param="budget")
        spec = msgspec.structs.replace(spec, budget=data.budget)
    name, version = suites.dataset_of(spec.dataset)
    which = Which(
        project_id=project_id,
        dataset=name,
        version=cells.version_of(conn, project_id, name, version),
        split=spec.split,
        tags=spec.tags,
        most=data.cases,
    )
    chosen, notes = _subjects(conn, deps, project_id, data, spec.against)
    notes += _left_out(cells.refused(conn, which))
    return Wanted(
        suite=msgspec.structs.replace(suite, spec=spec),
        which=which,
        ids=cells.ids_of(conn, which),
        subjects=chosen,
        bound=judging.bind(conn, project_id, spec),
        notes=notes,
    )


def _left_out(ids: list[str]) -> list[str]:
    if not ids:
        return []
    more = f" and {len(ids) - 20:,} more" if len(ids) > 20 else ""
    return [f"{len(ids):,} cases must not be used to evaluate, and are left out: {', '.join(ids[:20])}{more}."]


def _subjects(
    conn: Connection, deps: Dependencies, project_id: str, data: NewExperiment, against: str
) -> tuple[tuple[Subject, ...], list[str]]:
    meaning = meaning_of(deps, project_id)
    first = subjects.subject(conn, project_id, data.subjects[0], meaning)
    named = data.subjects[1] if len(data.subjects) > 1 else "" if data.alone else against
    try:
        second = subjects.baseline(conn, project_id, first, named, meaning)
    except NotFound:
        if len(data.subjects) > 1 or first.app:
            raise
        second = None  # the suite names an environment, and a model runs in none
    notes: list[str] = []
    if named and second is None:
        notes.append(f"There is nothing to compare with yet: {first.model} has no {named}.")
    if second is not None and second.hash == first.hash:
        notes.append(f"{first.model} and {second.model} are the same: whatever differs is chance.")
    return (first,) if second is None else (first, second), notes


# --- routes ---


@route(
    "POST",
    BASE + "/estimate",
    "evaluation:read",
    Operation(id="estimateExperiment", summary="What an experiment would cost", tag=TAG, errors=(404, 409)),
)
async def estimate_experiment(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewExperiment]
) -> ExperimentEstimate:
    """By recorded token counts and the price book. Nothing is changed."""
    found = await deps.db.read(lambda conn: wanted(conn, deps, tenant.id, data))
    asked = Asked(
        project_id=tenant.id,
        caller=caller.principal.key_id,
        suite=found.suite.name,
        which=found.which,
        ids=found.ids,
        subjects=found.subjects,
        repeats=found.suite.spec.repeats,
        fresh=data.fresh,
        budget=found.suite.spec.budget,
        bound=found.bound,
    )
    return await estimate(deps, asked, found.notes)


@route(
    "POST",
    BASE,
    "evaluation:write",
    Operation(id="startExperiment", summary="Start an experiment", tag=TAG, status=201, errors=(404, 409)),
)
async def start_experiment(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewExperiment]
) -> ExperimentView:
    """It is queued when the answer comes, and goes on whatever becomes of whoever asked for it. Its calls are made as
    this key, so that key's limits hold for them."""

    def write(conn: Connection) -> Experiment:
        found = wanted(conn, deps, tenant.id, data)
        if found.suite.spec.budget and not data.allow_unpriced:
            require_prices(unpriced(conn, deps, tenant.id, found.subjects, found.bound))
        made = experiments.NewExperiment(
            suite=found.suite,
            spec=found.suite.spec,
            dataset=found.which.dataset,
            version=found.which.version,
            cases=len(found.ids),
            subjects=found.subjects,
            settings=Settings(fresh=data.fresh, most_cases=data.cases),
            origin=data.origin,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
        )
        return experiments.create(conn, made)

    made = await deps.db.write(write)
    deps.wake_experiments()
    return view(made, None, deps.now())


@route(
    "GET",
    BASE,
    "evaluation:read",
    Operation(id="listExperiments", summary="List experiments", tag=TAG, errors=(404,)),
)
async def list_experiments(
    deps: Deps,
    tenant: Tenant,
    suite: FromQuery[str | None] = None,
    subject: FromQuery[str] = "",
    scorer: FromQuery[str] = "",
    only: Only = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ExperimentPage:
    """Newest first. ``subject`` as it is called, as ``support@r12``; ``scorer``: only those that it scores (``attack``:
    red teams)."""
    _plain(suite or "", "suite")
    _plain(subject, "subject")
    _plain(scorer, "scorer")
    before = read_cursor(cursor)

    def read(conn: Connection) -> tuple[list[Experiment], dict[str, Said], set[str], dict[str, int]]:
        found = experiments.listed(
            conn, tenant.id, suite=suite, state=only, subject=subject, scorer=scorer, before=before, limit=limit + 1
        )
        ids = [each.id for each in found]
        return found, experiments.said(conn, ids), cells.unpriced(conn, ids), cells.unknown(conn, ids)

    found, said, unpriced, unknown = await deps.db.read(read)
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    now = deps.now()
    page = [
        view(each, said.get(each.id), now, priced=each.id not in unpriced, unknown=unknown.get(each.id, 0))
        for each in found[:limit]
    ]
    return ExperimentPage(items=page, cursor=more)


def _plain(text: str, param: str) -> None:
    if "\0" in text or len(text) > subjects.MAX_NAME:
        raise InvalidRequest(f"{param!r} has at most {subjects.MAX_NAME} characters.", fix="Correct it.", param=param)


async def _one(deps: Dependencies, project_id: str, name: str) -> ExperimentView:
    def read(conn: Connection) -> tuple[Experiment, Said | None, bool, int]:
        found = experiments.experiment(conn, project_id, name)
        ids = [found.id]
        unknown = cells.unknown(conn, ids).get(found.id, 0)
        return found, experiments.said(conn, ids).get(found.id), not cells.unpriced(conn, ids), unknown

    found, said, priced, unknown = await deps.db.read(read)
    return view(found, said, deps.now(), priced=priced, unknown=unknown)


@route("GET", ONE, "evaluation:read", Operation(id="getExperiment", summary="How far it is", tag=TAG, errors=(404,)))
async def get_experiment(deps: Deps, tenant: Tenant, experiment: FromPath[str]) -> ExperimentView:
    return await _one(deps, tenant.id, experiment)


class _Cells(msgspec.Struct, frozen=True):
    case_id: str
    subject: int | None
    only: str


def _cells(case_id: FromQuery[str] = "", subject: Place = None, only: CellOnly = "") -> _Cells:
    _plain(case_id, "case_id")
    return _Cells(case_id, subject, only)


@route(
    "GET",
    ONE + "/cells",
    "evaluation:read",
    Operation(id="listCells", summary="Every answer and its scores", tag=TAG, errors=(404,)),
    {"sought": _cells},
)
async def list_cells(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    experiment: FromPath[str],
    sought: NamedDependency[SkipValidation[_Cells]],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CellPage:
    """By case, subject and repeat."""
    after = _after(read_cursor(cursor))

    def read(conn: Connection) -> list[Cell]:
        experiments.experiment(conn, tenant.id, experiment)
        return cells.listed(
            conn,
            experiment,
            subject=sought.subject,
            state=sought.only,
            case_id=sought.case_id,
            after=after,
            limit=limit + 1,
        )

    found = await deps.db.read(read)
    await content_read(deps, caller, tenant, f"experiment:{experiment}")
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = write_cursor(f"{last.subject}:{last.repeat}:{last.case_id}")
    return CellPage(items=[cell_view(each) for each in found[:limit]], cursor=more)


def _after(text: str) -> cells.Key | None:
    if not text:
        return None
    subject, _, rest = text.partition(":")
    repeat, _, case = rest.partition(":")
    if not (subject.isascii() and subject.isdecimal() and repeat.isascii() and repeat.isdecimal() and case):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return int(subject[:3]), case, int(repeat[:3])


@route(
    "GET",
    ONE + "/report",
    "evaluation:read",
    Operation(id="getReport", summary="What it found", tag=TAG, errors=(404, 409)),
)
async def get_report(
    deps: Deps, caller: CallerNow, tenant: Tenant, experiment: FromPath[str], form: Format = "json"
) -> ReportView:
    """With ``format`` also as a text: for a terminal, as Markdown for a pull request, as JUnit's XML for CI."""

    def read(conn: Connection) -> tuple[Experiment, Report | None, list[CaseTexts]]:
        found, report = (
            experiments.experiment(conn, tenant.id, experiment),
            experiments.report(conn, tenant.id, experiment),
        )
        if report is None:
            return found, None, []
        changed = [each.case_id for each in words.shown_cases(report, SHOWN_CASES)]
        return found, report, cells.texts(conn, found, changed)

    found, report, texts = await deps.db.read(read)
    if report is None:
        raise Conflict(
            f"The experiment is {found.state}: there is no report yet.{f' {found.reason}' if found.reason else ''}",
            fix="Wait until it has ended.",
            code="no_report_yet",
        )
    if texts:
        await content_read(deps, caller, tenant, f"experiment:{experiment}")
    return report_view(report, texts, "" if form == "json" else RENDERED[form](found, report, texts))


@route(
    "POST",
    ONE + "/cancel",
    "evaluation:write",
    Operation(id="cancelExperiment", summary="Ask for nothing more", tag=TAG, errors=(404, 409)),
)
async def cancel_experiment(deps: Deps, caller: CallerNow, tenant: Tenant, experiment: FromPath[str]) -> ExperimentView:
    """What is there stays, and what is under way is kept; `resume` goes on from there."""
    await deps.db.write(
        lambda conn: experiments.cancel(conn, tenant.id, experiment, actor_of(conn, caller), moment(conn, deps))
    )
    deps.wake_experiments()
    return await _one(deps, tenant.id, experiment)


@route(
    "POST",
    ONE + "/resume",
    "evaluation:write",
    Operation(id="resumeExperiment", summary="Go on with one that ended", tag=TAG, errors=(404, 409)),
)
async def resume_experiment(
    deps: Deps, caller: CallerNow, tenant: Tenant, experiment: FromPath[str], data: JSONBody[ResumeExperiment]
) -> ExperimentView:
    """Nothing that is there is asked for again, but for errors where that is wanted."""
    if data.budget is not None:
        picodollars(data.budget or "0", param="budget")

    def write(conn: Connection) -> None:
        found = experiments.experiment(conn, tenant.id, experiment)
        if found.state in experiments.ACTIVE:
            raise Conflict(f"The experiment is {found.state}.", fix="Wait, or cancel it.", code="nothing_to_resume")
        budget = found.spec.budget if data.budget is None else data.budget
        if budget and not data.allow_unpriced:
            bound = judging.bind(conn, tenant.id, found.spec)
            require_prices(unpriced(conn, deps, tenant.id, found.subjects, bound))
        if data.failed or data.unknown:
            cells.drop_failed(conn, experiment, unknown=data.unknown)
        again = Again(budget=data.budget, failed=data.failed, unknown=data.unknown)
        experiments.resume(conn, tenant.id, experiment, again, actor_of(conn, caller), moment(conn, deps))

    await deps.db.write(write)
    deps.wake_experiments()
    return await _one(deps, tenant.id, experiment)


@route(
    "POST",
    ONE + "/scores",
    "evaluation:write",
    Operation(id="giveScores", summary="Scores of functions in a folder", tag=TAG, errors=(404, 409)),
)
async def give_scores(
    deps: Deps, caller: CallerNow, tenant: Tenant, experiment: FromPath[str], data: JSONBody[GiveScores]
) -> GivenScores:
    """Of the suite's scorers that are functions of a folder, once the experiment is done: 'trimtab eval' runs them
    where the folder is. The report, and what it says to a gate, is made anew with the last ones."""

    def write(conn: Connection) -> int:
        found = experiments.experiment(conn, tenant.id, experiment)
        if found.state != "done":
            raise Conflict(
                f"The experiment is {found.state}.", fix="Wait until it is done.", code="experiment_not_done"
            )
        count = cells.add_scores(conn, experiment, _given(found, data))
        told = {"scores": sorted({each.name for each in data.scores}), "cells": count}
        subject = f"experiment:{experiment}"
        audit.append(conn, tenant.id, actor_of(conn, caller), SCORED, subject, now=deps.now(), detail=told)
        return count

    count = await deps.db.write(write)
    if data.last:
        await deps.remake_report(await deps.db.read(lambda conn: experiments.experiment(conn, tenant.id, experiment)))
    return GivenScores(cells=count)


def _given(found: Experiment, data: GiveScores) -> dict[cells.Key, tuple[CellScore, ...]]:
    """Raises `InvalidRequest` for a score that the server makes itself, or that says nothing."""
    own = {suites.label_of(each) for each in found.spec.scorers if suites.is_function(each.scorer)}
    made: dict[cells.Key, tuple[CellScore, ...]] = {}
    for each in data.scores:
        if each.name not in own:
            raise InvalidRequest(
                f"{each.name[:80]!r} is no function of a folder in the suite {found.suite!r}.",
                fix=f"There are: {', '.join(sorted(own)) or 'none'}.",
                param="scores",
            )
        _plain(each.case_id, "case_id")
        if each.unscored == "" and each.value is None and not each.label:
            raise InvalidRequest("A score has a value, a label, or why there is none.", fix="Say it.", param="scores")
        score = CellScore(
            name=each.name,
            value=None if each.unscored else each.value,
            label=each.label[:200],
            unscored=each.unscored[:1000],
            explanation=each.explanation[: judging.LONGEST_EXPLANATION],
            version=each.version[:80],
        )
        key = (each.subject, each.case_id, each.repeat)
        made[key] = (*made.get(key, ()), score)
    return made


ROUTES = (
    estimate_experiment,
    start_experiment,
    list_experiments,
    get_experiment,
    list_cells,
    get_report,
    cancel_experiment,
    resume_experiment,
    give_scores,
)
