"""Which answers wait for a person before they reach the user: rules of review queues, as the data plane has them."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from msgspec import Meta, Struct

Word = Annotated[str, Meta(min_length=1, max_length=200)]


class HoldRule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Calls of ``model`` (an app, a route, a model, as it is called, whichever release of it; ``*`` at its end stands
    for anything). Of those, where anything of ``words`` (plain texts, found in any case) or ``tools`` (names of tools
    it calls) is given, only answers that have one of them."""

    model: Word
    words: Annotated[tuple[Word, ...], Meta(max_length=200)] = ()
    tools: Annotated[tuple[Word, ...], Meta(max_length=200)] = ()


class Holding(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How answers wait in a queue. Without a person's word within ``timeout_s`` the client gets ``fallback``;
    ``wait_s`` is for how long the call itself stays open (0: it is answered at once with 202 and an address to ask).
    ``waiting`` is what an answer says meanwhile."""

    rules: Annotated[tuple[HoldRule, ...], Meta(max_length=50)] = ()
    timeout_s: Annotated[int, Meta(ge=1, le=30 * 86_400)] = 3_600
    wait_s: Annotated[int, Meta(ge=0, le=600)] = 0
    fallback: Annotated[str, Meta(max_length=10_000)] = "We cannot answer this at the moment. A person will look at it."
    waiting: Annotated[str, Meta(max_length=10_000)] = "This answer is being checked by a person."


class HoldQueue(Struct, frozen=True, kw_only=True):
    """A review queue in which answers wait."""

    project_id: str
    queue: str
    holding: Holding


def by_project(queues: Iterable[HoldQueue]) -> dict[str, tuple[HoldQueue, ...]]:
    found: dict[str, list[HoldQueue]] = {}
    for each in queues:
        found.setdefault(each.project_id, []).append(each)
    return {project: tuple(held) for project, held in found.items()}


def rules_for(queues: Iterable[HoldQueue], model: str) -> list[tuple[HoldQueue, HoldRule]]:
    """Those that a call of that name falls under; which of them its answer does, `risky` tells."""
    return [(queue, rule) for queue in queues for rule in queue.holding.rules if _means(rule.model, model)]


def _means(wanted: str, model: str) -> bool:
    if wanted.endswith("*"):
        return model.startswith(wanted[:-1])
    return model == wanted or model.partition("@")[0] == wanted


def risky(rule: HoldRule, text: str, tools: Sequence[str]) -> bool:
    """Whether an answer with that text and those tool calls waits by this rule."""
    if not rule.words and not rule.tools:
        return True
    lower = text.lower()
    return any(word.lower() in lower for word in rule.words) or any(tool in tools for tool in rule.tools)
