"""What a route decides for one call: targets in order, how it came to that, and what was known of each."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct

from trimtab.gateway.route import Target
from trimtab.gateway.routing.types import Escalate
from trimtab.telemetry.records import Step, Weighed


class Order:
    """One order of a route's targets, each once, and the node of each by its name. The same for every call that comes
    to it: it is made once and never changed."""

    __slots__ = ("nodes", "targets")

    def __init__(self, leaves: Iterable["Leaf"]) -> None:
        self.nodes: dict[str, str] = {}
        targets: list[Target] = []
        for leaf in leaves:
            if leaf.name not in self.nodes:
                self.nodes[leaf.name] = leaf.node
                targets.append(leaf.target)
        self.targets = tuple(targets)


class Leaf:
    """One target of a compiled route, and where it stands in the tree. ``key`` finds it in `gateway.live.Live`."""

    __slots__ = ("key", "name", "node", "target")

    def __init__(self, node: str, target: Target, project_id: str) -> None:
        self.node = node
        self.target = target
        self.name = target.model.name
        self.key = (project_id, target.provider.name, target.model.upstream)


Leaves = tuple[Leaf, ...]
NO_NAMES: frozenset[str] = frozenset()
NO_NODES: Mapping[str, str] = MappingProxyType({})


class Trail(Struct, eq=False):
    """What a decision leaves behind while it is made. ``weighed`` is, by the target's name, what strategies knew of
    it; ``difficulty`` what a judge of difficulty said, None where none was asked, and
    ``sent_up`` whether it sent the call to the strong side."""

    steps: list[Step] = []
    weighed: dict[str, Weighed] = {}
    escalation: Escalate | None = None
    strong: frozenset[str] = NO_NAMES
    difficulty: float | None = None
    sent_up: bool = False


class Plan(Trail, eq=False):
    """``targets`` to ask in this order; ``route`` names the route, ``steps`` are its decisions from the root down, and
    ``nodes`` and ``weighed`` say of each target, by name, where it stands in the tree and what was known of it.

    With ``escalation`` a whole answer may be doubted (`doubt.py`); then the targets named in ``strong`` are next. The
    ``pins`` are what affinity remembers this call by.
    """

    route: str = ""
    targets: tuple[Target, ...] = ()
    nodes: Mapping[str, str] = NO_NODES
    pins: tuple[int, ...] = ()
