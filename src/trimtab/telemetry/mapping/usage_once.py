"""Which spans of a trace count, so that no token is counted twice.

Emitters repeat usage: a framework's span sums what its calls used, two instrumentations report the same call, a parent
has its child's numbers. The rules, over all spans of a trace that are known so far:

1. Only llm, embedding and reranker spans that report usage can count, and not where the emitter says that it is a sum.
2. A span with a descendant of its own kind that can count does not: the descendant is the call itself. What our own
   gateway measured goes before both: then neither what stands above it nor below it (a model server's own span) counts.
3. Of several that are left with the same response id, one counts: our gateway's own, else the one that began first.

The answer depends on the set of spans and not on their order, so a late span corrects what was decided without it.
"""

from collections.abc import Iterable

from msgspec import Struct

from trimtab.telemetry.canonical import COUNTED


class UsageNode(Struct, frozen=True, gc=False):
    """What must be known of a span. ``usage``: it reports any; ``ours``: our gateway made it, which always counts."""

    span_id: str
    parent_span_id: str
    kind: str
    usage: bool
    aggregated: bool = False
    response_id: str = ""
    start_ns: int = 0
    ours: bool = False


def counted(nodes: Iterable[UsageNode]) -> frozenset[str]:
    """The ids of the spans whose usage counts. Of nodes with the same id, the last is meant. Linear in their number
    (where our gateway's are among them, times the depth);
    parents may be missing. Of spans that are their own ancestors by others, none counts."""
    known = {node.span_id: node for node in nodes}
    # As `can_count` says, without a call for each.
    able = [node for node in known.values() if node.usage and not node.aggregated and node.kind in COUNTED]
    if len(able) < 2:
        return frozenset(node.span_id for node in able)
    repeated = _above(known, able)
    left = [node for node in able if node.ours or (node.span_id, node.kind) not in repeated]
    if any(node.ours for node in able):
        left = [node for node in left if node.ours or not _below_ours(known, node)]
    return _once_each(left)


def can_count(node: UsageNode) -> bool:
    """The first rule, which needs no other span."""
    return node.usage and not node.aggregated and node.kind in COUNTED


def _above(known: dict[str, UsageNode], able: list[UsageNode]) -> set[tuple[str, str]]:
    """(span id, kind) of every ancestor of a span that can count, with the kind of that span."""
    marked: set[tuple[str, str]] = set()
    for node in able:
        at = node.parent_span_id if node.parent_span_id != node.span_id else ""
        while at and (at, node.kind) not in marked:
            marked.add((at, node.kind))
            parent = known.get(at)
            at = parent.parent_span_id if parent is not None else ""
    return marked


def _below_ours(known: dict[str, UsageNode], node: UsageNode) -> bool:
    seen: set[str] = set()
    above = known.get(node.parent_span_id)
    while above is not None and above.span_id not in seen:
        if above.ours and above.kind == node.kind and can_count(above):
            return True
        seen.add(above.span_id)
        above = known.get(above.parent_span_id)
    return False


def _once_each(left: list[UsageNode]) -> frozenset[str]:
    by_response: dict[str, UsageNode] = {}
    chosen: set[str] = set()
    for node in left:
        if not node.response_id or node.ours:
            chosen.add(node.span_id)
        if node.response_id:
            other = by_response.get(node.response_id)
            if other is None or _before(node, other):
                by_response[node.response_id] = node
    return frozenset(chosen | {node.span_id for node in by_response.values()})


def _before(one: UsageNode, other: UsageNode) -> bool:
    return (not one.ours, one.start_ns, one.span_id) < (not other.ours, other.start_ns, other.span_id)
