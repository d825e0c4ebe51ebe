"""What a route decides for one call: targets in order, how it came to that, and what was known of each."""

from collections.abc import Iterable

from trimtab.gateway.route import Target
from trimtab.gateway.routing.types import Escalate
from trimtab.telemetry.records import Step, Weighed


class Leaf:
    """One target of a compiled route, and where it stands in the tree. ``key`` finds it in `gateway.live.Live`."""

    __slots__ = ("key", "name", "node", "target")

    def __init__(self, node: str, target: Target, project_id: str) -> None:
        self.node = node
        self.target = target
        self.name = target.model.name
        self.key = (project_id, target.provider.name, target.model.upstream)


Leaves = tuple[Leaf, ...]


class Trail:
    """What a decision leaves behind while it is made."""

    __slots__ = ("escalation", "steps", "strong", "weighed")

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.weighed: dict[str, Weighed] = {}
        """By the target's name: what strategies knew of it."""
        self.escalation: Escalate | None = None
        self.strong: frozenset[str] = frozenset()


class Plan:
    """``targets`` to ask in this order; ``route`` names the route, ``steps`` are its decisions from the root down, and
    ``nodes`` and ``weighed`` say of each target, by name, where it stands in the tree and what was known of it.

    With ``escalation`` a whole answer may be doubted (`doubt.py`); then the targets named in ``strong`` are next. The
    ``pins`` are what affinity remembers this call by.
    """

    __slots__ = ("escalation", "nodes", "pins", "route", "steps", "strong", "targets", "weighed")

    def __init__(self, route: str, leaves: Iterable[Leaf], trail: Trail) -> None:
        self.route = route
        targets: list[Target] = []
        nodes: dict[str, str] = {}
        for leaf in leaves:
            name = leaf.name
            if name not in nodes:
                nodes[name] = leaf.node
                targets.append(leaf.target)
        self.targets = targets
        self.nodes = nodes
        self.steps = trail.steps
        self.weighed = trail.weighed
        self.escalation = trail.escalation
        self.strong = trail.strong
        self.pins: tuple[int, ...] = ()
