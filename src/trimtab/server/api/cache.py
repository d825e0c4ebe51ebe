"""The cache: what it holds and saved, purging it, choosing its threshold; and the policies that switch it on."""

from typing import Annotated

from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.gateway import call_policy
from trimtab.gateway.call_policy import CallPolicy, PolicyRow
from trimtab.gateway.kept import cache_store, cache_tune
from trimtab.gateway.kept.cache_store import DAY_MS, Holding, Tally
from trimtab.gateway.kept.cache_tune import Judged
from trimtab.gateway.kept.lookalike import differs
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.llm.embedder import missing
from trimtab.server import auditing
from trimtab.server.auditing import Deed, edited, noted, written
from trimtab.server.bodies.cache import (
    CacheNameView,
    CacheView,
    PolicyBody,
    PolicyPage,
    PolicyView,
    Purged,
    PurgeRequest,
    TuneRequest,
    TuningView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route
from trimtab.telemetry.units import dollars

TAG = "cache"
KIND = "call_policy"
LONGEST_NAME = 200

Days = Annotated[
    int, Meta(ge=1, le=400, description="How many days back, today included."), QueryParameter(ge=1, le=400)
]


# --- what it holds and saved ---


@route(
    "GET",
    "/api/v1/projects/{project:str}/cache",
    "cache:read",
    Operation(id="getCache", summary="What the cache holds and has saved", tag=TAG, errors=(404,)),
)
async def get_cache(deps: Deps, tenant: Tenant, days: Days = 30) -> CacheView:
    """By called name. Counts reach the store within about a second of the call."""
    now = deps.now()
    since = now // DAY_MS - days + 1
    held, counted = await deps.answers.db.read(
        lambda conn: (cache_store.holdings(conn, tenant.id, now), cache_store.tallies(conn, tenant.id, since))
    )
    by_name = {each.name: each for each in held}
    tallies = {each.name: each for each in counted}
    names = sorted(by_name.keys() | tallies.keys())
    items = [_name_view(name, by_name.get(name), tallies.get(name)) for name in names]
    return CacheView(days=days, items=items, total=_total(held, counted), embedder=missing())


def _name_view(name: str, held: Holding | None, tally: Tally | None) -> CacheNameView:
    tally = tally or Tally(project_id="", name=name, day=0)
    hits = tally.exact + tally.semantic
    looked = hits + tally.misses
    return CacheNameView(
        name=name,
        answers=0 if held is None else held.answers,
        bytes=0 if held is None else held.bytes,
        exact=tally.exact,
        semantic=tally.semantic,
        misses=tally.misses,
        bypassed=tally.bypassed,
        hit_rate=hits / looked if looked else None,
        tokens=tally.tokens,
        saved=dollars(tally.saved) or "0",
    )


def _total(held: list[Holding], counted: list[Tally]) -> CacheNameView:
    whole = Tally(project_id="", name="", day=0)
    for tally in counted:
        for field in Tally.__struct_fields__[3:]:
            setattr(whole, field, getattr(whole, field) + getattr(tally, field))
    holding = Holding(name="", answers=sum(h.answers for h in held), bytes=sum(h.bytes for h in held))
    return _name_view("", holding, whole)


@route(
    "POST",
    "/api/v1/projects/{project:str}/cache/purge",
    "cache:write",
    Operation(id="purgeCache", summary="Drop stored answers", tag=TAG, errors=(404,)),
)
async def purge_cache(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[PurgeRequest]) -> Purged:
    """Of the whole project, or of one called name; no worker gives one of them again when this returns. Answers kept
    for idempotency keys stay: a repeated call must not be paid twice."""
    deed = Deed(project=tenant, action="cache.purged", subject="cache", detail={"name": data.name})
    await noted(deps, caller, deed)
    return Purged(purged=await deps.answers.purge(tenant.id, data.name))


@route(
    "POST",
    "/api/v1/projects/{project:str}/cache/tune",
    "cache:write",
    Operation(id="tuneCache", summary="Choose the threshold of a semantic cache", tag=TAG, errors=(404,)),
)
async def tune_cache(deps: Deps, tenant: Tenant, data: JSONBody[TuneRequest]) -> TuningView:  # noqa: ARG001
    """From labelled pairs of questions: the curve of hit rate and wrong-hit rate over thresholds, and the lowest
    threshold that keeps the budget. Nothing is changed and nothing is stored."""
    judged: list[Judged] = []
    for pair in data.pairs:  # one by one: other calls' questions are embedded in between
        asked, stored = await deps.embedder.embed_whole(pair.asked), await deps.embedder.embed_whole(pair.stored)
        if asked is not None and stored is not None:
            judged.append(Judged(float(asked @ stored), differs(pair.asked, pair.stored), pair.same))
    made = cache_tune.tune(judged, data.budget)
    return TuningView(
        pairs=made.pairs,
        same=made.same,
        skipped=len(data.pairs) - made.pairs,
        budget=made.budget,
        threshold=made.threshold,
        spared=made.spared,
        say=made.say,
        points=made.points,
    )


# --- policies ---


def _view(
    deps: Dependencies, tenant: Project, name: str, policy: CallPolicy, updated: int | None = None, revision: int = 0
) -> PolicyView:
    return PolicyView(
        name=name,
        cache=policy.cache,
        context=policy.context,
        source="config" if updated is None else "catalog",
        in_force=name in deps.snapshots.current.policies.get(tenant.id, {}),
        updated=updated,
        revision=revision,
    )


def _declared(deps: Dependencies, tenant: Project) -> dict[str, CallPolicy]:
    return deps.config.policies if deps.config.project == tenant.slug else {}


@route(
    "GET",
    "/api/v1/projects/{project:str}/policies",
    "cache:read",
    Operation(id="listPolicies", summary="List cache and context policies", tag=TAG, errors=(404,)),
)
async def list_policies(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> PolicyPage:
    """By called name. One of the config file hides one of the same name in the catalog."""

    def read(conn: Connection) -> tuple[dict[str, int], list[PolicyRow]]:
        return edits.revisions(conn, tenant.id, KIND), call_policy.policies(conn, tenant.id)

    revisions, found = await deps.db.read(read)
    rows = {row.name: row for row in found}
    declared = _declared(deps, tenant)
    names, more = cut(sorted(rows.keys() | declared.keys()), cursor, limit)
    items = [
        _view(deps, tenant, name, declared[name])
        if name in declared
        else _view(deps, tenant, name, rows[name].policy, rows[name].updated, revisions.get(name, FIRST))
        for name in names
    ]
    return PolicyPage(items=items, cursor=more)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/policies/{name:str}",
    "cache:write",
    Operation(id="putPolicy", summary="Set the policy of a called name", tag=TAG, errors=(404, 409)),
)
async def put_policy(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PolicyBody]
) -> PolicyView:
    """Whole: what is left out is off. The name is a model's, a route's or ``provider/model-id``; in the path, write
    ``/`` as ``%2F``. With ``expected_revision`` it is refused (409) where somebody changed the policy since that
    revision; 0: it is to be new."""
    _own(deps, tenant, name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidRequest(
            f"A called name has 1 to {LONGEST_NAME} characters.", fix="Give a model's name.", param="name"
        )
    if data.cache is None and data.context is None:
        raise InvalidRequest(
            "This policy says nothing.", fix="Give 'cache' or 'context', or remove the policy.", param="cache"
        )
    policy = CallPolicy(cache=data.cache, context=data.context)
    deed = _deed(tenant, "policy.set", name, data.expected_revision)
    made = await edited(deps, caller, deed, lambda conn: call_policy.put(conn, tenant.id, name, policy, deps.now()))
    await deps.snapshots.changed()
    return _view(deps, tenant, name, made.made.policy, made.made.updated, made.revision)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/policies/{name:str}",
    "cache:write",
    Operation(id="removePolicy", summary="Remove the policy of a called name", tag=TAG, status=204, errors=(404, 409)),
)
async def remove_policy(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """In the path, write ``/`` as ``%2F``. What is stored stays until it expires or is purged, and is not given."""
    _own(deps, tenant, name)
    deed = _deed(tenant, "policy.removed", name, expected_revision)
    await written(deps, caller, deed, lambda conn: call_policy.remove(conn, tenant.id, name))
    await deps.snapshots.changed()


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(call_policy.POLICIES, project_id=tenant.id, name=name)
    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"policy:{name}", state=state, edit=edit)


def _own(deps: Dependencies, tenant: Project, name: str) -> None:
    if name in _declared(deps, tenant):
        raise Conflict(
            f"The policy of {name!r} is declared in the config file.",
            fix=f"Change it there: {deps.config.path}",
            code="declared_in_config",
        )


ROUTES = (get_cache, purge_cache, tune_cache, list_policies, put_policy, remove_policy)
