"""One trace as a graph of who called whom: agents, steps, models, tools and retrievers, each once however often it ran.

Plain spans (``span``, ``event``) are no actors unless the trace began with them: what runs below them belongs to the
nearest actor above. Calls go from an actor to those that ran within it; two agents or steps below the same actor are
joined by ``then`` where one began after the other had ended, which is how a graph of steps, or a hand-over, looks in a
trace.
"""

from collections.abc import Iterable
from decimal import Decimal
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Final

from trimtab.telemetry.seen.views import AgentGraph, GraphEdge, GraphNode
from trimtab.telemetry.views import SpanRow, TraceDetail

MOST_NODES: Final = 80
_PLAIN: Final = frozenset({"span", "event"})
_STEPS: Final = frozenset({"agent", "workflow"})
_MODELS: Final = frozenset({"llm", "embedding", "reranker"})


class _Node:
    def __init__(self, kind: str, label: str, span_id: str) -> None:
        self.kind, self.label, self.span_id = kind, label, span_id
        self.spans = self.errors = self.tokens = 0
        self.time = self.own = 0.0
        self.cost: Decimal | None = None
        self.layer = 0


class _Edge:
    def __init__(self) -> None:
        self.count = self.errors = 0
        self.time = 0.0


def agent_graph(trace: TraceDetail) -> AgentGraph:
    """Linear in the number of spans; a cycle of parents is cut where it is met."""
    actors = _actors(trace.spans)
    above = _nearest(trace.spans, actors)
    nodes: dict[str, _Node] = {}
    calls: dict[tuple[str, str], _Edge] = {}
    within: dict[str, list[SpanRow]] = {}
    taken: dict[str, float] = {}
    for span in trace.spans:
        key = actors.get(span.span_id)
        if key is None:
            continue
        _count(nodes.setdefault(key, _Node(*_name(span), span.span_id)), span)
        parent = above.get(span.span_id)
        if parent is None:
            continue
        within.setdefault(parent, []).append(span)
        source = actors[parent]
        taken[source] = taken.get(source, 0.0) + span.duration
        if source != key:
            _join(calls.setdefault((source, key), _Edge()), span)
    for source, time in taken.items():
        nodes[source].own -= time
    then = _sequence(within, trace.spans, actors, above)
    _layers(nodes, calls)
    kept = sorted(nodes, key=lambda key: (nodes[key].layer, -nodes[key].time))[:MOST_NODES]
    return AgentGraph(
        trace_id=trace.trace_id,
        nodes=[_node_view(key, nodes[key]) for key in kept],
        edges=[*_edge_views(calls, "calls", kept), *_edge_views(then, "then", kept)],
        hidden=len(nodes) - len(kept),
    )


def _name(span: SpanRow) -> tuple[str, str]:
    if span.kind in _MODELS:
        return span.kind, span.model_used or span.model or span.name
    return span.kind, span.name


def _actors(spans: Iterable[SpanRow]) -> dict[str, str]:
    """The node of each span that is an actor, or that a trace began with, whatever it is."""
    spans = list(spans)
    known = {span.span_id for span in spans}
    return {
        span.span_id: " ".join(_name(span))
        for span in spans
        if span.kind not in _PLAIN or span.parent_span_id not in known
    }


def _nearest(spans: list[SpanRow], actors: dict[str, str]) -> dict[str, str]:
    """The nearest actor above each span, by span id."""
    parents = {span.span_id: span.parent_span_id for span in spans}
    found: dict[str, str | None] = {}
    for span in spans:
        path: list[str] = []
        at = parents[span.span_id]
        seen = {span.span_id}
        while at in parents and at not in actors and at not in found and at not in seen:
            seen.add(at)
            path.append(at)
            at = parents[at]
        answer = at if at in actors else found.get(at)
        for each in (*path, span.span_id):
            found[each] = answer
    return {span: actor for span, actor in found.items() if actor is not None and actor != span}


def _count(node: _Node, span: SpanRow) -> None:
    node.spans += 1
    node.errors += span.status == "error"
    node.time += span.duration
    node.own += span.duration
    node.tokens += span.tokens.total
    if span.cost is not None:
        node.cost = (node.cost or Decimal(0)) + Decimal(span.cost)


def _join(edge: _Edge, span: SpanRow) -> None:
    edge.count += 1
    edge.errors += span.status == "error"
    edge.time += span.duration


def _sequence(
    within: dict[str, list[SpanRow]], spans: list[SpanRow], actors: dict[str, str], above: dict[str, str]
) -> dict[tuple[str, str], _Edge]:
    tops = [span for span in spans if span.span_id in actors and span.span_id not in above]
    then: dict[tuple[str, str], _Edge] = {}
    for siblings in (*within.values(), tops):
        steps = sorted((span for span in siblings if span.kind in _STEPS), key=lambda span: span.started)
        for before, after in pairwise(steps):
            if after.started >= before.started + before.duration:
                _join(then.setdefault((actors[before.span_id], actors[after.span_id]), _Edge()), after)
    return then


def _layers(nodes: dict[str, _Node], calls: dict[tuple[str, str], _Edge]) -> None:
    """The longest way down from a node that nobody calls; a node within a cycle of calls stays where it was met."""
    down: dict[str, list[str]] = {}
    called: dict[str, int] = dict.fromkeys(nodes, 0)
    for source, target in calls:
        down.setdefault(source, []).append(target)
        called[target] += 1
    ready = [key for key, count in called.items() if count == 0]
    left = dict(called)
    placed = set(ready)
    order = {key: number for number, key in enumerate(nodes)}
    # The least comes first; one whose count has fallen is in there more than once.
    waiting = [(count, order[key], key) for key, count in left.items()]
    heapify(waiting)
    while ready or waiting:
        if not ready:  # only cycles are left: cut one where most of it has been placed already
            _, _, key = heappop(waiting)
            if key in placed:
                continue
            placed.add(key)
            ready.append(key)
        key = ready.pop()
        for target in down.get(key, ()):
            left[target] -= 1
            if target in placed:
                continue
            nodes[target].layer = max(nodes[target].layer, nodes[key].layer + 1)
            if left[target] <= 0:
                placed.add(target)
                ready.append(target)
            else:
                heappush(waiting, (left[target], order[target], target))


def _node_view(key: str, node: _Node) -> GraphNode:
    return GraphNode(
        id=key,
        kind=node.kind,
        label=node.label,
        spans=node.spans,
        errors=node.errors,
        time=round(node.time, 3),
        own=round(max(0.0, node.own), 3),
        tokens=node.tokens,
        cost=None if node.cost is None else plain(node.cost),
        span_id=node.span_id,
        layer=node.layer,
    )


def plain(amount: Decimal) -> str:
    """Without an exponent and without trailing zeros."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _edge_views(edges: dict[tuple[str, str], _Edge], kind: str, kept: list[str]) -> list[GraphEdge]:
    shown = set(kept)
    return [
        GraphEdge(
            source=source,
            target=target,
            kind="calls" if kind == "calls" else "then",
            count=edge.count,
            errors=edge.errors,
            time=round(edge.time, 3),
        )
        for (source, target), edge in edges.items()
        if source in shown and target in shown
    ]
