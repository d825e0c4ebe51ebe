"""Apps: the names that clients call, and the drafts of their next releases."""

from functools import partial

from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance.access import Project
from trimtab.releases import apps, freeze, store
from trimtab.releases.types import App
from trimtab.server.actors import actor_of
from trimtab.server.bodies.app import AppDetail, AppPage, AppPlace, AppView, PutApp
from trimtab.server.dependencies import Dependencies
from trimtab.server.freezing import frozen, gateway_of, taken
from trimtab.server.prompt_reading import aside
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "apps"
BASE = "/api/v1/projects/{project:str}/apps"
ONE = BASE + "/{app:str}"


def _view(found: App) -> AppView:
    return AppView(**{name: getattr(found, name) for name in AppView.__struct_fields__})


async def _detail(deps: Dependencies, tenant: Project, found: App) -> AppDetail:
    """With what a release of the draft would be now."""
    trouble, differs = "", None
    try:
        would_be = await frozen(deps, tenant, found.name, found.spec)
        differs = would_be.hash != await deps.db.read(lambda conn: store.newest_hash(conn, tenant.id, found.name))
    except (InvalidRequest, NotFound, Conflict) as error:
        trouble = error.sentence()
    running = deps.snapshots.trouble(tenant.id, found.name)
    return AppDetail(**structs.asdict(_view(found)), trouble=trouble, running_trouble=running, differs=differs)


@route("GET", BASE, "release:read", Operation(id="listApps", summary="List a project's apps", tag=TAG, errors=(404,)))
async def list_apps(
    deps: Deps, tenant: Tenant, archived: FromQuery[bool] = False, cursor: Cursor = None, limit: Limit = 100
) -> AppPage:
    """In order of name. ``archived``: only those put away."""
    after = read_cursor(cursor)
    rows = await deps.db.read(lambda conn: apps.apps(conn, tenant.id, archived=archived, after=after, limit=limit + 1))
    more = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return AppPage(items=[_view(row) for row in rows[:limit]], cursor=more)


@route("GET", ONE, "release:read", Operation(id="getApp", summary="One app with its draft", tag=TAG, errors=(404,)))
async def get_app(deps: Deps, tenant: Tenant, app: FromPath[str]) -> AppDetail:
    """And whether a release can be made of the draft now."""
    return await _detail(deps, tenant, await deps.db.read(lambda conn: apps.app(conn, tenant.id, app)))


@route(
    "PUT",
    ONE,
    "release:write",
    Operation(id="putApp", summary="Make an app, or replace its draft", tag=TAG, errors=(404, 409)),
)
async def put_app(
    deps: Deps, caller: CallerNow, tenant: Tenant, app: FromPath[str], data: JSONBody[PutApp]
) -> AppDetail:
    """Nothing that runs is changed by it: a release is made of the draft when it is asked for. The draft may name what
    is not there yet; ``trouble`` says so. The name must not be a model's or a route's."""
    apps.check_name(app)
    spec = await aside(deps, freeze.draft, data.spec, gateway_of(deps, tenant))

    def write(conn: Connection) -> tuple[App, bool]:
        edit = apps.Edit(
            project_id=tenant.id,
            name=app,
            spec=spec,
            actor=actor_of(conn, caller),
            now=deps.now(),
            expected=data.expected_revision,
        )
        return apps.put(conn, edit, partial(taken, deps, tenant))

    found, changed = await deps.db.write(write)
    if changed:
        await deps.snapshots.changed()
    return await _detail(deps, tenant, found)


@route(
    "PATCH",
    ONE,
    "release:promote",
    Operation(id="placeApp", summary="Archive an app", tag=TAG, errors=(404, 409)),
)
async def place_app(
    deps: Deps, caller: CallerNow, tenant: Tenant, app: FromPath[str], data: JSONBody[AppPlace]
) -> AppDetail:
    """An archived app answers no calls, wherever it ran; it keeps its name, its draft and its releases, and takes no
    new ones. Refused while a rollout of it is open. Taken out again, it runs what it ran before."""

    def write(conn: Connection) -> App:
        actor = actor_of(conn, caller)
        away, expected = data.archived, data.expected_revision
        return apps.archive(conn, tenant.id, app, away=away, actor=actor, now=deps.now(), expected=expected)

    found = await deps.db.write(write)
    await deps.snapshots.changed()
    return await _detail(deps, tenant, found)


ROUTES = (list_apps, get_app, put_app, place_app)
