"""Keys: of a project, and of the whole instance."""

from litestar.params import FromPath, JSONBody

from trimtab.core.errors import InvalidRequest
from trimtab.governance import keys, store
from trimtab.governance.access import Project
from trimtab.governance.keys import Wanted
from trimtab.governance.store import KeyRow
from trimtab.server.auditing import Deed, row, written
from trimtab.server.auth import Caller
from trimtab.server.bodies import IssuedKey, KeyPage, KeyView, NewKey
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "keys"


def _view(key: KeyRow, now: int) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        role=key.role,
        state=keys.state(key, now),
        created=key.created,
        expires=key.expires,
        revoked=key.revoked,
        environments=None if key.environments is None else list(key.environments),
    )


async def _page(deps: Dependencies, project_id: str | None, cursor: str | None, limit: int) -> KeyPage:
    before, now = read_cursor(cursor), deps.now()
    rows = await deps.db.read(lambda conn: store.keys(conn, project_id, before=before, limit=limit + 1))
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return KeyPage(items=[_view(each, now) for each in rows[:limit]], cursor=more)


async def _issue(deps: Dependencies, caller: Caller, tenant: Project | None, data: NewKey) -> IssuedKey:
    now = deps.now()
    project_id = None if tenant is None else tenant.id
    wanted = Wanted(
        name=data.name,
        role=data.role,
        project_id=project_id,
        expires=data.expires,
        environments=None if data.environments is None else tuple(data.environments),
    )
    made = {"name": data.name, "role": data.role, "expires": data.expires, "environments": data.environments}
    told = {"from": None, "to": made}
    deed = Deed(project=tenant, action="key.created", subject=lambda made: f"key:{made.key.id}", detail=told)
    issued = await written(deps, caller, deed, lambda conn: keys.issue(conn, wanted, now))
    await deps.snapshots.changed()
    return IssuedKey(key=_view(issued.key, now), secret=issued.secret)


async def _revoke(deps: Dependencies, caller: Caller, tenant: Project | None, key: str) -> None:
    now, project_id = deps.now(), None if tenant is None else tenant.id
    deed = Deed(project=tenant, action="key.revoked", subject=f"key:{key}", state=row(store.KEYS, id=key))
    await written(deps, caller, deed, lambda conn: keys.revoke(conn, project_id, key, now))
    await deps.snapshots.changed()


@route(
    "GET",
    "/api/v1/projects/{project:str}/keys",
    "key:read",
    Operation(id="listKeys", summary="List a project's keys", tag=TAG, errors=(404,)),
)
async def list_keys(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> KeyPage:
    """Newest first, revoked and expired ones too; never their secrets."""
    return await _page(deps, tenant.id, cursor, limit)


@route(
    "POST",
    "/api/v1/projects/{project:str}/keys",
    "key:write",
    Operation(id="createKey", summary="Make a key for a project", tag=TAG, status=201, errors=(404,)),
)
async def create_key(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewKey]) -> IssuedKey:
    """The secret is in this answer and nowhere else."""
    return await _issue(deps, caller, tenant, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/keys/{key:str}",
    "key:write",
    Operation(id="revokeKey", summary="Revoke a project's key", tag=TAG, status=204, errors=(404,)),
)
async def revoke_key(deps: Deps, caller: CallerNow, tenant: Tenant, key: FromPath[str]) -> None:
    """In effect on every worker when it returns; the key's sessions end too."""
    await _revoke(deps, caller, tenant, key)


@route(
    "GET",
    "/api/v1/keys",
    "key:read",
    Operation(id="listInstanceKeys", summary="List the keys of the whole instance", tag=TAG),
)
async def list_instance_keys(deps: Deps, cursor: Cursor = None, limit: Limit = 100) -> KeyPage:
    """The admin key and instance-wide read-only keys, newest first."""
    return await _page(deps, None, cursor, limit)


@route(
    "POST",
    "/api/v1/keys",
    "key:write",
    Operation(id="createInstanceKey", summary="Make a key that reads every project", tag=TAG, status=201),
)
async def create_instance_key(deps: Deps, caller: CallerNow, data: JSONBody[NewKey]) -> IssuedKey:
    """Its role is ``read_only``; the secret is in this answer and nowhere else."""
    if data.role != "read_only":
        raise InvalidRequest(
            "A key of the whole instance can only read.",
            fix="Set 'role' to 'read_only', or make it under a project.",
            param="role",
        )
    return await _issue(deps, caller, None, data)


@route(
    "DELETE",
    "/api/v1/keys/{key:str}",
    "key:write",
    Operation(id="revokeInstanceKey", summary="Revoke a key of the instance", tag=TAG, status=204, errors=(404, 409)),
)
async def revoke_instance_key(deps: Deps, caller: CallerNow, key: FromPath[str]) -> None:
    """In effect on every worker when it returns. The admin key is replaced (TRIMTAB_ADMIN_KEY), not revoked."""
    await _revoke(deps, caller, None, key)


ROUTES = (list_keys, create_key, revoke_key, list_instance_keys, create_instance_key, revoke_instance_key)
