"""What can be wrong with a route, each mistake with the path of its node. Pure: one set of rules for API and file."""

import math
from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from trimtab.core.known import did_you_mean
from trimtab.gateway.routing.types import (
    Affinity,
    Cheapest,
    Escalate,
    Fallback,
    Fastest,
    If,
    LeastBusy,
    LocalOnly,
    Node,
    Route,
    Semantic,
    Target,
    Weights,
    When,
)

MAX_DEPTH = 16
MAX_TARGETS = 200
MAX_TOPICS, MAX_EXAMPLES, MAX_EXAMPLE = 64, 100, 1000


class Mistake(Struct, frozen=True, kw_only=True):
    """``path`` leads to the node from the route down, e.g. ``tree.of[1].use``."""

    path: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.what}{f' {self.fix}' if self.fix else ''}"


class Known(Struct, frozen=True, kw_only=True):
    """What a project has: models' names, providers with whether each is one's own machine, and routes but the one in
    question. ``is_local`` answers for a target's name; False for what there is not."""

    models: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    routes: Mapping[str, Route] = {}
    is_local: Callable[[str, tuple[str, ...]], bool] = lambda _name, _trusted: False
    can_embed: bool = True


def mistakes(route: Route, known: Known) -> list[Mistake]:
    """Every mistake of the route, in the order of its tree."""
    check = _Check(route, known)
    return [*_affinity(route.affinity), *check.node(route.tree, "tree", 1)]


def _affinity(affinity: Affinity) -> Iterator[Mistake]:
    if not 0 < affinity.minutes <= 1440:
        yield Mistake(path="affinity.minutes", what="It must be above 0 and at most 1440.", fix="Give e.g. 10.")
    if not 0 <= affinity.prompt_bytes <= 10_000_000:
        yield Mistake(path="affinity.prompt_bytes", what="It must be from 0 to 10000000.", fix="Give e.g. 4096.")


class _Check:
    def __init__(self, route: Route, known: Known) -> None:
        self._known = known
        self._inside = [route.name]
        self._targets = 0
        self._local: tuple[str, ...] | None = None
        self._escalating = False
        self._mixing = ""

    def node(self, node: Node, path: str, depth: int) -> Iterator[Mistake]:
        if depth > MAX_DEPTH:
            yield Mistake(path=path, what=f"The tree is deeper than {MAX_DEPTH}.", fix="Make it flatter.")
            return
        match node:
            case str():
                yield from self._target(node, path, depth)
            case Target():
                yield from self._target(node.model, f"{path}.model", depth)
            case Fallback() | Fastest() | Cheapest() | LeastBusy() | Weights() | Escalate():
                before, self._mixing = self._mixing, path
                yield from self._several(node, path, depth)
                self._mixing = before
            case When():
                yield from self._when(node, path, depth)
            case Semantic():
                yield from self._semantic(node, path, depth)
            case LocalOnly():
                yield from self._local_only(node, path, depth)

    def _several(
        self, node: Fallback | Fastest | Cheapest | LeastBusy | Weights | Escalate, path: str, depth: int
    ) -> Iterator[Mistake]:
        match node:
            case Weights():
                yield from self._weights(node, path, depth)
            case Escalate():
                yield from self._escalate(node, path, depth)
            case _:
                yield from self._ordered(node, path, depth)

    def _local_only(self, node: LocalOnly, path: str, depth: int) -> Iterator[Mistake]:
        if self._mixing and self._local is None:
            what = f"It stands below {self._mixing}, which may ask other targets in its place: the call could leave."
            yield Mistake(path=path, what=what, fix="Put it above that node, or below when and semantic nodes only.")
        for index, name in enumerate(node.trust):
            if name not in self._known.providers:
                what = f"There is no provider {name!r} in this project."
                fix = did_you_mean(name, self._known.providers, "provider")
                yield Mistake(path=f"{path}.trust[{index}]", what=what, fix=fix)
        before, self._local = self._local, (self._local or ()) + node.trust
        yield from self.node(node.use, f"{path}.use", depth + 1)
        self._local = before

    def _target(self, name: str, path: str, depth: int) -> Iterator[Mistake]:
        self._targets += 1
        known = self._known
        if self._targets > MAX_TARGETS:
            if self._targets == MAX_TARGETS + 1:
                yield Mistake(path=path, what=f"The tree has more than {MAX_TARGETS} targets.", fix="Remove some.")
        elif name in self._inside:
            way = " -> ".join([*self._inside[self._inside.index(name) :], name])
            yield Mistake(path=path, what=f"The routes go round in a circle: {way}.", fix="Remove one of them.")
        elif name in known.routes:
            self._inside.append(name)
            for inner in self.node(known.routes[name].tree, "tree", depth + 1):
                yield Mistake(path=path, what=f"In the route {name!r}, {inner.path}: {inner.what}", fix=inner.fix)
            self._inside.pop()
        elif name not in known.models and not self._is_raw(name):
            what = f"There is no model or route {name[:80]!r} in this project."
            yield Mistake(path=path, what=what, fix=did_you_mean(name, {*known.models, *known.routes}, "model"))
        elif self._local is not None and not known.is_local(name, self._local):
            yield Mistake(
                path=path,
                what=f"{name!r} is not on a machine of your own, and stands below a local_only node.",
                fix="Use a local model, or name its provider under 'trust' if the machine is yours.",
            )

    def _is_raw(self, name: str) -> bool:
        provider, slash, upstream = name.partition("/")
        return bool(slash and upstream) and provider in self._known.providers

    def _ordered(self, node: Fallback | Fastest | Cheapest | LeastBusy, path: str, depth: int) -> Iterator[Mistake]:
        if not node.of:
            yield _empty(path)
        if isinstance(node, Cheapest) and not 1 <= node.output_tokens <= 1_000_000:
            yield Mistake(path=f"{path}.output_tokens", what="It must be from 1 to 1000000.", fix="Give e.g. 500.")
        for index, child in enumerate(node.of):
            if child in node.of[:index]:
                what = "The same stands twice here; the second is never reached."
                yield Mistake(path=f"{path}.of[{index}]", what=what, fix="Remove one.")
            else:
                yield from self.node(child, f"{path}.of[{index}]", depth + 1)

    def _weights(self, node: Weights, path: str, depth: int) -> Iterator[Mistake]:
        if not node.of:
            yield _empty(path)
            return
        sound = True
        for index, share in enumerate(node.of):
            if not (math.isfinite(share.weight) and share.weight >= 0):
                sound = False
                what = "A weight must be 0 or above."
                yield Mistake(path=f"{path}.of[{index}].weight", what=what, fix="Give e.g. 1, or 0.5.")
        if sound and sum(share.weight for share in node.of) <= 0:
            yield Mistake(path=f"{path}.of", what="The weights sum to 0.", fix="Give at least one a weight above 0.")
        for index, share in enumerate(node.of):
            if share.weight == 0 and not node.spill:
                what = "With weight 0 and without spill it is never reached."
                yield Mistake(path=f"{path}.of[{index}]", what=what, fix="Remove it, or give it a weight.")
            yield from self.node(share.use, f"{path}.of[{index}].use", depth + 1)

    def _when(self, node: When, path: str, depth: int) -> Iterator[Mistake]:
        if not node.of:
            yield _empty(path)
        for index, branch in enumerate(node.of):
            at = f"{path}.of[{index}]"
            yield from _conditions(branch.if_, f"{at}.if")
            if branch.if_ == If():
                what = "It has no conditions, so it is always taken and what follows is never reached."
                yield Mistake(path=f"{at}.if", what=what, fix="Add a condition, or make it the 'otherwise'.")
            elif any(branch.if_ == earlier.if_ for earlier in node.of[:index]):
                what = "An earlier branch has the same conditions, so this one is never reached."
                yield Mistake(path=f"{at}.if", what=what, fix="Remove it, or change its conditions.")
            yield from self.node(branch.use, f"{at}.use", depth + 1)
        yield from self.node(node.otherwise, f"{path}.otherwise", depth + 1)

    def _semantic(self, node: Semantic, path: str, depth: int) -> Iterator[Mistake]:
        if not self._known.can_embed:
            what = "This server has no local embedder, which a semantic node needs."
            yield Mistake(path=path, what=what, fix="Install it: pip install 'trimtab[embed]'.")
        if node.threshold is not None:
            yield from _share(node.threshold, f"{path}.threshold")
        if not node.of:
            yield _empty(path)
        if len(node.of) > MAX_TOPICS:
            yield Mistake(path=f"{path}.of", what=f"More than {MAX_TOPICS} topics.", fix="Join some.")
        seen: set[str] = set()
        for index, topic in enumerate(node.of):
            at = f"{path}.of[{index}]"
            if not topic.name or topic.name in seen:
                what = f"The topic {topic.name!r} stands twice." if topic.name else "A topic needs a name."
                yield Mistake(path=f"{at}.name", what=what, fix="Give each its own name.")
            seen.add(topic.name)
            if not 1 <= len(topic.examples) <= MAX_EXAMPLES:
                what = f"A topic has 1 to {MAX_EXAMPLES} examples, this one {len(topic.examples)}."
                yield Mistake(path=f"{at}.examples", what=what, fix="Five to twenty do well.")
            for number, example in enumerate(topic.examples):
                if not example.strip() or len(example) > MAX_EXAMPLE:
                    what = f"An example has 1 to {MAX_EXAMPLE} characters."
                    yield Mistake(path=f"{at}.examples[{number}]", what=what, fix="Write what a person would ask.")
            yield from self.node(topic.use, f"{at}.use", depth + 1)
        yield from self.node(node.otherwise, f"{path}.otherwise", depth + 1)

    def _escalate(self, node: Escalate, path: str, depth: int) -> Iterator[Mistake]:
        if self._escalating:
            yield Mistake(path=path, what="It stands below another escalate.", fix="Keep one of them.")
        if node.difficulty is None and not node.doubts:
            what = "Neither a judge nor a doubt would ever send anything up, so 'strong' only stands in for failures."
            yield Mistake(path=path, what=what, fix="Use a fallback, or give 'difficulty' or 'doubts'.")
        if node.difficulty is not None:
            yield from _share(node.difficulty, f"{path}.difficulty")
            if not self._known.can_embed:
                what = "This server has no local embedder, which the judge of difficulty needs."
                fix = "Install it: pip install 'trimtab[embed]'; or set difficulty to null."
                yield Mistake(path=f"{path}.difficulty", what=what, fix=fix)
        if node.most_up is not None:
            if not 0 < node.most_up < 1:
                what = "It is the share of judged calls that may go up: above 0 and below 1."
                yield Mistake(path=f"{path}.most_up", what=what, fix="Give e.g. 0.2; or leave it out for no bound.")
            elif node.difficulty is None:
                what = "No judge is asked, so nothing goes up by it."
                yield Mistake(
                    path=f"{path}.most_up", what=what, fix="Give a 'difficulty' (0 for all), or leave it out."
                )
        if not (math.isfinite(node.least_logprob) and node.least_logprob <= 0):
            what = "A log probability is 0 or below."
            yield Mistake(path=f"{path}.least_logprob", what=what, fix="Give e.g. -1.0.")
        before, self._escalating = self._escalating, True
        yield from self.node(node.cheap, f"{path}.cheap", depth + 1)
        yield from self.node(node.strong, f"{path}.strong", depth + 1)
        self._escalating = before


def _conditions(condition: If, path: str) -> Iterator[Mistake]:
    longer, shorter = condition.longer_than, condition.shorter_than
    for name, value in (("longer_than", longer), ("shorter_than", shorter)):
        if value is not None and value < 0:
            yield Mistake(path=f"{path}.{name}", what="It must be 0 or above.", fix="Give characters, e.g. 4000.")
    if longer is not None and shorter is not None and longer + 1 >= shorter:
        what = f"Nothing is longer than {longer} and shorter than {shorter}, so this branch is never reached."
        yield Mistake(path=path, what=what, fix="Turn the two numbers round.")
    for header in condition.headers:
        if header != header.lower() or not header or not header.isascii():
            what = f"{header!r} is not a lower-case header name."
            yield Mistake(path=f"{path}.headers", what=what, fix=f"Write {header.lower()!r}.")
    if condition.not_ is not None:
        if condition.not_ == If():
            what = "'not' without conditions is never true, so this branch is never reached."
            yield Mistake(path=f"{path}.not", what=what, fix="Give it a condition, or leave it out.")
        yield from _conditions(condition.not_, f"{path}.not")


def _share(value: float, path: str) -> Iterator[Mistake]:
    if not 0 <= value <= 1:
        yield Mistake(path=path, what="It must be from 0 to 1.", fix="Give e.g. 0.5.")


def _empty(path: str) -> Mistake:
    return Mistake(path=f"{path}.of", what="The node is empty.", fix="Name at least one target.")
