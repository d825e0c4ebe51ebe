"""Re-pricings: past attempts at today's prices, as jobs that survive a restart."""

from litestar.params import FromPath, JSONBody

from trimtab.core.errors import InvalidRequest
from trimtab.core.ids import new_id
from trimtab.ledger import repricing_store as store
from trimtab.ledger.repricing_store import Difference, Repricing
from trimtab.server.auditing import Deed, written
from trimtab.server.bodies.cost import NewRepricing, RepricingLine, RepricingPage, RepricingView
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, cut, route
from trimtab.telemetry.units import dollars

TAG = "costs"


def _view(job: Repricing) -> RepricingView:
    report = job.report
    return RepricingView(
        id=job.id,
        state=job.state,
        dry_run=job.dry_run,
        since=job.since,
        until=job.until,
        created=job.created,
        updated=job.updated,
        looked_at=report.looked_at,
        changed=report.changed,
        before=dollars(report.before) or "0",
        after=dollars(report.after) or "0",
        unpriced_before=report.unpriced_before,
        unpriced_after=report.unpriced_after,
        no_price_today=report.no_price_today,
        differences=[_line(each) for each in sorted(report.differences, key=lambda d: -abs(d.after - d.before))],
        more=report.more,
        problem=job.problem,
    )


def _line(each: Difference) -> RepricingLine:
    return RepricingLine(
        provider=each.provider,
        model=each.model,
        from_price=each.from_price,
        to_price=each.to_price,
        rows=each.rows,
        before=dollars(each.before) or "0",
        after=dollars(each.after) or "0",
        were_unknown=each.were_unknown,
    )


@route(
    "POST",
    "/api/v1/projects/{project:str}/repricings",
    "cost:write",
    Operation(id="startRepricing", summary="Price past attempts anew", tag=TAG, status=201, errors=(404, 409)),
)
async def start_repricing(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewRepricing]) -> RepricingView:
    """Answers at once; the job goes on by itself, also after a restart. What was booked stays on each row."""
    now = deps.now()
    until = now if data.until is None else data.until
    if not 0 <= data.since < until < 1 << 53:
        raise InvalidRequest("The time range is empty.", fix="Give a 'since' before 'until'.", param="since")
    job = Repricing(
        id=new_id("rpr"),
        project_id=tenant.id,
        since=data.since,
        until=until,
        dry_run=data.dry_run,
        created=now,
        updated=now,
    )
    told = {"since": data.since, "until": until, "dry_run": data.dry_run}
    deed = Deed(project=tenant, action="repricing.started", subject=f"repricing:{job.id}", detail=told)
    started = await written(deps, caller, deed, lambda conn: store.start(conn, job))
    deps.reprice()
    return _view(started)


@route(
    "GET",
    "/api/v1/projects/{project:str}/repricings",
    "cost:read",
    Operation(id="listRepricings", summary="Re-pricings, newest first", tag=TAG, errors=(404,)),
)
async def list_repricings(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 20) -> RepricingPage:
    jobs = {job.id: job for job in await deps.db.read(lambda conn: store.repricings(conn, tenant.id))}
    order = sorted(jobs, reverse=True)
    places = {f"{number:09d}": name for number, name in enumerate(order)}
    page, more = cut(sorted(places), cursor, limit)
    return RepricingPage(items=[_view(jobs[places[place]]) for place in page], cursor=more)


@route(
    "GET",
    "/api/v1/projects/{project:str}/repricings/{repricing:str}",
    "cost:read",
    Operation(id="getRepricing", summary="How a re-pricing fares, and what it found", tag=TAG, errors=(404,)),
)
async def get_repricing(deps: Deps, tenant: Tenant, repricing: FromPath[str]) -> RepricingView:
    return _view(await deps.db.read(lambda conn: store.repricing(conn, tenant.id, repricing)))


ROUTES = (start_repricing, list_repricings, get_repricing)
