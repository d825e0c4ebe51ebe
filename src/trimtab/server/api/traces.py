"""Traces: what happened, asked of the telemetry store. Every question is of one project."""

import asyncio
import logging
import sqlite3
from typing import Annotated, Any

from litestar import Request
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound, Unavailable
from trimtab.governance.access import Project
from trimtab.governance.content_reads import MOST_REASON, checked_reason, unmask
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.content_access import STATE
from trimtab.server.dependencies import Dependencies
from trimtab.server.housing import SPOOL
from trimtab.server.long_answers import answer_of
from trimtab.server.policing import Asked, permit
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Operation, Tenant, route
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.views import Facet, GroupBy, Overview, SpanIO, TraceDetail, TracePage, Window

logger = logging.getLogger("trimtab.server.traces")

TAG = "traces"
RETRY_S = 2.0
"""A trace whose rows are away is back within seconds."""
_DAY_MS = 24 * 3600 * 1000

# Bounds stand twice: `Meta` is what our OpenAPI shows, `QueryParameter` what Litestar checks.
_LAST = 2**53
Query = Annotated[
    str,
    Meta(description="A search, e.g. `status:error model:fast refund`.", max_length=2000),
    QueryParameter(max_length=2000),
]
Start = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds; a day before the end if left out.")] | None,
    QueryParameter(ge=0, le=_LAST),
]
End = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds, not included; now if left out.")] | None,
    QueryParameter(ge=0, le=_LAST),
]
Rows = Annotated[int, Meta(ge=1, le=200, description="How many at most."), QueryParameter(ge=1, le=200)]


def window_of(deps: Dependencies, start: int | None, end: int | None) -> Window:
    """The last day unless told otherwise. Raises `InvalidRequest` for an empty one."""
    until = deps.now() + 1 if end is None else end
    since = max(0, until - _DAY_MS) if start is None else start
    if since >= until:
        raise InvalidRequest("The time range is empty.", fix="Give a 'start' before 'end'.", param="start")
    return Window(start=since, end=until)


@route(
    "GET",
    "/api/v1/projects/{project:str}/traces",
    "trace:read",
    Operation(id="listTraces", summary="Search traces", tag=TAG, errors=(404,)),
)
async def list_traces(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    q: Query = "",
    start: Start = None,
    end: End = None,
    cursor: Cursor = None,
    limit: Rows = 50,
) -> TracePage:
    """Newest first."""
    found = await deps.reader.traces(tenant.id, q, window_of(deps, start, end), cursor, limit)
    if found.rows:
        await content_read(deps, caller, tenant, "traces")
    return found


@route(
    "GET",
    "/api/v1/projects/{project:str}/traces/{trace_id:str}",
    "trace:read",
    Operation(id="getTrace", summary="One trace with its spans", tag=TAG, errors=(404, 503)),
)
async def get_trace(
    deps: Deps, caller: CallerNow, tenant: Tenant, request: Request[Any, Any, Any], trace_id: FromPath[str]
) -> TraceDetail:
    found = await _trace(deps, tenant, trace_id)
    await content_read(deps, caller, tenant, "traces", trace_id)
    return answer_of(found, request)


async def _trace(deps: Dependencies, tenant: Project, trace_id: str) -> TraceDetail:
    # Before the rows: what is made anew in between is then told as it was, and asked for once more.
    due = await _due(deps, tenant, trace_id)
    found = await deps.reader.trace(tenant.id, trace_id)
    if found is None:
        if due is not None and due.in_hand:
            raise Unavailable(
                f"The trace {trace_id[:64]!r} is being made anew from all that came of it.",
                fix="Ask again in a few seconds.",
                retry_after_s=RETRY_S,
            )
        fix = "If its call was made just now, it may still be on its way to the store."
        if due is not None:
            fix = "It is to be made anew from all that came of it: ask again in a few seconds."
        raise NotFound(f"There is no trace {trace_id[:64]!r} in this project.", fix=fix)
    return found if due is None else replace(found, updating=due.at_ms)


async def _due(deps: Dependencies, tenant: Project, trace_id: str) -> barrier.Due | None:
    """As of `barrier.due`: of this server's spool, or of all servers' that write to one store."""
    if deps.remakes is not None:
        return await deps.remakes.due(tenant.id, trace_id)
    spool = deps.settings.data_dir.absolute() / SPOOL
    try:
        return await asyncio.to_thread(barrier.due, spool, tenant.id, trace_id)
    except sqlite3.Error as error:
        logger.warning("whether the trace %s is to be made anew cannot be read: %s", trace_id[:64], error)
        return None  # the trace itself is there, and is what was asked for


@route(
    "GET",
    "/api/v1/projects/{project:str}/traces/{trace_id:str}/spans/{span_id:str}/io",
    "trace:read",
    Operation(id="getSpanIO", summary="What went into a span and came out", tag=TAG, errors=(404,)),
)
async def get_span_io(
    deps: Deps, caller: CallerNow, tenant: Tenant, trace_id: FromPath[str], span_id: FromPath[str]
) -> SpanIO:
    await permit(deps, caller, tenant, Asked(action="read_content", kind="trace", trace_id=trace_id))
    found = await deps.reader.span_io(tenant.id, trace_id, span_id)
    if found is None:
        raise NotFound(f"There is no span {span_id[:64]!r} in that trace.", fix="Take the ids from the trace.")
    await content_read(deps, caller, tenant, "traces", trace_id)
    return found


class UnmaskRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """``reason`` stands in the audit log, with who and when: one line."""

    reason: Annotated[str, Meta(min_length=3, max_length=MOST_REASON)]


@route(
    "POST",
    "/api/v1/projects/{project:str}/traces/{trace_id:str}/unmask",
    "content:unmask",
    Operation(id="unmaskTrace", summary="Read one trace's content, and say why", tag="content", errors=(404,)),
)
async def unmask_trace(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    request: Request[Any, Any, Any],
    trace_id: FromPath[str],
    data: JSONBody[UnmaskRequest],
) -> TraceDetail:
    """The trace with its texts. For an hour its spans' ``io`` is answered too. An entry ``content.unmasked`` with the
    reason is in the audit log before anything is."""
    reason = checked_reason(data.reason)
    found = await _trace(deps, tenant, trace_id)
    await permit(deps, caller, tenant, Asked(action="read_content", kind="trace", trace_id=trace_id))

    def work(conn: Connection) -> None:
        unmask(conn, tenant.id, actor_of(conn, caller), trace_id, reason, moment(conn, deps))

    await deps.db.write(work)
    request.scope["state"][STATE] = False
    return answer_of(found, request)


@route(
    "GET",
    "/api/v1/projects/{project:str}/facets",
    "trace:read",
    Operation(id="listFacets", summary="Values to filter by, with counts", tag=TAG, errors=(404,)),
)
async def list_facets(deps: Deps, tenant: Tenant, q: Query = "", start: Start = None, end: End = None) -> list[Facet]:
    return await deps.reader.facets(tenant.id, q, window_of(deps, start, end))


@route(
    "GET",
    "/api/v1/projects/{project:str}/overview",
    "trace:read",
    Operation(id="getOverview", summary="Calls, errors, cost and latency over time", tag=TAG, errors=(404,)),
)
async def get_overview(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    start: Start = None,
    end: End = None,
    group_by: FromQuery[GroupBy] = "none",
) -> Overview:
    return await deps.reader.overview(tenant.id, q, window_of(deps, start, end), group_by)


ROUTES = (list_traces, get_trace, get_span_io, unmask_trace, list_facets, get_overview)
