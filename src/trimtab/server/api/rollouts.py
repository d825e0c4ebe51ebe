"""What environments run, and how that changes: rollouts, their moves, and the way back. Each change is in force on
every worker when its answer comes."""

import asyncio
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.governance.access import Project
from trimtab.governance.permissions import Permission, require
from trimtab.releases import apps, environments, guards, rollouts, store
from trimtab.releases.rollout import Action, Move, actions, share
from trimtab.releases.rollouts import Act, GoBack, Start, Wanted
from trimtab.releases.rules import Decision
from trimtab.releases.types import OPEN, Placement, Rollout, State
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.rollout import (
    GuardMetricPage,
    GuardMetricView,
    MoveRollout,
    NewRollout,
    PlacementPage,
    PlacementView,
    RollBack,
    RolloutDetail,
    RolloutPage,
    RolloutView,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.duties.rolling import Look
from trimtab.server.policing import Asked, permit
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Tenant,
    read_cursor,
    route,
    write_cursor,
)

TAG = "rollouts"
PROJECT = "/api/v1/projects/{project:str}"
PLACES = PROJECT + "/apps/{app:str}/environments"
PLACE = PLACES + "/{environment:str}"
ONE = PROJECT + "/rollouts/{rollout:str}"
LONGEST: Final = 64
COMPARED_S: Final = 4.0
"""For how long a rollout's page waits for the figures; all else of it is in the catalog."""
OVERRIDES: Final[Permission] = "project:write"
"""Else the author of a release would do without whoever is to look at it."""
# Litestar keeps the argument's name ``state`` for itself.
Only = Annotated[State | Literal["open", ""], QueryParameter(name="state")]
_OWN: Final = [name for name in RolloutView.__struct_fields__ if name not in ("evidence", "share", "actions")]


def view(each: Rollout) -> RolloutView:
    own: dict[str, Any] = {name: getattr(each, name) for name in _OWN}
    return RolloutView(**own, evidence=_evidence(each), share=share(each), actions=list(actions(each)))


def _evidence(each: Rollout) -> Decision | None:
    return None if each.evidence is None else msgspec.convert(each.evidence, Decision)


# --- what runs where ---


def _placement(conn: Connection, at: Placement, by_id: dict[str, Rollout]) -> PlacementView:
    there = by_id.get(at.rollout or "")
    return PlacementView(
        app=at.app,
        environment=at.environment,
        stable=at.stable,
        rollout=at.rollout,
        open=None if there is None else view(there),
        revision=at.revision,
        updated=at.updated,
        back_to=rollouts.back_to(conn, at),
    )


@route(
    "GET", PLACES, "release:read", Operation(id="listPlacements", summary="What runs of an app", tag=TAG, errors=(404,))
)
async def list_placements(deps: Deps, tenant: Tenant, app: FromPath[str]) -> PlacementPage:
    """One of each environment, those where nothing runs too, in their order."""

    def read(conn: Connection) -> list[PlacementView]:
        apps.app(conn, tenant.id, app)
        found = {each.environment: each for each in environments.placements(conn, tenant.id, app)}
        by_id = {each.id: each for each in rollouts.open_rollouts(conn, tenant.id)}
        names = [each.name for each in environments.environments(conn, tenant.id)]
        none = environments.nowhere(tenant.id, app)
        return [_placement(conn, found.get(name, none(name)), by_id) for name in names]

    return PlacementPage(items=await deps.db.read(read), cursor=None)


@route(
    "GET",
    PLACE + "/rollouts",
    "release:read",
    Operation(id="listPlacementRollouts", summary="How it came to what runs there", tag=TAG, errors=(404,)),
)
async def list_placement_rollouts(
    deps: Deps,
    tenant: Tenant,
    app: FromPath[str],
    environment: FromPath[str],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RolloutPage:
    """Newest first."""
    await deps.db.read(lambda conn: apps.app(conn, tenant.id, app))
    return await _page(deps, tenant.id, Wanted(app=app, environment=environment), cursor, limit)


async def _page(deps: Dependencies, project_id: str, wanted: Wanted, cursor: str | None, limit: int) -> RolloutPage:
    before = read_cursor(cursor)
    found = await deps.db.read(lambda conn: rollouts.listed(conn, project_id, wanted, before=before, limit=limit + 1))
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return RolloutPage(items=[view(each) for each in found[:limit]], cursor=more)


@route(
    "POST",
    PLACE + "/rollouts",
    "release:promote",
    Operation(id="startRollout", summary="Bring a release to an environment", tag=TAG, status=201, errors=(404, 409)),
)
async def start_rollout(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    app: FromPath[str],
    environment: FromPath[str],
    data: JSONBody[NewRollout],
) -> RolloutView:
    """One of kind ``direct`` is done when the answer comes. What the environment demands must be there, unless an
    administrator's ``override`` says why not."""
    if data.override:
        require(caller.principal, OVERRIDES)
    await permit(deps, caller, tenant, Asked(action="promote", name=app, environment=environment))

    def write(conn: Connection) -> Rollout:
        start = Start(
            project_id=tenant.id,
            app=app,
            environment=environment,
            candidate=store.find(conn, tenant.id, app, data.release).number,
            plan=data.plan,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            note=data.note,
            expected=data.expected_revision,
            override=data.override,
        )
        return rollouts.start(conn, start)

    made = await deps.db.write(write)
    await deps.snapshots.changed()
    return view(made)


@route(
    "POST",
    PLACE + "/rollback",
    "release:promote",
    Operation(id="rollBack", summary="Go back to what ran before", tag=TAG, errors=(404, 409)),
)
async def roll_back(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    app: FromPath[str],
    environment: FromPath[str],
    data: JSONBody[RollBack],
) -> PlacementView:
    """Ends an open rollout; where there is none, puts the release back that ran before. Nothing that the environment
    demands stands in the way."""

    def write(conn: Connection) -> PlacementView:
        wanted = GoBack(
            project_id=tenant.id,
            app=app,
            environment=environment,
            to=None if data.to is None else store.find(conn, tenant.id, app, data.to).number,
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            reason=data.reason,
            expected=data.expected_revision,
        )
        return _placement(conn, rollouts.go_back(conn, wanted), {})

    made = await deps.db.write(write)
    await deps.snapshots.changed()
    return made


# --- rollouts ---


@route(
    "GET",
    PROJECT + "/guard-metrics",
    "release:read",
    Operation(id="listGuardMetrics", summary="What a rollout's guards may watch", tag=TAG, errors=(404,)),
)
async def list_guard_metrics(tenant: Tenant) -> GuardMetricPage:  # noqa: ARG001  the project must be the caller's
    """Every name that ``guards`` of a plan's rules may give, in one page. ``score:NAME`` stands for any score."""
    found = [
        GuardMetricView(
            name=name, about=each.about, unit=each.unit, method=each.method, better=each.better, margin=each.margin,
            relative=each.relative,
        )
        for name, each in guards.there_are().items()
    ]  # fmt: skip
    return GuardMetricPage(items=found, cursor=None)


@route(
    "GET",
    PROJECT + "/rollouts",
    "release:read",
    Operation(id="listRollouts", summary="List rollouts", tag=TAG, errors=(404,)),
)
async def list_rollouts(
    deps: Deps,
    tenant: Tenant,
    app: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    only: Only = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RolloutPage:
    """Newest first; ``state`` open stands for running and held."""
    for name, text in (("app", app), ("environment", environment)):
        if text is not None and ("\0" in text or len(text) > LONGEST):
            raise InvalidRequest(f"{name!r} has at most {LONGEST} characters.", fix="Correct it.", param=name)
    states: tuple[State, ...] | None = OPEN if only == "open" else (only,) if only else None
    return await _page(deps, tenant.id, Wanted(app=app, environment=environment, states=states), cursor, limit)


async def _compared(deps: Dependencies, found: Rollout) -> Look:
    try:
        async with asyncio.timeout(COMPARED_S):
            return await deps.compare(found)
    except TimeoutError:
        told = f"the telemetry store did not answer within {COMPARED_S:g} seconds."
        return Look(decision=None, waits=f"The figures cannot be had now: {told}")


@route(
    "GET", ONE, "release:read", Operation(id="getRollout", summary="A rollout, compared live", tag=TAG, errors=(404,))
)
async def get_rollout(deps: Deps, tenant: Tenant, rollout: FromPath[str]) -> RolloutDetail:
    """With the figures of both arms as they are now, where it is open."""
    found = await deps.db.read(lambda conn: rollouts.rollout(conn, tenant.id, rollout))
    decided = _evidence(found)
    now = await _compared(deps, found) if found.state in OPEN else Look(decision=decided)
    own: dict[str, Any] = {name: getattr(found, name) for name in _OWN}
    return RolloutDetail(
        **own,
        evidence=now.decision,
        share=share(found),
        actions=list(actions(found)),
        decided=decided,
        waits=now.waits,
    )


FORWARD: Final = ("advance", "resume", "promote")
"""Moves that policies are asked about: the others only go back, or stop."""


async def _move(
    deps: Dependencies, caller: CallerNow, tenant: Project, rollout: str, action: Action, data: MoveRollout
) -> RolloutView:
    if data.override:
        require(caller.principal, OVERRIDES)
    project_id = tenant.id
    if action in FORWARD:
        of = await deps.db.read(lambda conn: rollouts.rollout(conn, project_id, rollout))
        await permit(deps, caller, tenant, Asked(action="promote", name=of.app, environment=of.environment))

    def write(conn: Connection) -> Rollout:
        act = Act(
            project_id=project_id,
            rollout=rollout,
            move=Move(action=action, reason=data.reason),
            actor=actor_of(conn, caller),
            now=moment(conn, deps),
            expected=data.expected_revision,
            override=data.override,
        )
        return rollouts.act(conn, act)

    made = await deps.db.write(write)
    await deps.snapshots.changed()
    return view(made)


@route(
    "POST",
    ONE + "/advance",
    "release:promote",
    Operation(id="advanceRollout", summary="Go to the next step now", tag=TAG, errors=(404, 409)),
)
async def advance_rollout(
    deps: Deps, caller: CallerNow, tenant: Tenant, rollout: FromPath[str], data: JSONBody[MoveRollout]
) -> RolloutView:
    return await _move(deps, caller, tenant, rollout, "advance", data)


@route(
    "POST",
    ONE + "/hold",
    "release:promote",
    Operation(id="holdRollout", summary="Go no further", tag=TAG, errors=(404, 409)),
)
async def hold_rollout(
    deps: Deps, caller: CallerNow, tenant: Tenant, rollout: FromPath[str], data: JSONBody[MoveRollout]
) -> RolloutView:
    """The candidate keeps its share; only going back is still done automatically."""
    return await _move(deps, caller, tenant, rollout, "hold", data)


@route(
    "POST",
    ONE + "/resume",
    "release:promote",
    Operation(id="resumeRollout", summary="Let it go on", tag=TAG, errors=(404, 409)),
)
async def resume_rollout(
    deps: Deps, caller: CallerNow, tenant: Tenant, rollout: FromPath[str], data: JSONBody[MoveRollout]
) -> RolloutView:
    return await _move(deps, caller, tenant, rollout, "resume", data)


@route(
    "POST",
    ONE + "/promote",
    "release:promote",
    Operation(id="promoteRollout", summary="All traffic to the candidate", tag=TAG, errors=(404, 409)),
)
async def promote_rollout(
    deps: Deps, caller: CallerNow, tenant: Tenant, rollout: FromPath[str], data: JSONBody[MoveRollout]
) -> RolloutView:
    return await _move(deps, caller, tenant, rollout, "promote", data)


@route(
    "POST",
    ONE + "/rollback",
    "release:promote",
    Operation(id="rollBackRollout", summary="All traffic to the stable release", tag=TAG, errors=(404, 409)),
)
async def roll_back_rollout(
    deps: Deps, caller: CallerNow, tenant: Tenant, rollout: FromPath[str], data: JSONBody[MoveRollout]
) -> RolloutView:
    """Also of one that was promoted, while its release is what runs there."""
    return await _move(deps, caller, tenant, rollout, "roll_back", data)


@route(
    "POST",
    ONE + "/stop",
    "release:promote",
    Operation(id="stopRollout", summary="End it without a judgement", tag=TAG, errors=(404, 409)),
)
async def stop_rollout(
    deps: Deps, caller: CallerNow, tenant: Tenant, rollout: FromPath[str], data: JSONBody[MoveRollout]
) -> RolloutView:
    return await _move(deps, caller, tenant, rollout, "stop", data)


ROUTES = (
    list_guard_metrics,
    list_placements,
    list_placement_rollouts,
    start_rollout,
    roll_back,
    list_rollouts,
    get_rollout,
    advance_rollout,
    hold_rollout,
    resume_rollout,
    promote_rollout,
    roll_back_rollout,
    stop_rollout,
)
