"""From figures to evidence: each guard's comparison, and the sentence that says it."""

from decimal import Decimal
from typing import Final

from trimtab.releases.guards import GuardMetric, Unit, metric_of
from trimtab.releases.rule_types import ArmValue, Evidence, Figures, Rules
from trimtab.scoring.stats import Comparison, Interval, Question, Sums, compare, split

_NOTHING: Final = Sums()
MOST_PERCENT: Final = 100_000


def evidence_of(rules: Rules, figures: Figures, steps: int) -> tuple[Evidence, ...]:
    """Of each guard, in their order. The risk that ``rules.alpha`` bounds is split over steps, and over guards by their
    weights, so that it bounds the whole rollout."""
    alphas = split(rules.alpha / max(1, steps), [guard.weight for guard in rules.guards])
    found: list[Evidence] = []
    for guard, alpha in zip(rules.guards, alphas, strict=True):
        metric = metric_of(guard)
        stable = figures.stable.values.get(guard.metric, _NOTHING)
        candidate = figures.candidate.values.get(guard.metric, _NOTHING)
        question = Question(
            method=metric.method,
            better=metric.better,
            margin=metric.margin,
            relative=metric.relative,
            alpha=alpha,
            least_units=rules.least_units,
        )
        found.append(_evidence(guard.metric, metric, (stable, candidate), compare(stable, candidate, question), alpha))
    return tuple(found)


def _evidence(name: str, metric: GuardMetric, arms: tuple[Sums, Sums], compared: Comparison, alpha: float) -> Evidence:
    stable, candidate = (
        ArmValue(
            n=arm.n,
            units=arm.units,
            value=value,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
        )
        for arm, value, interval in zip(arms, compared.values, compared.intervals, strict=True)
    )
    return Evidence(
        metric=name,
        unit=metric.unit,
        better=metric.better,
        relative=compared.relative,
        margin=compared.margin,
        level=1 - alpha,
        stable=stable,
        candidate=candidate,
        difference=compared.difference,
        low=compared.interval.low if compared.interval else None,
        high=compared.interval.high if compared.interval else None,
        outcome=compared.outcome,
        says=_says(name, metric.unit, (stable, candidate), compared),
    )


def _says(name: str, unit: Unit, arms: tuple[ArmValue, ArmValue], compared: Comparison) -> str:
    """``errors 8.1 % against 1.0 % (difference 3.2 to 11.0 points, 412 and 8,120 calls): worse``."""
    stable, candidate = arms
    outcome = compared.outcome.replace("_", " ")
    if stable.value is None or candidate.value is None:
        missing = "either release" if stable.value is candidate.value else _arm(stable.value is None)
        return f"{name}: nothing observed yet of {missing}: {outcome}"
    what = "values" if unit == "score" or name == "feedback" else "calls"
    counts = f"{candidate.n:,} and {stable.n:,} {what}"
    span = f"{_span(unit, compared)}, " if compared.interval else ""
    return f"{name} {shown(unit, candidate.value)} against {shown(unit, stable.value)} ({span}{counts}): {outcome}"


def _arm(stable: bool) -> str:
    return "the stable release" if stable else "the candidate"


def _span(unit: Unit, compared: Comparison) -> str:
    interval = compared.interval or Interval(0.0, 0.0)
    if compared.relative:
        return f"difference {_percent(interval.low)} to {_percent(interval.high)} %"
    if unit == "share":
        return f"difference {100 * interval.low:.1f} to {100 * interval.high:.1f} points"
    return f"difference {shown(unit, interval.low)} to {shown(unit, interval.high)}"


def _percent(share: float) -> str:
    percent = 100 * share
    return f"{percent:+,.0f}" if percent < MOST_PERCENT else f">{MOST_PERCENT:,}"


def shown(unit: Unit, value: float) -> str:
    """For people: ``8.1 %``, ``1.24 s``, ``312 ms``, ``0.00312``, ``0.0000149``."""
    if unit == "share":
        percent = 100 * value
        return f"{percent:.1f} %" if percent == 0 or abs(percent) >= 0.1 else f"{percent:.2g} %"
    if unit == "ms":
        return f"{value / 1000:.2f} s" if abs(value) >= 1_000 else f"{value:.0f} ms"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{Decimal(f'{value:.3g}'):f}"  # a call's cost is small, and nobody reads 1.49e-05 as money
