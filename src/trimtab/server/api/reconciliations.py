"""Reconciliation: our books against what a provider says it was used for. Nothing is kept: the answer is the report."""

import asyncio

from litestar.params import JSONBody

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.governance.access import Project
from trimtab.ledger import exports
from trimtab.ledger.exports import Export, Line, Vendor
from trimtab.ledger.moments import day_of
from trimtab.ledger.reconcile import Compared, Ours, Reconciliation, bounds_of, reconcile
from trimtab.server.bodies.cost import CostLine, NewReconciliation, ReconciledLine, ReconciliationView
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import Deps, Operation, Tenant, route
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

TAG = "costs"
MOST_BYTES = 32_000_000
_MONTH_MS = 31 * 24 * 3600 * 1000
_VENDORS: dict[str, Vendor] = {"openai": "openai", "azure": "openai", "anthropic": "anthropic"}


def _vendor(deps: Dependencies, tenant: Project, data: NewReconciliation) -> Vendor:
    if data.vendor is not None:
        return data.vendor
    provider = deps.snapshots.current.targets[tenant.id].providers.get(data.provider)
    return _VENDORS.get(provider.kind if provider else data.provider, "generic")


def _known(deps: Dependencies, tenant: Project, provider: str, *, used: bool) -> None:
    """A provider of the project, or one that its books know from before."""
    names = deps.snapshots.current.targets[tenant.id].providers
    if provider not in names and not used:
        raise NotFound(
            f"There is no provider {provider[:80]!r} in this project.", fix=did_you_mean(provider, names, "provider")
        )


@route(
    "POST",
    "/api/v1/projects/{project:str}/reconciliations",
    "cost:read",
    Operation(
        id="reconcile",
        summary="Compare the books with a provider's usage export",
        tag=TAG,
        errors=(404, 413),
        max_body=MOST_BYTES,
    ),
)
async def reconcile_export(deps: Deps, tenant: Tenant, data: JSONBody[NewReconciliation]) -> ReconciliationView:
    """Day by day and model by model, in tokens and in money, with the causes of differences. Up to 32 MB."""
    if not 0 <= data.tolerance <= 1:
        raise InvalidRequest(
            "The tolerance must be from 0 to 1.", fix="Write 0.01 for one per cent.", param="tolerance"
        )
    vendor = _vendor(deps, tenant, data)
    export = await asyncio.to_thread(exports.read, vendor, data.content, data.columns, data.decimal)
    bounds = bounds_of(export) or (max(0, deps.now() - _MONTH_MS), deps.now() + 1)
    hours = await deps.costs.hourly(tenant.id, data.provider, Window(start=max(0, bounds[0]), end=bounds[1]))
    _known(deps, tenant, data.provider, used=bool(hours))
    found = await asyncio.to_thread(reconcile, export, hours, data.tolerance, day_of(deps.now()))
    return _view(data, vendor, export, found)


def _view(data: NewReconciliation, vendor: Vendor, export: Export, found: Reconciliation) -> ReconciliationView:
    return ReconciliationView(
        provider=data.provider,
        vendor=vendor,
        days=list(found.days),
        agrees=found.agrees,
        tolerance=data.tolerance,
        offset_hours=found.offset_hours,
        ours=_ours(found.total.ours),
        theirs=_theirs(found.total.theirs),
        cost_off=dollars(found.total.cost_off),
        lines=[_line(each) for each in found.lines],
        causes=list(found.causes),
        unread=list(export.unread),
        unread_rows=export.unread_rows,
    )


def _line(each: Compared) -> ReconciledLine:
    return ReconciledLine(
        day=each.day,
        model=each.model,
        tier=each.tier,
        ours=_ours(each.ours),
        theirs=_theirs(each.theirs),
        tokens_off=each.tokens_off,
        cost_off=dollars(each.cost_off),
        agrees=each.agrees,
        causes=list(each.causes),
    )


def _ours(side: Ours) -> CostLine:
    """Our cost is null where none of it has a price."""
    cost = None if side.unpriced and side.unpriced == side.requests else dollars(side.cost)
    return CostLine(
        requests=side.requests,
        input=side.input,
        cache_read=side.cache_read,
        cache_write=side.cache_write,
        output=side.output,
        cost=cost,
    )


def _theirs(side: Line) -> CostLine:
    return CostLine(
        requests=side.requests,
        input=side.input,
        cache_read=side.cache_read,
        cache_write=side.cache_write,
        output=side.output,
        cost=dollars(side.cost),
    )


ROUTES = (reconcile_export,)
