"""Saved views and dashboards: what people keep of their questions. What is not shared exists for its owner alone."""

from typing import Any, Final

import msgspec
from litestar.params import FromPath, JSONBody
from msgspec import structs
from sqlalchemy import Connection

from trimtab.core.errors import NotFound
from trimtab.core.ids import new_id
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.server import auditing
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.board import (
    ChangedDashboard,
    ChangedView,
    DashboardPage,
    DashboardView,
    ImportedDashboard,
    NewDashboard,
    NewView,
    SavedViewBody,
    SavedViewPage,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route
from trimtab.telemetry.boards import store as board_store
from trimtab.telemetry.boards.store import BoardRow, Kind
from trimtab.telemetry.boards.types import (
    DEFAULT,
    DEFAULT_ID,
    DashboardBody,
    DashboardFile,
    ViewBody,
    body_of,
    check_dashboard,
    check_view,
    file_of,
)

TAG = "boards"
_WHAT: Final[dict[Kind, str]] = {"view": "saved_view", "dashboard": "dashboard"}
"""What each is called among what has a revision."""


Found = tuple[BoardRow, int]
"""What is kept, and its revision."""


async def _rows(deps: Dependencies, tenant: Project, caller: Caller, kind: Kind) -> dict[str, Found]:
    """In order of name, by what a page's cursor holds."""
    owner = caller.principal.key_id

    def read(conn: Connection) -> tuple[dict[str, int], list[BoardRow]]:
        return edits.revisions(conn, tenant.id, _WHAT[kind]), board_store.boards(conn, tenant.id, kind, owner)

    revisions, found = await deps.db.read(read)
    return {f"{row.name.casefold()} {row.id}": (row, revisions.get(row.id, FIRST)) for row in found}


async def _row(deps: Dependencies, tenant: Project, caller: Caller, kind: Kind, id_: str) -> Found:
    owner, edit = caller.principal.key_id, Edit(place=tenant.id, kind=_WHAT[kind], name=id_)

    def read(conn: Connection) -> Found:
        revision = edits.current(conn, edit)
        return board_store.board(conn, tenant.id, kind, owner, id_), revision

    return await deps.db.read(read)


def _new(deps: Dependencies, tenant: Project, caller: Caller, kind: Kind, body: ViewBody | DashboardBody) -> BoardRow:
    now = deps.now()
    return BoardRow(
        project_id=tenant.id,
        kind=kind,
        id=new_id("view" if kind == "view" else "board"),
        owner=caller.principal.key_id,
        name=body.name,
        shared=body.shared,
        body=msgspec.json.encode(body).decode(),
        created=now,
        updated=now,
    )


# --- saved views ---


def _view(row: BoardRow, revision: int, caller: Caller) -> SavedViewBody:
    body = msgspec.json.decode(row.body, type=ViewBody)
    return SavedViewBody(
        id=row.id,
        name=row.name,
        page=body.page,
        q=body.q,
        last=body.last,
        columns=body.columns,
        sort=body.sort,
        shared=row.shared,
        own=row.owner == caller.principal.key_id,
        version=row.version,
        revision=revision,
        created=row.created,
        updated=row.updated,
    )


def _view_body(data: NewView) -> ViewBody:
    return check_view(
        ViewBody(
            name=data.name,
            page=data.page,
            q=data.q,
            last=data.last,
            columns=data.columns,
            sort=data.sort,
            shared=data.shared,
        )
    )


def _deed(tenant: Project, row: BoardRow, expected: int | None = None) -> Deed:
    """What another keeps for themselves is not there (`NotFound`), also for who knows its id."""
    kind = row.kind
    read = auditing.row(board_store.BOARDS, project_id=tenant.id, kind=kind, id=row.id)

    def state(conn: Connection) -> dict[str, Any] | None:
        found = read(conn)
        if found is not None:
            board_store.board(conn, tenant.id, kind, row.owner, row.id)
        return found

    edit = Edit(place=tenant.id, kind=_WHAT[kind], name=row.id, label=row.name, expected=expected)
    return Deed(project=tenant, action=f"{kind}.changed", subject=f"{kind}:{row.id}", state=state, edit=edit)


async def _removed(
    deps: Dependencies, tenant: Project, caller: Caller, kind: Kind, id_: str, expected: int | None
) -> None:
    found, _ = await _row(deps, tenant, caller, kind, id_)
    row = structs.replace(found, owner=caller.principal.key_id)  # whoever's it is: whether the caller still sees it

    def work(conn: Connection) -> None:
        board_store.remove(conn, tenant.id, kind, row.owner, id_)

    await written(deps, caller, _deed(tenant, row, expected), work)


@route(
    "GET",
    "/api/v1/projects/{project:str}/views",
    "view:read",
    Operation(id="listViews", summary="List saved views", tag=TAG, errors=(404,)),
)
async def list_views(
    deps: Deps, caller: CallerNow, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100
) -> SavedViewPage:
    """The caller's own and those shared in the project, in order of name."""
    rows = await _rows(deps, tenant, caller, "view")
    names, more = cut(sorted(rows), cursor, limit)
    return SavedViewPage(items=[_view(*rows[name], caller) for name in names], cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/views",
    "view:write",
    Operation(id="createView", summary="Save a view", tag=TAG, status=201, errors=(404, 409)),
)
async def create_view(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewView]) -> SavedViewBody:
    row = _new(deps, tenant, caller, "view", _view_body(data))
    made = await edited(deps, caller, _deed(tenant, row), lambda conn: board_store.add(conn, row))
    return _view(row, made.revision, caller)


@route(
    "GET",
    "/api/v1/projects/{project:str}/views/{view:str}",
    "view:read",
    Operation(id="getView", summary="One saved view", tag=TAG, errors=(404,)),
)
async def get_view(deps: Deps, caller: CallerNow, tenant: Tenant, view: FromPath[str]) -> SavedViewBody:
    return _view(*await _row(deps, tenant, caller, "view", view), caller)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/views/{view:str}",
    "view:write",
    Operation(id="changeView", summary="Change a saved view", tag=TAG, errors=(404, 409)),
)
async def change_view(
    deps: Deps, caller: CallerNow, tenant: Tenant, view: FromPath[str], data: JSONBody[ChangedView]
) -> SavedViewBody:
    """With ``expected_revision`` it is refused (409) where somebody changed the view since that revision."""
    row = structs.replace(_new(deps, tenant, caller, "view", _view_body(data)), id=view)
    deed = _deed(tenant, row, data.expected_revision)
    made = await edited(deps, caller, deed, lambda conn: board_store.change(conn, row, data.version))
    return _view(made.made, made.revision, caller)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/views/{view:str}",
    "view:write",
    Operation(id="deleteView", summary="Remove a saved view", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_view(
    deps: Deps, caller: CallerNow, tenant: Tenant, view: FromPath[str], expected_revision: Seen = None
) -> None:
    await _removed(deps, tenant, caller, "view", view, expected_revision)


# --- dashboards ---


def _dashboard(row: BoardRow, revision: int, caller: Caller) -> DashboardView:
    body = msgspec.json.decode(row.body, type=DashboardBody)
    return _shown(body, row, revision, own=row.owner == caller.principal.key_id)


def _shown(body: DashboardBody, row: BoardRow | None, revision: int = 0, *, own: bool = False) -> DashboardView:
    """``row`` is None for the one that a project begins with."""
    return DashboardView(
        id=DEFAULT_ID if row is None else row.id,
        name=body.name,
        about=body.about,
        q=body.q,
        last=body.last,
        tiles=body.tiles,
        shared=body.shared,
        own=own,
        source="built_in" if row is None else "catalog",
        version=0 if row is None else row.version,
        revision=revision,
        created=None if row is None else row.created,
        updated=None if row is None else row.updated,
    )


def _dashboard_body(data: NewDashboard, before: DashboardBody | None = None) -> DashboardBody:
    return check_dashboard(
        DashboardBody(
            name=data.name, about=data.about, q=data.q, last=data.last, tiles=data.tiles, shared=data.shared
        ),
        before,
    )  # fmt: skip


async def _before(deps: Dependencies, tenant: Project, caller: Caller, id_: str) -> DashboardBody | None:
    try:
        row, _ = await _row(deps, tenant, caller, "dashboard", id_)
    except NotFound:  # whether it must be there is told by the change itself
        return None
    return msgspec.json.decode(row.body, type=DashboardBody)


async def _found(deps: Dependencies, tenant: Project, caller: Caller, id_: str) -> DashboardView:
    try:
        return _dashboard(*await _row(deps, tenant, caller, "dashboard", id_), caller)
    except NotFound:
        if id_ == DEFAULT_ID:
            return _shown(DEFAULT, None)
        raise


@route(
    "GET",
    "/api/v1/projects/{project:str}/dashboards",
    "view:read",
    Operation(id="listDashboards", summary="List dashboards", tag=TAG, errors=(404,)),
)
async def list_dashboards(
    deps: Deps, caller: CallerNow, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100
) -> DashboardPage:
    """The caller's own and those shared in the project, in order of name; one of them every project begins with."""
    rows = await _rows(deps, tenant, caller, "dashboard")
    found = {name: _dashboard(*row, caller) for name, row in rows.items()}
    if all(view.id != DEFAULT_ID for view in found.values()):
        found[f"{DEFAULT.name.casefold()} {DEFAULT_ID}"] = _shown(DEFAULT, None)
    names, more = cut(sorted(found), cursor, limit)
    return DashboardPage(items=[found[name] for name in names], cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/dashboards",
    "view:write",
    Operation(id="createDashboard", summary="Make a dashboard", tag=TAG, status=201, errors=(404, 409)),
)
async def create_dashboard(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewDashboard]
) -> DashboardView:
    """Every tile is checked: its search, its metrics, its dimensions."""
    row = _new(deps, tenant, caller, "dashboard", _dashboard_body(data))
    made = await edited(deps, caller, _deed(tenant, row), lambda conn: board_store.add(conn, row))
    return _dashboard(row, made.revision, caller)


@route(
    "GET",
    "/api/v1/projects/{project:str}/dashboards/{dashboard:str}",
    "view:read",
    Operation(id="getDashboard", summary="One dashboard", tag=TAG, errors=(404,)),
)
async def get_dashboard(deps: Deps, caller: CallerNow, tenant: Tenant, dashboard: FromPath[str]) -> DashboardView:
    """``default`` is the one that every project begins with."""
    return await _found(deps, tenant, caller, dashboard)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/dashboards/{dashboard:str}",
    "view:write",
    Operation(id="changeDashboard", summary="Change a dashboard", tag=TAG, errors=(404, 409)),
)
async def change_dashboard(
    deps: Deps, caller: CallerNow, tenant: Tenant, dashboard: FromPath[str], data: JSONBody[ChangedDashboard]
) -> DashboardView:
    """To change ``default`` makes it the project's own, which is always shared. With ``expected_revision`` it is
    refused (409) where somebody changed the dashboard since that revision; 0: it is the one that every project begins
    with. A tile that asks what it asked before is let be, also where its search is refused by now."""
    body = _dashboard_body(data, await _before(deps, tenant, caller, dashboard))
    if dashboard == DEFAULT_ID:  # what everybody sees, or what takes its place, is seen by everybody
        body = structs.replace(body, shared=True)
    row = structs.replace(_new(deps, tenant, caller, "dashboard", body), id=dashboard)

    def store(conn: Connection) -> BoardRow:
        if dashboard == DEFAULT_ID and not board_store.is_there(conn, row):
            board_store.add(conn, row)
            return row
        return board_store.change(conn, row, data.version)

    made = await edited(deps, caller, _deed(tenant, row, data.expected_revision), store)
    return _dashboard(made.made, made.revision, caller)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/dashboards/{dashboard:str}",
    "view:write",
    Operation(id="deleteDashboard", summary="Remove a dashboard", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_dashboard(
    deps: Deps, caller: CallerNow, tenant: Tenant, dashboard: FromPath[str], expected_revision: Seen = None
) -> None:
    """``default`` is then again as it was at first."""
    await _removed(deps, tenant, caller, "dashboard", dashboard, expected_revision)


@route(
    "GET",
    "/api/v1/projects/{project:str}/dashboards/{dashboard:str}/export",
    "view:read",
    Operation(id="exportDashboard", summary="A dashboard as a file", tag=TAG, errors=(404,)),
)
async def export_dashboard(deps: Deps, caller: CallerNow, tenant: Tenant, dashboard: FromPath[str]) -> DashboardFile:
    """JSON to keep in git, and to import into any project of any server."""
    found = await _found(deps, tenant, caller, dashboard)
    return file_of(DashboardBody(name=found.name, about=found.about, q=found.q, last=found.last, tiles=found.tiles))


@route(
    "POST",
    "/api/v1/projects/{project:str}/dashboards/import",
    "view:write",
    Operation(id="importDashboard", summary="Make a dashboard from a file", tag=TAG, status=201, errors=(404, 409)),
)
async def import_dashboard(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[ImportedDashboard]
) -> DashboardView:
    """What `export` gave. With ``replace``, the shared (or own) one of that name becomes what the file says."""
    body = check_dashboard(body_of(data.file, shared=data.shared))
    row = _new(deps, tenant, caller, "dashboard", body)
    owner = caller.principal.key_id

    def store(conn: Connection) -> Found:
        edits.hold(conn)
        made, was_there = row, False
        for old in board_store.boards(conn, tenant.id, "dashboard", owner) if data.replace else ():
            if old.name == body.name and old.shared == body.shared:
                made, was_there = board_store.change(conn, structs.replace(row, id=old.id), None), True
                break
        if not was_there:
            board_store.add(conn, row)
        edit = Edit(place=tenant.id, kind=_WHAT["dashboard"], name=made.id)
        return made, edits.note(conn, edit, actor_of(conn, caller), moment(conn, deps), was_there=was_there)

    deed = Deed(project=tenant, action="dashboard.imported", subject=lambda found: f"dashboard:{found[0].id}")
    return _dashboard(*await written(deps, caller, deed, store), caller)


ROUTES = (
    list_views,
    create_view,
    get_view,
    change_view,
    delete_view,
    list_dashboards,
    create_dashboard,
    get_dashboard,
    change_dashboard,
    delete_dashboard,
    export_dashboard,
    import_dashboard,
)
