"""Who belongs to a project, to an organisation, to the whole instance: the same acts in three places."""

from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, NotFound
from trimtab.governance import members, people_store, permissions, roles
from trimtab.governance.access import Organisation, Project
from trimtab.governance.members import Newcomer
from trimtab.governance.people_store import MEMBERSHIPS, MemberRow
from trimtab.governance.roles import Place
from trimtab.governance.scim import directories
from trimtab.server import auditing
from trimtab.server.auditing import Deed, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.identity import MemberPage, MemberPatch, MemberView, NewMember, NewServiceAccount
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Tenant,
    Within,
    read_cursor,
    route,
    write_cursor,
)

TAG = "members"


class Where(Struct, frozen=True, kw_only=True):
    """A place, what the caller holds there, and the project whose audit log tells of it."""

    place: Place
    held: frozenset[str]
    project: Project | None = None


def in_project(caller: Caller, tenant: Project) -> Where:
    place = roles.of_project(tenant.id, tenant.organisation)
    return Where(place=place, held=permissions.in_project(caller.principal, tenant), project=tenant)


def in_organisation(caller: Caller, found: Organisation) -> Where:
    held = permissions.in_organisation(caller.principal, found.id)
    return Where(place=roles.of_organisation(found.id), held=held)


def everywhere(caller: Caller) -> Where:
    return Where(place=roles.WHOLE, held=permissions.held_by(caller.principal).instance)


def view(row: MemberRow) -> MemberView:
    return MemberView(
        id=row.person.id,
        kind=row.person.kind,
        name=row.person.name,
        email=row.person.email or "",
        role=row.membership.role,
        source=row.membership.source,
        since=row.membership.created,
        seen=row.person.seen,
        disabled=row.person.disabled,
    )


async def _page(deps: Dependencies, place: Place, cursor: str | None, limit: int) -> MemberPage:
    after = read_cursor(cursor)
    rows = await deps.db.read(lambda conn: people_store.members(conn, place.id, after=after, limit=limit + 1))
    more = write_cursor(rows[limit - 1].person.id) if len(rows) > limit else None
    return MemberPage(items=[view(row) for row in rows[:limit]], cursor=more)


async def _add(deps: Dependencies, caller: Caller, where: Where, data: NewMember) -> MemberView:
    now = deps.now()
    wanted = Newcomer(role=data.role, person_id=data.person, email=data.email, name=data.name)
    deed = Deed(
        project=where.project,
        action="member.added",
        subject=lambda made: f"person:{made.person.id}",
        detail={"place": where.place.id, "role": data.role, "email": data.email},
    )
    made = await written(deps, caller, deed, lambda conn: members.add(conn, where.place, wanted, where.held, now))
    await deps.snapshots.changed()
    return view(made)


def _deed(where: Where, member: str, action: str) -> Deed:
    state = auditing.row(MEMBERSHIPS, person_id=member, place=where.place.id)
    detail = {"place": where.place.id}
    return Deed(project=where.project, action=action, subject=f"person:{member}", state=state, detail=detail)


async def _change(deps: Dependencies, caller: Caller, where: Where, member: str, data: MemberPatch) -> MemberView:
    now, wanted = deps.now(), members.Change(role=data.role, expected=data.expected_role)
    made = await written(
        deps,
        caller,
        _deed(where, member, "member.changed"),
        lambda conn: members.change(conn, where.place, member, wanted, where.held, now),
    )
    await deps.snapshots.changed()
    return view(made)


async def _remove(deps: Dependencies, caller: Caller, where: Where, member: str, *, anyway: bool = False) -> None:
    now = deps.now()

    def work(conn: Connection) -> MemberRow:
        found = members.remove(conn, where.place, member, where.held, now)
        if not anyway and directories.keeps(conn, found.membership.source):
            raise Conflict(
                f"An identity provider's groups make {found.person.name} {found.membership.role} here, and will again "
                "with its next change.",
                fix="Take them out of the group there, or change what the group means (trimtab directory set). "
                "To end it until then: ?anyway=true (trimtab members remove --anyway).",
                code="kept_by_directory",
            )
        return found

    await written(deps, caller, _deed(where, member, "member.removed"), work)
    await deps.snapshots.changed()


# --- of a project ---


@route(
    "GET",
    "/api/v1/projects/{project:str}/members",
    "member:read",
    Operation(id="listMembers", summary="List a project's members", tag=TAG, errors=(404,)),
)
async def list_members(
    deps: Deps, caller: CallerNow, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100
) -> MemberPage:
    """People and service accounts of the project itself; members of its organisation reach into it besides."""
    return await _page(deps, in_project(caller, tenant).place, cursor, limit)


@route(
    "POST",
    "/api/v1/projects/{project:str}/members",
    "member:write",
    Operation(id="addMember", summary="Make somebody a member of a project", tag=TAG, status=201, errors=(404, 409)),
)
async def add_member(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewMember]) -> MemberView:
    """Nobody gives a role that holds more than they hold here themselves."""
    return await _add(deps, caller, in_project(caller, tenant), data)


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/members/{member:str}",
    "member:write",
    Operation(id="changeMember", summary="Give a project's member another role", tag=TAG, errors=(404, 409)),
)
async def change_member(
    deps: Deps, caller: CallerNow, tenant: Tenant, member: FromPath[str], data: JSONBody[MemberPatch]
) -> MemberView:
    """The last administrator stays one."""
    return await _change(deps, caller, in_project(caller, tenant), member, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/members/{member:str}",
    "member:write",
    Operation(id="removeMember", summary="End a membership of a project", tag=TAG, status=204, errors=(404, 409)),
)
async def remove_member(
    deps: Deps, caller: CallerNow, tenant: Tenant, member: FromPath[str], anyway: FromQuery[bool] = False
) -> None:
    """In force everywhere when it returns; the keys they own here end too. What an identity provider's groups give
    comes back with its next change, so ending that is refused but for ``anyway``."""
    await _remove(deps, caller, in_project(caller, tenant), member, anyway=anyway)


@route(
    "GET",
    "/api/v1/projects/{project:str}/service-accounts",
    "member:read",
    Operation(id="listServiceAccounts", summary="List a project's service accounts", tag=TAG, errors=(404,)),
)
async def list_service_accounts(deps: Deps, caller: CallerNow, tenant: Tenant) -> MemberPage:
    place = in_project(caller, tenant).place
    rows = await deps.db.read(lambda conn: members.services(conn, place))
    return MemberPage(items=[view(row) for row in rows])


@route(
    "POST",
    "/api/v1/projects/{project:str}/service-accounts",
    "member:write",
    Operation(id="createServiceAccount", summary="Make a service account", tag=TAG, status=201, errors=(404,)),
)
async def create_service_account(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewServiceAccount]
) -> MemberView:
    """A member that is no person: it owns keys, which do no more than its role and end with it."""
    where, now = in_project(caller, tenant), deps.now()
    deed = Deed(
        project=tenant,
        action="service_account.created",
        subject=lambda made: f"person:{made.person.id}",
        detail={"name": data.name, "role": data.role},
    )
    made = await written(
        deps,
        caller,
        deed,
        lambda conn: members.add_service(conn, where.place, data.name, data.role, where.held, now),
    )
    await deps.snapshots.changed()
    return view(made)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/service-accounts/{member:str}",
    "member:write",
    Operation(id="removeServiceAccount", summary="End a service account", tag=TAG, status=204, errors=(404,)),
)
async def remove_service_account(deps: Deps, caller: CallerNow, tenant: Tenant, member: FromPath[str]) -> None:
    """Its keys end with it, in force everywhere when it returns."""
    place = in_project(caller, tenant).place
    rows = await deps.db.read(lambda conn: members.services(conn, place))
    if all(each.person.id != member for each in rows):
        raise NotFound("There is no such service account here.", fix="List them: trimtab members list.")
    await _remove(deps, caller, in_project(caller, tenant), member)


# --- of an organisation ---


@route(
    "GET",
    "/api/v1/organisations/{organisation:str}/members",
    "member:read",
    Operation(id="listOrganisationMembers", summary="List an organisation's members", tag=TAG, errors=(404,)),
)
async def list_organisation_members(
    deps: Deps, caller: CallerNow, within: Within, cursor: Cursor = None, limit: Limit = 100
) -> MemberPage:
    """What they are here they are in each of its projects."""
    return await _page(deps, in_organisation(caller, within).place, cursor, limit)


@route(
    "POST",
    "/api/v1/organisations/{organisation:str}/members",
    "member:write",
    Operation(
        id="addOrganisationMember",
        summary="Make somebody a member of an organisation",
        tag=TAG,
        status=201,
        errors=(404, 409),
    ),
)
async def add_organisation_member(
    deps: Deps, caller: CallerNow, within: Within, data: JSONBody[NewMember]
) -> MemberView:
    return await _add(deps, caller, in_organisation(caller, within), data)


@route(
    "PATCH",
    "/api/v1/organisations/{organisation:str}/members/{member:str}",
    "member:write",
    Operation(
        id="changeOrganisationMember", summary="Give an organisation's member another role", tag=TAG, errors=(404, 409)
    ),
)
async def change_organisation_member(
    deps: Deps, caller: CallerNow, within: Within, member: FromPath[str], data: JSONBody[MemberPatch]
) -> MemberView:
    return await _change(deps, caller, in_organisation(caller, within), member, data)


@route(
    "DELETE",
    "/api/v1/organisations/{organisation:str}/members/{member:str}",
    "member:write",
    Operation(
        id="removeOrganisationMember",
        summary="End a membership of an organisation",
        tag=TAG,
        status=204,
        errors=(404, 409),
    ),
)
async def remove_organisation_member(
    deps: Deps, caller: CallerNow, within: Within, member: FromPath[str], anyway: FromQuery[bool] = False
) -> None:
    await _remove(deps, caller, in_organisation(caller, within), member, anyway=anyway)


# --- of the instance ---


@route(
    "GET",
    "/api/v1/members",
    "member:read",
    Operation(id="listInstanceMembers", summary="List the members of the whole instance", tag=TAG),
)
async def list_instance_members(deps: Deps, caller: CallerNow, cursor: Cursor = None, limit: Limit = 100) -> MemberPage:
    """What they are here they are in every project, and on the server."""
    return await _page(deps, everywhere(caller).place, cursor, limit)


@route(
    "POST",
    "/api/v1/members",
    "member:write",
    Operation(
        id="addInstanceMember", summary="Make somebody a member of the instance", tag=TAG, status=201, errors=(404, 409)
    ),
)
async def add_instance_member(deps: Deps, caller: CallerNow, data: JSONBody[NewMember]) -> MemberView:
    return await _add(deps, caller, everywhere(caller), data)


@route(
    "PATCH",
    "/api/v1/members/{member:str}",
    "member:write",
    Operation(
        id="changeInstanceMember", summary="Give a member of the instance another role", tag=TAG, errors=(404, 409)
    ),
)
async def change_instance_member(
    deps: Deps, caller: CallerNow, member: FromPath[str], data: JSONBody[MemberPatch]
) -> MemberView:
    return await _change(deps, caller, everywhere(caller), member, data)


@route(
    "DELETE",
    "/api/v1/members/{member:str}",
    "member:write",
    Operation(
        id="removeInstanceMember", summary="End a membership of the instance", tag=TAG, status=204, errors=(404, 409)
    ),
)
async def remove_instance_member(
    deps: Deps, caller: CallerNow, member: FromPath[str], anyway: FromQuery[bool] = False
) -> None:
    await _remove(deps, caller, everywhere(caller), member, anyway=anyway)


ROUTES = (
    list_members, add_member, change_member, remove_member,
    list_service_accounts, create_service_account, remove_service_account,
    list_organisation_members, add_organisation_member, change_organisation_member, remove_organisation_member,
    list_instance_members, add_instance_member, change_instance_member, remove_instance_member,
)  # fmt: skip
