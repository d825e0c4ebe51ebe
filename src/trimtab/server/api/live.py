"""Live tail over server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, cast

import msgspec
from litestar import Request, Response
from litestar.params import QueryParameter
from litestar.response import Stream
from msgspec import Meta

from trimtab.governance import permissions
from trimtab.governance.access import Principal, Project
from trimtab.server.api.traces import TAG, Query
from trimtab.server.content_access import may_read
from trimtab.server.dependencies import Dependencies
from trimtab.server.reading import content_read
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.server.withholding import tail_event
from trimtab.telemetry.seen.tail import TailEvent

RETRY_MS: Final = 1_000
_LAST = 2**53
Since = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds; now if left out.")] | None,
    QueryParameter(ge=0, le=_LAST),
]


@route(
    "GET",
    "/api/v1/projects/{project:str}/traces/live",
    "trace:read",
    Operation(
        id="tailTraces",
        summary="Traces as they come, as server-sent events",
        tag=TAG,
        errors=(404, 429),
        media_type="text/event-stream",
    ),
)
async def tail_traces(
    deps: Deps,
    tenant: Tenant,
    caller: CallerNow,
    request: Request[Any, Any, Any],
    q: Query = "",
    since: Since = None,
) -> Response[str]:
    """Events ``traces`` (``rows`` as in the list, ``behind_ms``, ``skipped``: how many were too many), ``beat`` at
    least every ten seconds, ``away`` while the store does not answer, ``bye`` before the server closes. An event's id
    is where to go on: send it as ``Last-Event-ID`` (browsers do) or as ``since``. Rows may come twice."""
    deps.tail.check(tenant.id, q)
    await deps.tail.try_search(tenant.id, q)
    heard = request.headers.get("last-event-id", "")
    start = int(heard) if heard.isdecimal() and len(heard) < 16 else since
    await content_read(deps, caller, tenant, "traces")
    body = _told(deps, tenant, q, start, caller.principal)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return cast("Response[str]", Stream(body, media_type="text/event-stream", headers=headers))


async def _told(
    deps: Dependencies, tenant: Project, q: str, since: int | None, principal: Principal
) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RETRY_MS

    def may() -> bool:
        """The key is still there and still allows it: a stream ends with the key that opened it."""
        now = deps.snapshots.principal(principal.key_id)
        if now is None or 0 < now.expires_ns <= deps.clock.now_ns():
            return False
        return permissions.holds_in(now, "trace:read", tenant)

    def shown(event: TailEvent) -> TailEvent:
        """Without texts as soon as content may not be read any more."""
        now = deps.snapshots.principal(principal.key_id)
        return event if now is not None and may_read(now, tenant) else tail_event(event)

    events = deps.tail.watch(tenant.id, q, since, may)
    try:
        async for event in events:
            yield _rendered(shown(event))
    finally:
        await events.aclose()


def _rendered(event: TailEvent) -> bytes:
    data = msgspec.json.encode({"rows": event.rows, "behind_ms": event.behind_ms, "skipped": event.skipped})
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.at, event.kind.encode(), data)


ROUTES = (tail_traces,)
