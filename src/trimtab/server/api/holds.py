"""Answers that wait for a person: asked for by the client that made the call, listed for people."""

from typing import Annotated, Any

from litestar import Request, Response
from litestar.params import FromPath, QueryParameter
from sqlalchemy import Connection

from trimtab.gateway.holds import Holding
from trimtab.review import holds, queues
from trimtab.review.holds import Hold, State
from trimtab.review.items import item
from trimtab.server.bodies.review import HoldPage, HoldView
from trimtab.server.data_plane import project_asked
from trimtab.server.held_answers import rendered
from trimtab.server.holding import current
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "review"
AT = "/api/v1/projects/{project:str}/holds"
Only = Annotated[State | None, QueryParameter(name="state")]


@route(
    "GET",
    "/v1/holds/{hold:str}",
    "model:call",
    Operation(id="askForHold", summary="A held answer, when it may go out", tag=TAG, errors=(404,)),
)
async def ask_for_hold(
    deps: Deps, caller: CallerNow, request: Request[Any, Any, Any], hold: FromPath[str]
) -> Response[bytes]:
    """For the key that made the call. 202 while it waits (ask again after ``retry-after`` seconds), then 200 with the
    answer, its correction or the fallback, in the dialect and form of the call; ``trimtab-hold-status`` says which."""
    project = await project_asked(deps, caller.principal, request, "model:call")
    found = await current(deps.db, deps.clock, project.id, hold, caller.principal.key_id)
    waiting = await deps.db.read(lambda conn: _waiting(conn, found)) if found.state == "pending" else ""
    made = rendered(found, waiting)
    return Response(made.body, status_code=made.status, media_type=made.content_type, headers=made.headers)


def _waiting(conn: Connection, found: Hold) -> str:
    if not found.item:
        return Holding().waiting
    spec = queues.queue(conn, found.project_id, item(conn, found.project_id, found.item).queue).spec
    return (spec.holding or Holding()).waiting


def _view(found: Hold) -> HoldView:
    return HoldView(
        id=found.id,
        item=found.item,
        state=found.state,
        model=found.answer.model,
        request_id=found.answer.request,
        trace_id=found.answer.trace_id,
        fallback=found.fallback,
        outcome=found.said,
        created=found.created,
        expires=found.expires,
        ended=found.ended,
    )


@route(
    "GET", AT, "review:read", Operation(id="listHolds", summary="Held answers, newest first", tag=TAG, errors=(404,))
)
async def list_holds(
    deps: Deps, tenant: Tenant, only: Only = None, cursor: Cursor = None, limit: Limit = 100
) -> HoldPage:
    """Newest first. A verdict on its item (`POST .../review/items/{item}/verdicts`) releases one."""
    after = read_cursor(cursor)
    found = await deps.db.read(lambda conn: holds.listed(conn, tenant.id, only, after=after, limit=limit + 1))
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return HoldPage(items=[_view(each) for each in found[:limit]], cursor=more)


@route(
    "GET", AT + "/{hold:str}", "review:read", Operation(id="getHold", summary="A held answer", tag=TAG, errors=(404,))
)
async def get_hold(deps: Deps, tenant: Tenant, hold: FromPath[str]) -> HoldView:
    return _view(await current(deps.db, deps.clock, tenant.id, hold))


ROUTES = (ask_for_hold, list_holds, get_hold)
