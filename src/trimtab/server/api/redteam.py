"""Red teams: attacks of ours on what a team ships, run as an experiment, told by OWASP's categories."""

from typing import Annotated, Literal

from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy import Connection

from trimtab.core.errors import Conflict
from trimtab.evaluation import cells, dataset_writes, datasets, experiments, suites
from trimtab.evaluation.cases import Author, made
from trimtab.evaluation.dataset_writes import Writing
from trimtab.evaluation.datasets import DatasetEdit
from trimtab.evaluation.redteam import render
from trimtab.evaluation.redteam.build import SCORER, Plan, cases, suite
from trimtab.evaluation.redteam.families import REGISTRY
from trimtab.evaluation.redteam.mutate import MUTATORS
from trimtab.evaluation.redteam.report import build
from trimtab.evaluation.redteam.types import RedteamReport
from trimtab.evaluation.suites import SuiteEdit
from trimtab.evaluation.types import Case, Experiment, Settings
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.ledger.limits import picodollars
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.api.experiments import meaning_of, view, wanted
from trimtab.server.bodies.experiment import NewExperiment
from trimtab.server.bodies.redteam import (
    FamilyList,
    FamilyView,
    NewRedteam,
    RedteamEstimate,
    RedteamReportView,
    RedteamStarted,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.experiment_estimates import unpriced
from trimtab.server.redteam_estimates import estimate
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

TAG = "red team"
BASE = "/api/v1/projects/{project:str}/redteam"
RENDERED = {"terminal": render.terminal, "markdown": render.markdown}
Format = Annotated[Literal["json", "terminal", "markdown"], QueryParameter(name="format")]


@route(
    "GET",
    BASE + "/families",
    "evaluation:read",
    Operation(id="listAttackFamilies", summary="The families of attacks", tag=TAG, errors=(404,)),
)
async def list_attack_families(tenant: Tenant) -> FamilyList:  # noqa: ARG001  the project must be the caller's
    found = [FamilyView(name=each.name, about=each.about, owasp=list(each.owasp)) for each in REGISTRY.all().values()]
    return FamilyList(items=found, mutators=list(MUTATORS))


@route(
    "POST",
    BASE + "/estimate",
    "evaluation:read",
    Operation(id="estimateRedteam", summary="What attacking would cost", tag=TAG, errors=(404, 409)),
)
async def estimate_redteam(deps: Deps, tenant: Tenant, data: JSONBody[NewRedteam]) -> RedteamEstimate:
    """By the attacks' own texts and the price book. Nothing is changed."""
    return await estimate(deps, tenant.id, data, _plan(data), meaning_of(deps, tenant.id))


@route(
    "POST",
    BASE,
    "evaluation:write",
    Operation(id="startRedteam", summary="Attack releases", tag=TAG, status=201, errors=(404, 409)),
)
async def start_redteam(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewRedteam]) -> RedteamStarted:
    """The attacks become a dataset, and the run an experiment: it is followed, stopped and resumed as one. Its calls go
    through the live path as this key, so the release's guards, limits and budgets hold for them."""
    if data.budget:
        picodollars(data.budget, param="budget")
    plan = _plan(data)
    attacks = cases(plan)

    def write(conn: Connection) -> Experiment:
        actor, now = actor_of(conn, caller), moment(conn, deps)
        author = Author(id=actor.id, name=actor.name, at=now)
        _keep(conn, tenant.id, plan, [made(each, author) for each in attacks], actor, now)
        spec = suite(plan, budget=data.budget, concurrency=data.concurrency)
        suites.put(conn, SuiteEdit(project_id=tenant.id, name=plan.name, spec=spec, actor=actor, now=now))
        return _begin(conn, deps, tenant.id, data, plan, actor, now)

    begun = await deps.db.write(write)
    deps.wake_experiments()
    return RedteamStarted(attacks=len(attacks), experiment=view(begun, None, deps.now()))


def _plan(data: NewRedteam) -> Plan:
    return Plan(
        families=tuple(sorted(set(data.families))),
        attacks=data.attacks,
        mutated=data.mutated,
        mutators=tuple(sorted(set(data.mutators))),
        seeds=tuple(dict.fromkeys(data.seeds)),
        tools=tuple(data.tools),
        seed=data.seed,
    )


def _keep(conn: Connection, project_id: str, plan: Plan, attacks: list[Case], actor: Actor, now: int) -> None:
    """The attacks as a dataset of their own; those of a plan that ran before are there."""
    datasets.put(
        conn,
        DatasetEdit(
            project_id=project_id, name=plan.name, actor=actor, now=now, archived=False,
            description="Attacks of the red team; made again from the same plan they are the same.",
        ),
    )  # fmt: skip
    writing = Writing(
        project_id=project_id, dataset=plan.name, actor=actor, now=now, message=f"Attacks of the seed {plan.seed}"
    )
    dataset_writes.write(conn, writing, put=attacks)


def _begin(
    conn: Connection, deps: Dependencies, project_id: str, data: NewRedteam, plan: Plan, actor: Actor, now: int
) -> Experiment:
    asked = NewExperiment(suite=plan.name, subjects=data.subjects, alone=len(data.subjects) == 1)
    found = wanted(conn, deps, project_id, asked)
    free = unpriced(conn, deps, project_id, found.subjects, found.bound) if data.budget else ()
    if free:
        raise Conflict(
            f"There is a budget, and nobody knows the price of {', '.join(free)}: it could not stop what is spent.",
            fix="Set the price ('trimtab prices set'), or leave the budget out and bound the run by 'attacks'.",
            code="unpriced",
            param="budget",
        )
    begun = experiments.create(
        conn,
        experiments.NewExperiment(
            suite=found.suite,
            spec=found.suite.spec,
            dataset=found.which.dataset,
            version=found.which.version,
            cases=len(found.ids),
            subjects=found.subjects,
            settings=Settings(),
            origin="person",
            actor=actor,
            now=now,
        ),
    )
    told = {"experiment": begun.id, "attacks": len(found.ids), "subjects": [each.model for each in found.subjects]}
    audit.append(conn, project_id, actor, "redteam.started", f"suite:{plan.name}", now=now, detail=told)
    return begun


@route(
    "GET",
    BASE + "/{experiment:str}/report",
    "evaluation:read",
    Operation(id="getRedteamReport", summary="What broke through", tag=TAG, errors=(404, 409)),
)
async def get_redteam_report(
    deps: Deps, tenant: Tenant, experiment: FromPath[str], form: Format = "json"
) -> RedteamReportView:
    """By OWASP's LLM Top 10, by family and by wording. Refusals, blocks, errors and what nobody could decide are
    counted apart, and never as held or broken."""

    def read(conn: Connection) -> tuple[Experiment, RedteamReport]:
        found = experiments.experiment(conn, tenant.id, experiment)
        if all(each.scorer != SCORER for each in found.spec.scorers):
            raise Conflict(
                f"The experiment {experiment[:80]!r} is no red team's.",
                fix="Start one with: trimtab redteam SUBJECT",
                code="not_a_redteam",
            )
        report = _report(conn, found)
        if found.state == "done" and not any(each.attacks for each in report.total):
            raise Conflict(
                "What this red team found is gone: its attacks were erased, or the key they were encrypted with was "
                "destroyed.",
                fix="Put the same plan to the test again: trimtab redteam SUBJECT",
                code="redteam_gone",
            )
        return found, report

    found, report = await deps.db.read(read)
    return RedteamReportView(
        experiment=report.experiment,
        state=found.state,
        dataset=report.dataset,
        version=report.version,
        subjects=list(report.subjects),
        total=list(report.total),
        owasp=list(report.owasp),
        families=list(report.families),
        techniques=list(report.techniques),
        examples=list(report.examples),
        text="" if form == "json" else RENDERED[form](report),
    )


def _report(conn: Connection, found: Experiment) -> RedteamReport:
    there, known = cells.with_cases(conn, found)
    return build(found, there, known)


ROUTES = (list_attack_families, estimate_redteam, start_redteam, get_redteam_report)
