"""Batches that were made through us: how far each is, what it came to, and what limits hold for it."""

from typing import Annotated, Literal, cast

from litestar.params import QueryParameter
from msgspec import Meta

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.money import batch_store as store
from trimtab.gateway.money.batch_store import Made
from trimtab.ledger.limits import Measure, amount_text
from trimtab.server.bodies.cost import BatchPage, BatchView, HeldLine
from trimtab.server.routes import Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "costs"
States = Literal["", "making", "open", "completed", "failed", "expired", "cancelled", "lost"]
State = Annotated[States, Meta(description="Those in that state alone."), QueryParameter(name="state")]


@route(
    "GET",
    "/api/v1/projects/{project:str}/batches",
    "cost:read",
    Operation(
        id="listBatches", summary="Batches that were made through us, and what they came to", tag=TAG, errors=(404,)
    ),
)
async def list_batches(
    deps: Deps, tenant: Tenant, in_state: State = "", cursor: Cursor = None, limit: Limit = 100
) -> BatchPage:
    """Newest first. They are looked after until they are over, whether anybody reads them or not."""
    keys, before = deps.keys(), _before(read_cursor(cursor))
    found = await deps.db.read(
        lambda conn: store.of_project(conn, tenant.id, keys, state=in_state, before=before, limit=limit + 1)
    )
    last = found[limit - 1] if len(found) > limit else None
    more = None if last is None else write_cursor(f"{last.made}:{last.id}")
    return BatchPage(items=[_view(made) for made in found[:limit]], cursor=more)


def _before(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    at, _, mark = cursor.partition(":")
    if not at.isdecimal() or len(at) > 18 or not mark:
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return int(at), mark


def _view(made: Made) -> BatchView:
    about, is_open = made.about, not made.settled
    holds = about.holds if is_open or made.settlement != "told" else ()
    return BatchView(
        id=made.batch_id,
        provider=made.provider,
        model=about.model,
        works_on=about.works_on,
        endpoint=about.endpoint,
        state=made.state,
        status=made.status,
        made=made.made,
        looked=made.looked or None,
        next_look=made.due if is_open else None,
        failures=made.failures,
        why=made.why,
        ended=(made.ended or None) if made.state not in ("making", "open") else None,
        settled=made.settled or None,
        settlement=made.settlement,
        tokens=made.tokens,
        cost=None if made.cost is None else amount_text("money", made.cost),
        key_id=made.key_id,
        feature=about.feature,
        trace_id=about.trace_id,
        request_id=made.request_id,
        held=[
            HeldLine(
                limit=hold.limit, measure=hold.measure, amount=amount_text(cast("Measure", hold.measure), hold.amount)
            )
            for hold in holds
            if not hold.soft
        ],
    )


ROUTES = (list_batches,)
