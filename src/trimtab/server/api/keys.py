"""Keys: of a project, and of the whole instance."""

import contextlib
from typing import Annotated, Literal

from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation
from msgspec import Meta, Struct, to_builtins
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.gateway.policy_store import Priority, bounds, put_key_priority
from trimtab.governance import keys, people_store, permissions, principals, roles, store
from trimtab.governance.access import Project
from trimtab.governance.key_use_store import last_used
from trimtab.governance.keys import Issued, Wanted
from trimtab.governance.people_store import name_of
from trimtab.governance.store import KeyRow, KeySearch
from trimtab.server.auditing import Deed, row, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.common import IssuedKey, KeyPage, KeyView, NewKey
from trimtab.server.dataset_views import no_nul
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "keys"


Words = Annotated[
    str,
    Meta(max_length=500, description="Words in the name, the visible start of the secret, or the whole id."),
    QueryParameter(max_length=500),
]

InState = Annotated[
    Literal["active", "expired", "revoked", "ended"] | None,
    Meta(description="Only keys in this state; `ended`: expired or revoked."),
    QueryParameter(name="state"),
]


Owner = Annotated[
    Annotated[str, Meta(max_length=200, description="Only keys of this member or service account, by its id.")] | None,
    QueryParameter(max_length=200),
]
Ids = Annotated[
    Annotated[list[str], Meta(max_length=100, description="Only these keys, by id; to learn their names, say.")] | None,
    QueryParameter(name="id", max_items=100),
]


class _Listing(Struct, frozen=True, kw_only=True):
    q: str
    state: Literal["active", "expired", "revoked", "ended"] | None
    owner: str | None
    ids: tuple[str, ...]
    cursor: str | None
    limit: int


def _listing(
    q: Words = "",
    in_state: InState = None,
    owner: Owner = None,
    ids: Ids = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> _Listing:
    for text in (q, owner or "", *(ids or ())):
        no_nul(text)
    return _Listing(q=q, state=in_state, owner=owner, ids=tuple(ids or ()), cursor=cursor, limit=limit)


class _Beside(Struct, frozen=True, kw_only=True):
    """What is told of some keys that does not stand with them, by key; owners' names by owner."""

    owners: dict[str, str] = {}
    highest: dict[str, Priority] = {}
    used: dict[str, int] = {}


def _view(deps: Dependencies, key: KeyRow, now: int, beside: _Beside) -> KeyView:
    slugs = {each.id: each.slug for each in deps.snapshots.current.access.projects.values()}
    return KeyView(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        role=key.role,
        state=keys.state(key, now),
        created=key.created,
        expires=key.expires,
        revoked=key.revoked,
        environments=_listed(key.environments),
        permissions=_listed(key.permissions),
        projects=None if key.projects is None else [slugs.get(each, each) for each in key.projects],
        models=_listed(key.models),
        priority=beside.highest.get(key.id, "high"),
        owner=key.owner_id,
        owner_name=beside.owners.get(key.owner_id or "", ""),
        last_used=beside.used.get(key.id),
        replaces=key.replaces,
    )


def _listed(names: tuple[str, ...] | None) -> list[str] | None:
    return None if names is None else list(names)


async def _page(deps: Dependencies, project_id: str | None, listing: _Listing) -> KeyPage:
    before, now, limit = read_cursor(listing.cursor), deps.now(), listing.limit
    sought = KeySearch(words=listing.q, state=listing.state, owner=listing.owner, ids=listing.ids, now=now)

    def read(conn: Connection) -> tuple[list[KeyRow], int, _Beside]:
        rows = store.keys(conn, project_id, before=before, limit=limit + 1, sought=sought)
        owners = {row.owner_id for row in rows if row.owner_id is not None}
        used = last_used(conn, [row.id for row in rows])
        names = {each: name_of(conn, each) for each in owners}
        beside = _Beside(owners=names, highest=bounds(conn, project_id), used=used)
        return rows, store.count_keys(conn, project_id, sought), beside

    rows, total, beside = await deps.db.read(read)
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return KeyPage(items=[_view(deps, each, now, beside) for each in rows[:limit]], total=total, cursor=more)


def _wanted(deps: Dependencies, tenant: Project | None, data: NewKey) -> Wanted:
    ids: list[str] | None = None
    if data.projects is not None:
        known = deps.snapshots.current.access.projects
        ids = [known[slug].id if slug in known else slug for slug in data.projects]
    return Wanted(
        name=data.name,
        role=data.role,
        project_id=None if tenant is None else tenant.id,
        expires=data.expires,
        environments=None if data.environments is None else tuple(data.environments),
        owner_id=data.owner,
        permissions=None if data.permissions is None else tuple(data.permissions),
        projects=None if ids is None else tuple(ids),
        models=None if data.models is None else tuple(data.models),
        replaces=data.replaces,
    )


def _check_may_issue(conn: Connection, caller: Caller, tenant: Project | None, wanted: Wanted) -> None:
    """Nobody makes a key that does more than they may, or that belongs to another person."""
    granted = principals.scoped(wanted.role, wanted.permissions)
    if tenant is not None:
        held = permissions.in_project(caller.principal, tenant)
        roles.must_hold(held, permissions.within(granted), "The key would hold")
    else:
        held = permissions.held_by(caller.principal).instance
        roles.must_hold(held, granted if wanted.projects is None else permissions.within(granted), "The key would hold")
    if wanted.owner_id is not None and wanted.owner_id != caller.principal.key_id:
        place = "" if tenant is None else tenant.id
        owner = people_store.person(conn, wanted.owner_id)
        if owner is None or owner.kind != "service" or people_store.membership(conn, owner.id, place) is None:
            raise InvalidRequest(
                "A key is made for a service account of its project, or for oneself.",
                fix="Name the id of a service account of this project as 'owner', or leave it out.",
                param="owner",
            )


async def _issue(deps: Dependencies, caller: Caller, tenant: Project | None, data: NewKey) -> IssuedKey:
    now, wanted = deps.now(), _wanted(deps, tenant, data)
    told = {"from": None, "to": {name: value for name, value in to_builtins(data).items() if value is not None}}
    deed = Deed(project=tenant, action="key.created", subject=lambda made: f"key:{made[0].key.id}", detail=told)

    if tenant is None and data.priority != "high":
        raise InvalidRequest(
            "A key of the instance has no bound on its priority.",
            fix="Make it under a project, or leave 'priority' out.",
            param="priority",
        )

    def work(conn: Connection) -> tuple[Issued, dict[str, str]]:
        _check_may_issue(conn, caller, tenant, wanted)
        issued = keys.issue(conn, wanted, now)
        if tenant is not None and data.priority != "high":
            put_key_priority(conn, tenant.id, issued.key.id, data.priority, now)
        return issued, {} if wanted.owner_id is None else {wanted.owner_id: name_of(conn, wanted.owner_id)}

    issued, owners = await written(deps, caller, deed, work)
    with contextlib.suppress(Unavailable):  # it is saved, and this answer alone has its secret
        await deps.snapshots.changed()
    return IssuedKey(
        key=_view(deps, issued.key, now, _Beside(owners=owners, highest={issued.key.id: data.priority})),
        secret=issued.secret,
    )


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
    {"listing": _listing},
)
async def list_keys(deps: Deps, tenant: Tenant, listing: NamedDependency[SkipValidation[_Listing]]) -> KeyPage:
    """Newest first, revoked and expired ones too unless ``state`` says which (``ended``: either); never their
    secrets."""
    return await _page(deps, tenant.id, listing)


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
    {"listing": _listing},
)
async def list_instance_keys(deps: Deps, listing: NamedDependency[SkipValidation[_Listing]]) -> KeyPage:
    """The admin key and instance-wide read-only keys, newest first."""
    return await _page(deps, None, listing)


@route(
    "POST",
    "/api/v1/keys",
    "key:write",
    Operation(
        id="createInstanceKey",
        summary="Make a key of the whole instance, or of several projects",
        tag=TAG,
        status=201,
        errors=(404,),
    ),
)
async def create_instance_key(deps: Deps, caller: CallerNow, data: JSONBody[NewKey]) -> IssuedKey:
    """It only reads (``read_only``, ``viewer``, ``auditor``), unless it names its ``projects``: then it may have any
    role there. The secret is in this answer and nowhere else."""
    if data.role not in keys.READERS and data.projects is None:
        raise InvalidRequest(
            "A key of the whole instance can only read.",
            fix="Set 'role' to 'read_only', name its 'projects', or make it under a project.",
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
