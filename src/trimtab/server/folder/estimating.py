"""What a change would cost: the calls that an app really had, priced by the first target of its next release. An
estimate, and called so: another model answers at another length, and which target answers is decided call by call."""

from typing import Final

from msgspec import Struct

from trimtab.core.errors import Unavailable
from trimtab.gateway.routing.expand import node_of
from trimtab.gateway.routing.types import Escalate, LocalOnly, Node, Semantic, Target, Weights, When
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.ledger.estimate import estimate_tokens
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage
from trimtab.releases.types import Content
from trimtab.server.bodies.folder import CostEstimate
from trimtab.server.dependencies import Dependencies
from trimtab.server.folder.preparing import Prepared
from trimtab.telemetry.costs.explorer import Traffic
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

DAYS: Final = 7
DAY_MS: Final = 86_400_000
_UNCOUNTED: Final = {"refuse": "are refused", "amount": "count as 'unknown_amount'", "ignore": "do not count"}


class Priced(Struct, frozen=True, kw_only=True):
    """``amount`` in picodollars for all calls, None where it is unknown; ``model`` is ``provider/upstream``."""

    amount: int | None
    model: str


def first_leaf(node: Node) -> str:
    """The target that a call comes to which no condition and no load sends elsewhere; of weights, the heaviest."""
    match node:
        case str():
            return node
        case Target():
            return node.model
        case Weights():
            return first_leaf(max(node.of, key=lambda share: share.weight).use)
        case When() | Semantic():
            return first_leaf(node.otherwise)
        case Escalate():
            return first_leaf(node.cheap)
        case LocalOnly():
            return first_leaf(node.use)
        case _:
            return first_leaf(node.of[0])


def prompt_tokens(content: Content) -> int:
    """About how many tokens the templates of its prompt have, with what they include."""
    if content.prompt is None:
        return 0
    sources = (content.prompt.prompt, *content.prompt.includes.values())
    return sum(estimate_tokens(message.text) for source in sources for message in source.content.messages)


async def estimates(deps: Dependencies, prepared: Prepared) -> list[CostEstimate]:
    """Of every app whose next release would be another than its newest."""
    found: list[CostEstimate] = []
    now = deps.now()
    window = Window(start=now - DAYS * DAY_MS, end=now)
    for name, frozen in prepared.frozen.items():
        before = None if frozen.newest is None else frozen.newest.content
        if frozen.newest is not None and frozen.newest.hash == frozen.hash:
            continue
        try:
            traffic = await deps.costs.traffic(prepared.asked.project.id, name, window)
        except Unavailable as error:
            found.append(_unknown(name, f"What was recorded cannot be read now: {error.message}"))
            continue
        if not traffic.calls:
            found.append(_unknown(name, f"No call of it was recorded in the last {DAYS} days."))
            continue
        found.append(_estimate(deps, prepared, name, before, frozen.content, traffic))
    return found


def unpriced(deps: Dependencies, prepared: Prepared) -> list[str]:
    """What limits of money cannot count: calls of models whose price nobody knows."""
    changed = {each.item.kind for each in prepared.comparison.changes}
    if not changed & {"limit", "model", "price"}:
        return []
    dear = sorted(name for name, model in prepared.targets.models.items() if not _has_price(deps, prepared, model))
    found: list[str] = []
    for (kind, name), item in sorted(prepared.asked.folder.items.items()):
        if kind != "limit" or item.value.measure != "money":
            continue
        models = [each for each in dear if not item.value.scope.model or each in item.value.scope.model]
        if models:
            listed = ", ".join(models[:8]) + (" and more" if len(models) > 8 else "")
            how = _UNCOUNTED[item.value.unknown_price]
            found.append(f"The limit {name!r} counts money, and no price of {listed} is known: their calls {how}.")
    return found


def _has_price(deps: Dependencies, prepared: Prepared, model: Model) -> bool:
    provider = prepared.targets.providers.get(model.provider)
    if provider is None:
        return True  # told elsewhere
    cost = deps.prices.cost(
        kind=PROVIDER_KINDS.get(provider.kind),
        model=model.name,
        upstream=model.upstream,
        usage=Usage(input=1_000, output=1_000, estimated=True),
        at_ns=deps.clock.now_ns(),
        override=model.price,
        dated=provider.prices,
    )
    return cost.amount is not None


def _unknown(app: str, note: str) -> CostEstimate:
    return CostEstimate(
        app=app, days=DAYS, calls=0, tokens_in=0, tokens_out=0, recorded=None, before=None, after=None,
        before_model="", after_model="", prompt_tokens=None, note=note,
    )  # fmt: skip


def _estimate(
    deps: Dependencies, prepared: Prepared, app: str, before: Content | None, after: Content, traffic: Traffic
) -> CostEstimate:
    more = 0 if before is None else prompt_tokens(after) - prompt_tokens(before)
    old = Priced(amount=None, model="")
    if before is not None:
        old = _priced(deps, prepared.targets, before, traffic, 0)
    new = _priced(deps, prepared.targets, after, traffic, more)
    notes: list[str] = []
    if traffic.unpriced:
        notes.append(f"{traffic.unpriced} recorded attempts have no price.")
    missing = sorted({each.model for each in (old, new) if each.model and each.amount is None})
    notes += [f"No price of {model} is known." for model in missing]
    if before is None:
        notes.append("It has no release yet: the calls are those of the name.")
    return CostEstimate(
        app=app,
        days=DAYS,
        calls=traffic.calls,
        tokens_in=traffic.input + traffic.cache_read + traffic.cache_write,
        tokens_out=traffic.output + traffic.reasoning,
        recorded=_a_day(None if traffic.unpriced else int(traffic.cost)),
        before=_a_day(old.amount),
        after=_a_day(new.amount),
        before_model=old.model,
        after_model=new.model,
        prompt_tokens=more if after.prompt is not None or (before is not None and before.prompt is not None) else None,
        note=" ".join(notes),
    )


def _priced(deps: Dependencies, targets: ProjectTargets, content: Content, traffic: Traffic, more: int) -> Priced:
    """The average call at the content's first target, times the calls: so that prices by length fit."""
    pinned = content.models[first_leaf(node_of(content.route))]
    name = f"{pinned.provider}/{pinned.upstream}"
    provider = targets.providers.get(pinned.provider)
    if provider is None:
        return Priced(amount=None, model=name)
    own = next(
        (m for m in targets.models.values() if (m.provider, m.upstream) == (pinned.provider, pinned.upstream)), None
    )
    calls = traffic.calls
    usage = Usage(
        input=max(0, round(traffic.input / calls) + more),
        cache_read=round(traffic.cache_read / calls),
        cache_write=round(traffic.cache_write / calls),
        output=round(traffic.output / calls),
        reasoning=round(traffic.reasoning / calls),
        estimated=True,
    )
    cost = deps.prices.cost(
        kind=PROVIDER_KINDS.get(provider.kind),
        model=name if own is None else own.name,
        upstream=pinned.upstream,
        usage=usage,
        at_ns=deps.clock.now_ns(),
        override=None if own is None else own.price,
        dated=provider.prices,
    )
    return Priced(amount=None if cost.amount is None else cost.amount * calls, model=name)


def _a_day(amount: int | None) -> str | None:
    return None if amount is None else dollars(round(amount / DAYS))
