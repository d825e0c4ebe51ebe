"""Guard services: programs beside Trimtab that guards of the kinds `http` and `presidio` ask."""

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import Unavailable
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.projects import REVISION
from trimtab.guard import services
from trimtab.guard.services import Service
from trimtab.guard.spec import check_name
from trimtab.guard.tables import GUARD_SERVICES
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.guard import GuardName
from trimtab.server.bodies.guard_service import GuardServiceList, GuardServiceView, NewGuardService
from trimtab.server.dependencies import Dependencies
from trimtab.server.inner.guard_services import check_service
from trimtab.server.routes import CallerNow, Deps, Operation, Seen, Tenant, route
from trimtab.storage import revision

TAG = "guards"
KIND = "guard_service"
BASE = "/api/v1/projects/{project:str}/guard-services"
ONE = BASE + "/{name:str}"
HINT = 4
LONG = 12
"""Characters of a secret below which its end would tell too much."""


def _view(deps: Dependencies, row: Service, revision: int) -> GuardServiceView:
    problem, secret = "", ""
    try:
        secret = services.secret_of(deps.secrets, row)
    except Unavailable as error:
        problem = error.sentence()
    hint = secret[-HINT:] if len(secret) >= LONG else "set" if row.sealed else ""
    return GuardServiceView(
        name=row.name,
        url=row.url,
        header=row.header,
        secret_hint=hint,
        problem=problem,
        created=row.created,
        updated=row.updated,
        revision=revision,
    )


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(GUARD_SERVICES, project_id=tenant.id, name=name)
    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"guard-service:{name}", state=state, edit=edit)


@route(
    "GET",
    BASE,
    "guard:read",
    Operation(id="listGuardServices", summary="Programs that guards ask", tag=TAG, errors=(404,)),
)
async def list_guard_services(deps: Deps, tenant: Tenant) -> GuardServiceList:
    """In order of name."""

    def read(conn: Connection) -> tuple[dict[str, int], list[Service]]:
        return edits.revisions(conn, tenant.id, KIND), services.services(conn, tenant.id)

    revisions, found = await deps.db.read(read)
    return GuardServiceList(items=[_view(deps, row, revisions.get(row.name, FIRST)) for row in found])


@route(
    "PUT",
    ONE,
    "provider:write",
    Operation(id="putGuardService", summary="Set a program guards ask", tag=TAG, errors=(404, 409), needs_content=True),
)
async def put_guard_service(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[GuardName], data: JSONBody[NewGuardService]
) -> GuardServiceView:
    """Texts of calls go there as soon as a guard names it. In force when this returns. With ``expected_revision`` it is
    refused (409) where somebody changed the service since that revision; 0: it is to be new."""
    check_name(name)
    header = data.header.lower()
    url = check_service(data.url, header, data.secret or "")
    now = deps.now()
    context = services.context_of(tenant.id, name)
    sealed = deps.secrets.seal(data.secret, context) if data.secret else ""
    new = Service(
        project_id=tenant.id, name=name, url=url, header=header, sealed=sealed, created=now, updated=now
    )  # fmt: skip

    def write(conn: Connection) -> Service:
        services.put(conn, new, secret_given=data.secret is not None)
        revision.bump(conn, REVISION)
        return services.service(conn, tenant.id, name)

    deed = _deed(tenant, "guard_service.changed", name, data.expected_revision)
    made = await edited(deps, caller, deed, write)
    await deps.snapshots.changed()
    return _view(deps, made.made, made.revision)


@route(
    "DELETE",
    ONE,
    "provider:write",
    Operation(id="dropGuardService", summary="Forget a program that guards ask", tag=TAG, status=204, errors=(404,)),
)
async def drop_guard_service(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """Guards that ask it cannot tell from now on: their failure mode decides."""

    def write(conn: Connection) -> None:
        services.drop(conn, tenant.id, name)
        revision.bump(conn, REVISION)

    await written(deps, caller, _deed(tenant, "guard_service.removed", name, expected_revision), write)
    await deps.snapshots.changed()


ROUTES = (list_guard_services, put_guard_service, drop_guard_service)
