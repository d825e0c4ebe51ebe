"""How long data is kept, and erasing what is somebody's: rules, runs and receipts."""

from typing import Annotated

from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import Conflict
from trimtab.core.ids import new_id
from trimtab.governance import edits, erasures, legal_holds, retention
from trimtab.governance.access import Project
from trimtab.governance.edits import Edit
from trimtab.governance.erasures import Erasure
from trimtab.governance.people_store import name_of
from trimtab.governance.retention import DEFAULTS, KINDS, Kind, Rules, Run
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.kept import (
    ErasurePage,
    ErasureView,
    NewErasure,
    RemovedView,
    RetentionBody,
    RetentionPreview,
    RetentionRule,
    RetentionRunPage,
    RetentionRunView,
    RetentionView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor
from trimtab.telemetry.removal.retention import over_age

TAG = "kept"


# --- retention ---


def _declared(deps: Dependencies, tenant: Project) -> Rules:
    return deps.config.retention if deps.config.project == tenant.slug else {}


def _edit(tenant: Project, expected: int | None = None) -> Edit:
    return Edit(place=tenant.id, kind="retention", name="", expected=expected)


async def _rules(deps: Dependencies, tenant: Project) -> RetentionView:
    revision, catalog = await deps.db.read(
        lambda conn: (edits.current(conn, _edit(tenant)), retention.rules(conn, tenant.id))
    )
    declared = _declared(deps, tenant)
    items: list[RetentionRule] = []
    for kind in KINDS:
        if kind in declared:
            items.append(RetentionRule(kind=kind, days=declared[kind], source="config"))
        elif kind in catalog:
            items.append(RetentionRule(kind=kind, days=catalog[kind], source="catalog"))
        else:
            items.append(RetentionRule(kind=kind, days=DEFAULTS[kind], source="default"))
    return RetentionView(items=items, revision=revision)


@route(
    "GET",
    "/api/v1/projects/{project:str}/retention",
    "retention:read",
    Operation(id="getRetention", summary="How long a project's data is kept", tag=TAG, errors=(404,)),
)
async def get_retention(deps: Deps, tenant: Tenant) -> RetentionView:
    return await _rules(deps, tenant)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/retention",
    "retention:write",
    Operation(id="setRetention", summary="Set how long a project's data is kept", tag=TAG, errors=(404, 409)),
)
async def set_retention(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[RetentionBody]) -> RetentionView:
    """The rules, whole: what is left out takes its default. The next run holds to them. With ``expected_revision`` it
    is refused (409) where somebody changed the rules since that revision."""
    given: Rules = {}
    for kind in KINDS:
        days = getattr(data, kind)
        if days is not UNSET:
            given[kind] = None if days == "keep" else days
    fixed = sorted(given.keys() & _declared(deps, tenant).keys())
    if fixed:
        raise Conflict(
            f"The config file says how long {', '.join(fixed)} are kept.",
            fix="Change 'retention' there, or leave them out here.",
            code="declared_in_config",
        )
    now = deps.now()
    deed = Deed(
        project=tenant,
        action="retention.set",
        subject="retention",
        state=lambda conn: dict(retention.rules(conn, tenant.id)),
        edit=_edit(tenant, data.expected_revision),
    )
    made = await edited(deps, caller, deed, lambda conn: retention.set_rules(conn, tenant.id, given, now))
    return replace(await _rules(deps, tenant), revision=made.revision)


Days = Annotated[
    str,
    Meta(description="Days, or `keep`; what is in force if left out.", pattern=r"^([1-9][0-9]{0,4}|keep)?$"),
    QueryParameter(pattern=r"^([1-9][0-9]{0,4}|keep)?$"),
]


@route(
    "GET",
    "/api/v1/projects/{project:str}/retention/preview",
    "retention:read",
    Operation(id="previewRetention", summary="What a run would remove now", tag=TAG, errors=(404,)),
)
async def preview_retention(
    deps: Deps, tenant: Tenant, content: Days = "", spans: Days = "", scores: Days = "", ledger: Days = ""
) -> RetentionPreview:
    """By the rules in force, or by others before they are set, without what is held. Nothing is removed."""
    in_force = await _rules(deps, tenant)
    rules: Rules = {rule.kind: rule.days for rule in in_force.items}
    given: dict[Kind, str] = {"content": content, "spans": spans, "scores": scores, "ledger": ledger}
    rules |= {kind: None if text == "keep" else int(text) for kind, text in given.items() if text}
    holds = await deps.db.read(lambda conn: legal_holds.in_force(conn, tenant.id))
    return RetentionPreview(items=await over_age(deps.upkeep, tenant.id, rules, deps.now(), holds))


def _run(run: Run, project_id: str) -> RetentionRunView:
    mine = [line for line in run.report.removed if line.project_id == project_id]
    return RetentionRunView(
        id=run.id,
        state=run.state,
        started=run.started,
        finished=run.finished,
        removed=[RemovedView(kind=line.kind, table=line.table, before=line.before, rows=line.rows) for line in mine],
        blobs=run.report.blobs,
        blob_bytes=run.report.blob_bytes,
        problem=run.problem,
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/retention/runs",
    "retention:read",
    Operation(id="listRetentionRuns", summary="What was removed for its age, newest run first", tag=TAG, errors=(404,)),
)
async def list_retention_runs(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 20) -> RetentionRunPage:
    before = read_cursor(cursor)
    found = await deps.db.read(lambda conn: retention.runs(conn, before, limit + 1, project_id=tenant.id))
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return RetentionRunPage(items=[_run(run, tenant.id) for run in found[:limit]], cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/retention/runs",
    "retention:write",
    Operation(id="startRetentionRun", summary="Remove what is over age now", tag=TAG, status=201, errors=(404,)),
)
async def start_retention_run(deps: Deps, caller: CallerNow, tenant: Tenant) -> RetentionRunView:
    """Answers at once. The run is about this project alone; one over every project is made by itself every six hours,
    and removes the blobs that nothing refers to any more."""
    now = deps.now()
    deed = Deed(project=tenant, action="retention.run_asked", subject="retention")
    run = await written(deps, caller, deed, lambda conn: retention.ask(conn, now, tenant.id))
    deps.wake_retention()
    return _run(run, tenant.id)


# --- erasure ---


def _erasure(conn: Connection, job: Erasure) -> ErasureView:
    report = job.report
    return ErasureView(
        id=job.id,
        project_id=job.project_id,
        subject=job.subject,
        digest=job.digest,
        state=job.state,
        step=report.step,
        asked=job.asked,
        asked_by=job.asked_by,
        asked_by_name=name_of(conn, job.asked_by),
        finished=job.finished,
        traces=report.traces,
        rows=report.rows,
        checks=report.checks,
        problem=job.problem,
    )


@route(
    "POST",
    "/api/v1/projects/{project:str}/erasures",
    "erasure:write",
    Operation(id="startErasure", summary="Erase one user, session or trace", tag=TAG, status=201, errors=(404,)),
)
async def start_erasure(deps: Deps, tenant: Tenant, caller: CallerNow, data: JSONBody[NewErasure]) -> ErasureView:
    """Answers at once; the job goes on by itself, also after a restart. While the same is being erased, that job."""
    made, now = new_id("era"), deps.now()
    asked = Erasure(
        id=made,
        project_id=tenant.id,
        subject=data.subject,
        value=data.value,
        digest=erasures.digest_of(made, tenant.id, data.subject, data.value),
        asked_by=caller.principal.key_id,
        asked=now,
    )
    told = {"subject": data.subject, "digest": asked.digest}  # whose it was is what is to be forgotten
    deed = Deed(project=tenant, action="erasure.started", subject=lambda job: f"erasure:{job.id}", detail=told)
    job = await written(deps, caller, deed, lambda conn: erasures.start(conn, asked))
    deps.wake_eraser()
    return await deps.db.read(lambda conn: _erasure(conn, job))


@route(
    "GET",
    "/api/v1/projects/{project:str}/erasures",
    "erasure:read",
    Operation(id="listErasures", summary="Erasures and their receipts, newest first", tag=TAG, errors=(404,)),
)
async def list_erasures(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 20) -> ErasurePage:
    before = read_cursor(cursor)
    found = await deps.db.read(
        lambda conn: [_erasure(conn, job) for job in erasures.erasures(conn, tenant.id, before, limit + 1)]
    )
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return ErasurePage(items=found[:limit], cursor=more)


@route(
    "GET",
    "/api/v1/projects/{project:str}/erasures/{erasure:str}",
    "erasure:read",
    Operation(id="getErasure", summary="How an erasure fares, or its receipt", tag=TAG, errors=(404,)),
)
async def get_erasure(deps: Deps, tenant: Tenant, erasure: FromPath[str]) -> ErasureView:
    return await deps.db.read(lambda conn: _erasure(conn, erasures.erasure(conn, tenant.id, erasure)))


ROUTES = (
    get_retention,
    set_retention,
    preview_retention,
    list_retention_runs,
    start_retention_run,
    start_erasure,
    list_erasures,
    get_erasure,
)
