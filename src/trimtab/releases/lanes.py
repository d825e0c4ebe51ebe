"""What the data plane needs of this room, in a few queries: which release runs where, and what those releases are."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, select

from trimtab.releases.environments import of_projects
from trimtab.releases.resolve import Lane, lane_of
from trimtab.releases.tables import APPS, PLACEMENTS, RELEASES, ROLLOUTS
from trimtab.releases.types import Placement, Plan, Rollout

Key = tuple[str, str, int, str]
"""A release by project id, app, number and hash."""


class AppRow(Struct, frozen=True, kw_only=True):
    """An app as callers may name it. ``newest`` is the number of its newest release, 0 for none."""

    project_id: str
    name: str
    newest: int
    archived: bool


class EnvironmentRow(Struct, frozen=True, kw_only=True):
    project_id: str
    name: str
    default: bool


class LaneRow(Struct, frozen=True, kw_only=True):
    """One placement. ``budget`` is what the shadow calls of its rollout may cost, a decimal; None for no shadow."""

    project_id: str
    app: str
    environment: str
    lane: Lane
    budget: str | None = None


class ReleaseRow(Struct, frozen=True, kw_only=True):
    """A release as it rests: ``content`` is JSON of `types.Content`, read when it is compiled."""

    project_id: str
    app: str
    number: int
    hash: str
    content: str


class Lanes(Struct, frozen=True, kw_only=True):
    """``releases`` are those that a lane names, each once."""

    apps: list[AppRow] = []
    environments: list[EnvironmentRow] = []
    lanes: list[LaneRow] = []
    releases: list[ReleaseRow] = []


def lanes(conn: Connection, known: Mapping[Key, ReleaseRow] = MappingProxyType({})) -> Lanes:
    """Those of all projects. The content of a release never changes: of those ``known`` it is not read again."""
    apps = [
        AppRow(project_id=row.project_id, name=row.name, newest=row.newest, archived=row.archived is not None)
        for row in conn.execute(
            select(APPS.c.project_id, APPS.c.name, APPS.c.newest, APPS.c.archived).order_by(
                APPS.c.project_id, APPS.c.name
            )
        )
    ]
    if not apps:
        return Lanes()
    found = of_projects(conn, dict.fromkeys(app.project_id for app in apps))
    environments = [
        EnvironmentRow(project_id=each.project_id, name=each.name, default=each.default)
        for several in found.values()
        for each in several
    ]
    return Lanes(apps=apps, environments=environments, lanes=_lanes(conn), releases=_placed(conn, known))


def release(conn: Connection, project_id: str, app: str, number: int) -> ReleaseRow | None:
    """One release, wherever it runs; None where there is none of that number."""
    table = RELEASES.c
    row = conn.execute(
        select(RELEASES).where(table.project_id == project_id, table.app == app, table.number == number)
    ).one_or_none()
    return None if row is None else _release(row)


def _lanes(conn: Connection) -> list[LaneRow]:
    rollouts = {row.id: row for row in _rollouts(conn)}
    found: list[LaneRow] = []
    query = select(PLACEMENTS).order_by(PLACEMENTS.c.project_id, PLACEMENTS.c.app, PLACEMENTS.c.environment)
    for row in conn.execute(query):
        placement = Placement(
            project_id=row.project_id,
            app=row.app,
            environment=row.environment,
            stable=row.stable,
            rollout=row.rollout,
            revision=row.revision,
            updated=row.updated,
        )
        rollout = rollouts.get(row.rollout)
        budget = rollout.plan.budget if rollout is not None and rollout.plan.kind == "shadow" else None
        lane = lane_of(placement, rollout)
        found.append(
            LaneRow(project_id=row.project_id, app=row.app, environment=row.environment, lane=lane, budget=budget)
        )
    return found


def _rollouts(conn: Connection) -> list[Rollout]:
    """Those that a placement names."""
    query = select(ROLLOUTS).join(PLACEMENTS, PLACEMENTS.c.rollout == ROLLOUTS.c.id)
    return [
        Rollout(
            id=row.id,
            project_id=row.project_id,
            app=row.app,
            environment=row.environment,
            stable=row.stable,
            candidate=row.candidate,
            plan=msgspec.json.decode(row.plan, type=Plan),
            state=row.state,
            step=row.step,
            step_started=row.step_started,
            started=row.started,
            ended=row.ended,
            author=row.author,
            author_name=row.author_name,
            note=row.note,
            reason=row.reason,
            evidence=None,
            revision=row.revision,
            updated=row.updated,
        )
        for row in conn.execute(query)
    ]


def _placed(conn: Connection, known: Mapping[Key, ReleaseRow]) -> list[ReleaseRow]:
    """Every release that is stable somewhere, or the candidate of an open rollout."""
    table = RELEASES.c
    named = (table.project_id, table.app, table.number, table.hash)
    of = and_(PLACEMENTS.c.project_id == table.project_id, PLACEMENTS.c.app == table.app)
    stable = select(*named).join(PLACEMENTS, and_(of, PLACEMENTS.c.stable == table.number))
    candidates = (
        select(*named).join(PLACEMENTS, of).join(
            ROLLOUTS, and_(PLACEMENTS.c.rollout == ROLLOUTS.c.id, ROLLOUTS.c.candidate == table.number)
        )
    )  # fmt: skip
    wanted = {tuple(row) for query in (stable, candidates) for row in conn.execute(query)}
    found = {key: known[key] for key in wanted & known.keys()}
    for project, app, number, digest in wanted - found.keys():
        row = release(conn, project, app, number)
        if row is not None:
            found[project, app, number, digest] = row
    return [found[key] for key in sorted(found)]


def _release(row: Any) -> ReleaseRow:
    return ReleaseRow(project_id=row.project_id, app=row.app, number=row.number, hash=row.hash, content=row.content)
