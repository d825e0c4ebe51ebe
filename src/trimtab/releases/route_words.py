"""A route's tree, and what changed between two, in words. Of trees as JSON (`gateway/routing/types.py` says their
form), whole, in normal form; a node of a kind that is not known here is told as changed, with both as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

from trimtab.releases.types import Json

MOST: Final = 240
"""Characters of an outline."""
Tree = str | Json


def told(before: Tree, after: Tree) -> list[str]:
    """Sentences that say how ``after`` differs; empty for two trees that are the same."""
    if _same(before, after):
        return []
    if before == "":
        return [f"Answered by {outline(after)}"]
    return list(_differ(before, after, ""))


def outline(tree: Tree) -> str:
    """One line about a tree: ``fast, falling back to strong``."""
    text = _outline(tree)
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."


def _outline(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    kind = tree.get("node")
    of = _list(tree, "of")
    match kind:
        case "target":
            return str(tree.get("model", ""))
        case "fallback" if of:
            return f"{_outline(of[0])}, falling back to {_listed(of[1:], ', then ')}" if of[1:] else _outline(of[0])
        case "weights":
            return ", ".join(f"{share} to {_outline(use)}" for share, use in _shares(tree))
        case "fastest" | "cheapest":
            return f"the {kind} of {_listed(of)}"
        case "least_busy":
            return f"the least busy of {_listed(of)}"
        case "when":
            return f"{_listed([each.get('use', '') for each in of])} by conditions, else {_under(tree, 'otherwise')}"
        case "semantic":
            topics = ", ".join(f"{each.get('name')} to {_outline(each.get('use', ''))}" for each in of)
            return f"by topic: {topics}, else {_under(tree, 'otherwise')}"
        case "escalate":
            return f"{_under(tree, 'cheap')}, hard questions to {_under(tree, 'strong')}"
        case "local_only":
            return f"{_under(tree, 'use')}, on machines of one's own only"
        case _:
            return _json(tree)


def _under(tree: Json, name: str) -> str:
    return _outline(cast("Tree", tree.get(name, "")))


def _listed(of: list[Any], between: str = ", ") -> str:
    return between.join(_outline(each) for each in of)


def _list(tree: Json, name: str) -> list[Any]:
    found = tree.get(name)
    return cast("list[Any]", found) if isinstance(found, list) else []


def _shares(tree: Json) -> list[tuple[str, Tree]]:
    """Each share as it is read: ``30 %``."""
    weights = [float(each.get("weight", 0)) for each in _list(tree, "of")]
    total = sum(weights) or 1.0
    return [
        (f"{100 * weight / total:.3g} %", each.get("use", ""))
        for weight, each in zip(weights, _list(tree, "of"), strict=True)
    ]


# --- differences ---


def _differ(before: Tree, after: Tree, place: str) -> Iterator[str]:
    """``place`` begins the sentence where the node is below another: ``On the topic refunds: ``."""
    if _same(before, after):
        return
    old, new = _chain(before), _chain(after)
    if old and new:
        yield from (f"{place}{each}" for each in _chains(old, new))
        return
    kind = None if isinstance(before, str) or isinstance(after, str) else before.get("node")
    if isinstance(before, str) or isinstance(after, str) or kind != after.get("node"):
        yield f"{place}Answered by {outline(after)}, instead of {outline(before)}"
        return
    found = list(_inside(kind, before, after, place))
    yield from found or [f"{place}Answered by {outline(after)}, instead of {outline(before)}"]


def _inside(kind: Any, before: Json, after: Json, place: str) -> Iterator[str]:
    """Of two nodes of one kind; nothing where they are told best as a whole."""
    old, new = _list(before, "of"), _list(after, "of")
    match kind:
        case "weights":
            yield from _weights(before, after, place)
        case "when" if len(old) == len(new):
            for number, (one, other) in enumerate(zip(old, new, strict=True), 1):
                if not _same(one.get("if"), other.get("if")):
                    yield f"{place}The conditions of branch {number} (to {_outline(other.get('use', ''))}) changed"
                yield from _differ(one.get("use", ""), other.get("use", ""), f"{place}In branch {number}: ")
            yield from _differ(before.get("otherwise", ""), after.get("otherwise", ""), f"{place}Else: ")
        case "semantic" if [each.get("name") for each in old] == [each.get("name") for each in new]:
            for one, other in zip(old, new, strict=True):
                if not _same(one.get("examples"), other.get("examples")):
                    yield f"{place}The examples of the topic {other.get('name')} changed"
                yield from _differ(one.get("use", ""), other.get("use", ""), f"{place}On {other.get('name')}: ")
            yield from _differ(before.get("otherwise", ""), after.get("otherwise", ""), f"{place}Else: ")
            yield from _fields(before, after, ("threshold",), place)
        case "escalate":
            for name, words in (("cheap", "First"), ("strong", "For hard questions")):
                yield from _differ(before.get(name, ""), after.get(name, ""), f"{place}{words}: ")
            yield from _fields(before, after, ("difficulty", "doubts", "least_logprob"), place)
        case "local_only":
            yield from _differ(before.get("use", ""), after.get("use", ""), place)
            yield from _fields(before, after, ("trust",), place)
        case _:
            return


def _weights(before: Json, after: Json, place: str) -> Iterator[str]:
    old, new = _shares(before), _shares(after)
    if [use for _, use in old] != [use for _, use in new]:
        return
    for (was, use), (now, _) in zip(old, new, strict=True):
        if was != now:
            yield f"{place}{_outline(use)} gets {now} of the calls instead of {was}"
    yield from _fields(before, after, ("sticky", "spill"), place)


def _fields(before: Json, after: Json, names: tuple[str, ...], place: str) -> Iterator[str]:
    for name in names:
        if not _same(before.get(name), after.get(name)):
            yield f"{place}The route's {name} went from {_said(before.get(name))} to {_said(after.get(name))}"


def _said(value: Any) -> str:
    return "its default" if value is None else _json(value)


def _chain(tree: Tree) -> list[str]:
    """The names of a tree that is a name, or names one after the other; else nothing."""
    if isinstance(tree, str):
        return [tree]
    of = _list(tree, "of")
    return of if tree.get("node") == "fallback" and of and all(isinstance(each, str) for each in of) else []


def _chains(old: list[str], new: list[str]) -> Iterator[str]:
    if old[0] != new[0]:
        yield f"Answered by {new[0]} instead of {old[0]}"
    before, after = old[1:], new[1:]
    gone = [name for name in before if name not in after]
    come = [name for name in after if name not in before]
    for name in come:
        yield f"Falls back to {name} instead of {gone.pop(0)}" if gone else f"Falls back to {name}, too"
    for name in gone:
        yield f"No longer falls back to {name}"
    if sorted(before) == sorted(after) and before != after:
        yield f"Falls back in another order: {', then '.join(after)}"


def models(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str]]:
    """Of names that mean something else now: the name and the sentence. Values are ``provider/upstream``."""
    return [
        (name, f"{name} now stands for {after[name]} instead of {before[name]}")
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]


def _same(before: object, after: object) -> bool:
    return msgspec.json.encode(before) == msgspec.json.encode(after)


def _json(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."
