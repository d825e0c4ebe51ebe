"""What a tree mentions, without deciding anything."""

from collections.abc import Iterator

from trimtab.gateway.routing.types import Escalate, LocalOnly, Node, Semantic, Target, Weights, When


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below."""
    match node:
        case str() | Target():
            return
        case Weights():
            yield from (share.use for share in node.of)
        case When():
            yield from (branch.use for branch in node.of)
            yield node.otherwise
        case Semantic():
            yield from (topic.use for topic in node.of)
            yield node.otherwise
        case Escalate():
            yield node.cheap
            yield node.strong
        case LocalOnly():
            yield node.use
        case _:
            yield from node.of


def names_of(node: Node) -> frozenset[str]:
    """Every model or route that the tree names."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            found.add(each)
        elif isinstance(each, Target):
            found.add(each.model)
        else:
            waiting += children(each)
    return frozenset(found)
