"""Sessions, users, tools, causes of errors, and traces as graphs and side by side. Every question is of one project."""

import asyncio
from typing import Annotated, Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation
from msgspec import Meta
from msgspec.structs import replace

from trimtab.core.errors import NotFound
from trimtab.server.api.traces import End, Query, Rows, Start, window_of
from trimtab.server.dependencies import Dependencies
from trimtab.server.long_answers import answer_of
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Cursor, Deps, Operation, Tenant, read_cursor, route, write_cursor
from trimtab.telemetry.seen.compare import compare
from trimtab.telemetry.seen.graph import agent_graph
from trimtab.telemetry.seen.people import Listing, read_place
from trimtab.telemetry.seen.views import (
    AgentGraph,
    CauseReport,
    PeopleSort,
    SessionPage,
    SessionView,
    ToolReport,
    TraceComparison,
    UserPage,
    UserRow,
)
from trimtab.telemetry.views import TraceDetail

TAG = "seen"

TraceId = Annotated[
    str, Meta(description="A trace's id, 32 hexadecimal digits.", max_length=64), QueryParameter(max_length=64)
]


def _listing(sort: FromQuery[PeopleSort] = "last", cursor: Cursor = None, limit: Rows = 50) -> Listing:
    return Listing(sort=sort, place=read_place(read_cursor(cursor)), limit=limit)


def _next(cursor: str | None) -> str | None:
    return None if cursor is None else write_cursor(cursor)


@route(
    "GET",
    "/api/v1/projects/{project:str}/sessions",
    "trace:read",
    Operation(id="listSessions", summary="Sessions with their sums", tag=TAG, errors=(404,)),
    gathered={"listing": _listing},
)
async def list_sessions(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    listing: NamedDependency[SkipValidation[Listing]],
    q: Query = "",
    start: Start = None,
    end: End = None,
) -> SessionPage:
    """Those with a call that fits ``q``; the numbers are of all their calls in the window. Largest first."""
    page = await deps.seen.sessions(tenant.id, q, window_of(deps, start, end), listing)
    if page.items:
        await content_read(deps, caller, tenant, "sessions")
    return replace(page, cursor=_next(page.cursor))


@route(
    "GET",
    "/api/v1/projects/{project:str}/sessions/{session:str}",
    "trace:read",
    Operation(id="getSession", summary="One session: its sums and its turns, oldest first", tag=TAG, errors=(404,)),
)
async def get_session(
    deps: Deps, caller: CallerNow, tenant: Tenant, session: FromPath[str], cursor: Cursor = None, limit: Rows = 50
) -> SessionView:
    """``summary`` is of the whole session; a turn is a trace. What was said is in each turn's ``io``."""
    found = await deps.seen.session(tenant.id, session, read_place(read_cursor(cursor)), limit)
    if found is None:
        raise NotFound(f"There is no session {session[:80]!r} in this project.", fix="GET .../sessions lists them.")
    await content_read(deps, caller, tenant, f"session:{session}")
    return replace(found, cursor=_next(found.cursor))


@route(
    "GET",
    "/api/v1/projects/{project:str}/users",
    "trace:read",
    Operation(id="listUsers", summary="Users with what they cost", tag=TAG, errors=(404,)),
)
async def list_users(
    deps: Deps,
    tenant: Tenant,
    q: Query = "",
    start: Start = None,
    end: End = None,
    sort: FromQuery[PeopleSort] = "last",
    cursor: Cursor = None,
    limit: Rows = 50,
) -> UserPage:
    """Those with a call that fits ``q``; the numbers are of all their calls in the window. Largest first."""
    listing = _listing(sort, cursor, limit)
    page = await deps.seen.users(tenant.id, q, window_of(deps, start, end), listing)
    return replace(page, cursor=_next(page.cursor))


@route(
    "GET",
    "/api/v1/projects/{project:str}/users/{user:str}",
    "trace:read",
    Operation(id="getUser", summary="One user's sums", tag=TAG, errors=(404,)),
)
async def get_user(deps: Deps, tenant: Tenant, user: FromPath[str], start: Start = None, end: End = None) -> UserRow:
    """Their sessions and calls: ``GET .../sessions?q=user:…``, ``GET .../traces?q=user:…``."""
    found = await deps.seen.user(tenant.id, user, window_of(deps, start, end))
    if found is None:
        raise NotFound(
            f"There is no call of a user {user[:80]!r} in this window.", fix="Ask about a longer time, or list users."
        )
    return found


@route(
    "GET",
    "/api/v1/projects/{project:str}/errors",
    "trace:read",
    Operation(id="listCauses", summary="Errors grouped by cause", tag=TAG, errors=(404,)),
)
async def list_causes(
    deps: Deps, tenant: Tenant, q: Query = "", start: Start = None, end: End = None, limit: Rows = 100
) -> CauseReport:
    """The most frequent first. ``q`` chooses traces; every failed span of them is counted, healed ones too."""
    return await deps.seen.causes(tenant.id, q, window_of(deps, start, end), limit)


@route(
    "GET",
    "/api/v1/projects/{project:str}/tools",
    "trace:read",
    Operation(id="listTools", summary="Tools: which fail, how slow, how often misused", tag=TAG, errors=(404,)),
)
async def list_tools(deps: Deps, tenant: Tenant, q: Query = "", start: Start = None, end: End = None) -> ToolReport:
    """Those with the most trouble first; at most 500."""
    return await deps.seen.tools(tenant.id, q, window_of(deps, start, end))


@route(
    "GET",
    "/api/v1/projects/{project:str}/traces/{trace_id:str}/graph",
    "trace:read",
    Operation(id="getTraceGraph", summary="Who called whom within a trace", tag=TAG, errors=(404,)),
)
async def get_trace_graph(deps: Deps, tenant: Tenant, trace_id: FromPath[str]) -> AgentGraph:
    """Spans of one kind and name are one node."""
    found = await _trace(deps, tenant.id, trace_id)
    return await asyncio.to_thread(agent_graph, found)


@route(
    "GET",
    "/api/v1/projects/{project:str}/compare",
    "trace:read",
    Operation(id="compareTraces", summary="Two traces side by side", tag=TAG, errors=(404,)),
)
async def compare_traces(
    deps: Deps, caller: CallerNow, tenant: Tenant, request: Request[Any, Any, Any], a: TraceId, b: TraceId
) -> TraceComparison:
    """Aligned spans and what differs between them. Texts are compared by their previews; ask for ``io`` to see them."""
    # One after the other: where neither is there, it is the first that is named.
    both = [await _trace(deps, tenant.id, a), await _trace(deps, tenant.id, b)]
    for trace in (a, b):
        await content_read(deps, caller, tenant, "traces", trace)
    return answer_of(await asyncio.to_thread(_compared, both), request, "pairs")


_AT_ONCE = 500
"""Spans that are let go before others have their turn."""


def _compared(both: list[TraceDetail]) -> TraceComparison:
    """Empties ``both``. To let go of 60,000 spans in one go would be time in which no call is answered, wherever it is
    done."""
    other, one = both.pop(), both.pop()
    made = compare(one, other)
    for spans in (one.spans, other.spans):
        while spans:
            del spans[-_AT_ONCE:]
    return made


async def _trace(deps: Dependencies, project: str, trace_id: str) -> TraceDetail:
    found = await deps.reader.trace(project, trace_id)
    if found is None:
        raise NotFound(f"There is no trace {trace_id[:64]!r} in this project.", fix="Take the id from the list.")
    return found


ROUTES = (
    list_sessions,
    get_session,
    list_users,
    get_user,
    list_causes,
    list_tools,
    get_trace_graph,
    compare_traces,
)
