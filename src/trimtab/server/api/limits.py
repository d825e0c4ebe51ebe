"""Limits and budgets: the rules of a project, how they stand, and what happened to them."""

from typing import Annotated, Any

import msgspec
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.store import KeyRow
from trimtab.governance.store import keys as keys_of
from trimtab.ledger import limit_store
from trimtab.ledger.limit_state import Standing, standings
from trimtab.ledger.limit_store import Event, LimitRow
from trimtab.ledger.limits import DIMENSIONS, Dimension, Rule, Scope, amount_text, check_rule, picodollars, when_away
from trimtab.ledger.windows import leaves_at, slot_at
from trimtab.server import auditing
from trimtab.server.auditing import Deed, Edited, edited, written
from trimtab.server.bodies.limit import (
    BurnDown,
    BurnPoint,
    LimitBody,
    LimitEventPage,
    LimitEventView,
    LimitPage,
    LimitView,
    NewLimit,
    PutLimit,
    ScopeBody,
    StandingView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Seen,
    Tenant,
    cut,
    read_cursor,
    route,
    write_cursor,
)
from trimtab.telemetry.units import step_ms
from trimtab.telemetry.views import Window

TAG = "limits"
KIND = "limit"
MOST_DIGITS = 19
MS = 1_000_000
Values = Annotated[
    Annotated[list[str], Meta(max_length=6, description="The values of the count, one for each `per` dimension.")]
    | None,
    QueryParameter(max_items=6),
]


# --- views ---


def _declared(deps: Dependencies, tenant: Project) -> dict[str, Rule]:
    return deps.config.limits if deps.config.project == tenant.slug else {}


def _view(rule: Rule, found: list[Standing], keys: list[KeyRow], revision: int) -> LimitView:
    """``revision`` 0: the config file declares it."""
    return LimitView(
        name=rule.name,
        measure=rule.measure,
        bound=amount_text(rule.measure, rule.bound),
        window=rule.window,
        timezone=rule.timezone,
        scope=ScopeBody(**{dimension: list(getattr(rule.scope, dimension)) for dimension in DIMENSIONS}),
        per=list(rule.per),
        mode=rule.mode,
        unknown_price=rule.unknown_price,
        unknown_amount=amount_text("money", rule.unknown_amount),
        catalog_down=when_away(rule),
        max_output=rule.max_output,
        cap_output=rule.cap_output,
        headers=rule.headers,
        source="catalog" if revision else "config",
        revision=revision,
        standings=[_standing(rule, one, keys) for one in found],
    )


def _standing(rule: Rule, one: Standing, keys: list[KeyRow]) -> StandingView:
    return StandingView(
        values=one.values,
        keys=_counted_keys(rule, keys, one.values.get("key")),
        used=amount_text(rule.measure, one.used),
        held=amount_text(rule.measure, one.held),
        remaining=amount_text(rule.measure, one.left),
        started=one.began,
        resets=one.resets,
        burn_rate=amount_text(rule.measure, one.per_hour),
        exhausted=one.exhausted,
    )


def _counted_keys(rule: Rule, keys: list[KeyRow], counted: str | None) -> list[str]:
    """The ids of the keys whose calls are counted, as `ledger.reserve` takes them: those that took the place of others
    with them. ``counted`` is the one of which there is a count of its own. None where a rule is of no keys."""
    if not rule.scope.key and counted is None:
        return []
    named = set(rule.scope.key)
    return [
        row.id
        for row in keys
        if counted in (None, row.counts_as or row.id)
        and (not named or named & {row.id, row.name, row.counts_as or row.id, *(row.aliases or ())})
    ]


def _rule(name: str, body: LimitBody) -> Rule:
    """Raises `InvalidRequest`."""
    scope = body.scope or ScopeBody()
    rule = Rule(
        name=name,
        measure=body.measure,
        bound=_amount(body.bound, money=body.measure == "money"),
        window=body.window,
        timezone=body.timezone,
        scope=Scope(**{dimension: tuple(getattr(scope, dimension)) for dimension in DIMENSIONS}),
        per=tuple(body.per),
        mode=body.mode,
        unknown_price=body.unknown_price,
        unknown_amount=picodollars(body.unknown_amount, param="unknown_amount"),
        catalog_down=body.catalog_down,
        max_output=body.max_output,
        cap_output=body.cap_output,
        headers=body.headers,
    )
    check_rule(rule)
    return rule


def _amount(text: str, *, money: bool) -> int:
    if money:
        return picodollars(text)
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise InvalidRequest(f"{text[:40]!r} is not a whole number.", fix="Give e.g. '60'.", param="bound")
    return int(text)


# --- routes ---


@route(
    "GET",
    "/api/v1/projects/{project:str}/limits",
    "limit:read",
    Operation(id="listLimits", summary="The limits of a project, and how they stand", tag=TAG, errors=(404,)),
)
async def list_limits(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> LimitPage:
    """In order of name. One declared in the config file hides one of the same name in the catalog. What workers have
    spent is told about once a second."""
    declared = _declared(deps, tenant)

    def read(conn: Connection) -> tuple[dict[str, int], list[LimitRow]]:
        return edits.revisions(conn, tenant.id, KIND), limit_store.limits(conn, tenant.id)

    revisions, rows = await deps.db.read(read)
    rules = {row.name: row.rule for row in rows} | declared
    names, more = cut(sorted(rules), cursor, limit)
    now = deps.clock.now_ns()
    found = await deps.db.read(lambda conn: {name: standings(conn, tenant.id, rules[name], now) for name in names})
    keys = await _keys(deps, tenant, *(rules[name] for name in names))
    items = [_view(rules[n], found[n], keys, 0 if n in declared else revisions.get(n, FIRST)) for n in names]
    return LimitPage(items=items, cursor=more)


async def _keys(deps: Dependencies, tenant: Project, *rules: Rule) -> list[KeyRow]:
    """The project's, where a rule needs them."""
    needed = any(rule.scope.key or "key" in rule.per for rule in rules)
    return await deps.db.read(lambda conn: keys_of(conn, tenant.id)) if needed else []


@route(
    "GET",
    "/api/v1/projects/{project:str}/limits/{name:str}/burn-down",
    "limit:read",
    Operation(id="getBurnDown", summary="How a limit was used over its window", tag=TAG, errors=(404,)),
)
async def get_burn_down(deps: Deps, tenant: Tenant, name: FromPath[str], value: Values = None) -> BurnDown:
    """From the books, for the window in force. ``value`` names the count of a limit that has several: one for each of
    its ``per`` dimensions, in that order."""
    rows = await deps.db.read(lambda conn: limit_store.limits(conn, tenant.id))
    rule = ({row.name: row.rule for row in rows} | _declared(deps, tenant)).get(name)
    if rule is None:
        raise NotFound(f"There is no limit {name[:80]!r}.", fix="Look at the list of limits.")
    if rule.measure == "concurrency":
        raise InvalidRequest(
            "Concurrency is counted at a moment: there is nothing to burn down.", fix="Ask for another limit."
        )
    own = tuple(value or ())
    if len(own) != len(rule.per):
        raise InvalidRequest(
            f"This limit has a count for each {', '.join(rule.per) or 'project'}: {len(rule.per)} values belong to it.",
            fix="Repeat 'value' for each of them, in that order." if rule.per else "Leave 'value' out.",
            param="value",
        )
    named: dict[Dimension, tuple[str, ...]] = {
        dimension: values for dimension in DIMENSIONS if (values := getattr(rule.scope, dimension))
    }
    now = deps.clock.now_ns()
    slot = slot_at(rule.window, rule.timezone, now)
    first, step = slot.since // MS, step_ms(max(1, now - slot.since) // MS)
    said = dict(zip(rule.per, own, strict=True))
    named.update((dimension, (value,)) for dimension, value in said.items())
    if keys := _counted_keys(rule, await _keys(deps, tenant, rule), said.get("key")):
        named["key"] = tuple(keys)  # the books know no names of keys, nor which took the place of which
    points = await deps.costs.burned(tenant.id, rule, named, Window(start=first, end=now // MS + 1), step)
    return BurnDown(
        limit=name,
        measure=rule.measure,
        bound=amount_text(rule.measure, rule.bound),
        started=first,
        resets=leaves_at(rule.window, slot) // MS,
        step_ms=step,
        points=[
            BurnPoint(at=min(first + (place + 1) * step, now // MS), used=amount_text(rule.measure, used))
            for place, used in enumerate(points)
        ],
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/limit-events",
    "limit:read",
    Operation(id="listLimitEvents", summary="What happened to limits", tag=TAG, errors=(404,)),
)
async def list_limit_events(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> LimitEventPage:
    """Newest first: soft limits passed, hard ones used up, overdrafts, calls larger than a whole limit."""
    before = read_cursor(cursor)
    found = await deps.db.read(lambda conn: limit_store.events(conn, tenant.id, before=before, limit=limit + 1))
    rows = await deps.db.read(lambda conn: limit_store.limits(conn, tenant.id))
    rules = {row.name: row.rule for row in rows} | _declared(deps, tenant)
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return LimitEventPage(items=[_event(event, rules.get(event.name)) for event in found[:limit]], cursor=more)


def _event(event: Event, rule: Rule | None) -> LimitEventView:
    """An event says its amounts in the measure that its rule has; of a rule that is gone they stay plain numbers."""
    measure = "requests" if rule is None else rule.measure
    values = msgspec.json.decode(event.bucket, type=list[str]) if event.bucket.endswith("]") else [event.bucket]
    return LimitEventView(
        id=event.id,
        limit=event.name,
        values=dict(zip((str(i) for i in range(len(values))) if rule is None else rule.per, values, strict=False)),
        kind=event.kind,
        at=event.at,
        used=amount_text(measure, event.used),
        bound=amount_text(measure, event.bound),
    )


@route(
    "POST",
    "/api/v1/projects/{project:str}/limits",
    "limit:write",
    Operation(id="createLimit", summary="Add a limit", tag=TAG, status=201, errors=(404, 409)),
)
async def create_limit(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewLimit]) -> LimitView:
    """In force in every worker when this returns."""
    rule, now = _rule(data.name, data), deps.now()
    row = LimitRow(project_id=tenant.id, name=rule.name, rule=rule, created=now, updated=now)
    declared = frozenset(_declared(deps, tenant))

    def add(conn: Connection) -> LimitRow:
        limit_store.put_limit(conn, row, declared, new=True)
        return row

    return await _in_force(deps, tenant, await edited(deps, caller, _deed(tenant, "limit.created", row.name), add))


@route(
    "PUT",
    "/api/v1/projects/{project:str}/limits/{name:str}",
    "limit:write",
    Operation(id="changeLimit", summary="Replace a limit", tag=TAG, errors=(404, 409)),
)
async def change_limit(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[PutLimit]
) -> LimitView:
    """With another bound the count goes on; with another measure, window, scope or ``per`` a new count begins. What
    workers had at hand under the old bound they give back within a second or so. With ``expected_revision`` it is
    refused (409) where somebody changed the limit since that revision."""
    rule = _rule(name, data)
    declared, now = frozenset(_declared(deps, tenant)), deps.now()

    def change(conn: Connection) -> LimitRow:
        old = _known(deps, tenant, limit_store.limits(conn, tenant.id), name)
        row = LimitRow(project_id=tenant.id, name=name, rule=rule, created=old.created, updated=now)
        limit_store.put_limit(conn, row, declared, new=False)
        return row

    made = await edited(deps, caller, _deed(tenant, "limit.changed", name, data.expected_revision), change)
    return await _in_force(deps, tenant, made)


def _known(deps: Dependencies, tenant: Project, rows: list[LimitRow], name: str) -> LimitRow:
    found = next((row for row in rows if row.name == name), None)
    if found is None:
        fix = did_you_mean(name, [row.name for row in rows], "limit")
        if name in _declared(deps, tenant):
            fix = "It is declared in the config file: change it there."
        raise NotFound(f"There is no limit {name[:80]!r} in the catalog.", fix=fix)
    return found


def _deed(tenant: Project, action: str, name: str, expected: int | None = None) -> Deed:
    kept = auditing.row(limit_store.LIMITS, project_id=tenant.id, name=name)

    def state(conn: Connection) -> dict[str, Any] | None:
        found = kept(conn)
        return found if found is None else {**found, "rule": _in_dollars(found["rule"])}

    edit = Edit(place=tenant.id, kind=KIND, name=name, expected=expected)
    return Deed(project=tenant, action=action, subject=f"limit:{name}", state=state, edit=edit)


def _in_dollars(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule as it rests, with its amounts as people set them; counts stay numbers."""
    told = dict(rule)
    if rule["measure"] == "money":
        told["bound"] = amount_text("money", rule["bound"])
    if rule.get("unknown_amount"):
        told["unknown_amount"] = amount_text("money", rule["unknown_amount"])
    return told


async def _in_force(deps: Dependencies, tenant: Project, made: Edited[LimitRow]) -> LimitView:
    await deps.snapshots.changed()
    rule, now = made.made.rule, deps.clock.now_ns()
    found = await deps.db.read(lambda conn: standings(conn, tenant.id, rule, now))
    return _view(rule, found, await _keys(deps, tenant, rule), made.revision)


@route(
    "DELETE",
    "/api/v1/projects/{project:str}/limits/{name:str}",
    "limit:write",
    Operation(id="deleteLimit", summary="Remove a limit", tag=TAG, status=204, errors=(404, 409)),
)
async def delete_limit(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], expected_revision: Seen = None
) -> None:
    """What it counted stays until its window ends: the same limit made anew goes on counting."""
    declared = frozenset(_declared(deps, tenant))
    deed = _deed(tenant, "limit.removed", name, expected_revision)
    await written(deps, caller, deed, lambda conn: limit_store.remove_limit(conn, tenant.id, name, declared))
    await deps.snapshots.changed()


ROUTES = (list_limits, get_burn_down, list_limit_events, create_limit, change_limit, delete_limit)
