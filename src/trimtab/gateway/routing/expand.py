"""A route as it is at one moment, whole: nested routes stand where they were named, a model's own fallbacks stand as a
fallback node, and every leaf is pinned to what its name stands for. What a release freezes."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.route import candidates
from trimtab.gateway.routing.check import Known, mistakes
from trimtab.gateway.routing.types import (
    Affinity,
    Branch,
    Escalate,
    Fallback,
    LocalOnly,
    Node,
    Route,
    Semantic,
    Share,
    Target,
    Topic,
    Weights,
    When,
)
from trimtab.gateway.targets import ProjectTargets


class Expanded(Struct, frozen=True, kw_only=True):
    """``models`` has, for the name of every leaf, its provider and the provider's own id. ``affinity`` is that of the
    route which was named, None where a tree or a model was given, or the route has none."""

    tree: Node
    models: dict[str, tuple[str, str]]
    affinity: Affinity | None = None


def node_of(value: str | dict[str, Any]) -> Node:
    """A name, or a tree as JSON. Raises `InvalidRequest` for what is no tree, with the place."""
    try:
        return msgspec.convert(value, Node)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        path = place.rstrip("`").lstrip(".")
        raise InvalidRequest(
            f"The route is no tree of nodes{f', at {path}' if path else ''}: {what}.",
            fix="Give a name, or a tree; docs/routing.md shows every node.",
            param="route",
            code="route_refused",
        ) from error


def plain_tree(node: Node) -> str | dict[str, Any]:
    """The tree as JSON, every node in its shortest form."""
    return msgspec.json.decode(msgspec.json.encode(node))


def expand(app: str, node: Node, targets: ProjectTargets, routes: Mapping[str, Route], known: Known) -> Expanded:
    """The tree of an app, whole. Raises `InvalidRequest` with every mistake: what it names that is not there, where."""
    around = structs.replace(known, routes=routes)
    if found := mistakes(Route(name=app, tree=node), around):
        told = "; ".join(str(mistake).replace("tree: ", "", 1) for mistake in found[:10])
        raise InvalidRequest(
            f"The route of the app {app!r} cannot be used: {told}",
            fix="Make what is missing, or change the app's route; docs/routing.md shows every node.",
            param="route",
            code="route_refused",
        )
    making = _Making(targets, routes)
    tree = making.model(node) if isinstance(node, str) and node not in routes else making.node(node)
    named = routes.get(node) if isinstance(node, str) else None
    affinity = None if named is None or named.affinity == Affinity() else named.affinity
    return Expanded(tree=tree, models=making.models, affinity=affinity)


class _Making:
    def __init__(self, targets: ProjectTargets, routes: Mapping[str, Route]) -> None:
        self.models: dict[str, tuple[str, str]] = {}
        self._targets = targets
        self._routes = routes

    def model(self, name: str) -> Node:
        """A model called by its name has its own fallbacks; one in a tree has not: the tree says it all."""
        found = candidates(self._targets, name)
        for each in found:
            self.models[each.model.name] = (each.model.provider, each.model.upstream)
        names = tuple(each.model.name for each in found)
        return names[0] if len(names) == 1 else Fallback(of=names)

    def node(self, node: Node) -> Node:
        match node:
            case str():
                return self._leaf(node)
            case Target():
                return self._leaf(node.model)
            case Weights():
                return structs.replace(
                    node, of=tuple(Share(weight=each.weight, use=self.node(each.use)) for each in node.of)
                )
            case When():
                of = tuple(Branch(if_=each.if_, use=self.node(each.use)) for each in node.of)
                return structs.replace(node, of=of, otherwise=self.node(node.otherwise))
            case Semantic():
                topics = tuple(
                    Topic(name=each.name, examples=each.examples, use=self.node(each.use)) for each in node.of
                )
                return structs.replace(node, of=topics, otherwise=self.node(node.otherwise))
            case Escalate():
                return structs.replace(node, cheap=self.node(node.cheap), strong=self.node(node.strong))
            case LocalOnly():
                return structs.replace(node, use=self.node(node.use))
            case _:
                return structs.replace(node, of=tuple(self.node(child) for child in node.of))

    def _leaf(self, name: str) -> Node:
        if name in self._routes:
            return self.node(self._routes[name].tree)
        place = candidates(self._targets, name)[0].model
        self.models[name] = (place.provider, place.upstream)
        return name
