"""What a report says, in sentences that need no statistics to be read."""

from collections.abc import Iterable
from typing import Final

from trimtab.evaluation.types import Estimate, MetricReport
from trimtab.scoring.stats import Outcome

PICO: Final = 1_000_000_000_000


def told_apart(subjects: tuple[str, ...]) -> tuple[str, ...]:
    """The names of what is compared, where they are the same with a letter each."""
    if len(subjects) > 1 and subjects[0] == subjects[1]:
        return f"{subjects[0]} (A)", f"{subjects[1]} (B)"
    return subjects[:2]


def amount(value: float, unit: str, *, signed: bool = False) -> str:
    """A value in its unit: 84.2 %, 0.731, 1,240 ms, $0.0042."""
    sign = "+" if signed and value > 0 else ""
    if unit == "share":
        return f"{sign}{_fixed(100 * value, 1)} %"
    if unit == "points":
        return f"{sign}{_fixed(100 * value, 1)} points"
    if unit == "ms":
        return f"{sign}{value:,.0f} ms"
    if unit == "picodollars":
        dollars = value / PICO
        return f"{'-' if dollars < 0 else sign}${abs(dollars):.3g}" if abs(dollars) < 100 else f"{sign}${dollars:,.2f}"
    return f"{sign}{value:.4g}"


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    text = text.removesuffix("." + "0" * digits)
    return "0" if text in ("-0", "-0.0") else text


def interval(low: float | None, high: float | None, unit: str, *, signed: bool = False) -> str:
    """ " (from 71 % to 92 %)", or nothing where there is no interval."""
    if low is None or high is None:
        return ""
    return f" (from {amount(low, unit, signed=signed)} to {amount(high, unit, signed=signed)})"


def of_one(name: str, found: Estimate, unit: str) -> str:
    """What one subject got."""
    if found.value is None:
        why = "none was scored" if found.unscored or found.errors else "nothing was observed"
        return f"{name}: no value, {why}{_left_out(found)}."
    return f"{name}: {amount(found.value, unit)}{interval(found.low, found.high, unit)}{_left_out(found)}."


def _left_out(found: Estimate) -> str:
    parts: list[str] = []
    if found.unscored:
        parts.append(f"{found.unscored} could not be scored")
    if found.errors:
        parts.append(f"{found.errors} got no answer")
    return f"; {', '.join(parts)}" if parts else ""


def of_two(metric: MetricReport) -> str:
    """What the comparison found, what that means, and what would help."""
    a, b = metric.a, metric.b
    if b is None or a.value is None or b.value is None or metric.difference is None:
        missing = a if a.value is None else b
        rest = _left_out(missing) if missing else ""
        return f"{metric.name}: cannot be compared, no case was scored for both{rest}."
    unit = "share" if metric.relative else ("points" if metric.unit == "share" else metric.unit)
    seen = amount(metric.difference, unit, signed=True)
    text = f"{metric.name}: {amount(a.value, metric.unit)} against {amount(b.value, metric.unit)}, {seen}"
    text += f"{interval(metric.low, metric.high, unit, signed=True)} on {_count(metric.pairs, 'case')}."
    return f"{text} {_meaning(metric, unit)}{_unscored(a, b)}"


def _meaning(metric: MetricReport, unit: str) -> str:
    margin = amount(metric.margin, unit) if metric.margin is not None else ""
    harm = "rise" if metric.better == "lower" else "loss"
    if metric.outcome == "better":
        return "Better: more than chance explains."
    if metric.outcome == "worse":
        return "Worse: more than chance explains."
    if metric.outcome == "not_worse":
        return f"Not worse: a {harm} of {margin} or more is ruled out."
    if metric.outcome is None:
        return "Shown for information: nobody said whether more or less of it is better."
    if metric.needed is not None and metric.needed > metric.pairs:
        return f"Not enough data to rule out a {harm} of {margin}: it would take about {metric.needed:,} cases."
    return f"Not enough data to rule out a {harm} of {margin}." if margin else "Not enough data to tell them apart."


def _unscored(a: Estimate, b: Estimate) -> str:
    unscored, errors = a.unscored + b.unscored, a.errors + b.errors
    parts = [f"{_count(unscored, 'answer')} could not be scored"] if unscored else []
    parts += [f"{_count(errors, 'call')} got no answer"] if errors else []
    return f" {' and '.join(parts)}; that counts nowhere." if parts else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def of_bound(metric: MetricReport, at_least: float | None, at_most: float | None) -> str:
    """Whether an absolute bound is met."""
    if metric.bound is None:
        return ""
    asked = " and ".join(
        f"at {side} {amount(bound, metric.unit)}"
        for side, bound in (("least", at_least), ("most", at_most))
        if bound is not None
    )
    words = {
        "met": f" Required is {asked}: met.",
        "missed": f" Required is {asked}: missed.",
        "not_enough_data": f" Required is {asked}: not shown yet, the interval reaches beyond.",
    }
    return words[metric.bound]


def of_all(outcome: Outcome, metrics: tuple[MetricReport, ...], subjects: tuple[str, ...], *, compared: bool) -> str:
    """The whole, in a sentence or two."""
    first = subjects[0] if subjects else "The candidate"
    second = subjects[1] if compared and len(subjects) > 1 else ""
    against = f" than {second}" if second else ""
    required = [metric for metric in metrics if metric.required]
    if outcome == "better":
        which = _names(metric.name for metric in required if metric.outcome == "better")
        rest = " and worse in nothing required" if len(required) > 1 else ""
        return f"{first} is better{against} in {which}{rest}."
    if outcome == "not_worse":
        return f"{first} is not worse{against}." if second else f"{first} meets what the suite requires."
    if outcome == "worse":
        worse = [
            metric for metric in metrics if metric.outcome == "worse" and (metric.required or metric.name == "errors")
        ]
        missed = [metric for metric in required if metric.bound == "missed"]
        parts = [f"is worse{against} in {_names(metric.name for metric in worse)}"] if worse else []
        parts += [f"misses what is required of {_names(metric.name for metric in missed)}"] if missed else []
        return f"{first} {' and '.join(parts)}."
    open_ones = [
        metric for metric in required if metric.outcome == "not_enough_data" or metric.bound == "not_enough_data"
    ]
    if required and not second and all(metric.bound is None for metric in required):
        return (
            f"There is nothing to judge {first} by: it is compared with nothing, and no required scorer has a bound. "
            "Compare it with a release, or give a scorer 'at_least' or 'at_most'."
        )
    if not required or not open_ones:
        return f"There is not enough to judge {first} by."
    needed = [metric.needed for metric in open_ones if metric.needed]
    more = f" About {max(needed):,} cases would settle it." if needed else ""
    compare = f" Whether {first} is worse{against} cannot be told." if second else ""
    return f"Not enough data about {_names(metric.name for metric in open_ones)}.{compare}{more}"


def _names(names: Iterable[str]) -> str:
    found = list(names)
    if len(found) < 2:
        return found[0] if found else "nothing"
    return f"{', '.join(found[:-1])} and {found[-1]}"
