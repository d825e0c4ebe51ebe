"""Routes: the trees by which calls find their targets, and what they would decide."""

import random

import msgspec
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, structs
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.gateway.routing import store
from trimtab.gateway.routing.check import Known, mistakes
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.explain import Sample, ask_of, candidates_of
from trimtab.gateway.routing.plan import Leaf
from trimtab.gateway.routing.store import RouteRefused, RouteRow
from trimtab.gateway.routing.types import Node, Route
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.llm.dialects import DIALECTS
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, noted, written
from trimtab.server.bodies.route import (
    ExplainRequest,
    Explanation,
    LeafView,
    NewRoute,
    Reloaded,
    RoutePage,
    RoutePatch,
    RouteView,
)
from trimtab.server.config.routes import known_of
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route
from trimtab.telemetry.answers import decision_line
from trimtab.telemetry.views import StepLine

TAG = "routes"
KIND = "route"


# --- views ---


def _leaf(deps: Dependencies, tenant: Project, leaf: Leaf) -> LeafView:
    target = leaf.target
    state = deps.snapshots.made_with.live.known(*leaf.key)
    latency = 0.0 if state is None else state.latency.last()
    return LeafView(
        model=leaf.name,
        provider=target.provider.name,
        node=leaf.node,
        health=deps.health.model(tenant.id, target.provider.name, target.model.upstream).health,
        breaker="closed" if state is None else state.breaker.state,
        in_flight=0 if state is None else state.in_flight,
        latency=round(latency / 1e6, 3) if latency else None,
    )


def _view(deps: Dependencies, tenant: Project, row: RouteRow, revision: int = 0) -> RouteView:
    """``revision`` 0: the config file declares it."""
    made = row.route
    compiled = deps.snapshots.current.routes.get(tenant.id, {}).get(made.name)
    return RouteView(
        name=made.name,
        about=made.about,
        tree=made.tree,
        affinity=made.affinity,
        version=row.version if revision else 0,
        revision=revision,
        source="catalog" if revision else "config",
        trouble="" if compiled is None else compiled.trouble,
        advice=[] if compiled is None else compiled.advice(),
        created=row.created if revision else None,
        updated=row.updated if revision else None,
        targets=[] if compiled is None else [_leaf(deps, tenant, leaf) for leaf in compiled.leaves],
    )


def _declared(deps: Dependencies, tenant: Project) -> dict[str, Route]:
    return deps.config.routes if deps.config.project == tenant.slug else {}


def _known(deps: Dependencies, tenant: Project) -> Known:
    targets = deps.snapshots.current.targets[tenant.id]
    return known_of(targets.models, targets.providers)


# --- routes ---


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(store.ROUTES, project_id=tenant.id, name=name)
    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"route:{name}", state=state, edit=edit)


@route(
    "GET",
    "/api/v1/projects/{project:str}/routes",
    "route:read",
    Operation(id="listRoutes", summary="List a project's routes", tag=TAG, errors=(404,)),
)
async def list_routes(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> RoutePage:
    """In order of name. One declared in the config file hides one of the same name in the catalog."""

    def read(conn: Connection) -> tuple[dict[str, int], list[RouteRow]]:
        return edits.revisions(conn, tenant.id, KIND), store.routes(conn, tenant.id)

    revisions, found = await deps.db.read(read)
    rows = {row.route.name: row for row in found}
    declared = _declared(deps, tenant)
    names, more = cut(sorted(rows.keys() | declared.keys()), cursor, limit)
    items = [
        _view(deps, tenant, RouteRow(project_id=tenant.id, route=declared[n]))
        if n in declared
        else _view(deps, tenant, rows[n], revisions.get(n, FIRST))
        for n in names
    ]
    return RoutePage(items=items, cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/routes",
    "route:write",
    Operation(id="createRoute", summary="Add a route", tag=TAG, status=201, errors=(404, 409)),
)
async def create_route(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewRoute]) -> RouteView:
    """Clients call it by its name, as they call a model. Refused with every mistake, each with the path of its node."""
    now = deps.now()
    made = Route(name=data.name, tree=data.tree, affinity=data.affinity, about=data.about)
    row = RouteRow(project_id=tenant.id, route=made, created=now, updated=now)
    declared, known = _declared(deps, tenant), _known(deps, tenant)
    deed = _deed(tenant, "route.created", data.name)
    made = await edited(deps, caller, deed, lambda conn: store.add_route(conn, row, declared, known))
    await deps.snapshots.changed()
    return _view(deps, tenant, row, made.revision)


@route(
    "GET",
    "/api/v1/projects/{project:str}/routes/{name:str}",
    "route:read",
    Operation(id="getRoute", summary="One route with its targets", tag=TAG, errors=(404,)),
)
async def get_route(deps: Deps, tenant: Tenant, name: FromPath[str]) -> RouteView:
    """In the path, write ``/`` as ``%2F``."""
    declared = _declared(deps, tenant)
    if name in declared:
        return _view(deps, tenant, RouteRow(project_id=tenant.id, route=declared[name]))

    def read(conn: Connection) -> tuple[dict[str, int], RouteRow]:
        return edits.revisions(conn, tenant.id, KIND), store.route(conn, tenant.id, name)

    revisions, row = await deps.db.read(read)
    return _view(deps, tenant, row, revisions.get(name, FIRST))


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/routes/{name:str}",
    "route:write",
    Operation(id="changeRoute", summary="Change a route", tag=TAG, errors=(404, 409)),
)
async def change_route(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[RoutePatch]
) -> RouteView:
    """Calls under way keep the plan they began with. With ``expected_revision`` it is refused (409) where somebody
    changed the route since that revision. In the path, write ``/`` as ``%2F``."""
    declared, known, now = _declared(deps, tenant), _known(deps, tenant), deps.now()
    made = await edited(
        deps,
        caller,
        _deed(tenant, "route.changed", name, data.expected_revision),
        lambda conn: store.change_route(conn, tenant.id, name, declared, known, lambda old: _changed(old, data, now)),
    )
    await deps.snapshots.changed()
    return _view(deps, tenant, made.made, made.revision)


def _changed(old: RouteRow, data: RoutePatch, now: int) -> RouteRow:
    made = old.route
    made = Route(
        name=made.name,
        tree=made.tree if data.tree is UNSET else data.tree,
        affinity=made.affinity if data.affinity is UNSET else data.affinity,
        about=made.about if data.about is UNSET else data.about,
    )
    return structs.replace(old, route=made, updated=now)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/routes/{name:str}",
    "route:write",
    Operation(id="deleteRoute", summary="Remove a route", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_route(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """Refused while another route names it. In the path, write ``/`` as ``%2F``."""
    declared = _declared(deps, tenant)
    deed = _deed(tenant, "route.removed", name, expected_revision)
    await written(deps, caller, deed, lambda conn: store.remove_route(conn, tenant.id, name, declared))
    await deps.snapshots.changed()


@route(
    "POST",
    "/api/v1/projects/{project:str}/routes/{name:str}/explain",
    "route:read",
    Operation(id="explainRoute", summary="What a route would decide for a request", tag=TAG, errors=(404,)),
)
async def explain_route(deps: Deps, tenant: Tenant, name: FromPath[str], data: JSONBody[ExplainRequest]) -> Explanation:
    """No provider is asked. In the path, write ``/`` as ``%2F``."""
    compiled = _compiled(deps, tenant, name, data.tree)
    if data.dialect not in DIALECTS.names():
        fix = did_you_mean(data.dialect, DIALECTS.names())
        raise InvalidRequest(f"There is no dialect {data.dialect[:80]!r}.", fix=fix, param="dialect")
    sample = Sample(
        body=msgspec.json.encode({"model": name, **data.body}),
        dialect=data.dialect,
        headers=data.headers,
        key_id=data.key_id,
    )
    given, now_ns = data.draw, deps.clock.now_ns()
    ask = ask_of(sample, now_ns, random.random if given is None else lambda: given)
    ask.rehearsed = True
    await compiled.warm()
    plan = await compiled.decide(ask)
    lines = candidates_of(plan, tenant.id, deps.snapshots.made_with.live, now_ns)
    return Explanation(
        route=name,
        steps=[StepLine(node=s.node, took=s.took, why=s.why, value=s.value) for s in plan.steps],
        candidates=[decision_line(line) for line in lines],
        doubts=[] if plan.escalation is None else list(plan.escalation.doubts),
        trouble=compiled.trouble,
        advice=compiled.advice(),
    )


def _compiled(deps: Dependencies, tenant: Project, name: str, tree: Node | None) -> Compiled:
    """The route in force, or that name with another tree. Raises `RouteRefused` for a tree with mistakes."""
    snapshot = deps.snapshots.current
    inforce = snapshot.routes.get(tenant.id, {})
    if tree is None:
        if name not in inforce:
            raise NotFound(
                f"There is no route {name[:80]!r} in this project.", fix=did_you_mean(name, inforce, "route")
            )
        return inforce[name]
    made = checked(deps, tenant, Route(name=name, tree=tree))
    others = {other: each.route for other, each in inforce.items() if other != name}
    return compile_route(made, tenant.id, snapshot.targets[tenant.id], others, deps.snapshots.made_with)


def checked(deps: Dependencies, tenant: Project, made: Route) -> Route:
    """The route, sound among those in force. Raises `RouteRefused`."""
    inforce = deps.snapshots.current.routes.get(tenant.id, {})
    others = {other: each.route for other, each in inforce.items() if other != made.name}
    if found := mistakes(made, structs.replace(_known(deps, tenant), routes=others)):
        raise RouteRefused(made.name, found)
    return made


@route(
    "POST",
    "/api/v1/reload",
    "system:write",
    Operation(id="reload", summary="Read the config file again, now", tag="system"),
)
async def reload(deps: Deps, caller: CallerNow) -> Reloaded:
    """Also done by itself within a second or so of a change. In force on every worker when it returns; calls under way
    are not touched. A file with mistakes is refused with all of them, and the one before stays in force."""
    await noted(deps, caller, Deed(project=None, action="config.reloaded", subject="config"))
    changed = await deps.snapshots.reload()
    return Reloaded(changed=changed, config_file=deps.config.path)


ROUTES = (
    list_routes,
    create_route,
    get_route,
    change_route,
    delete_route,
    explain_route,
    reload,
)
