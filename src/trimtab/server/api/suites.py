"""Suites: which cases, judged by what, and what an outcome needs."""

from typing import Any

from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import Connection

from trimtab.evaluation import suites
from trimtab.evaluation.suites import SuiteEdit
from trimtab.evaluation.types import Suite
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.experiment import PlaceSuite, PutSuite, SuitePage, SuiteView
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "suites"
BASE = "/api/v1/projects/{project:str}/suites"
ONE = BASE + "/{suite:str}"


def view(found: Suite) -> SuiteView:
    own: dict[str, Any] = {name: getattr(found, name) for name in SuiteView.__struct_fields__}
    return SuiteView(**own)


@route("GET", BASE, "evaluation:read", Operation(id="listSuites", summary="List suites", tag=TAG, errors=(404,)))
async def list_suites(
    deps: Deps, tenant: Tenant, archived: FromQuery[bool] = False, cursor: Cursor = None, limit: Limit = 100
) -> SuitePage:
    """By name."""
    after = read_cursor(cursor)
    found = await deps.db.read(
        lambda conn: suites.suites(conn, tenant.id, archived=archived, after=after, limit=limit + 1)
    )
    more = write_cursor(found[limit - 1].name) if len(found) > limit else None
    return SuitePage(items=[view(each) for each in found[:limit]], cursor=more)


@route("GET", ONE, "evaluation:read", Operation(id="getSuite", summary="One suite", tag=TAG, errors=(404,)))
async def get_suite(deps: Deps, tenant: Tenant, suite: FromPath[str]) -> SuiteView:
    return view(await deps.db.read(lambda conn: suites.suite(conn, tenant.id, suite)))


@route(
    "PUT",
    ONE,
    "evaluation:write",
    Operation(id="putSuite", summary="Make or change a suite", tag=TAG, errors=(404, 409)),
)
async def put_suite(
    deps: Deps, caller: CallerNow, tenant: Tenant, suite: FromPath[str], data: JSONBody[PutSuite]
) -> SuiteView:
    """What it says already makes no new revision. A suite that was put away comes back. Gates count its runs no more
    once it has changed."""

    def write(conn: Connection) -> Suite:
        edit = SuiteEdit(
            project_id=tenant.id,
            name=suite,
            spec=data.spec,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            expected=data.expected_revision,
        )
        return suites.put(conn, edit)[0]

    return view(await deps.db.write(write))


@route(
    "PATCH",
    ONE,
    "evaluation:write",
    Operation(id="placeSuite", summary="Put a suite away, or take it out again", tag=TAG, errors=(404, 409)),
)
async def place_suite(
    deps: Deps, caller: CallerNow, tenant: Tenant, suite: FromPath[str], data: JSONBody[PlaceSuite]
) -> SuiteView:
    """Its experiments stay."""

    def write(conn: Connection) -> Suite:
        actor, now = actor_of(conn, caller), moment(conn, deps)
        expected = data.expected_revision
        return suites.archive(conn, tenant.id, suite, away=data.archived, actor=actor, now=now, expected=expected)

    return view(await deps.db.write(write))


ROUTES = (list_suites, get_suite, put_suite, place_suite)
