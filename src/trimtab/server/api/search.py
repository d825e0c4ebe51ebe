"""Questions beyond lists: aggregations over what a search finds, its completion, SQL. Each is of one project."""

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, QueryParameter, SkipValidation
from msgspec import Meta, Struct

from trimtab.server.api.traces import End, Query, Start, window_of
from trimtab.server.auditing import Deed, written
from trimtab.server.content_access import may_read
from trimtab.server.policing import Asked, permit
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.telemetry.search.aggregate import Aggregation
from trimtab.telemetry.search.aggregate_views import AggregateReport, Of
from trimtab.telemetry.search.complete import Completion
from trimtab.telemetry.search.metrics import names_of
from trimtab.telemetry.sql.door import SqlResult
from trimtab.telemetry.switches import store as detector_store

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


def _aggregation(
    metrics: Metrics = "count",
    group_by: Dimensions = "",
    interval: Interval = "none",
    of: FromQuery[Of] = "traces",
    order: Order = "",
    limit: Groups = 50,
) -> Aggregation:
    return Aggregation(
        metrics=names_of(metrics),
        group_by=names_of(group_by),
        interval=interval,
        of=of,
        order=order,
        limit=limit,
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/aggregate",
    "trace:read",
    Operation(id="aggregate", summary="Metrics by any dimensions and by time", tag=TAG, errors=(404,)),
    gathered={"asked": _aggregation},
)
async def get_aggregate(
    deps: Deps,
    tenant: Tenant,
    asked: NamedDependency[SkipValidation[Aggregation]],
    q: Query = "",
    start: Start = None,
    end: End = None,
) -> AggregateReport:
    """Of what a search finds. Groups by the first metric, the largest first, unless `order` says otherwise."""
    return await deps.search.aggregate(tenant.id, q, window_of(deps, start, end), asked)


Cursor = Annotated[
    Annotated[int, Meta(ge=0, le=2000, description="Characters before the cursor; all of them if left out.")] | None,
    QueryParameter(ge=0, le=2000),
]


@route(
    "GET",
    "/api/v1/projects/{project:str}/search/complete",
    "trace:read",
    Operation(id="completeSearch", summary="What could be typed next in a search", tag=TAG, errors=(404,)),
)
async def complete_search(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    cursor: Cursor = None,
    of: FromQuery[Of] = "traces",
    start: Start = None,
    end: End = None,
) -> Completion:
    """Keys, signs, and the values that occur most among the newest calls of the window."""
    at = len(q) if cursor is None else cursor
    return await deps.search.complete(tenant.id, q, at, window_of(deps, start, end), of)


class SqlRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """One SELECT over the tables spans, texts, ledger and scores (docs/search.md). ``limit`` bounds the rows."""

    sql: str
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


@route(
    "POST",
    "/api/v1/projects/{project:str}/sql",
    "sql:read",
    Operation(id="runSql", summary="Ask in SQL", tag=TAG, status=200, errors=(404, 413, 429)),
)
async def run_sql(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[SqlRequest]) -> SqlResult:
    """Read-only, of this project alone; bounded in seconds, memory, rows. One statement runs at a time. Columns of
    texts are empty for who may not read content."""
    await permit(deps, caller, tenant, Asked(action="read_content", kind="sql"))
    texts = may_read(caller.principal, tenant)
    found = await deps.search.sql(tenant.id, data.sql, data.limit, texts=texts, key=caller.principal.key_id)
    await content_read(deps, caller, tenant, "sql")
    return found


class TextIndex(Struct, kw_only=True, forbid_unknown_fields=True):
    """``on``: what is said is kept once more under an index, so that bare words of a search find it."""

    on: bool


@route(
    "GET",
    "/api/v1/projects/{project:str}/search/text-index",
    "trace:read",
    Operation(id="getTextIndex", summary="Whether words can be searched", tag=TAG, errors=(404,)),
)
async def get_text_index(deps: Deps, tenant: Tenant) -> TextIndex:
    """Where it is off, searches by keys work, and those with bare words are refused (`texts_not_indexed`)."""
    return TextIndex(on=await deps.db.read(lambda conn: detector_store.indexes_texts(conn, tenant.id)))


@route(
    "PUT",
    "/api/v1/projects/{project:str}/search/text-index",
    "project:write",
    Operation(id="setTextIndex", summary="Let words be searched, or not", tag=TAG, errors=(404,)),
)
async def set_text_index(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[TextIndex]) -> TextIndex:
    """Holds for what is stored from then on (within five seconds): what came while it was off is not found later."""
    deed = Deed(
        project=tenant,
        action="text_index.switched",
        subject="text_index",
        state=lambda conn: {"on": detector_store.indexes_texts(conn, tenant.id)},
    )
    await written(deps, caller, deed, lambda conn: detector_store.index_texts(conn, tenant.id, data.on))
    await deps.switches.follow()
    return data


ROUTES = (get_aggregate, complete_search, run_sql, get_text_index, set_text_index)
