"""Orders among equals: by load, by price, by lot. Each says on the trail what it knew of every target."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import accumulate

from trimtab.gateway.routing.ask import Ask
from trimtab.gateway.routing.plan import Leaf, Leaves, Trail
from trimtab.gateway.routing.types import Weights
from trimtab.gateway.staying_up.live import Live
from trimtab.telemetry.records import Step, Weighed


def by_load(node: str, leaves: Leaves, live: Live, ask: Ask, trail: Trail) -> Leaves:
    """Lowest peak EWMA of latency times (calls under way + 1) first. What nothing is known of gets the next call, and
    counts as slow as the slowest while that one is under way: one call finds out, not a burst."""
    now, weighed, states = ask.now_ns, trail.weighed, live.states
    slowest, unknown = 0.0, list[int]()
    scored: list[tuple[float, int]] = []
    for place, leaf in enumerate(leaves):
        state = states.get(leaf.key) or live.at(leaf.key)
        latency, under_way = state.latency.at(now), state.in_flight
        if latency:
            if latency > slowest:
                slowest = latency
            weighed[leaf.name] = Weighed(ewma_ms=latency // 1000 / 1000, in_flight=under_way)
        else:
            weighed[leaf.name] = Weighed(in_flight=under_way)
            if under_way:
                unknown.append(place)
        scored.append((latency * (under_way + 1), place))
    for place in unknown:
        scored[place] = ((slowest or 1.0) * (live.at(leaves[place].key).in_flight + 1), place)
    scored.sort()
    return _noted(node, leaves, scored, trail, "the least peak latency times calls under way")


def in_flight(node: str, leaves: Leaves, live: Live, ask: Ask, trail: Trail) -> Leaves:
    """Fewest calls under way first; as written among equals, starting from a random one."""
    shift = int(ask.draw() * len(leaves))
    scored: list[tuple[float, int]] = []
    count = len(leaves)
    for turn in range(count):
        place = (turn + shift) % count
        under_way = live.at(leaves[place].key).in_flight
        trail.weighed[leaves[place].name] = Weighed(in_flight=under_way)
        scored.append((under_way, place))
    scored.sort(key=_first)
    return _noted(node, leaves, scored, trail, "the fewest calls under way")


def by_price(node: str, leaves: Leaves, expect: Callable[[Leaf], int | None], trail: Trail) -> Leaves:
    """Lowest expected cost first; what has no known price last, in the order written."""
    scored: list[tuple[float, int]] = []
    for place, leaf in enumerate(leaves):
        price = expect(leaf)
        trail.weighed[leaf.name] = Weighed(price=price)
        scored.append((float("inf") if price is None else price, place))
    scored.sort()
    known = scored[0][0] != float("inf")
    return _noted(node, leaves, scored, trail, "the lowest expected cost" if known else "no price is known here")


def _first(pair: tuple[float, int]) -> float:
    return pair[0]


def _noted(node: str, leaves: Leaves, scored: Sequence[tuple[float, int]], trail: Trail, why: str) -> Leaves:
    ordered = tuple([leaves[place] for _, place in scored])
    trail.steps.append(Step(node=node, took=ordered[0].name, why=why))
    return ordered


class Lot:
    """The draw of a `weights` node: bounds between the children on [0, 1), computed once."""

    def __init__(self, node: str, route: str, weights: Weights, kept: Sequence[int]) -> None:
        """``kept`` are the places of the children that can be used."""
        self.node = node
        self.sticky = weights.sticky
        self.spill = weights.spill
        shares = [weights.of[place].weight for place in kept]
        total = sum(shares)
        self.shares = tuple(share / total if total else 1 / len(shares) for share in shares)
        self._bounds = tuple(accumulate(self.shares))
        self.nodes = tuple(f"{node}.of[{place}]" for place in kept)
        by_share = sorted(range(len(kept)), key=lambda at: -self.shares[at])
        self.orders = tuple((place, *(at for at in by_share if at != place)) for place in range(len(kept)))
        """By the drawn place: it, then the others by falling weight."""
        self._salt = f"{route}/{node}".encode()[:16]

    def draw(self, ask: Ask) -> tuple[int, float, str]:
        """The child's place, the number drawn, and how it was drawn."""
        by = ask.caller.user if self.sticky == "user" else ask.caller.session if self.sticky == "session" else ""
        if not by and ask.keeps_to:  # each worker draws the same, so that a session is one provider's in all of them
            number, how = self._of(ask.keeps_to), "drawn by affinity"
        else:
            number = self._of(by.encode("utf-8", "surrogatepass")) if by else ask.draw()
            how = f"drawn by {self.sticky}" if by else "drawn at random"
        place = min(bisect_right(self._bounds, number), len(self._bounds) - 1)
        while not self.shares[place] and place:  # a weight of 0 is never drawn, also not by rounding at the end
            place -= 1
        return place, number, how

    def _of(self, by: bytes) -> float:
        """In [0, 1), the same for the same name on every worker and after every restart."""
        raw = blake2b(by, digest_size=8, salt=self._salt).digest()
        return int.from_bytes(raw, "big") / 2**64


def drawn(lot: Lot, children: Sequence[Leaves], ask: Ask, trail: Trail) -> Leaves:
    """The drawn child's targets, then (where they may stand in) the others' by falling weight."""
    place, number, how = lot.draw(ask)
    took = children[place][0].name if children[place] else "nothing that can be used"
    trail.steps.append(Step(node=lot.nodes[place], took=took, why=how, value=number))
    for child, share in zip(children, lot.shares, strict=True):
        for leaf in child:
            trail.weighed.setdefault(leaf.name, Weighed(weight=share, draw=number))
    if not lot.spill:
        return children[place]
    return tuple([leaf for at in lot.orders[place] for leaf in children[at]])
