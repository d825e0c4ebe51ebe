"""What the snapshot in force says of calls to one name, looked up once: every further call to it finds all of it in one
step.
"""

from collections.abc import Sequence

from msgspec import Struct

from trimtab.gateway.apps.types import Named, Placed, ProjectApps
from trimtab.gateway.call_policy import CompiledPolicy
from trimtab.gateway.guarded import ProjectGuards
from trimtab.gateway.policed import Governed
from trimtab.gateway.route import MAX_MODEL_NAME, Target, candidates
from trimtab.gateway.routing.compile import Compiled
from trimtab.gateway.snapshot import Snapshot

MOST_REMEMBERED = 4096
"""Clients may call any name."""


class Way(Struct, eq=False):
    """What there is of a name in one project; ``named`` is the app that it means, ``plain`` where nothing has to be
    done before a provider is asked but what is told here."""

    apps: ProjectApps | None
    named: Placed | Named | None
    policy: CompiledPolicy | None
    guards: ProjectGuards | None
    governed: Governed | None
    limited: bool
    route: Compiled | None
    plain: bool
    targets: tuple[Target, ...] = ()
    """Of a model without a route; empty until `targets_of` is first asked."""


class Ways:
    """Belongs to one event loop. What it remembers goes with the snapshot it is of."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._known: dict[tuple[str, str], Way] = {}

    def follow(self, snapshot: Snapshot) -> None:
        """Forget what an earlier one said."""
        if snapshot is not self._snapshot:
            self._snapshot, self._known = snapshot, {}

    def of(self, snapshot: Snapshot, project: str, name: str) -> Way:
        if snapshot is not self._snapshot:
            self.follow(snapshot)
        way = self._known.get((project, name))
        if way is None:
            way = _look_up(snapshot, project, name)
            if len(name) <= MAX_MODEL_NAME:
                if len(self._known) >= MOST_REMEMBERED:
                    self._known.clear()
                self._known[project, name] = way
        return way


def targets_of(way: Way, snapshot: Snapshot, project: str, name: str) -> Sequence[Target]:
    """The places that may answer where no route says it. Raises `NotFound`."""
    if not way.targets:
        also = (snapshot.routes.get(project, ()), () if way.apps is None else way.apps.newest)
        way.targets = tuple(candidates(snapshot.targets[project], name, also))
    return way.targets


def _look_up(snapshot: Snapshot, project: str, name: str) -> Way:
    apps, policies, routes = snapshot.apps.get(project), snapshot.policies.get(project), snapshot.routes.get(project)
    named = None if apps is None else apps.find(name)
    guards, governed = snapshot.guards.get(project), snapshot.governed.get(project)
    return Way(
        apps=apps,
        named=named,
        policy=None if policies is None or named is not None else policies.get(name),
        guards=guards,
        governed=governed,
        limited=project in snapshot.limits,
        route=None if routes is None else routes.get(name),
        plain=named is None and guards is None and governed is None,
    )
