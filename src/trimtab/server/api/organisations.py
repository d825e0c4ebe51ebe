"""Organisations, the roles they make for themselves, and everybody who is known here."""

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.governance import (
    edits,
    members,
    organisations,
    people_store,
    permissions,
    projects,
    roles,
    session_store,
    sessions,
)
from trimtab.governance.access import Organisation, Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.organisations import NewOrganisation
from trimtab.governance.people_store import CUSTOM_ROLES, ORGANISATIONS, PEOPLE, OrganisationRow, PersonRow, RoleRow
from trimtab.governance.permissions import GRANTS, INSTANCE_ONLY, MEMBER_ROLES, PERMISSIONS
from trimtab.server import auditing
from trimtab.server.api.members import everywhere, in_organisation
from trimtab.server.api.projects import view as project_view
from trimtab.server.api.session import session_view
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.auth import Caller, sees_organisation
from trimtab.server.bodies.common import NewProject, ProjectView
from trimtab.server.bodies.identity import (
    NewOrganisationBody,
    NewRole,
    OrganisationPage,
    OrganisationPatch,
    OrganisationView,
    OwnSessions,
    PersonPage,
    PersonPatch,
    PersonView,
    RoleList,
    RolePatch,
    RoleView,
    SessionsEnded,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Seen,
    Tenant,
    Within,
    read_cursor,
    route,
    write_cursor,
)

TAG = "people"
ROLE = "role"
KIND = "organisation"
ABOUT = {
    "admin": "Everything: members, keys, providers, money, data.",
    "developer": "Reads, and changes what apps do: prompts, releases, approvals, rollouts, datasets, experiments.",
    "operator": "Reads, and changes how apps run: providers, models, routes, limits, prices, rollouts.",
    "reviewer": "Reads traces and works the review queues.",
    "viewer": "Reads everything but the audit log.",
    "auditor": "Reads all figures, names and the audit log, and no texts unless unmasked; changes nothing.",
    "editor": "For keys: as developer, with the audit log.",
    "read_only": "For keys: all reads, the texts of calls and the audit log among them.",
    "client": "For keys of applications: calls models, renders prompts, gives feedback and scores.",
}


# --- organisations ---


def _seen(deps: Dependencies, caller: Caller, organisation_id: str) -> list[Project]:
    found = deps.snapshots.current.access.projects.values()
    mine = [each for each in found if each.organisation == organisation_id]
    return [each for each in mine if permissions.in_project(caller.principal, each)]


def _edit(within: Organisation, expected: int | None = None) -> Edit:
    return Edit(place="", kind=KIND, name=within.id, label=within.slug, expected=expected)


def _view(deps: Dependencies, caller: Caller, row: OrganisationRow, revision: int = FIRST) -> OrganisationView:
    slugs = sorted(each.slug for each in _seen(deps, caller, row.id))
    return OrganisationView(
        id=row.id, slug=row.slug, name=row.name, created=row.created, projects=slugs, revision=revision
    )


@route(
    "GET",
    "/api/v1/organisations",
    "organisation:read",
    Operation(id="listOrganisations", summary="List organisations", tag=TAG),
)
async def list_organisations(
    deps: Deps, caller: CallerNow, cursor: Cursor = None, limit: Limit = 100
) -> OrganisationPage:
    """Those in which the caller has anything, in order of slug."""
    after = read_cursor(cursor)
    access = deps.snapshots.current.access
    mine = {
        slug
        for slug, each in access.organisations.items()
        if sees_organisation(caller.principal, each, access.projects.values())
    }
    revisions, rows = await deps.db.read(
        lambda conn: (edits.revisions(conn, "", KIND), people_store.organisations(conn, after=after))
    )
    seen = [row for row in rows if row.slug in mine]
    more = write_cursor(seen[limit - 1].slug) if len(seen) > limit else None
    items = [_view(deps, caller, row, revisions.get(row.id, FIRST)) for row in seen[:limit]]
    return OrganisationPage(items=items, cursor=more)


@route(
    "POST",
    "/api/v1/organisations",
    "organisation:write",
    Operation(id="createOrganisation", summary="Make an organisation", tag=TAG, status=201, errors=(409,)),
)
async def create_organisation(deps: Deps, caller: CallerNow, data: JSONBody[NewOrganisationBody]) -> OrganisationView:
    now, wanted = deps.now(), NewOrganisation(slug=data.slug, name=data.name)
    told = {"from": None, "to": {"slug": data.slug, "name": data.name}}
    deed = Deed(project=None, action="organisation.created", subject=f"organisation:{data.slug}", detail=told)
    row = await written(deps, caller, deed, lambda conn: organisations.create(conn, wanted, now))
    await deps.snapshots.changed()
    return _view(deps, caller, row)


@route(
    "GET",
    "/api/v1/organisations/{organisation:str}",
    "organisation:read",
    Operation(id="getOrganisation", summary="One organisation", tag=TAG, errors=(404,)),
)
async def get_organisation(deps: Deps, caller: CallerNow, within: Within) -> OrganisationView:
    revision, row = await deps.db.read(
        lambda conn: (edits.current(conn, _edit(within)), organisations.get(conn, within.slug))
    )
    return _view(deps, caller, row, revision)


@route(
    "PATCH",
    "/api/v1/organisations/{organisation:str}",
    "organisation:write",
    Operation(id="changeOrganisation", summary="Rename an organisation", tag=TAG, errors=(404, 409)),
)
async def change_organisation(
    deps: Deps, caller: CallerNow, within: Within, data: JSONBody[OrganisationPatch]
) -> OrganisationView:
    deed = Deed(
        project=None,
        action="organisation.changed",
        subject=f"organisation:{within.slug}",
        state=auditing.row(ORGANISATIONS, id=within.id),
        edit=_edit(within, data.expected_revision),
        family="organisation.changed",  # its list of domains is told under the same subject
    )
    made = await edited(deps, caller, deed, lambda conn: organisations.rename(conn, within.slug, data.name))
    await deps.snapshots.changed()
    return _view(deps, caller, made.made, made.revision)


@route(
    "POST",
    "/api/v1/organisations/{organisation:str}/projects",
    "project:write",
    Operation(
        id="createOrganisationProject",
        summary="Make a project in an organisation",
        tag=TAG,
        status=201,
        errors=(404, 409),
    ),
)
async def create_organisation_project(
    deps: Deps, caller: CallerNow, within: Within, data: JSONBody[NewProject]
) -> ProjectView:
    now = deps.now()
    told = {"organisation": within.slug, "to": {"name": data.name, "capture_content": data.capture_content}}
    deed = Deed(project=None, action="project.created", subject=f"project:{data.slug}", detail=told)
    row = await written(
        deps,
        caller,
        deed,
        lambda conn: projects.create(
            conn,
            slug=data.slug,
            name=data.name,
            capture_content=data.capture_content,
            now=now,
            organisation_id=within.id,
        ),
    )
    await deps.snapshots.changed()
    return project_view(deps, row)


# --- roles ---


def _built_in() -> list[RoleView]:
    return [
        RoleView(
            name=name,
            about=ABOUT[name],
            permissions=sorted(GRANTS[name]),
            built_in=True,
            for_members=name in MEMBER_ROLES,
        )
        for name in sorted(GRANTS, key=lambda each: each not in MEMBER_ROLES)
    ]


def _role(row: RoleRow, revision: int) -> RoleView:
    return RoleView(
        name=row.name,
        about=row.about,
        permissions=sorted(row.permissions),
        built_in=False,
        for_members=True,
        revision=revision,
    )


async def _roles(deps: Dependencies, organisation_id: str | None) -> RoleList:
    own: list[RoleRow] = []
    revisions: dict[str, int] = {}
    if organisation_id is not None:

        def read(conn: Connection) -> tuple[dict[str, int], list[RoleRow]]:
            return edits.revisions(conn, organisation_id, ROLE), people_store.custom_roles(conn, organisation_id)

        revisions, own = await deps.db.read(read)
    return RoleList(
        items=[*_built_in(), *(_role(row, revisions.get(row.name, FIRST)) for row in own)],
        permissions=sorted(PERMISSIONS),
        instance_only=sorted(INSTANCE_ONLY),
    )


@route(
    "GET", "/api/v1/roles", "role:read", Operation(id="listBuiltInRoles", summary="List the built-in roles", tag=TAG)
)
async def list_built_in_roles(deps: Deps) -> RoleList:
    return await _roles(deps, None)


@route(
    "GET",
    "/api/v1/projects/{project:str}/roles",
    "role:read",
    Operation(
        id="listProjectRoles", summary="List the roles that members of a project may have", tag=TAG, errors=(404,)
    ),
)
async def list_project_roles(deps: Deps, tenant: Tenant) -> RoleList:
    """The built-in ones, and those of the project's organisation."""
    return await _roles(deps, tenant.organisation)


@route(
    "GET",
    "/api/v1/organisations/{organisation:str}/roles",
    "role:read",
    Operation(id="listRoles", summary="List an organisation's roles", tag=TAG, errors=(404,)),
)
async def list_roles(deps: Deps, within: Within) -> RoleList:
    return await _roles(deps, within.id)


async def _put_role(
    deps: Dependencies, caller: Caller, within: Organisation, data: NewRole, *, new: bool, expected: int | None = None
) -> RoleView:
    now, held = deps.now(), in_organisation(caller, within).held
    row = RoleRow(
        organisation_id=within.id,
        name=data.name,
        about=data.about,
        permissions=tuple(sorted(set(data.permissions))),
        created=now,
        updated=now,
    )
    deed = Deed(
        project=None,
        action="role.created" if new else "role.changed",
        subject=f"role:{within.slug}/{data.name}",
        state=auditing.row(CUSTOM_ROLES, organisation_id=within.id, name=data.name),
        edit=Edit(place=within.id, kind=ROLE, name=data.name, expected=expected),
    )
    made = await edited(deps, caller, deed, lambda conn: roles.put(conn, row, held, new=new))
    await deps.snapshots.changed()
    return _role(made.made, made.revision)


@route(
    "POST",
    "/api/v1/organisations/{organisation:str}/roles",
    "role:write",
    Operation(id="createRole", summary="Make a role of permissions", tag=TAG, status=201, errors=(404, 409)),
)
async def create_role(deps: Deps, caller: CallerNow, within: Within, data: JSONBody[NewRole]) -> RoleView:
    """Nobody makes a role that holds more than they hold in the organisation themselves."""
    return await _put_role(deps, caller, within, data, new=True)


@route(
    "PUT",
    "/api/v1/organisations/{organisation:str}/roles/{role:str}",
    "role:write",
    Operation(id="changeRole", summary="Change what a role holds", tag=TAG, errors=(404, 409)),
)
async def change_role(
    deps: Deps, caller: CallerNow, within: Within, role: FromPath[str], data: JSONBody[RolePatch]
) -> RoleView:
    """In force for all who have it when it returns. With ``expected_revision`` it is refused (409) where somebody
    changed the role since that revision."""
    wanted = NewRole(name=role, permissions=data.permissions, about=data.about)
    return await _put_role(deps, caller, within, wanted, new=False, expected=data.expected_revision)


@route(
    "DELETE",
    "/api/v1/organisations/{organisation:str}/roles/{role:str}",
    "role:write",
    Operation(id="removeRole", summary="Take a role away that nobody has", tag=TAG, status=204, errors=(404, 409)),
)
async def remove_role(
    deps: Deps, caller: CallerNow, within: Within, role: FromPath[str], expected_revision: Seen = None
) -> None:
    held = in_organisation(caller, within).held
    state = auditing.row(CUSTOM_ROLES, organisation_id=within.id, name=role)
    edit = Edit(place=within.id, kind=ROLE, name=role, expected=expected_revision)
    deed = Deed(project=None, action="role.removed", subject=f"role:{within.slug}/{role}", state=state, edit=edit)
    await written(deps, caller, deed, lambda conn: roles.remove(conn, within.id, role, held))
    await deps.snapshots.changed()


# --- everybody ---


def _person(deps: Dependencies, row: PersonRow, places: dict[str, str]) -> PersonView:
    access = deps.snapshots.current.access
    named = {each.id: f"organisation:{each.slug}" for each in access.organisations.values()}
    named |= {each.id: f"project:{each.slug}" for each in access.projects.values()}
    return PersonView(
        id=row.id,
        kind=row.kind,
        name=row.name,
        email=row.email or "",
        created=row.created,
        seen=row.seen,
        disabled=row.disabled,
        memberships={named.get(place, place): role for place, role in places.items()},
    )


def _places(conn: Connection, person_id: str) -> dict[str, str]:
    return {each.place: each.role for each in people_store.memberships_of(conn, person_id)}


@route(
    "GET",
    "/api/v1/people",
    "member:read",
    Operation(id="listPeople", summary="List everybody who is known here", tag=TAG),
)
async def list_people(deps: Deps, cursor: Cursor = None, limit: Limit = 100) -> PersonPage:
    """People and service accounts, in the order in which they became known, with what they are where."""
    after = read_cursor(cursor)

    def read(conn: Connection) -> list[tuple[PersonRow, dict[str, str]]]:
        rows = people_store.people(conn, after=after, limit=limit + 1)
        return [(row, _places(conn, row.id)) for row in rows]

    found = await deps.db.read(read)
    more = write_cursor(found[limit - 1][0].id) if len(found) > limit else None
    return PersonPage(items=[_person(deps, row, places) for row, places in found[:limit]], cursor=more)


@route(
    "PATCH",
    "/api/v1/people/{person:str}",
    "member:write",
    Operation(id="changePerson", summary="Let somebody in no more, or again", tag=TAG, errors=(404, 409)),
)
async def change_person(
    deps: Deps, caller: CallerNow, person: FromPath[str], data: JSONBody[PersonPatch]
) -> PersonView:
    """Sessions and keys of who is disabled end, in force everywhere when it returns."""
    now, held = deps.now(), everywhere(caller).held
    action = "person.disabled" if data.disabled else "person.enabled"
    deed = Deed(project=None, action=action, subject=f"person:{person}", state=auditing.row(PEOPLE, id=person))

    def work(conn: Connection) -> tuple[PersonRow, dict[str, str]]:
        row = members.disable(conn, person, held, now) if data.disabled else members.enable(conn, person, held)
        return row, _places(conn, person)

    row, places = await written(deps, caller, deed, work)
    await deps.snapshots.changed()
    return _person(deps, row, places)


@route(
    "GET",
    "/api/v1/people/{person:str}/sessions",
    "member:read",
    Operation(id="listPersonSessions", summary="List somebody's sessions", tag=TAG, errors=(404,)),
)
async def list_person_sessions(deps: Deps, caller: CallerNow, person: FromPath[str]) -> OwnSessions:
    now = deps.now()

    def read(conn: Connection) -> list[session_store.SessionRow]:
        return sessions.listed(conn, members.person(conn, person).id, now)

    rows = await deps.db.read(read)
    return OwnSessions(items=[session_view(row, caller.session_id) for row in rows])


@route(
    "DELETE",
    "/api/v1/people/{person:str}/sessions",
    "member:write",
    Operation(id="endPersonSessions", summary="End all of somebody's sessions", tag=TAG, errors=(404,)),
)
async def end_person_sessions(deps: Deps, caller: CallerNow, person: FromPath[str]) -> SessionsEnded:
    deed = Deed(project=None, action="sessions.ended", subject=f"person:{person}")

    def work(conn: Connection) -> int:
        return session_store.end_all_of(conn, members.person(conn, person).id)

    return SessionsEnded(ended=await written(deps, caller, deed, work))


ROUTES = (
    list_organisations, create_organisation, get_organisation, change_organisation, create_organisation_project,
    list_built_in_roles, list_project_roles, list_roles, create_role, change_role, remove_role,
    list_people, change_person, list_person_sessions, end_person_sessions,
)  # fmt: skip
