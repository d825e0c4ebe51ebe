"""Models: the names clients may call, what they cost, and one real call to try them."""

from typing import Annotated

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.known import did_you_mean
from trimtab.gateway import store
from trimtab.gateway.routing import store as route_store
from trimtab.gateway.store import ModelRow
from trimtab.gateway.targets import Model
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.ledger.prices import PriceRow
from trimtab.ledger.types import PriceOverride
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.tiers import tier_of
from trimtab.server import auditing, standings
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.common import ModelPage, ModelPatch, ModelView, NewModel, PriceBody, PriceView, TestResult
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Seen, Tenant, cut, route

TAG = "models"
KIND = "model"
At = Annotated[
    Annotated[int, Meta(ge=0, le=1 << 53, description="Unix milliseconds; now if left out.")] | None,
    QueryParameter(ge=0, le=1 << 53),
]


# --- views ---


def _price(deps: Dependencies, tenant: Project, model: Model, at_ns: int | None = None, tier: str = "") -> PriceView:
    provider = deps.snapshots.current.targets[tenant.id].providers.get(model.provider)
    if provider is None or provider.kind not in PROVIDER_KINDS.names():
        row = PriceRow(known=False, note="Its provider is not usable now, so its price is not known.")
    else:
        row = deps.prices.row(
            kind=PROVIDER_KINDS.get(provider.kind),
            model=model.name,
            upstream=model.upstream,
            at_ns=deps.clock.now_ns() if at_ns is None else at_ns,
            override=model.price,
            dated=provider.prices,
            tier=tier_of(*tier.split("+")),
        )
    return PriceView(
        model=model.name,
        provider=model.provider,
        known=row.known,
        source=row.source,
        input=row.input,
        output=row.output,
        cache_read=row.cache_read,
        cache_write=row.cache_write,
        note=row.note,
    )


def _view(deps: Dependencies, tenant: Project, model: Model, revision: int = 0) -> ModelView:
    """``revision`` 0: the config file declares it."""
    standing = standings.of_model(deps, tenant.id, model.provider, model.upstream)
    trouble = "" if not revision else deps.snapshots.trouble(tenant.id, model.name)
    own = model.price
    return ModelView(
        name=model.name,
        provider=model.provider,
        upstream=model.upstream,
        fallback=list(model.fallback),
        price=_price(deps, tenant, model),
        price_override=None
        if own is None
        else PriceBody(input=own.input, output=own.output, cache_read=own.cache_read, cache_write=own.cache_write),
        source="catalog" if revision else "config",
        health="failing" if trouble else standing.health,
        last_error=trouble or standing.error,
        capabilities=_capabilities(deps, tenant, model.name),
        revision=revision,
    )


def _capabilities(deps: Dependencies, tenant: Project, name: str) -> list[str] | None:
    known = deps.snapshots.current.targets[tenant.id].models.get(name)
    return None if known is None or known.capabilities is None else sorted(known.capabilities)


def _target(row: ModelRow) -> Model:
    return Model(name=row.name, provider=row.provider, upstream=row.upstream, fallback=row.fallback, price=row.price)


def _override(body: PriceBody | None) -> PriceOverride | None:
    if body is None:
        return None
    return PriceOverride(input=body.input, output=body.output, cache_read=body.cache_read, cache_write=body.cache_write)


# --- routes ---


@route(
    "GET",
    "/api/v1/projects/{project:str}/models",
    "model:read",
    Operation(id="listModels", summary="List a project's models", tag=TAG, errors=(404,)),
)
async def list_models(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> ModelPage:
    """In order of name. One declared in the config file hides one of the same name in the catalog."""

    def read(conn: Connection) -> tuple[dict[str, int], list[ModelRow]]:
        return edits.revisions(conn, tenant.id, KIND), store.models(conn, tenant.id)

    revisions, found = await deps.db.read(read)
    rows = {row.name: row for row in found}
    declared = deps.config.models if deps.config.project == tenant.slug else {}
    names, more = cut(sorted(rows.keys() | declared.keys()), cursor, limit)
    items = [
        _view(deps, tenant, declared[n])
        if n in declared
        else _view(deps, tenant, _target(rows[n]), revisions.get(n, FIRST))
        for n in names
    ]
    return ModelPage(items=items, cursor=more)


@route(
    "POST",
    "/api/v1/projects/{project:str}/models",
    "model:write",
    Operation(id="createModel", summary="Add a model", tag=TAG, status=201, errors=(404, 409)),
)
async def create_model(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewModel]) -> ModelView:
    """Fallbacks are models of this project, tried in order until one begins to answer."""
    now = deps.now()
    row = ModelRow(
        project_id=tenant.id,
        name=data.name,
        provider=data.provider,
        upstream=data.name if data.upstream is None else data.upstream,
        fallback=tuple(data.fallback),
        price=_override(data.price),
        created=now,
        updated=now,
    )
    names = _route_names(deps, tenant)
    if row.name in names:
        what = f"There is already a route {row.name!r}, and a route is called as a model is."
        raise Conflict(what, fix="Choose another name.", param="name")
    declared = deps.config.declared(tenant.slug)
    deed = _deed(tenant, "model.created", row.name)
    made = await edited(deps, caller, deed, lambda conn: store.add_model(conn, row, declared))
    await deps.snapshots.changed()
    return _view(deps, tenant, _target(row), made.revision)


@route(
    "PATCH",
    "/api/v1/projects/{project:str}/models/{name:str}",
    "model:write",
    Operation(id="changeModel", summary="Change a model", tag=TAG, errors=(404, 409)),
)
async def change_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[ModelPatch]
) -> ModelView:
    """What is left out stays. A null ``price`` takes its own price away. With ``expected_revision`` it is refused (409)
    where somebody changed the model since that revision. In the path, write ``/`` as ``%2F``."""
    declared, now = deps.config.declared(tenant.slug), deps.now()
    made = await edited(
        deps,
        caller,
        _deed(tenant, "model.changed", name, data.expected_revision),
        lambda conn: store.change_model(conn, tenant.id, name, declared, lambda old: _changed(old, data, now)),
    )
    await deps.snapshots.changed()
    return _view(deps, tenant, _target(made.made), made.revision)


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    state = auditing.row(store.MODELS, project_id=tenant.id, name=name)
    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"model:{name}", state=state, edit=edit)


def _route_names(deps: Dependencies, tenant: Project) -> frozenset[str]:
    return frozenset(deps.snapshots.current.routes.get(tenant.id, {}))


def _changed(old: ModelRow, data: ModelPatch, now: int) -> ModelRow:
    return structs.replace(
        old,
        provider=old.provider if data.provider is UNSET else data.provider,
        upstream=old.upstream if data.upstream is UNSET else data.upstream,
        fallback=old.fallback if data.fallback is UNSET else tuple(data.fallback),
        price=old.price if data.price is UNSET else _override(data.price),
        updated=now,
    )


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/models/{name:str}",
    "model:write",
    Operation(id="deleteModel", summary="Remove a model", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_model(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """Refused while another model falls back to it, or a route names it. In the path, write ``/`` as ``%2F``."""
    declared = deps.config.declared(tenant.slug)
    routes = deps.config.routes if deps.config.project == tenant.slug else {}

    def remove(conn: Connection) -> None:
        store.remove_model(conn, tenant.id, name, declared)
        others = {row.route.name: row.route for row in route_store.routes(conn, tenant.id)}
        route_store.refuse_while_named(name, {**others, **routes}, "model")

    await written(deps, caller, _deed(tenant, "model.removed", name, expected_revision), remove)
    await deps.snapshots.changed()


@route(
    "POST",
    "/api/v1/projects/{project:str}/models/{name:str}/test",
    "model:call",
    Operation(id="testModel", summary="Try a model with one real, tiny call", tag=TAG, errors=(404,)),
)
async def test_model(deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str]) -> TestResult:
    """Goes the way every call goes, and leaves its trace. A failure of the provider is an answer here, not an error; so
    is ``fallback_answered``, where another model answered that this one falls back to."""
    models = deps.snapshots.current.targets[tenant.id].models
    if name not in models:
        trouble = deps.snapshots.trouble(tenant.id, name)
        raise NotFound(
            f"There is no usable model {name[:80]!r} in this project.",
            fix=trouble or did_you_mean(name, models, "model"),
        )
    return await deps.call_model(tenant, name, caller.principal)


@route(
    "GET",
    "/api/v1/projects/{project:str}/price",
    "model:read",
    Operation(id="getPrice", summary="The price of a model, in force now", tag=TAG, errors=(404,)),
)
async def get_price(
    deps: Deps, tenant: Tenant, model: FromQuery[str], at: At = None, tier: FromQuery[str] = ""
) -> PriceView:
    """``model`` is a model's name, or ``provider/model-id`` for one that is not declared; ``at`` another moment,
    ``tier`` a service tier (``flex``, ``priority``, ``batch``, ``fast+us``)."""
    targets = deps.snapshots.current.targets[tenant.id]
    found = targets.models.get(model)
    if found is None:
        provider, _, upstream = model.partition("/")
        if provider not in targets.providers or not upstream:
            raise NotFound(
                f"There is no model {model[:80]!r} in this project.", fix=did_you_mean(model, targets.models, "model")
            )
        found = Model(name=model, provider=provider, upstream=upstream)
    return _price(deps, tenant, found, None if at is None else at * 1_000_000, tier)


ROUTES = (list_models, create_model, change_model, delete_model, test_model, get_price)
