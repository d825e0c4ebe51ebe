"""Capability cards: what a model was found to do, put there by `trimtab conformance --save`."""

from litestar.params import FromPath, JSONBody

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.known import did_you_mean
from trimtab.gateway import cards
from trimtab.gateway.cards import CardRow, CheckResult
from trimtab.gateway.targets import Model
from trimtab.governance.access import Project
from trimtab.server.auditing import Deed, written
from trimtab.server.bodies.common import CardView, CheckResultView, NewCard
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

TAG = "models"


def _model(deps: Dependencies, tenant: Project, name: str) -> Model:
    models = deps.snapshots.current.targets[tenant.id].models
    found = models.get(name)
    if found is None:
        trouble = deps.snapshots.trouble(tenant.id, name)
        raise NotFound(
            f"There is no usable model {name[:80]!r} in this project.",
            fix=trouble or did_you_mean(name, models, "model"),
        )
    return found


def _view(row: CardRow, model: Model) -> CardView:
    return CardView(
        model=row.model,
        number=row.number,
        provider=row.provider,
        upstream=row.upstream,
        current=(row.provider, row.upstream) == (model.provider, model.upstream),
        suite=row.suite,
        made=row.made,
        capabilities=sorted(cards.capabilities(row.results)),
        results=[
            CheckResultView(check=r.check, front=r.front, outcome=r.outcome, evidence=r.evidence) for r in row.results
        ],
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/models/{name:str}/card",
    "model:read",
    Operation(id="getCard", summary="A model's newest capability card", tag=TAG, errors=(404,)),
)
async def get_card(deps: Deps, tenant: Tenant, name: FromPath[str]) -> CardView:
    """404 with the code ``no_card`` where the model was never tried. In the path, write ``/`` as ``%2F``."""
    model = _model(deps, tenant, name)
    return _view(await deps.db.read(lambda conn: cards.card(conn, tenant.id, name)), model)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/models/{name:str}/card",
    "model:write",
    Operation(id="putCard", summary="Keep a new capability card of a model", tag=TAG, errors=(404, 409)),
)
async def put_card(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[NewCard]
) -> CardView:
    """It gets the model's next number. Refused where the model has been pointed elsewhere since it was tried."""
    model = _model(deps, tenant, name)
    if (data.provider, data.upstream) != (model.provider, model.upstream):
        raise Conflict(
            f"The card is of {data.provider}/{data.upstream}, and the model is now {model.provider}/{model.upstream}.",
            fix="Run the suite again.",
            param="upstream",
        )
    row = CardRow(
        project_id=tenant.id,
        model=name,
        number=0,
        provider=data.provider,
        upstream=data.upstream,
        suite=data.suite,
        results=tuple(
            CheckResult(check=r.check, front=r.front, outcome=r.outcome, evidence=r.evidence) for r in data.results
        ),
        made=deps.now(),
    )
    told = {"suite": data.suite, "provider": data.provider, "upstream": data.upstream}
    deed = Deed(project=tenant, action="card.added", subject=f"model:{name}", detail=told)
    kept = await written(deps, caller, deed, lambda conn: cards.add_card(conn, row))
    await deps.snapshots.changed()
    return _view(kept, model)


ROUTES = (get_card, put_card)
