"""Recorded traffic decided again by another route, and what that would have meant, as far as the records can say.

Each call is decided by the same compiled route as a live one would be. Where it goes to the target that was asked first
in fact, what happened then is what would have happened. Where it goes elsewhere, its outcome is drawn from what that
target did with other calls in the same window: latency, failures and refusals as recorded; cost from this call's own
input tokens (as whoever answered it counted them: a failed attempt tells none), the target's recorded output lengths,
and its price now. That is a counterfactual estimate, and only as good as the likeness of those calls to this one. A
target with fewer than `ENOUGH` recorded attempts gives none: its calls are counted as "not enough data" and left out of
the estimates, on both sides of the comparison. So are calls that would move and were cut off by their client: how long
they would have taken elsewhere is not known. What was cut off says nothing of a target either, and is no record of it.

All figures are of just these calls, so what stays as it was has no uncertainty: a route that changes nothing comes to
what is on record. Intervals are 95 % percentile bootstrap of what moved, the targets' records drawn anew for each
resample (Efron & Tibshirani 1993, ch. 13). Pure; randomness is passed in.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random

from msgspec import Struct

from trimtab.gateway.staying_up.live import Live, Still
from trimtab.telemetry.recorded import RecordedAttempt, RecordedCall

ENOUGH = 20
ROUNDS = 300
REFUSED = ("refusal", "content_filter")
CUT_OFF = "cancelled"
"""The status of a call whose client left, and of an attempt that was cut off for that, or as it lost to a hedge."""
MOST_TRIES = 8
"""So often a call asks at most, as by default (`policy.Policy.attempts`)."""
TargetKey = tuple[str, str]
"""Provider, and the provider's id of the model."""
Price = Callable[[str, int, int], int | None]
"""Picodollars of so many tokens in and out at the model of that name; None where no price is known. By name, as two of
them may stand for one model of one provider, each with a price of its own."""
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Of calls that go up, for which a replay tells the difficulty."""
Pools = Mapping[TargetKey, Sequence[RecordedAttempt]]


class Decided(Struct, frozen=True, kw_only=True):
    """One call decided again. ``target`` would be asked first (None: the route refuses it), ``name`` is what the tree
    calls it; ``sent_up``: a judge of difficulty, which gave it ``difficulty``, sent it to the strong side at once.
    ``doubted``: the first answer was, on record, and another target's given; ``may_doubt``: the route looks whether an
    answer is to be doubted, and ``same_route`` that it is the one which the call asked for."""

    call: RecordedCall
    first: RecordedAttempt
    """What was asked first in fact."""
    tokens_in: int | None
    """The question in tokens, as `tokens_told` has them."""
    target: TargetKey | None
    name: str
    sent_up: bool = False
    difficulty: float | None = None
    doubted: bool = False
    may_doubt: bool = False
    same_route: bool = False


class UpShare(Struct, frozen=True, kw_only=True):
    """No more than ``share`` of the judged calls lie above ``difficulty``."""

    share: float
    difficulty: float


class ReplayedRange(Struct, frozen=True, kw_only=True):
    """``low`` and ``high`` bound 95 % of what calls that moved may come to; equal where none did."""

    value: float
    low: float
    high: float


class Sides(Struct, frozen=True, kw_only=True):
    """``recorded`` is a fact about the calls that ``replayed`` is estimated for. None where nothing can be said."""

    recorded: float | None
    replayed: ReplayedRange | None


class TargetShare(Struct, frozen=True, kw_only=True):
    """Where calls went and would go. ``attempts`` are the records its estimates are drawn from; ``estimated`` is false
    where they are too few and calls would have moved here."""

    name: str
    provider: str
    model: str
    recorded: int
    replayed: int
    attempts: int
    estimated: bool


class Report(Struct, frozen=True, kw_only=True):
    """``calls`` were decided again: ``same`` go where they went, ``moved`` elsewhere, ``refused`` nowhere. Of those
    moved ``cut_off`` were cut off by their client, and ``not_enough_data`` of the others go to targets without enough
    records. All estimates are of the ``compared`` calls, which are all others. Cost is in US dollars in total, of the
    ``priced`` calls whose cost is known on record; latency in milliseconds, from the question to the whole answer, of
    calls that got one; failures (of the first attempt) and refusals are shares in [0, 1]. ``sent_up`` counts calls that
    a judge of difficulty sends up at once, ``judged`` those that it was asked about; ``thresholds`` are of these.
    Doubted answers cannot be known without asking."""

    calls: int
    same: int
    moved: int
    refused: int
    not_enough_data: int
    cut_off: int
    compared: int
    priced: int
    cost: Sides
    latency_p50: Sides
    latency_p95: Sides
    failures: Sides
    refusals: Sides
    sent_up: int
    judged: int
    thresholds: list[UpShare]
    targets: list[TargetShare]
    notes: list[str]


class ChangedCall(Struct, frozen=True, kw_only=True):
    """One call that would go elsewhere, or nowhere (``target`` None). ``expected`` is what an answer of its new target
    costs for this call's input, in picodollars: of the mean length of its recorded answers; None where too few are
    recorded, no price is known, or the client cut the call off."""

    call: RecordedCall
    before: TargetKey
    target: TargetKey | None
    name: str
    expected: int | None

    @property
    def cost(self) -> int | None:
        return None if self.call.unpriced else self.call.cost


class Outcome(Struct, frozen=True):
    """What became, or is estimated to become, of one call. ``cost`` is picodollars, ``latency_ms`` None where no answer
    came, ``failed`` what its first attempt did."""

    cost: int | None
    latency_ms: float | None
    failed: bool
    refused: bool


def still_live(project: str, records: Mapping[TargetKey, Sequence[RecordedAttempt]]) -> Live:
    """What `fastest` reads in a replay; nothing is under way."""
    live = Live()
    for key, attempts in records.items():
        waits = sorted(a.duration_ns if a.ttft_ns is None else a.ttft_ns for a in attempts if a.status == "ok")
        if waits:
            live.of(project, *key).latency = Still(float(waits[len(waits) // 2]))
    return live


def by_target(attempts: Sequence[RecordedAttempt]) -> dict[TargetKey, list[RecordedAttempt]]:
    """What each target did when it was left to end by itself."""
    found: dict[TargetKey, list[RecordedAttempt]] = {}
    for attempt in attempts:
        if attempt.status != CUT_OFF:
            found.setdefault((attempt.provider, attempt.model), []).append(attempt)
    return found


def tokens_told(attempts: Sequence[RecordedAttempt]) -> int | None:
    """What a call's question came to in tokens: by the last attempt that was answered, else by the one that tells
    most (then an estimate of ours). None where none tells."""
    answered = [each.input_tokens for each in attempts if each.status == "ok" and each.input_tokens]
    return answered[-1] if answered else max((each.input_tokens for each in attempts), default=0) or None


def was_doubted(attempts: Sequence[RecordedAttempt]) -> bool:
    """Whether the first answered, and yet another target was asked and answered too."""
    first = attempts[0]
    return first.status == "ok" and any(
        each.status == "ok" and (each.provider, each.model) != (first.provider, first.model) for each in attempts[1:]
    )


def estimate(
    decided: Sequence[Decided], records: Mapping[TargetKey, Sequence[RecordedAttempt]], price: Price, draw: Random
) -> Report:
    """The report of one replay. Takes about a second for a thousand calls; run it beside the event loop."""
    going = [each for each in decided if each.target is not None]
    whole = [each for each in going if _stays(each) or each.call.status != CUT_OFF]
    known = [each for each in whole if _stays(each) or len(records.get(each.target or ("", ""), ())) >= ENOUGH]
    facts = [_fact(each) for each in known]
    makers = [_maker(each, records, price) for each in known]
    rounds: list[dict[str, float | None]] = []
    pools = {each.target: records[each.target] for each in known if each.target is not None and not _stays(each)}
    for _ in range(ROUNDS if known else 0):
        drawn = {key: draw.choices(pool, k=len(pool)) for key, pool in pools.items()}
        rounds.append(_figures([make(draw, drawn) for make in makers], facts))
    recorded = _figures(facts, facts)
    moved = sum(not _stays(each) for each in going)
    return Report(
        calls=len(decided),
        same=len(going) - moved,
        moved=moved,
        refused=len(decided) - len(going),
        not_enough_data=len(whole) - len(known),
        cut_off=len(going) - len(whole),
        compared=len(known),
        priced=sum(fact.cost is not None for fact in facts),
        cost=_sides("cost", recorded, rounds),
        latency_p50=_sides("p50", recorded, rounds),
        latency_p95=_sides("p95", recorded, rounds),
        failures=_sides("failures", recorded, rounds),
        refusals=_sides("refusals", recorded, rounds),
        sent_up=sum(each.sent_up for each in decided),
        judged=sum(each.difficulty is not None for each in decided),
        thresholds=_thresholds(decided),
        targets=_shares(decided, records),
        notes=_notes(whole, known, records, price),
    )


def _thresholds(decided: Sequence[Decided]) -> list[UpShare]:
    judged = sorted((each.difficulty for each in decided if each.difficulty is not None), reverse=True)
    if len(judged) < ENOUGH:
        return []
    return [UpShare(share=share, difficulty=_rounded_up(judged[int(share * len(judged))])) for share in SHARES]


def _rounded_up(difficulty: float) -> float:
    return math.ceil(difficulty * 10_000) / 10_000


def changed(decided: Sequence[Decided], records: Pools, price: Price, most: int) -> list[ChangedCall]:
    """The calls that would not go where they went: first what the route would refuse, then by how much of money it is
    about, then those of which that is not known; the newest first among equals."""
    lengths = {key: _mean_length(pool) for key, pool in records.items()}
    found = [
        ChangedCall(
            call=each.call,
            before=(each.first.provider, each.first.model),
            target=each.target,
            name=each.name,
            expected=_expected(each, lengths, price),
        )
        for each in decided
        if not _stays(each)
    ]
    return sorted(found, key=_weight)[:most]


def _weight(each: ChangedCall) -> tuple[int, int, int]:
    known = each.cost is not None and each.expected is not None
    size = abs((each.expected or 0) - (each.cost or 0)) if known else -1
    return int(each.target is not None), -size, -each.call.start_ns


def _mean_length(pool: Sequence[RecordedAttempt]) -> int | None:
    """Tokens of an answer, on average; None where too few are on record."""
    answered = [one.output_tokens for one in pool if one.status == "ok"]
    return round(sum(answered) / len(answered)) if len(pool) >= ENOUGH and answered else None


def _expected(each: Decided, lengths: Mapping[TargetKey, int | None], price: Price) -> int | None:
    if each.target is None or each.tokens_in is None or each.call.status == CUT_OFF:
        return None
    length = lengths.get(each.target)
    return None if length is None else price(each.name, each.tokens_in, length)


def _stays(each: Decided) -> bool:
    return each.target == (each.first.provider, each.first.model)


def _renamed(each: Decided) -> bool:
    """Whether it goes where it went by another name of that model, which may have another price, and was answered."""
    before = each.first.name
    return _stays(each) and bool(before) and each.name != before and each.first.status == "ok"


def _fact(each: Decided) -> Outcome:
    call = each.call
    comparable = not call.unpriced and (each.tokens_in is not None or (_stays(each) and not _renamed(each)))
    took_ms = call.duration_ns / 1e6 if call.status == "ok" else None
    return Outcome(call.cost if comparable else None, took_ms, each.first.status == "error", call.stop in REFUSED)


def _maker(each: Decided, records: Pools, price: Price) -> Callable[[Random, Pools], Outcome]:
    """What makes one outcome of the call at its new target: always the fact where it stays. A call that fails there is
    asked again: it takes as long as what failed and what was answered then, and costs what an answer costs."""
    if _stays(each) or each.target is None:
        fact = _fact(each)
        if each.doubted and not each.may_doubt:
            fact = _first_alone(each, fact, price)
            return lambda _draw, _pools: fact
        if _renamed(each) and fact.cost is not None and each.tokens_in is not None:
            cost = price(each.name, each.tokens_in, each.first.output_tokens)
            fact = Outcome(cost, fact.latency_ms, fact.failed, fact.refused)  # all is as it was, but at its own price
        return lambda _draw, _pools: fact
    target, name, tokens_in = each.target, each.name, each.tokens_in
    answered = [one for one in records[target] if one.status == "ok"]

    def make(draw: Random, pools: Pools) -> Outcome:
        pool = pools[target]
        tries = [pool[draw.randrange(len(pool))]]
        while tries[-1].status != "ok" and len(tries) < MOST_TRIES:
            tries.append(pool[draw.randrange(len(pool))])
        last, failed = tries[-1], tries[0].status == "error"
        if last.status != "ok":
            return Outcome(None if not answered else _cost(draw.choice(answered)), None, failed, refused=False)
        took_ms = sum(one.duration_ns for one in tries) / 1e6
        return Outcome(_cost(last), took_ms, failed, last.stop in REFUSED)

    def _cost(answer: RecordedAttempt) -> int | None:
        return None if tokens_in is None else price(name, tokens_in, answer.output_tokens)

    return make


def _first_alone(each: Decided, fact: Outcome, price: Price) -> Outcome:
    """Of a call whose answer was doubted, where the route does not doubt it: just the first answer."""
    first, cost = each.first, None
    if fact.cost is not None and each.tokens_in is not None:
        cost = price(each.name, first.input_tokens or each.tokens_in, first.output_tokens)
    return Outcome(cost, first.duration_ns / 1e6, failed=False, refused=first.stop in REFUSED)


def _figures(made: Sequence[Outcome], facts: Sequence[Outcome]) -> dict[str, float | None]:
    """Cost of the calls whose cost is known on both sides; latency of what was answered."""
    costs = [each.cost for each, fact in zip(made, facts, strict=True) if fact.cost is not None]
    priced = [cost for cost in costs if cost is not None]
    waits = sorted(each.latency_ms for each in made if each.latency_ms is not None)
    return {
        "cost": sum(priced) / 1e12 if priced and len(priced) == len(costs) else None,
        "p50": _quantile(waits, 0.5),
        "p95": _quantile(waits, 0.95),
        "failures": sum(each.failed for each in made) / len(made) if made else None,
        "refusals": sum(each.refused for each in made) / len(made) if made else None,
    }


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _sides(name: str, recorded: Mapping[str, float | None], rounds: Sequence[Mapping[str, float | None]]) -> Sides:
    values = [each[name] for each in rounds]
    found = sorted(value for value in values if value is not None)
    if len(found) < len(values) or len(found) < 2:
        return Sides(recorded=recorded[name], replayed=None)
    middle = sum(found) / len(found)
    low, high = found[int(0.025 * len(found))], found[min(len(found) - 1, int(0.975 * len(found)))]
    return Sides(recorded=recorded[name], replayed=ReplayedRange(value=min(max(middle, low), high), low=low, high=high))


def _shares(decided: Sequence[Decided], records: Mapping[TargetKey, Sequence[RecordedAttempt]]) -> list[TargetShare]:
    names: dict[TargetKey, set[str]] = {}
    for each in decided:
        if each.target is not None:
            names.setdefault(each.target, set()).add(each.name)
    before = [(each.first.provider, each.first.model) for each in decided]
    after = [each.target for each in decided]
    moved_to = {each.target for each in decided if not _stays(each)}
    return [
        TargetShare(
            name=", ".join(sorted(names.get(key, ()))),
            provider=key[0],
            model=key[1],
            recorded=before.count(key),
            replayed=after.count(key),
            attempts=len(records.get(key, ())),
            estimated=key not in moved_to or len(records.get(key, ())) >= ENOUGH,
        )
        for key in sorted({*names, *before})
    ]


def _notes(whole: Sequence[Decided], known: Sequence[Decided], records: Pools, price: Price) -> list[str]:
    notes: list[str] = []
    poor = sorted({each.target for each in whole if each.target} - {each.target for each in known if each.target})
    notes += [
        f"Not enough data: {provider} {model} has {len(records.get((provider, model), ()))} recorded attempts in this "
        f"window, and an estimate needs {ENOUGH}."
        for provider, model in poor
    ]
    moved = {(each.target, each.name) for each in known if each.target and (not _stays(each) or _renamed(each))}
    for (provider, model), name in sorted(moved):
        known_of = records.get((provider, model), ())
        if known_of and not any(one.status == "ok" for one in known_of):
            notes.append(f"{provider} {model} has answered none of its recorded attempts: no latency or cost is known.")
        elif price(name, 1, 1) is None:
            notes.append(f"No price is known for {provider} {model}: so no cost is known of what would move there.")
    looked = sum(each.may_doubt and not (_stays(each) and (each.doubted or each.same_route)) for each in known)
    if looked:
        notes.append(
            f"Doubted answers cannot be known without asking: those of {looked} calls may be, and what asking the "
            "strong side again would cost and take is in none of these figures."
        )
    if any(not _stays(each) for each in known):
        notes.append(
            "Moved calls are estimated from what their new target did with other calls; where those were easier or "
            "shorter than these, the estimate is too good."
        )
    return list(dict.fromkeys(notes))
