"""Replay: recorded traffic decided again by another route."""

import asyncio
from random import Random

from litestar.params import JSONBody
from msgspec import structs

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.route import Target
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.compile import compile_route
from trimtab.gateway.routing.redecide import reads_headers, reads_text, redecide
from trimtab.gateway.routing.replay import (
    ChangedCall,
    Price,
    Report,
    by_target,
    changed,
    estimate,
    still_live,
)
from trimtab.gateway.routing.share import Shares
from trimtab.gateway.routing.types import Affinity, Route
from trimtab.governance.access import Project
from trimtab.llm.types import Usage
from trimtab.server.api.routing import checked
from trimtab.server.bodies.route import ReplayedCall, ReplayReport, ReplayRequest
from trimtab.server.content_access import may_read, refuse_words
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.telemetry.recorded import MOST_CALLS, RecordedAttempt
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

DAY_MS = 24 * 3600 * 1000
MOST_READ = 1_000
"""Calls of one replay whose text must be embedded (some 10 ms each)."""
MOST_CHANGES = 100


@route(
    "POST",
    "/api/v1/projects/{project:str}/replay",
    "trace:read",
    Operation(id="replayRoute", summary="Decide recorded calls again by another route", tag="routes", errors=(404,)),
)
async def replay(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[ReplayRequest]) -> ReplayReport:
    """No provider is asked. Give a ``tree``, or the ``name`` of a route in force. The newest calls are taken."""
    until = deps.now() + 1 if data.end is None else data.end
    since = until - DAY_MS if data.start is None else data.start
    if since >= until or not 1 <= data.limit <= MOST_CALLS:
        what = "The time range is empty." if since >= until else f"'limit' must be from 1 to {MOST_CALLS}."
        raise InvalidRequest(what, fix="Give a 'start' before 'end', and e.g. a limit of 1000.")
    if not may_read(caller.principal, tenant):
        refuse_words(data.q)
    window = Window(start=since, end=until)
    made, others = _route(deps, tenant, data)
    limit = min(data.limit, MOST_READ) if reads_text(made.tree) else data.limit
    recorded = deps.recorded
    total = await recorded.count(tenant.id, data.q, window)
    calls = await recorded.calls(tenant.id, data.q, window, limit)
    attempts = await recorded.attempts(tenant.id, calls)
    records = by_target(await recorded.by_target(tenant.id, window))
    bodies = await recorded.bodies(tenant.id, calls)
    fittings = structs.replace(
        deps.snapshots.made_with, live=still_live(tenant.id, records), pins=Pins(), shares=Shares()
    )
    targets = deps.snapshots.current.targets[tenant.id]
    compiled = compile_route(made, tenant.id, targets, others, fittings)
    await compiled.warm()
    by_call: dict[str, list[RecordedAttempt]] = {}
    for attempt in attempts:
        by_call.setdefault(attempt.request_id, []).append(attempt)
    decided = await redecide(compiled, calls, by_call, bodies, Random(data.seed))  # noqa: S311  repeatable, no secret
    where = {leaf.name: leaf.target for leaf in compiled.leaves}
    price = _priced(deps, where)
    report: Report = await asyncio.to_thread(estimate, decided, records, price, Random(data.seed))  # noqa: S311
    moved = await asyncio.to_thread(changed, decided, records, price, MOST_CHANGES)
    notes = list(report.notes)
    if reads_headers(made.tree):
        notes.append("Headers are not recorded: conditions on them were taken not to hold.")
    if unread := sum(not body.request for body in bodies.values()) + len(calls) - len(bodies):
        notes.append(f"{unread} calls were recorded without their text, and were decided as if nothing was said.")
    if compiled.trouble:
        notes.append(compiled.trouble)
    return ReplayReport(
        found=total,
        window=window,
        report=structs.replace(report, notes=notes),
        changes=[_change(each) for each in moved],
    )


def _change(each: ChangedCall) -> ReplayedCall:
    provider, model = each.target or ("", "")
    return ReplayedCall(
        trace_id=each.call.trace_id,
        at=each.call.start_ns // 1_000_000,
        before_provider=each.before[0],
        before_model=each.before[1],
        provider=provider,
        model=model,
        name=each.name,
        cost=dollars(each.cost),
        expected=dollars(each.expected),
    )


def _route(deps: Dependencies, tenant: Project, data: ReplayRequest) -> tuple[Route, dict[str, Route]]:
    """The route to decide by, and those it may name."""
    inforce = {name: each.route for name, each in deps.snapshots.current.routes.get(tenant.id, {}).items()}
    name = data.name or "replayed"
    if data.tree is None:
        if name not in inforce:
            raise InvalidRequest(
                f"There is no route {name[:80]!r} in this project.",
                fix="Give a 'tree', or a route's name.",
                param="name",
            )
        return inforce[name], inforce
    others = {other: each for other, each in inforce.items() if other != name}
    return checked(deps, tenant, Route(name=name, tree=data.tree, affinity=data.affinity or Affinity())), others


def _priced(deps: Dependencies, where: dict[str, Target]) -> Price:
    now_ns, expect = deps.clock.now_ns(), deps.snapshots.made_with.expect
    known: dict[tuple[str, int, int], int | None] = {}

    def price(name: str, tokens_in: int, tokens_out: int) -> int | None:
        at = (name, tokens_in, tokens_out)
        if at not in known:
            known[at] = expect(where[name], Usage(input=tokens_in, output=tokens_out), now_ns)
        return known[at]

    return price


ROUTES = (replay,)
