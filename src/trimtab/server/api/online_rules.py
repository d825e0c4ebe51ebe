"""Online rules: scoring a share of live answers, and suites on schedule."""

from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab.evaluation import online
from trimtab.evaluation.online import OnlineSpec, Rule
from trimtab.ledger.limits import dollars
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.quality import PutRule, RulePage, RuleView
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Seen,
    Tenant,
    read_cursor,
    route,
    write_cursor,
)

TAG = "online"
BASE = "/api/v1/projects/{project:str}/online-rules"
ONE = BASE + "/{rule:str}"


def _view(found: Rule, now: int) -> RuleView:
    state = found.state.on(now)
    return RuleView(
        name=found.name,
        kind="online" if isinstance(found.spec, OnlineSpec) else "schedule",
        spec=found.spec,
        paused=found.paused,
        spent=dollars(state.spent),
        unpriced=state.unpriced,
        scored=state.scored,
        unscored=state.unscored,
        passed_over=state.passed_over,
        last=state.last,
        next=None if found.paused else state.next,
        experiment=state.experiment,
        trouble=state.trouble,
        revision=found.revision,
        created=found.created,
        updated=found.updated,
    )


@route(
    "GET", BASE, "evaluation:read", Operation(id="listOnlineRules", summary="List online rules", tag=TAG, errors=(404,))
)
async def list_rules(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> RulePage:
    """By name, each with how it stands."""
    after = read_cursor(cursor)
    found = await deps.db.read(lambda conn: online.rules(conn, tenant.id, after=after, limit=limit + 1))
    more = write_cursor(found[limit - 1].name) if len(found) > limit else None
    return RulePage(items=[_view(each, deps.now()) for each in found[:limit]], cursor=more)


@route("GET", ONE, "evaluation:read", Operation(id="getOnlineRule", summary="One online rule", tag=TAG, errors=(404,)))
async def get_rule(deps: Deps, tenant: Tenant, rule: FromPath[str]) -> RuleView:
    return _view(await deps.db.read(lambda conn: online.rule(conn, tenant.id, rule)), deps.now())


@route(
    "PUT",
    ONE,
    "evaluation:write",
    Operation(id="putOnlineRule", summary="Make or change an online rule", tag=TAG, errors=(404, 409)),
)
async def put_rule(
    deps: Deps, caller: CallerNow, tenant: Tenant, rule: FromPath[str], data: JSONBody[PutRule]
) -> RuleView:
    """Whole. An online rule scores what comes from now on; a schedule runs at once, and then at its beat."""

    def write(conn: Connection) -> Rule:
        wanted = online.Put(
            project_id=tenant.id,
            name=rule,
            spec=data.spec,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            paused=data.paused,
            expected=data.expected_revision,
        )
        return online.put(conn, wanted)[0]

    return _view(await deps.db.write(write), deps.now())


@route(
    "DELETE",
    ONE,
    "evaluation:write",
    Operation(id="deleteOnlineRule", summary="Remove an online rule", tag=TAG, errors=(404, 409), status=204),
)
async def delete_rule(
    deps: Deps, caller: CallerNow, tenant: Tenant, rule: FromPath[str], expected_revision: Seen = None
) -> None:
    """The scores that it wrote stay."""

    def write(conn: Connection) -> None:
        actor, now = actor_of(conn, caller), moment(conn, deps)
        online.remove(conn, tenant.id, rule, actor, now, expected=expected_revision)

    await deps.db.write(write)


ROUTES = (list_rules, get_rule, put_rule, delete_rule)
