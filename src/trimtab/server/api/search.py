"""Questions beyond lists: aggregations over what a search finds. Every question is of one project."""

from typing import Annotated

from litestar.params import FromQuery, QueryParameter
from msgspec import Meta

from trimtab.server.api.traces import End, Query, Start, window_of
from trimtab.server.routes import Deps, Operation, Tenant, route
from trimtab.telemetry.aggregate import Aggregation
from trimtab.telemetry.aggregate_views import AggregateReport, Of
from trimtab.telemetry.metrics import names_of

TAG = "traces"

# Bounds stand twice: `Meta` is what our OpenAPI shows, `QueryParameter` what Litestar checks.
Metrics = Annotated[
    str,
    Meta(description="E.g. `count,cost,p95(duration),top(user,5)`; see docs/search.md.", max_length=1000),
    QueryParameter(max_length=1000),
]
Dimensions = Annotated[
    str,
    Meta(description="Up to four, e.g. `model,meta.team`.", max_length=1000),
    QueryParameter(max_length=1000),
]
Interval = Annotated[
    str,
    Meta(description="A step of time: `none`, `auto`, or e.g. `5m`, `1h`, `1d`.", max_length=20),
    QueryParameter(max_length=20),
]
Order = Annotated[
    str,
    Meta(description="One of the metrics; with `-` before it from the largest.", max_length=300),
    QueryParameter(max_length=300),
]
Groups = Annotated[int, Meta(ge=1, le=1000, description="How many groups at most."), QueryParameter(ge=1, le=1000)]


@route(
    "GET",
    "/api/v1/projects/{project:str}/aggregate",
    "trace:read",
    Operation(id="aggregate", summary="Metrics by any dimensions and by time", tag=TAG, errors=(404,)),
)
async def get_aggregate(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    metrics: Metrics = "count",
    group_by: Dimensions = "",
    interval: Interval = "none",
    of: FromQuery[Of] = "traces",
    order: Order = "",
    limit: Groups = 50,
    start: Start = None,
    end: End = None,
) -> AggregateReport:
    """Of what a search finds. Groups by the first metric, the largest first, unless `order` says otherwise."""
    asked = Aggregation(
        metrics=names_of(metrics),
        group_by=names_of(group_by),
        interval=interval,
        of=of,
        order=order,
        limit=limit,
    )
    return await deps.search.aggregate(tenant.id, q, window_of(deps, start, end), asked)


ROUTES = (get_aggregate,)
