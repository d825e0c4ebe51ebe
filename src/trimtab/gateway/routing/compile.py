"""From a route's tree to a function of a call, made once when the snapshot is built.

Every node becomes a `Decide`: given the call's facts it answers its targets in order and notes why on the trail. What
does not depend on the call is a constant. A target that the project does not have (any more) is left out and told as
trouble; a route with none left stays, and refuses its calls with the reason.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from trimtab.core.errors import Unavailable
from trimtab.gateway.route import Target as Place
from trimtab.gateway.routing import learning
from trimtab.gateway.routing.able import lacking, put_behind
from trimtab.gateway.routing.affinity import kept_together
from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.conditions import Test, test_of, words_of
from trimtab.gateway.routing.fittings import Expect, Fittings
from trimtab.gateway.routing.judge import Judge
from trimtab.gateway.routing.local import is_local
from trimtab.gateway.routing.meanings import Topics
from trimtab.gateway.routing.plan import Leaf, Leaves, Order, Plan, Trail
from trimtab.gateway.routing.share import Window
from trimtab.gateway.routing.strategies import Lot, by_load, by_price, drawn, in_flight
from trimtab.gateway.routing.types import (
    Branch,
    Cheapest,
    Escalate,
    Fallback,
    Fastest,
    LeastBusy,
    LocalOnly,
    Node,
    Route,
    Semantic,
    Target,
    Weights,
    When,
)
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.llm.types import Usage
from trimtab.telemetry.records import Step

Decide = Callable[[Ask, Trail], Leaves]
MOST_ORDERS = 512
"""Orders that a route remembers; a few targets have few."""


class Fixed:
    """An order that does not depend on the call."""

    __slots__ = ("leaves",)

    def __init__(self, leaves: Leaves) -> None:
        self.leaves = leaves

    def __call__(self, ask: Ask, trail: Trail) -> Leaves:  # noqa: ARG002  a `Decide` is given them
        return self.leaves


NOTHING = Fixed(())
MOST_NAMED = 1000
"""Targets of a route with all that it names: routes that each name the next one twice double at every step."""


class Compiled:
    """A route as the data plane holds it. ``trouble`` says what of it cannot be used, empty where all can."""

    __slots__ = (
        "_affinity",
        "_decide",
        "_lacking",
        "_orders",
        "_project",
        "_topics",
        "examples",
        "fittings",
        "leaves",
        "name",
        "route",
        "trouble",
    )

    def __init__(self, route: Route, project: str, decide: Decide, making: "_Making") -> None:
        self.route = route
        self.name = route.name
        self.trouble = " ".join(making.trouble)
        self.examples = tuple(making.examples)
        self._topics = tuple(making.topics)
        self.leaves: Leaves = tuple(making.leaves)
        self._lacking = lacking(self.leaves)
        self._project = project
        self._decide = decide
        self._orders: dict[Leaves, Order] = {}
        self.fittings = making.fittings
        affinity = route.affinity
        self._affinity = affinity if affinity.session or affinity.prompt else None

    def advice(self) -> list[str]:
        """What would make its semantic nodes tell topics apart better, each with the path of its node."""
        return [f"{path}: {said}" for path, topics in self._topics for said in topics.advice()]

    def plan(self, ask: Ask) -> Plan:
        """The decision for one call. Raises `ask.Unknown` where it needs the embedding of the text first: look it up
        with `learn` and ask again. Raises `Unavailable` where no target is left."""
        plan = Plan(route=self.name)
        if self._affinity is not None:
            ask.keeps_to = kept_together(self._affinity, ask)
        leaves = self._decide(ask, plan)
        order = self._orders.get(leaves)
        if order is None:
            if len(self._orders) >= MOST_ORDERS:
                self._orders.clear()
            order = self._orders[leaves] = Order(leaves)
        plan.targets, plan.nodes = order.targets, order.nodes
        if not plan.targets:
            raise Unavailable(
                f"The route {self.name!r} has no target that can be used. {self.trouble}".strip(),
                fix="Correct the route, or bring back the models it names.",
                code="route_broken",
                retryable=False,
            )
        if self._affinity is not None:
            self.fittings.pins.apply(self._affinity, self._project, plan, ask, self.fittings.live)
        if self._lacking:
            put_behind(self._lacking, plan, ask)
        return plan

    def decide(self, ask: Ask) -> Coroutine[Any, Any, Plan]:
        """`plan`, looking up what it needs to know first."""
        return learning.decide(self.plan, self.fittings.meanings, ask)

    def answered(self, plan: Plan, name: str, now_ns: int) -> None:
        """That target has answered a call of this plan: its session and prompt keep to it."""
        if plan.pins:
            self.fittings.pins.keep(plan, name, now_ns)

    def learn(self, ask: Ask) -> Coroutine[Any, Any, None]:
        """Look up the embedding of the call's text, off the event loop."""
        return learning.learn(self.fittings.meanings, ask)

    def warm(self) -> Coroutine[Any, Any, None]:
        """Embed the examples of semantic nodes, so that no call waits for them."""
        return learning.warm(self.fittings.meanings, self.examples)


def compile_route(
    route: Route, project: str, targets: ProjectTargets, routes: Mapping[str, Route], fittings: Fittings
) -> Compiled:
    """The route of a project as a function. ``project`` is its id; ``routes`` are all of the project's."""
    making = _Making(route, project, targets, routes, fittings)
    return Compiled(route, project, making.node(route.tree, "tree"), making)


class _Making:
    """One route being compiled. A node comes out as its leaves where they are always the same, else as a `Decide`."""

    def __init__(
        self, route: Route, project: str, targets: ProjectTargets, routes: Mapping[str, Route], fittings: Fittings
    ) -> None:
        self.fittings = fittings
        self.trouble: list[str] = []
        self.examples: list[str] = []
        self.topics: list[tuple[str, Topics]] = []
        self.leaves: list[Leaf] = []
        self._route = route.name
        self._project = project
        self._targets = targets
        self._routes = routes
        self._named = 0
        self._inside = [route.name]
        self._local: tuple[str, ...] | None = None

    def node(self, node: Node, path: str) -> Decide:
        match node:
            case str():
                return self._target(node, path)
            case Target():
                return self._target(node.model, path)
            case Fallback():
                return self._fallback(self._children(node.of, path))
            case Fastest() | LeastBusy() | Cheapest():
                return self._ranked(node, path)
            case Weights():
                return self._weights(node, path)
            case When():
                return self._when(node, path)
            case Semantic():
                return self._semantic(node, path)
            case Escalate():
                return self._escalate(node, path)
            case LocalOnly():
                before, self._local = self._local, (self._local or ()) + node.trust
                made = self.node(node.use, f"{path}.use")
                self._local = before
                return made

    def _children(self, of: Sequence[Node], path: str) -> list[Decide]:
        """Without those that have no target left."""
        made = [self.node(child, f"{path}.of[{index}]") for index, child in enumerate(of)]
        return [child for child in made if not _is_empty(child)]

    # --- targets ---

    def _target(self, name: str, path: str) -> Decide:
        self._named += 1
        if self._named > MOST_NAMED:
            if self._named == MOST_NAMED + 1:
                self.trouble.append(
                    f"With the routes it names it has more than {MOST_NAMED} targets: the rest is left out."
                )
            return NOTHING
        if name in self._inside:
            self.trouble.append(f"{path} leads back to the route {name!r}.")
            return NOTHING
        if name in self._routes:
            self._inside.append(name)
            made = self.node(self._routes[name].tree, f"{path}({name})")
            self._inside.pop()
            return made
        place = self._place(name)
        if place is None:
            self.trouble.append(f"{path} names {name!r}, which cannot be used now.")
            return NOTHING
        if self._local is not None and not is_local(place.provider, self._local):
            self.trouble.append(f"{path} names {name!r}, which is not on a machine of your own.")
            return NOTHING
        leaf = Leaf(path, place, self._project)
        self.leaves.append(leaf)
        return Fixed((leaf,))

    def _place(self, name: str) -> Place | None:
        model = self._targets.models.get(name)
        if model is None:
            provider, slash, upstream = name.partition("/")
            if not slash or not upstream:
                return None
            model = Model(name=name, provider=provider, upstream=upstream)
        provider_of = self._targets.providers.get(model.provider)
        return None if provider_of is None else Place(model, provider_of)

    # --- orders ---

    def _fallback(self, children: list[Decide]) -> Decide:
        fixed = [child for child in children if isinstance(child, Fixed)]
        if len(fixed) == len(children):
            return Fixed(tuple(leaf for child in fixed for leaf in child.leaves))
        orders = tuple(children)

        def in_turn(ask: Ask, trail: Trail) -> Leaves:
            leaves: Leaves = ()
            for order in orders:
                leaves += order(ask, trail)
            return leaves

        return in_turn

    def _ranked(self, node: Fastest | LeastBusy | Cheapest, path: str) -> Decide:
        below = self._fallback(self._children(node.of, path))
        if isinstance(below, Fixed) and len(below.leaves) <= 1:
            return below
        live, expect = self.fittings.live, self.fittings.expect

        match node:
            case Fastest():

                def order(ask: Ask, trail: Trail) -> Leaves:
                    leaves = below(ask, trail)
                    return by_load(path, leaves, live, ask, trail) if leaves else leaves

            case LeastBusy():

                def order(ask: Ask, trail: Trail) -> Leaves:
                    leaves = below(ask, trail)
                    return in_flight(path, leaves, live, ask, trail) if leaves else leaves

            case Cheapest():

                def order(ask: Ask, trail: Trail) -> Leaves:
                    leaves = below(ask, trail)
                    if not leaves:
                        return leaves
                    return by_price(path, leaves, _expected(expect, ask, node.output_tokens), trail)

        return order

    def _weights(self, node: Weights, path: str) -> Decide:
        made = [self.node(share.use, f"{path}.of[{index}].use") for index, share in enumerate(node.of)]
        kept = [place for place, child in enumerate(made) if not _is_empty(child)]
        if not kept:
            return NOTHING
        lot = Lot(path, self._route, node, kept)
        orders = tuple(made[place] for place in kept)
        return lambda ask, trail: drawn(lot, [order(ask, trail) for order in orders], ask, trail)

    # --- choices ---

    def _when(self, node: When, path: str) -> Decide:
        branches = tuple(self._branch(branch, f"{path}.of[{index}]") for index, branch in enumerate(node.of))
        otherwise = self.node(node.otherwise, f"{path}.otherwise")
        fell_through = Step(node=path, took="otherwise", why="no branch's conditions held")

        def order(ask: Ask, trail: Trail) -> Leaves:
            for test, taken, use in branches:
                if test(ask):
                    trail.steps.append(taken)
                    return use(ask, trail)
            trail.steps.append(fell_through)
            return otherwise(ask, trail)

        return order

    def _branch(self, branch: Branch, path: str) -> tuple[Test, Step, Decide]:
        taken = Step(node=path, took="use", why=words_of(branch.if_))
        return test_of(branch.if_), taken, self.node(branch.use, f"{path}.use")

    def _semantic(self, node: Semantic, path: str) -> Decide:
        meanings = self.fittings.meanings
        uses = [self.node(topic.use, f"{path}.of[{i}].use") for i, topic in enumerate(node.of)]
        otherwise = self.node(node.otherwise, f"{path}.otherwise")
        if meanings is None:
            self.trouble.append(f"{path} needs the local embedder, which is not installed.")
            return NOTHING
        self.examples += [example for topic in node.of for example in topic.examples]
        topics = Topics(node, meanings)
        self.topics.append((path, topics))

        def order(ask: Ask, trail: Trail) -> Leaves:
            vector = ask.vector()
            found = None if vector is None else topics.nearest(vector)
            if found is None:
                why = ask.blind or "its examples are still being read"
                trail.steps.append(Step(node=path, took="otherwise", why=why))
                return otherwise(ask, trail)
            at, similarity, threshold = found
            value = round(similarity, 4)
            if similarity < threshold:
                why = f"nearest is {node.of[at].name}, below the threshold of {threshold:.3g}"
                trail.steps.append(Step(node=path, took="otherwise", why=why, value=value))
                return otherwise(ask, trail)
            why = f"nearest to the examples of {node.of[at].name}"
            trail.steps.append(Step(node=f"{path}.of[{at}]", took=node.of[at].name, why=why, value=value))
            return uses[at](ask, trail)

        return order

    def _escalate(self, node: Escalate, path: str) -> Decide:
        cheap, strong = self.node(node.cheap, f"{path}.cheap"), self.node(node.strong, f"{path}.strong")
        if _is_empty(cheap) or _is_empty(strong):
            return strong if _is_empty(cheap) else cheap
        judge = self.fittings.judge if node.difficulty is not None else None
        if judge is None and node.difficulty is not None:
            self.trouble.append(f"{path} needs the local embedder for its judge of difficulty; it is not installed.")

        window = self.fittings.shares.of((self._project, self._route, path))

        def order(ask: Ask, trail: Trail) -> Leaves:
            first, second = cheap(ask, trail), strong(ask, trail)
            if judge is not None and _is_hard(node, path, judge, window, ask, trail):
                return second + first
            if node.doubts:
                trail.escalation = node
                trail.strong = frozenset(leaf.name for leaf in second) - {leaf.name for leaf in first}
            return first + second

        return order


def _is_hard(node: Escalate, path: str, judge: Judge, window: Window, ask: Ask, trail: Trail) -> bool:
    vector = ask.vector()
    bound = node.difficulty
    if vector is None or bound is None:
        trail.steps.append(Step(node=path, took="cheap", why=ask.blind or "nothing was asked that could be judged"))
        return False
    difficulty = trail.difficulty = judge.difficulty(vector)
    hard = difficulty > bound
    why = f"difficulty {'above' if hard else 'not above'} {bound:g}"
    if node.most_up is not None:
        if hard and (kept := window.ask(difficulty, node.most_up)):
            hard, why = False, f"{why}, but {kept}"
        if not ask.rehearsed:
            window.note(difficulty, up=hard)
    trail.sent_up = hard
    trail.steps.append(Step(node=path, took="strong" if hard else "cheap", why=why, value=round(difficulty, 4)))
    return hard


def _expected(expect: Expect, ask: Ask, usual: int) -> Callable[[Leaf], int | None]:
    tokens_in = ask.tokens_in()
    bound = ask.head.max_tokens
    tokens_out = usual if bound is None else min(usual, bound)
    usage, now_ns = Usage(input=tokens_in, output=tokens_out), ask.now_ns
    return lambda leaf: expect(leaf.target, usage, now_ns)


def _is_empty(order: Decide) -> bool:
    return isinstance(order, Fixed) and not order.leaves
