"""Config as code: what a folder's files would change, changing it, the files of what is there, and drift."""

from litestar.params import FromQuery, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import datasets
from trimtab.governance.access import Project
from trimtab.governance.audit import Actor
from trimtab.governance.permissions import holds_in
from trimtab.server.actors import actor_of
from trimtab.server.auth import Caller
from trimtab.server.bodies.folder import (
    ApplyRequest,
    DriftLine,
    DriftReport,
    FolderFiles,
    FolderPlan,
    PlanRequest,
)
from trimtab.server.content_access import may_read
from trimtab.server.dependencies import Dependencies
from trimtab.server.folder import items, planning
from trimtab.server.folder.exporting import export, is_made, unowned
from trimtab.server.folder.fields import DEFAULT_NAME
from trimtab.server.folder.governed import MOST_CASES, case_lines
from trimtab.server.folder.planning import Wish
from trimtab.server.folder.reading_governed import DATASETS, JSONL
from trimtab.server.folder.state import State, read_state
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

TAG = "config as code"
BASE = "/api/v1/projects/{project:str}"
MAX_BODY = 24 << 20


def _environment(name: str) -> str:
    if "\0" in name or len(name) > 100:
        raise InvalidRequest("This cannot be an environment's name.", fix="Give e.g. staging.", param="to")
    return name


async def _actor(deps: Dependencies, caller: Caller) -> Actor:
    return await deps.db.read(lambda conn: actor_of(conn, caller))


@route(
    "POST",
    BASE + "/plan",
    "release:read",
    Operation(id="planFolder", summary="What a folder would change", tag=TAG, errors=(404, 409), max_body=MAX_BODY),
)
async def plan_folder(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[PlanRequest]) -> FolderPlan:
    """Nothing is changed but that the plan is remembered, so that `apply` can say what moved since. Mistakes of the
    files are part of the answer."""
    wish = Wish(
        project=tenant,
        files=data.files,
        actor=await _actor(deps, caller),
        to=_environment(data.to),
        direct=data.direct,
        texts=data.texts,
    )
    return await planning.plan(deps, wish)


@route(
    "POST",
    BASE + "/apply",
    "release:write",
    Operation(id="applyFolder", summary="Make it as a folder says", tag=TAG, errors=(404, 409), max_body=MAX_BODY),
)
async def apply_folder(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[ApplyRequest]) -> FolderPlan:
    """All of it in one transaction, or nothing. In force on every worker when it returns. A promotion that an
    environment's protection does not let through yet is told in ``lacking``: its release is made and waits. The key
    must hold the permission for each kind of thing that is changed: of models ``model:write``, and so on."""
    wish = Wish(
        project=tenant,
        files=data.files,
        actor=await _actor(deps, caller),
        to=_environment(data.to),
        direct=data.direct,
        message=data.message,
        plan=data.plan,
    )
    return await planning.apply(deps, wish, caller.principal)


@route(
    "GET",
    BASE + "/export",
    "release:read",
    Operation(id="exportFolder", summary="What is there, as the files of a folder", tag=TAG, errors=(404,)),
)
async def export_folder(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    folder: FromQuery[str] = DEFAULT_NAME,
    take: FromQuery[bool] = False,
) -> FolderFiles:
    """Everything of the catalog that belongs to the folder; a plan of these files finds nothing to do. What belongs to
    no folder is named in ``unowned``; with ``take`` it is in the files, and the folder's once they are applied.
    What is archived, and what the config file declares, are not in them; datasets only where they are the folder's
    already, and for who may read datasets and content."""
    state = await deps.db.read(lambda conn: read_state(conn, tenant.id))
    others = sorted({each.folder for each in state.managed.values()} - {folder})
    left_out = [f"what belongs to the folder {other!r}" for other in others]
    if state.archived:
        left_out.append(f"{len(state.archived)} archived prompts, suites, apps, guards and datasets")
    if made := sum(each.kind == "suite" and is_made(state, each) for each in state.items.values()):
        left_out.append(f"{made} suite{'s' * (made != 1)} of runs of the red team, which no environment asks for")
    cases = await _cases(deps, caller, tenant, state, folder, left_out)
    if deps.config.path and deps.config.project == tenant.slug:
        left_out.append("what the server's config file declares")
    return FolderFiles(
        files=export(state, tenant.id, tenant.slug, folder, take=take) | cases,
        left_out=left_out,
        unowned=[] if take else [str(each) for each in unowned(state, tenant.id)],
    )


async def _cases(
    deps: Dependencies, caller: Caller, tenant: Project, state: State, folder: str, left_out: list[str]
) -> dict[str, str]:
    """The folder's datasets as files; those that cannot be in it are told."""
    owned = [key[1] for key, each in state.managed.items() if key[0] == "dataset" and each.folder == folder]
    names = sorted(name for name in owned if ("dataset", name) in state.items)
    if not names:
        return {}
    if not (may_read(caller.principal, tenant) and holds_in(caller.principal, "dataset:read", tenant)):
        left_out.append(f"{len(names)} datasets, which you may not read")
        return {}

    def read(conn: Connection) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in names:
            if not state.governed.datasets[name].newest:
                continue
            version = datasets.version(conn, tenant.id, name)
            if version.cases > MOST_CASES:
                left_out.append(f"the dataset {name!r}, which has grown to {version.cases:,} cases")
                continue
            found[f"{DATASETS}{name}{JSONL}"] = case_lines(datasets.each(conn, version))
        return found

    return await deps.db.read(read)


@route(
    "GET",
    BASE + "/drift",
    "release:read",
    Operation(id="getDrift", summary="What was changed since it was applied", tag=TAG, errors=(404,)),
)
async def get_drift(deps: Deps, tenant: Tenant, folder: FromQuery[str] = "") -> DriftReport:
    """Of one folder, or of all: what is not as its last apply left it, because somebody changed or removed it."""

    def read(conn: Connection) -> State:
        return read_state(conn, tenant.id)

    state = await deps.db.read(read)
    mine = [each for each in state.managed.values() if folder in ("", each.folder)]
    found: list[DriftLine] = []
    for each in sorted(mine, key=lambda one: (one.folder, items.KINDS.index(one.kind), one.name)):
        now = state.items.get(each.key)
        if now is None or not items.left(each.fingerprint, now):
            found.append(
                DriftLine(
                    folder=each.folder,
                    kind=each.kind,
                    name=each.name,
                    what="removed" if now is None else "changed",
                    applied=each.applied,
                    author=each.author_name,
                )
            )
    return DriftReport(managed=len(mine), drifted=found)


ROUTES = (plan_folder, apply_folder, export_folder, get_drift)
