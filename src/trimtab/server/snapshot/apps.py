"""The apps of a snapshot: what the catalog places, compiled for the data plane; and releases called by their number."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway.apps.compile import Key, Releases, key_of
from trimtab.gateway.apps.types import Placed, ProjectApps, Ready
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import ProjectTargets, Provider
from trimtab.governance.access import Project
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import Rule, picodollars
from trimtab.releases import lanes as lanes_store
from trimtab.releases.lanes import LaneRow, Lanes, ReleaseRow
from trimtab.releases.types import PRODUCTION
from trimtab.storage.database import Database

REMEMBERED: Final = 64
"""Releases called by their number that a worker remembers."""


class Making(Struct, frozen=True, kw_only=True):
    """What apps of one project are compiled with. ``taken`` are names that models and routes have; ``trouble`` is
    written to."""

    project: Project
    targets: ProjectTargets
    taken: frozenset[str]
    releases: Releases
    made_with: Fittings
    trouble: dict[tuple[str, str], str]


def apps_of(state: Lanes, making: Making) -> ProjectApps | None:
    """A project's apps; None where it has none. A release that cannot be used is told under its app's name."""
    own = making.project.id
    named = {row.name: row for row in state.apps if row.project_id == own}
    for name in named.keys() & making.taken:  # of the config file, which the catalog does not know
        making.trouble[own, name] = "A model or route of the same name hides this app."
        del named[name]
    if not named:
        return None
    environments = [row for row in state.environments if row.project_id == own]
    default = next((row.name for row in environments if row.default), PRODUCTION)
    rows = {(row.app, row.number): row for row in state.releases if row.project_id == own}
    placed: dict[str, Placed] = {}
    for lane in state.lanes:
        if lane.project_id != own or lane.app not in named or named[lane.app].archived:
            continue
        if lane.lane.stable is None and lane.lane.candidate is None:
            continue
        made = _placed(lane, rows, making)
        placed[f"{lane.app}@{lane.environment}"] = made
        if lane.environment == default:
            placed[lane.app] = made
    return ProjectApps(
        placed={name: each for name, each in placed.items() if name not in making.taken},
        newest={row.name: row.newest for row in named.values() if not row.archived},
        archived=frozenset(row.name for row in named.values() if row.archived),
        environments=tuple(row.name for row in environments),
        default=default,
    )


def _placed(row: LaneRow, rows: Mapping[tuple[str, int], ReleaseRow], making: Making) -> Placed:
    releases: dict[int, Ready] = {}
    for number in (row.lane.stable, row.lane.candidate):
        found = None if number is None else rows.get((row.app, number))
        if found is None:
            continue
        made = releases[found.number] = making.releases.ready(found, making.targets, making.made_with)
        why = made.trouble
        if made.route is not None and made.route.trouble:
            why = f"The route of the release {row.app} {made.short}: {made.route.trouble}"
        if why:
            making.trouble[making.project.id, row.app] = why
    limits = None
    if row.budget is not None:
        try:
            limits = budget_of(row.lane.rollout, row.budget)
        except InvalidRequest as error:
            making.trouble[making.project.id, row.app] = f"The budget of its shadow rollout: {error.sentence()}"
            limits = budget_of(row.lane.rollout, "0")
    return Placed(app=row.app, environment=row.environment, lane=row.lane, releases=releases, limits=limits)


def budget_of(rollout: str, amount: str) -> ProjectLimits:
    """What the shadow calls of a rollout may cost in all, as a limit of its own: counted as every budget is, so it is
    exact across workers and replicas. It stands under the rollout's id instead of a project's, beside their limits.
    Raises `InvalidRequest` for what is no amount."""
    rule = Rule(name="shadow", measure="money", bound=picodollars(amount), window="none")
    return ProjectLimits(project_id=rollout, rules=(rule,))


def budgets(apps: Mapping[str, ProjectApps]) -> dict[str, ProjectLimits]:
    """The budgets of all shadow rollouts, by rollout."""
    return {
        each.limits.project_id: each.limits
        for project in apps.values()
        for each in project.placed.values()
        if each.limits is not None
    }


def keys(state: Lanes) -> set[Key]:
    return {key_of(row) for row in state.releases}


class Directly:
    """Releases called by their number (``support@r12``): from the snapshot where they run, else from the catalog,
    remembered while they are asked for."""

    def __init__(self, db: Database, snapshot: Callable[[], Snapshot], made_with: Fittings) -> None:
        self._db = db
        self._snapshot = snapshot
        self._made_with = made_with
        self._releases = Releases()
        self._rows: OrderedDict[tuple[str, str, int], ReleaseRow] = OrderedDict()
        self._ready: dict[tuple[str, str, int], tuple[ProjectTargets, Ready]] = {}

    def __call__(self, project_id: str, app: str, number: int) -> Awaitable[Ready]:
        return self._find(project_id, app, number)

    async def _find(self, project_id: str, app: str, number: int) -> Ready:
        """Raises `NotFound`, and `Unavailable` while the catalog is away."""
        snapshot = self._snapshot()
        apps = snapshot.apps[project_id]
        for environment in apps.environments:
            placed = apps.placed.get(f"{app}@{environment}")
            if placed is not None and number in placed.releases:
                return placed.releases[number]
        key = (project_id, app, number)
        targets = snapshot.targets[project_id]
        known = self._ready.get(key)
        if known is not None and known[0] is targets:
            self._rows.move_to_end(key)
            return known[1]
        row = self._rows.get(key)
        if row is None:
            row = await self._db.read(lambda conn: lanes_store.release(conn, project_id, app, number))
        if row is None:
            raise NotFound(
                f"The app {app!r} has no release r{number}.",
                fix=f"List them with: trimtab release list {app}",
                code="release_not_found",
                param="model",
            )
        await asyncio.to_thread(self._releases.read, [row])  # calls go on meanwhile
        made = self._releases.ready(row, targets, self._made_with)
        self._remember(key, row, targets, made)
        return made

    def keep(self, in_force: Callable[[Provider], bool]) -> None:  # noqa: ARG002
        """Forget releases that were made ready with the targets of an earlier snapshot."""
        now = self._snapshot().targets
        self._ready = {key: known for key, known in self._ready.items() if now.get(key[0]) is known[0]}

    def _remember(self, key: tuple[str, str, int], row: ReleaseRow, targets: ProjectTargets, made: Ready) -> None:
        self._rows[key] = row
        self._rows.move_to_end(key)
        self._ready[key] = (targets, made)
        while len(self._rows) > REMEMBERED:
            gone, _ = self._rows.popitem(last=False)
            self._ready.pop(gone, None)
        self._releases.keep({key_of(each) for each in self._rows.values()})
