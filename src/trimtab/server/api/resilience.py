"""Resilience: policies of providers and models, the priority of keys, and how targets fare."""

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import Conflict
from trimtab.gateway import policy_store
from trimtab.gateway.policy import DEFAULT, Policy
from trimtab.gateway.policy_store import ResilienceRow, Subject
from trimtab.gateway.staying_up.live import TargetState
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.auth import Caller
from trimtab.server.bodies.resilience import (
    KeyPriorityBody,
    KeyPriorityView,
    PutPolicy,
    ResiliencePage,
    ResilienceView,
    TargetKeyView,
    TargetPage,
    TargetView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route

TAG = "resilience"
SUBJECTS: tuple[Subject, ...] = ("provider", "model")
MS = 1_000_000
SECOND = 1_000_000_000


def _declared(deps: Dependencies, tenant: Project) -> dict[tuple[Subject, str], Policy]:
    config = deps.config
    if config.project != tenant.slug:
        return {}
    found: dict[tuple[Subject, str], Policy] = {}
    for provider in config.providers.values():
        if provider.resilience is not None:
            found["provider", provider.name] = provider.resilience
    for model in config.models.values():
        if model.resilience is not None:
            found["model", model.name] = model.resilience
    return found


def _in_catalog(deps: Dependencies, tenant: Project, subject: Subject, name: str) -> None:
    """What the config file declares has its policy there."""
    config = deps.config
    declared = config.providers if subject == "provider" else config.models
    if config.project == tenant.slug and name in declared:
        raise Conflict(
            f"The {subject} {name!r} is declared in the config file.",
            fix="Set its 'resilience' there; the file is read again when it changes.",
            param="name",
        )


@route(
    "GET",
    "/api/v1/projects/{project:str}/resilience",
    "provider:read",
    Operation(id="listResilience", summary="The resilience policies of a project", tag=TAG, errors=(404,)),
)
async def list_resilience(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> ResiliencePage:
    """Of providers and models that have one; all others go by the defaults (docs/resilience.md)."""

    def read(conn: Connection) -> dict[str, ResilienceView]:
        known = {subject: edits.revisions(conn, tenant.id, _kind(subject)) for subject in SUBJECTS}
        rows = policy_store.policies(conn, tenant.id)
        return {
            f"{row.subject}/{row.name}": _view(row, known[row.subject].get(row.name, FIRST)) for row in rows
        }  # fmt: skip

    views = await deps.db.read(read)
    for (subject, name), policy in _declared(deps, tenant).items():
        view = ResilienceView(subject=subject, name=name, policy=policy, source="config", updated=None, revision=0)
        views[f"{subject}/{name}"] = view
    names, more = cut(sorted(views), cursor, limit)
    return ResiliencePage(items=[views[name] for name in names], defaults=DEFAULT, cursor=more)


def _view(row: ResilienceRow, revision: int) -> ResilienceView:
    return ResilienceView(
        subject=row.subject,
        name=row.name,
        policy=row.policy,
        source="catalog",
        updated=row.updated,
        revision=revision,
    )


def _kind(subject: Subject) -> str:
    return f"{subject}_resilience"


def _deed(tenant: Project, action: str, subject: Subject, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(policy_store.POLICIES, project_id=tenant.id, subject=subject, name=name)
    edit = Edit(place=tenant.id, kind=_kind(subject), name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"{subject}:{name}", state=state, edit=edit)


async def _put(
    deps: Dependencies, caller: Caller, tenant: Project, subject: Subject, name: str, data: PutPolicy
) -> ResilienceView:
    _in_catalog(deps, tenant, subject, name)
    policy = Policy(**{field: getattr(data, field) for field in Policy.__struct_fields__})
    row = ResilienceRow(project_id=tenant.id, subject=subject, name=name, policy=policy, updated=deps.now())
    deed = _deed(tenant, "resilience.set", subject, name, data.expected_revision)
    made = await edited(deps, caller, deed, lambda conn: policy_store.put_policy(conn, row))
    await deps.snapshots.changed()
    return _view(row, made.revision)


async def _remove(
    deps: Dependencies, caller: Caller, tenant: Project, subject: Subject, name: str, expected: int | None
) -> None:
    _in_catalog(deps, tenant, subject, name)
    deed = _deed(tenant, "resilience.removed", subject, name, expected)
    await written(deps, caller, deed, lambda conn: policy_store.remove_policy(conn, tenant.id, subject, name))
    await deps.snapshots.changed()


@route(
    "PUT",
    "/api/v1/projects/{project:str}/providers/{name:str}/resilience",
    "provider:write",
    Operation(id="setProviderResilience", summary="Set a provider's resilience policy", tag=TAG, errors=(404, 409)),
)
async def set_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PutPolicy]
) -> ResilienceView:
    """Replaces what there was; what is left out is as by default. In force on every worker when it returns. With
    ``expected_revision`` it is refused (409) where somebody changed the policy since that revision; 0: it is to be
    new."""
    return await _put(deps, caller, tenant, "provider", name, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/providers/{name:str}/resilience",
    "provider:write",
    Operation(
        id="removeProviderResilience",
        summary="Remove a provider's policy",
        tag=TAG,
        status=204,
        errors=(404, 409),
    ),
)
async def remove_provider(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """In force on every worker when it returns."""
    await _remove(deps, caller, tenant, "provider", name, expected_revision)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/models/{name:str}/resilience",
    "model:write",
    Operation(id="setModelResilience", summary="Set a model's resilience policy", tag=TAG, errors=(404, 409)),
)
async def set_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PutPolicy]
) -> ResilienceView:
    """It replaces its provider's policy as a whole. ``expected_revision`` is as for a provider's. In the path,
    write ``/`` as ``%2F``."""
    return await _put(deps, caller, tenant, "model", name, data)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/models/{name:str}/resilience",
    "model:write",
    Operation(
        id="removeModelResilience",
        summary="Remove a model's policy",
        tag=TAG,
        status=204,
        errors=(404, 409),
    ),
)
async def remove_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """In the path, write ``/`` as ``%2F``."""
    await _remove(deps, caller, tenant, "model", name, expected_revision)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/keys/{key:str}/priority",
    "key:write",
    Operation(id="setKeyPriority", summary="Bound the priority of a key's calls", tag=TAG, errors=(404, 409)),
)
async def set_key_priority(
    deps: Deps, caller: CallerNow, tenant: Tenant, key: FromPath[str], data: JSONBody[KeyPriorityBody]
) -> KeyPriorityView:
    """Calls choose theirs with the header ``trimtab-priority``; above the bound they have the bound."""
    now = deps.now()
    state = auditing.row(policy_store.KEY_PRIORITIES, key_id=key)
    deed = Deed(project=tenant, action="key.priority_set", subject=f"key:{key}", state=state)

    def write(conn: Connection) -> None:
        edits.hold(conn)
        was = policy_store.bounds(conn, tenant.id).get(key, "high")
        edits.expect_value(f"The priority of the key {key!r}", data.expected_highest, was, param="expected_highest")
        policy_store.put_key_priority(conn, tenant.id, key, data.highest, now)

    await written(deps, caller, deed, write)
    await deps.snapshots.changed()
    return KeyPriorityView(key=key, highest=data.highest)


@route(
    "GET",
    "/api/v1/projects/{project:str}/targets",
    "provider:read",
    Operation(id="listTargets", summary="How targets fare on this worker", tag=TAG, errors=(404,)),
)
async def list_targets(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> TargetPage:
    """Each model at its provider that this worker has called: load, latency, limits, circuit breaker."""
    now = deps.clock.now_ns()
    found = {
        f"{provider}/{upstream}": state
        for (project, provider, upstream), state in deps.live.each()
        if project == tenant.id
    }
    names, more = cut(sorted(found), cursor, limit)
    return TargetPage(items=[_target(found[name], now) for name in names], cursor=more)


def _target(state: TargetState, now: int) -> TargetView:
    latency = state.latency.last()
    p95 = state.streams.quantile(0.95) or state.wholes.quantile(0.95)
    return TargetView(
        provider=state.provider,
        model=state.upstream,
        in_flight=state.in_flight,
        waiting=0 if state.gate is None else state.gate.waiting,
        answered=state.answered,
        failed=state.failed,
        latency_ms=round(latency / MS, 3) if latency else None,
        p95_ms=None if p95 is None else round(p95 / MS, 3),
        breaker=state.breaker.state,
        opens_again_s=round(state.breaker.opens_again_in_s(now), 3),
        openings=state.breaker.openings,
        keys=[
            TargetKeyView(
                hint=name[-4:] if len(name) >= 12 else "",
                in_flight=key.in_flight,
                set_aside_s=round(max(0, key.aside_until_ns(now) - now) / SECOND, 3),
                why=key.why if key.until_ns > now else "",
            )
            for name, key in zip(state.key_names, state.keys, strict=False)
        ],
    )


ROUTES = (
    list_resilience,
    set_provider,
    remove_provider,
    set_model,
    remove_model,
    set_key_priority,
    list_targets,
)
