"""Costs: sums by any dimension, waste, what costs most, and the books themselves. Every question is of one project."""

import csv
import io
from decimal import Decimal
from typing import Annotated

from litestar import Response
from litestar.params import FromQuery, QueryParameter
from msgspec import Meta
from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.governance.access import Project
from trimtab.ledger import price_store
from trimtab.server.api import batches
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import Deps, Operation, Tenant, route
from trimtab.telemetry.costs.explorer import Options
from trimtab.telemetry.costs.views import CostGroup, Costly, CostlyCall, CostReport, CostTotals, WasteReport
from trimtab.telemetry.costs.waste import OVERSIZED
from trimtab.telemetry.views import Window

TAG = "costs"
_MONTH_MS = 30 * 24 * 3600 * 1000
_LAST = 2**53

Query = Annotated[
    str,
    Meta(description="A filter, e.g. `feature:chat model:gpt-4o* -outcome:answer cost:>0.01`.", max_length=2000),
    QueryParameter(max_length=2000),
]
Start = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds; 30 days before the end if left out.")] | None,
    QueryParameter(ge=0, le=_LAST),
]
End = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds, not included; now if left out.")] | None,
    QueryParameter(ge=0, le=_LAST),
]
Groups = Annotated[int, Meta(ge=1, le=1000, description="How many groups at most."), QueryParameter(ge=1, le=1000)]
Rows = Annotated[int, Meta(ge=1, le=500, description="How many at most."), QueryParameter(ge=1, le=500)]
Bound = Annotated[
    int, Meta(ge=1, le=10_000_000, description="Input tokens of one call."), QueryParameter(ge=1, le=10_000_000)
]


def window(deps: Dependencies, start: int | None, end: int | None) -> Window:
    """The last thirty days unless told otherwise. Raises `InvalidRequest` for an empty one."""
    until = deps.now() + 1 if end is None else end
    since = max(0, until - _MONTH_MS) if start is None else start
    if since >= until:
        raise InvalidRequest("The time range is empty.", fix="Give a 'start' before 'end'.", param="start")
    return Window(start=since, end=until)


async def _shown(deps: Dependencies, tenant: Project, report: CostReport) -> CostReport:
    currency = await deps.db.read(lambda conn: price_store.currency(conn, tenant.id))
    return report if currency is None else replace(report, currency=currency.code, rate=currency.rate)


@route(
    "GET",
    "/api/v1/projects/{project:str}/costs",
    "cost:read",
    Operation(id="getCosts", summary="What calls cost, grouped, against the period before", tag=TAG, errors=(404,)),
)
async def get_costs(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    start: Start = None,
    end: End = None,
    group_by: FromQuery[CostGroup] = "none",
    limit: Groups = 50,
    energy: FromQuery[bool] = False,
) -> CostReport:
    """Groups come the most expensive first, days the latest first. ``energy`` adds an estimate of electricity and
    carbon, as a range."""
    options = Options(limit=limit, energy=energy)
    report = await deps.costs.report(tenant.id, q, window(deps, start, end), group_by, options)
    return await _shown(deps, tenant, report)


@route(
    "GET",
    "/api/v1/projects/{project:str}/costs.csv",
    "cost:read",
    Operation(
        id="exportCosts", summary="The same as CSV, a line per group", tag=TAG, errors=(404,), media_type="text/csv"
    ),
)
async def export_costs(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    start: Start = None,
    end: End = None,
    group_by: FromQuery[CostGroup] = "day",
    limit: Groups = 1000,
) -> Response[str]:
    """Costs are US dollars. Groups above ``limit`` are one line without a name, so that the lines add up. What has no
    known price is counted in ``unpriced``, and not in ``cost_usd``."""
    options = Options(limit=limit)
    report = await deps.costs.report(tenant.id, q, window(deps, start, end), group_by, options)
    name = f"costs-{tenant.slug}-{group_by}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(report), media_type="text/csv; charset=utf-8", headers=headers)


COLUMNS = (
    "group", "label", "calls", "attempts", "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens",
    "reasoning_tokens", "cost_usd", "unpriced", "unmetered", "estimated", "estimated_cost_usd", "booked_cost_usd",
    "previous_cost_usd", "previous_calls",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(report: CostReport) -> str:
    """One line per group, and one of all the groups that are not shown, so that the lines add up to the window's sums.
    A name that a spreadsheet would run as a formula gets a quote before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    numbers = [_numbers(row.totals) for row in report.groups]
    for row, found in zip(report.groups, numbers, strict=True):
        names = (f"'{name}" if name.startswith(_FORMULA) else name for name in (row.group, row.label))
        writer.writerow((*names, *map(_plain, found), row.previous_cost, row.previous_calls))
    if report.more:
        shown = [sum(column) for column in zip(*numbers, strict=True)]
        rest = (_plain(whole - part) for whole, part in zip(_numbers(report.totals), shown, strict=True))
        # of tags, which a call may have several of, there is no such sum
        writer.writerow(
            ("", f"{report.more} more group{'s' * (report.more > 1)}", *(rest if report.group_by != "tag" else ()))
        )
    return out.getvalue()


def _numbers(totals: CostTotals) -> tuple[Decimal, ...]:
    """In the order of the columns."""
    tokens = totals.tokens
    found = (
        totals.calls, totals.attempts, tokens.input, tokens.cache_read, tokens.cache_write, tokens.output,
        tokens.reasoning, totals.cost, totals.unpriced, totals.unmetered, totals.estimated, totals.estimated_cost,
        totals.booked_cost,
    )  # fmt: skip
    return tuple(Decimal(each) for each in found)


def _plain(number: Decimal) -> str:
    """Every digit, and no exponent."""
    return f"{number:f}"


@route(
    "GET",
    "/api/v1/projects/{project:str}/costs/waste",
    "cost:read",
    Operation(id="getWaste", summary="What was paid and need not have been", tag=TAG, errors=(404,)),
)
async def get_waste(
    deps: Deps, tenant: Tenant, q: Query = "", start: Start = None, end: End = None, oversized: Bound = OVERSIZED
) -> WasteReport:
    """Each attempt is in one kind at most. ``oversized`` is where a call's input is called too large."""
    return await deps.costs.waste(tenant.id, q, window(deps, start, end), oversized)


@route(
    "GET",
    "/api/v1/projects/{project:str}/costs/top",
    "cost:read",
    Operation(id="getCostly", summary="The most expensive calls and prompts", tag=TAG, errors=(404,)),
)
async def get_costly(
    deps: Deps, tenant: Tenant, q: Query = "", start: Start = None, end: End = None, limit: Rows = 20
) -> Costly:
    return await deps.costs.costly(tenant.id, q, window(deps, start, end), limit)


@route(
    "GET",
    "/api/v1/projects/{project:str}/costs/attempts",
    "cost:read",
    Operation(id="listAttempts", summary="Rows of the ledger, newest first", tag=TAG, errors=(404,)),
)
async def list_attempts(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    start: Start = None,
    end: End = None,
    limit: Rows = 100,
    energy: FromQuery[bool] = False,
) -> list[CostlyCall]:
    """Each says by which price row it was booked, by which it is priced now, and what its cost is made of. Ask for one
    call with ``q=request:…`` or ``q=trace:…``."""
    return await deps.costs.attempts(tenant.id, q, window(deps, start, end), limit, energy=energy)


ROUTES = (get_costs, export_costs, get_waste, get_costly, list_attempts, *batches.ROUTES)
