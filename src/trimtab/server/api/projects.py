"""Projects."""

from litestar.params import JSONBody
from msgspec import UNSET
from sqlalchemy import Connection

from trimtab.governance import content_reads, data_classes, edits, permissions, projects, store
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.projects import ProjectChange
from trimtab.governance.store import ProjectRow
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.common import NewProject, ProjectPage, ProjectPatch, ProjectView
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "projects"
KIND = "project"


def view(deps: Dependencies, row: ProjectRow, revision: int = FIRST) -> ProjectView:
    """``revision`` is the first of what was made just now."""
    known = deps.snapshots.current.access.organisations.values()
    return ProjectView(
        id=row.id,
        slug=row.slug,
        name=row.name,
        capture_content=row.capture_content,
        created=row.created,
        organisation=next((each.slug for each in known if each.id == row.organisation_id), ""),
        audit_reads=row.audit_reads,
        revision=revision,
    )


@route("GET", "/api/v1/projects", "project:read", Operation(id="listProjects", summary="List projects", tag=TAG))
async def list_projects(deps: Deps, caller: CallerNow, cursor: Cursor = None, limit: Limit = 100) -> ProjectPage:
    """Those this key may see, in order of slug."""
    after, access = read_cursor(cursor), deps.snapshots.current.access
    mine = {slug for slug, each in access.projects.items() if permissions.in_project(caller.principal, each)}
    everything = permissions.holds_everywhere(caller.principal, "project:read")

    def read(conn: Connection) -> tuple[dict[str, int], list[ProjectRow]]:
        most = limit + 1 if everything else 1 << 30
        return edits.revisions(conn, "", KIND), store.projects(conn, after=after, limit=most)

    revisions, found = await deps.db.read(read)
    rows = found if everything else [row for row in found if row.slug in mine]
    more = write_cursor(rows[limit - 1].slug) if len(rows) > limit else None
    items = [view(deps, row, revisions.get(row.id, FIRST)) for row in rows[:limit]]
    return ProjectPage(items=items, cursor=more)


@route(
    "POST",
    "/api/v1/projects",
    "project:write",
    Operation(id="createProject", summary="Make a project", tag=TAG, status=201, errors=(409,)),
)
async def create_project(deps: Deps, caller: CallerNow, data: JSONBody[NewProject]) -> ProjectView:
    now = deps.now()
    told = {"from": None, "to": {"name": data.name, "capture_content": data.capture_content}}
    deed = Deed(project=None, action="project.created", subject=f"project:{data.slug}", detail=told)
    row = await written(
        deps,
        caller,
        deed,
        lambda conn: projects.create(
            conn, slug=data.slug, name=data.name, capture_content=data.capture_content, now=now
        ),
    )
    await deps.snapshots.changed()
    return view(deps, row)


@route(
    "GET",
    "/api/v1/projects/{project:str}",
    "project:read",
    Operation(id="getProject", summary="One project", tag=TAG, errors=(404,)),
)
async def get_project(deps: Deps, tenant: Tenant) -> ProjectView:
    revision, row = await deps.db.read(
        lambda conn: (edits.current(conn, _edit(tenant)), projects.get(conn, tenant.slug))
    )
    return view(deps, row, revision)


def _edit(tenant: Project, expected: int | None = None) -> Edit:
    return Edit(place="", kind=KIND, name=tenant.id, label=tenant.slug, expected=expected)


@route(
    "PATCH",
    "/api/v1/projects/{project:str}",
    "project:write",
    Operation(id="changeProject", summary="Change a project", tag=TAG, errors=(404, 409)),
)
async def change_project(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[ProjectPatch]) -> ProjectView:
    """``capture_content`` false keeps messages out of everything that is stored from then on. ``audit_reads`` puts
    reads of content into the audit log: ``all``, or those of a data class and above; ``none`` ends that. With
    ``expected_revision`` it is refused (409) where somebody changed the project since that revision."""
    wanted = ProjectChange(
        name=None if data.name is UNSET else data.name,
        capture_content=None if data.capture_content is UNSET else data.capture_content,
        audit_reads=None if data.audit_reads is UNSET else data.audit_reads,
    )

    def work(conn: Connection) -> ProjectRow:
        if wanted.audit_reads not in (None, content_reads.NONE, content_reads.ALL):
            data_classes.check_class(wanted.audit_reads, data_classes.classes_of(conn, tenant.id), "audit_reads")
        return projects.change(conn, tenant.slug, wanted)

    deed = Deed(
        project=tenant,
        action="project.changed",
        subject=f"project:{tenant.slug}",
        state=auditing.row(store.PROJECTS, id=tenant.id),
        edit=_edit(tenant, data.expected_revision),
    )
    made = await edited(deps, caller, deed, work)
    await deps.snapshots.changed()
    return view(deps, made.made, made.revision)


ROUTES = (list_projects, create_project, get_project, change_project)
