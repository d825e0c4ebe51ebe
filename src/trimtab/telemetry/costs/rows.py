"""From rows of the ledger to what people see of costs: the columns each question asks for, and what becomes of them."""

from decimal import Decimal
from typing import Final

from msgspec import Struct

from trimtab.ledger import energy as estimates
from trimtab.ledger.types import PARTS
from trimtab.telemetry.costs.views import (
    CostlyCall,
    CostlyPrompt,
    CostParts,
    CostPoint,
    CostRow,
    CostTotals,
    EnergyView,
)
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Tokens, Window

_BUCKETS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


def sums_of(when: str) -> str:
    """One column, a tuple: `Sums` of the rows of which ``when`` is true."""
    tokens = ", ".join(f"sumIf({name}_tokens, {when})" for name in _BUCKETS)
    return (
        f"tuple(countIf({when} AND final = 1), countIf({when}), {tokens},"
        f" toString(sumIf(toInt128(ifNull(cost, 0)), {when})),"
        f" countIf({when} AND metered = 1 AND cost IS NULL), countIf({when} AND metered = 0),"
        f" countIf({when} AND tokens_estimated = 1),"
        f" toString(sumIf(toInt128(ifNull(cost, 0)), {when} AND tokens_estimated = 1)),"
        f" arrayMap(x -> toString(x), sumForEachIf(arrayMap(x -> toInt128(x), cost_parts), {when})),"
        f" toString(sumIf(toInt128(ifNull(booked_cost, 0)), {when})))"
    )


class Sums(Struct, frozen=True, array_like=True):
    calls: int
    attempts: int
    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cost: str
    unpriced: int
    unmetered: int
    estimated: int
    estimated_cost: str
    parts: list[str]
    booked_cost: str


class GroupLine(Struct, frozen=True, array_like=True):
    group: str
    label: str
    groups: int
    previous_calls: int
    previous_cost: str
    sums: Sums


class PointLine(Struct, frozen=True, array_like=True):
    number: int
    cost: str
    calls: int
    unpriced: int


class UsedLine(Struct, frozen=True, array_like=True):
    group: str
    kind: str
    model: str
    tokens: int
    attempts: int


def totals_of(line: Sums) -> CostTotals:
    total = line.input + line.cache_read + line.cache_write + line.output + line.reasoning
    return CostTotals(
        calls=line.calls,
        attempts=line.attempts,
        tokens=Tokens(
            input=line.input,
            cache_read=line.cache_read,
            cache_write=line.cache_write,
            output=line.output,
            reasoning=line.reasoning,
            total=total,
            estimated=line.estimated > 0,
        ),
        cost=dollars(int(line.cost)) or "0",
        unpriced=line.unpriced,
        unmetered=line.unmetered,
        estimated=line.estimated,
        estimated_cost=dollars(int(line.estimated_cost)) or "0",
        booked_cost=dollars(int(line.booked_cost)) or "0",
    )


def parts_of(amounts: list[int], cost: int) -> CostParts:
    """Picodollars of each part, and of a cost, as people read them."""
    named = dict(zip(PARTS, [*amounts, *([0] * (len(PARTS) - len(amounts)))], strict=False))
    shown = {name: dollars(amount) or "0" for name, amount in named.items()}
    return CostParts(**shown, unparted=dollars(cost - sum(amounts)) or "0")


def cost_parts_of(line: Sums) -> CostParts:
    return parts_of([int(part) for part in line.parts], int(line.cost))


def group_row(line: GroupLine, used: list[UsedLine] | None) -> CostRow:
    return CostRow(
        group=line.group,
        label=line.label,
        totals=totals_of(line.sums),
        previous_cost=dollars(int(line.previous_cost)) or "0",
        previous_calls=line.previous_calls,
        energy=None if used is None else energy_of([each for each in used if each.group == line.group]),
    )


def series_of(lines: list[PointLine], window: Window, step: int) -> list[CostPoint]:
    """Every step of the window, empty ones too."""
    found = {line.number: line for line in lines}
    empty = PointLine(0, "0", 0, 0)
    numbers = range(window.start // step, -(-window.end // step))
    return [
        CostPoint(
            start=number * step,
            cost=dollars(int(found.get(number, empty).cost)) or "0",
            calls=found.get(number, empty).calls,
            unpriced=found.get(number, empty).unpriced,
        )
        for number in numbers
    ]


def energy_of(used: list[UsedLine]) -> EnergyView | None:
    """None where no attempt used anything."""
    if not used:
        return None
    wh, grams, known, unknown = [0.0, 0.0], [0.0, 0.0], 0, 0
    for line in used:
        each = estimates.estimate(line.kind, line.model, line.tokens)
        if each is None:
            unknown += line.attempts
            continue
        known += line.attempts
        wh = [wh[0] + each.wh[0], wh[1] + each.wh[1]]
        grams = [grams[0] + each.total_g[0], grams[1] + each.total_g[1]]
    return _energy_view(wh, grams, known, unknown) if known else None


def _energy_view(wh: list[float], grams: list[float], known: int, unknown: int) -> EnergyView:
    return EnergyView(
        wh_low=_three(wh[0]),
        wh_high=_three(wh[1]),
        gco2e_low=_three(grams[0]),
        gco2e_high=_three(grams[1]),
        known=known,
        unknown=unknown,
    )


def _three(value: float) -> float:
    """Three digits: an estimate has no more to say."""
    return float(f"{value:.3g}")


CALL_COLUMNS: Final = (
    "trace_id, span_id, request_id, at_ns, duration_ns, attempt, final, outcome, provider, provider_kind, model,"
    " model_used, model_name, feature, user, key_id, prompt, input_tokens, cache_read_tokens, cache_write_tokens,"
    " output_tokens, reasoning_tokens, tokens_estimated, cost, cost_parts, price, booked_cost, booked_price, repricing,"
    " currency, tier, tier_asked, cost_told, cost_counted, searches, file_searches"
)


class CallLine(Struct, frozen=True, array_like=True):
    """`CALL_COLUMNS` of one row."""

    trace_id: str
    span_id: str
    request_id: str
    at_ns: int
    duration_ns: int
    attempt: int
    final: int
    outcome: str
    provider: str
    kind: str
    model: str
    model_used: str
    name: str
    feature: str
    user: str
    key_id: str
    prompt: str
    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    estimated: int
    cost: int | None
    parts: list[int]
    price: str
    booked_cost: int | None
    booked_price: str
    repricing: str
    currency: str
    tier: str = ""
    tier_asked: str = ""
    told: int | None = None
    counted: int | None = None
    searches: int = 0
    file_searches: int = 0


class PromptLine(Struct, frozen=True, array_like=True):
    prompt: str
    preview: str
    feature: str
    sums: Sums


def costly_call(line: CallLine, *, energy: bool = False) -> CostlyCall:
    total = line.input + line.cache_read + line.cache_write + line.output + line.reasoning
    return CostlyCall(
        trace_id=line.trace_id,
        span_id=line.span_id,
        request_id=line.request_id,
        at=line.at_ns / 1e6,
        duration=line.duration_ns / 1e6,
        attempt=line.attempt,
        final=bool(line.final),
        outcome=line.outcome,
        provider=line.provider,
        model=line.model,
        model_used=line.model_used,
        name=line.name,
        feature=line.feature,
        user=line.user,
        key_id=line.key_id,
        prompt=line.prompt,
        tokens=Tokens(
            input=line.input,
            cache_read=line.cache_read,
            cache_write=line.cache_write,
            output=line.output,
            reasoning=line.reasoning,
            total=total,
            estimated=bool(line.estimated),
        ),
        cost=dollars(line.cost),
        parts=None if line.cost is None else parts_of(line.parts, line.cost),
        price=line.price,
        booked_cost=dollars(line.booked_cost),
        booked_price=line.booked_price,
        repricing=line.repricing,
        currency=line.currency,
        tier=line.tier,
        tier_asked=line.tier_asked,
        told_cost=dollars(line.told),
        counted_cost=dollars(line.counted),
        searches=line.searches,
        file_searches=line.file_searches,
        energy=_energy_of(line) if energy else None,
    )


def _energy_of(line: CallLine) -> EnergyView | None:
    if line.kind == "cache":  # an answer given again: no model ran
        return _energy_view([0.0, 0.0], [0.0, 0.0], 1, 0)
    seconds = line.duration_ns / 1e9 or None
    each = estimates.estimate(line.kind, line.model, line.output + line.reasoning, seconds)
    return None if each is None else _energy_view(list(each.wh), list(each.total_g), 1, 0)


def costly_prompt(line: PromptLine) -> CostlyPrompt:
    mean = Decimal(line.sums.cost).scaleb(-12) / line.sums.calls if line.sums.calls else None
    return CostlyPrompt(
        prompt=line.prompt,
        preview=line.preview,
        feature=line.feature,
        totals=totals_of(line.sums),
        mean_cost=None if mean is None else f"{mean:.12f}".rstrip("0").rstrip(".") or "0",
    )
