"""Environments, what they demand of a release, and what there is of it: approvals and verdicts of gates."""

from typing import Annotated, Final

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from trimtab.governance.permissions import Permission, require
from trimtab.governance.projects import REVISION
from trimtab.releases import approvals, environments, gate, rollouts, store
from trimtab.releases.environments import EnvironmentEdit
from trimtab.releases.protection import Readiness
from trimtab.releases.types import Approval, Environment, GateVerdict, Protection, Release
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auth import Caller
from trimtab.server.bodies.environment import (
    ApprovalPage,
    ApprovalView,
    EnvironmentPage,
    EnvironmentView,
    GatePage,
    GateView,
    NewApproval,
    NewGateVerdict,
    ReadinessView,
    SetEnvironment,
)
from trimtab.server.policing import Asked, permit
from trimtab.server.routes import (
    SEEN_ABOUT,
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Tenant,
    read_cursor,
    route,
    write_cursor,
)
from trimtab.storage.revision import bump

TAG = "environments"
SeenEnvironment = Annotated[Annotated[int, Meta(description=SEEN_ABOUT, ge=0)] | None, QueryParameter(ge=0)]
"""As `Seen`; 0 of one that every project has from the start and nobody has changed."""
LOOSENS: Final[Permission] = "project:write"
"""Whoever wants a release through must not be able to take the demands away that it does not meet."""
BASE = "/api/v1/projects/{project:str}/environments"
RELEASE = "/api/v1/projects/{project:str}/apps/{app:str}/releases/{ref:str}"


def _view(each: Environment) -> EnvironmentView:
    return EnvironmentView(**{name: getattr(each, name) for name in EnvironmentView.__struct_fields__})


@route(
    "GET", BASE, "release:read", Operation(id="listEnvironments", summary="List environments", tag=TAG, errors=(404,))
)
async def list_environments(deps: Deps, tenant: Tenant) -> EnvironmentPage:
    """From the first that a release goes through to the last; never more than 50, so on one page."""
    found = await deps.db.read(lambda conn: environments.environments(conn, tenant.id))
    return EnvironmentPage(items=[_view(each) for each in found], cursor=None)


@route(
    "PUT",
    BASE + "/{environment:str}",
    "release:promote",
    Operation(id="setEnvironment", summary="Make or change an environment", tag=TAG, errors=(404, 409)),
)
async def set_environment(
    deps: Deps, caller: CallerNow, tenant: Tenant, environment: FromPath[str], data: JSONBody[SetEnvironment]
) -> EnvironmentView:
    """What it demands holds for what is promoted from now on; what runs there goes on. What a protected environment
    demands is an administrator's to change, and so is which one is the default in place of a protected one."""

    def write(conn: Connection) -> tuple[Environment, bool]:
        bump(conn, REVISION)  # first: on PostgreSQL whoever protects it at the same moment is waited for
        known = environments.environments(conn, tenant.id)
        if environments.loosens(known, environment, data.protection, default=data.default is True):
            require(caller.principal, LOOSENS)
        edit = EnvironmentEdit(
            project_id=tenant.id,
            name=environment,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            position=data.position,
            default=data.default,
            protection=data.protection,
            expected=data.expected_revision,
        )
        return environments.put(conn, edit)

    made, _ = await deps.db.write(write)
    await deps.snapshots.changed()
    return _view(made)


@route(
    "DELETE",
    BASE + "/{environment:str}",
    "release:promote",
    Operation(id="removeEnvironment", summary="Remove an environment", tag=TAG, status=204, errors=(404, 409)),
)
async def remove_environment(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    environment: FromPath[str],
    expected_revision: SeenEnvironment = None,
) -> None:
    """Refused while something runs there, and for the default one; a protected one is an administrator's to remove."""

    def write(conn: Connection) -> None:
        bump(conn, REVISION)  # first, as above
        if environments.loosens(environments.environments(conn, tenant.id), environment, Protection()):
            require(caller.principal, LOOSENS)
        actor, now = actor_of(conn, caller), moment(conn, deps)
        environments.remove(conn, tenant.id, environment, actor, now, expected=expected_revision)

    await deps.db.write(write)
    await deps.snapshots.changed()


@route(
    "GET",
    "/api/v1/projects/{project:str}/apps/{app:str}/environments/{environment:str}/readiness",
    "release:read",
    Operation(id="getReadiness", summary="What lacks before a release may run there", tag=TAG, errors=(404,)),
)
async def get_readiness(
    deps: Deps,
    tenant: Tenant,
    app: FromPath[str],
    environment: FromPath[str],
    release: FromQuery[str] = store.LATEST,
    note: FromQuery[str] = "",
) -> ReadinessView:
    """Every demand of the environment by itself. ``note`` is the one that a promotion would have."""

    def read(conn: Connection) -> tuple[Release, Readiness]:
        found = store.find(conn, tenant.id, app, release)
        now = moment(conn, deps)
        return found, rollouts.readiness(conn, tenant.id, app, environment, found.number, note=note, now=now)

    found, ready = await deps.db.read(read)
    return ReadinessView(
        app=app, environment=environment, release=found.number, ready=ready.ready, checks=list(ready.checks)
    )


# --- approvals ---


def _approval(each: Approval, release: Release, revoked: frozenset[str], caller: Caller) -> ApprovalView:
    return ApprovalView(
        environment=each.environment,
        author=each.author,
        author_name=each.author_name,
        note=each.note,
        created=each.created,
        revoked=each.author in revoked,
        counts=each.author not in release.authors,
        own=each.author == caller.principal.key_id,
    )


@route(
    "GET",
    RELEASE + "/approvals",
    "release:read",
    Operation(id="listApprovals", summary="Who approved a release", tag=TAG, errors=(404,)),
)
async def list_approvals(
    deps: Deps, caller: CallerNow, tenant: Tenant, app: FromPath[str], ref: FromPath[str]
) -> ApprovalPage:
    """In every environment, oldest first."""

    def read(conn: Connection) -> list[ApprovalView]:
        release = store.find(conn, tenant.id, app, ref)
        given = approvals.approvals(conn, tenant.id, app, release.number)
        gone = approvals.revoked(conn, given)
        return [_approval(each, release, gone, caller) for each in given]

    return ApprovalPage(items=await deps.db.read(read), cursor=None)


@route(
    "POST",
    RELEASE + "/approvals",
    "release:approve",
    Operation(id="approveRelease", summary="Approve a release", tag=TAG, status=201, errors=(404,)),
)
async def approve_release(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    app: FromPath[str],
    ref: FromPath[str],
    data: JSONBody[NewApproval],
) -> ApprovalView:
    """Stand for a release in an environment. Nobody approves a release that they made, or whose draft or
    prompts they edited since the one before; policies may say who else does not."""
    known = await deps.db.read(lambda conn: environments.environments(conn, tenant.id))
    where = data.environment or environments.default(known)
    await permit(deps, caller, tenant, Asked(action="approve", name=app, environment=where))

    def write(conn: Connection) -> ApprovalView:
        release = store.find(conn, tenant.id, app, ref)
        who = actor_of(conn, caller)
        known = environments.environments(conn, tenant.id)
        given = Approval(
            project_id=tenant.id,
            app=app,
            number=release.number,
            environment=data.environment or environments.default(known),
            author=who.id,
            author_name=who.name,
            note=data.note,
            created=moment(conn, deps),
        )
        return _approval(approvals.approve(conn, given), release, frozenset(), caller)

    return await deps.db.write(write)


@route(
    "DELETE",
    RELEASE + "/approvals",
    "release:approve",
    Operation(id="withdrawApproval", summary="Take one's approval back", tag=TAG, status=204, errors=(404,)),
)
async def withdraw_approval(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    app: FromPath[str],
    ref: FromPath[str],
    environment: FromQuery[str] = "",
) -> None:
    """One's own, in an environment (left out: the default one). What runs already goes on."""

    def write(conn: Connection) -> None:
        release = store.find(conn, tenant.id, app, ref)
        who = actor_of(conn, caller)
        now = moment(conn, deps)
        given = Approval(
            project_id=tenant.id,
            app=app,
            number=release.number,
            environment=environment or environments.default(environments.environments(conn, tenant.id)),
            author=who.id,
            author_name=who.name,
            note="",
            created=now,
        )
        approvals.withdraw(conn, given, now)

    await deps.db.write(write)


# --- gates ---


def _verdict(each: GateVerdict) -> GateView:
    return GateView(
        id=each.id,
        release=each.number,
        hash=each.hash,
        outcome=each.outcome,
        source=each.source,
        detail=each.detail,
        created=each.created,
        author=each.author,
        author_name=each.author_name,
    )


@route(
    "GET",
    RELEASE + "/gate",
    "release:read",
    Operation(id="listVerdicts", summary="What gates said of a release", tag=TAG, errors=(404,)),
)
async def list_verdicts(
    deps: Deps, tenant: Tenant, app: FromPath[str], ref: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> GatePage:
    """Newest first."""
    before = read_cursor(cursor)

    def read(conn: Connection) -> list[GateVerdict]:
        number = store.find(conn, tenant.id, app, ref).number
        return gate.verdicts(conn, tenant.id, app, number, before=before, limit=limit + 1)

    found = await deps.db.read(read)
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return GatePage(items=[_verdict(each) for each in found[:limit]], cursor=more)


@route(
    "POST",
    RELEASE + "/gate",
    "gate:write",
    Operation(id="recordVerdict", summary="Write a gate's verdict down", tag=TAG, status=201, errors=(404, 409)),
)
async def record_verdict(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    app: FromPath[str],
    ref: FromPath[str],
    data: JSONBody[NewGateVerdict],
) -> GateView:
    """A verdict is about a content; of every source the newest counts. It is refused (403) of those who made the
    release or edited what is in it: a program that judges has a key of its own. The source ``evaluation`` is that of
    suites that ran here."""

    def write(conn: Connection) -> GateVerdict:
        verdict = GateVerdict(
            id="",
            project_id=tenant.id,
            app=app,
            number=store.find(conn, tenant.id, app, ref).number,
            hash=data.hash,
            outcome=data.outcome,
            source=data.source,
            detail=data.detail,
            created=moment(conn, deps),
        )
        return gate.record(conn, verdict, actor_of(conn, caller))

    return _verdict(await deps.db.write(write))


ROUTES = (
    list_environments,
    set_environment,
    remove_environment,
    get_readiness,
    list_approvals,
    approve_release,
    withdraw_approval,
    list_verdicts,
    record_verdict,
)
