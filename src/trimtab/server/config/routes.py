"""Routes in the config file: trees of any depth, read whole, every mistake with its line."""

import re
from collections.abc import Collection, Mapping
from typing import Any, cast

import msgspec
import yaml
from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.core.known import did_you_mean
from trimtab.gateway.routing.check import Known, mistakes
from trimtab.gateway.routing.local import is_local
from trimtab.gateway.routing.types import Affinity, Node, Route
from trimtab.gateway.store import check_model_name
from trimtab.gateway.targets import Model, Provider
from trimtab.llm.embedder import missing
from trimtab.server.config.values import Refuse

MAX_NODES = 20_000
KINDS = (
    "target", "fallback", "weights", "fastest", "cheapest", "least_busy", "when", "semantic", "escalate", "local_only",
)  # fmt: skip
_AT = re.compile(r" - at `\$\.?(.*)`$")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_VALUE = re.compile(r"Invalid value '(.*)'")
_LAST = re.compile(r"(\.[^.\[]*|\[[^\]]*\])$|^[^.\[]*$")


class Written(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route below its name."""

    tree: Node
    affinity: Affinity = Affinity()
    about: str = ""


def schema() -> tuple[dict[str, Any], dict[str, Any]]:
    """JSON Schema of a route below its name, and the definitions that it refers to."""
    made = msgspec.json.schema_components([Written], ref_template="#/$defs/{name}")
    (route,), parts = msgspec.json.decode(msgspec.json.encode(made))  # defaults that are tuples become lists
    return route, parts


def read_routes(
    nodes: Mapping[str, tuple[yaml.Node, int]],
    models: Mapping[str, Model],
    providers: Mapping[str, Provider],
    refuse: Refuse,
) -> dict[str, Route]:
    """The file's routes from their YAML, with the line of each name. Only what the file declares may be named."""
    routes = routes_of(nodes, frozenset(models), refuse)
    told(routes, {name: each.route for name, each in routes.items()}, known_of(models, providers), refuse)
    return {name: each.route for name, each in routes.items()}


class ReadRoute(Struct, frozen=True, kw_only=True):
    """``lines``: of each path in it."""

    route: Route
    lines: Mapping[str, int]


def routes_of(
    nodes: Mapping[str, tuple[yaml.Node, int]], models: Collection[str], refuse: Refuse
) -> dict[str, ReadRoute]:
    """Those that have the shape of a route and no model's name."""
    found: dict[str, ReadRoute] = {}
    for name, (node, line) in nodes.items():
        plain = Plain(refuse)
        value = plain.of(node, "", 0)
        made = None if plain.refused else _route(name, line, value, plain.lines, refuse)
        if made is not None:
            found[name] = ReadRoute(route=made, lines=plain.lines)
        if name in models:
            refuse(line, f"There is already a model {name!r}, and a route is called as a model is.", "Rename one.")
    return found


def told(read: Mapping[str, ReadRoute], routes: Mapping[str, Route], known: Known, refuse: Refuse) -> None:
    """Every mistake of these among all ``routes``, each with its line."""
    for name, each in read.items():
        others = {other: route for other, route in routes.items() if other != name}
        for mistake in mistakes(each.route, msgspec.structs.replace(known, routes=others)):
            at = line_of(mistake.path, each.lines)
            refuse(at, f"the route {name!r}, {mistake.path}: {mistake.what}", mistake.fix)


def known_of(models: Mapping[str, Model], providers: Mapping[str, Provider]) -> Known:
    """What a route may name, and what of it is on a machine of one's own."""

    def local(name: str, trusted: tuple[str, ...]) -> bool:
        model = models.get(name)
        provider = providers.get(name.partition("/")[0] if model is None else model.provider)
        return provider is not None and is_local(provider, trusted)

    return Known(models=frozenset(models), providers=frozenset(providers), is_local=local, can_embed=not missing())


def _route(name: str, line: int, value: Any, lines: Mapping[str, int], refuse: Refuse) -> Route | None:
    try:
        check_model_name(name)
    except InvalidRequest as error:
        refuse(line, f"the route {name!r}: {error.message}", error.fix)
        return None
    try:
        written = msgspec.convert(value, Written)
    except msgspec.ValidationError as error:
        told = str(error)
        found = _AT.search(told)
        path = found[1] if found else ""
        what = told[: found.start()] if found else told
        if unknown := _UNKNOWN.search(what):
            path = f"{path}.{unknown[1]}" if path else unknown[1]
        value_of = _VALUE.match(told)
        near = did_you_mean(value_of[1], KINDS) if value_of and path.endswith("node") else ""
        refuse(line_of(path, lines), f"the route {name!r}{f', {path}' if path else ''}: {what}.", near or _HELP)
        return None
    return Route(name=name, tree=written.tree, affinity=written.affinity, about=written.about)


_HELP = "docs/routing.md shows every node and its fields."


def line_of(path: str, lines: Mapping[str, int]) -> int:
    """The line of a path, or of the nearest thing above it that stands in the file."""
    while path not in lines and path:
        path = _LAST.sub("", path)
    return lines[path]


class Plain:
    """YAML's nodes as plain values; ``lines`` has the line of every path."""

    def __init__(self, refuse: Refuse) -> None:
        self.lines: dict[str, int] = {}
        self.refused = False
        self._refuse = refuse
        self._scalars: Any = yaml.SafeLoader("")

    def of(self, node: yaml.Node, path: str, depth: int) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        if depth > 100 or len(self.lines) > MAX_NODES:
            if not self.refused:
                self._no(line, "The route is too deep or too large.", "Make it flatter.")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            items = cast("list[yaml.Node]", node.value)
            return [self.of(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(items)]
        if node.tag.endswith(":timestamp"):
            return str(node.value)
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):  # PyYAML's of odd '!!' tags
            self._no(line, f"{str(node.value)[:40]!r} is no {node.tag.rpartition(':')[2]}.", "Put it in quotes.")
            return None

    def _mapping(self, node: yaml.MappingNode, path: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._no(line, "A key is not text.", "Use a plain word.")
                continue
            key = str(key_node.value)
            if key in found:
                self._no(line, f"{key!r} stands twice here.", "Remove one.")
                continue
            below = f"{path}.{key}" if path else key
            self.lines[below] = line
            found[key] = self.of(value, below, depth + 1)
        return found

    def _no(self, line: int, what: str, fix: str) -> None:
        self.refused = True
        self._refuse(line, what, fix)
