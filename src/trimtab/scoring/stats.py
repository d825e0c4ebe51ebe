"""Comparing two arms while looking all the time: the one place for this mathematics.

`compare` takes what is known of two arms (`Sums`) and says better, not worse, worse or not enough data, with intervals
that hold at every moment. Here too: everything else of the room that others need by name. `fixed.py` has the intervals
for data that are looked at once, `sequential.py` confidence sequences, `sums.py` what they are made from.
docs/rollout-statistics.md says what was chosen, why, and how it was measured.
"""

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from trimtab.scoring.fixed import (
    clopper_pearson,
    newcombe,
    power_of,
    samples_for_means,
    samples_for_shares,
    smallest_difference,
    wilson,
)
from trimtab.scoring.sequential import (
    Estimate,
    Interval,
    effective,
    estimates,
    mean_sequence,
    means_sequence,
    ratio_sequence,
    share_sequence,
    shares_normal,
    shares_sequence,
    units_worth,
)
from trimtab.scoring.sums import Sums, single, sums_of

__all__ = [
    "Better",
    "Comparison",
    "Interval",
    "Method",
    "Outcome",
    "Question",
    "Sums",
    "clopper_pearson",
    "compare",
    "newcombe",
    "outcome_of",
    "power_of",
    "samples_for_means",
    "samples_for_shares",
    "single",
    "smallest_difference",
    "split",
    "sums_of",
    "wilson",
]

Outcome = Literal["better", "not_worse", "worse", "not_enough_data"]
Better = Literal["lower", "higher"]
Method = Literal["share", "mean", "log_mean"]
"""What is compared: shares (any values within [0, 1]), means, or means of logarithms (the observations are given as
logarithms already)."""


class Question(Struct, frozen=True, kw_only=True):
    """How arms are to be compared. ``margin`` is the smallest difference of interest, > 0: in the metric's unit, or as
    a share of the first arm's value where ``relative`` (always with ``log_mean``). ``alpha`` bounds the chance that the
    interval of the difference ever misses it. ``least_units`` of each arm are needed before a mean is judged."""

    method: Method
    better: Better
    margin: float
    relative: bool = False
    alpha: float = 0.05
    least_units: int = 20


class Comparison(Struct, frozen=True, kw_only=True):
    """Of a second arm with a first. ``difference`` with its ``interval`` is second minus first in the metric's unit;
    as a share of the first's value where ``relative``. ``first`` and ``second``: the arms' values, each with an
    interval of its own. Null while nothing can be said. ``margin`` is as far as an effect may go to be of no interest,
    in the unit of the difference."""

    outcome: Outcome
    relative: bool
    margin: float
    difference: float | None
    interval: Interval | None
    values: tuple[float | None, float | None]
    intervals: tuple[Interval | None, Interval | None]


def compare(first: Sums, second: Sums, question: Question) -> Comparison:
    """The second arm against the first (candidate against stable)."""
    if question.margin <= 0:
        raise ValueError("A margin is larger than 0.")
    if question.method == "share":
        return _compare_shares(first, second, question)
    return _compare_means(first, second, question)


def outcome_of(interval: Interval | None, margin: float, better: Better) -> Outcome:
    """What an interval of a difference says, second minus first.

    worse: all of it is on the bad side, and it is not all within the margin. not_worse: it ends before the margin.
    better: all of it is on the good side. Where none is so there is not enough data. So a difference that is real but
    smaller than the margin ends as not worse, and equal arms are called worse with the chance that the interval misses.
    """
    if interval is None:
        return "not_enough_data"
    low, high = (interval.low, interval.high) if better == "lower" else (-interval.high, -interval.low)
    if high < 0:
        return "better"
    if high < margin:
        return "not_worse"
    return "worse" if low > 0 else "not_enough_data"


def split(alpha: float, weights: Sequence[float]) -> list[float]:
    """The part of ``alpha`` for each of several comparisons, so that all of them together err with alpha at most
    (Bonferroni, weighted)."""
    whole = sum(weights)
    return [alpha * weight / whole for weight in weights]


def _compare_shares(first: Sums, second: Sums, question: Question) -> Comparison:
    """Both sequences at half of alpha each, and what they have in common: the exact one decides early and about the
    rare, the normal one when there is much."""
    a, b = effective((first, second))
    values = (first.mean, second.mean)
    intervals = tuple(share_sequence(arm, question.alpha) if arm.n else None for arm in (a, b))
    margin = question.margin * (a.share if question.relative else 1.0)
    difference, interval = None, None
    if a.n and b.n:
        difference = b.share - a.share
        interval = shares_sequence(a, b, question.alpha / 2)
        if margin > 0:
            normal = shares_normal(a, b, margin, question.alpha / 2)
            interval = _common(interval, normal) if normal else interval
    return Comparison(
        outcome=outcome_of(interval, margin, question.better) if margin > 0 else "not_enough_data",
        relative=False,
        margin=margin,
        difference=difference,
        interval=interval,
        values=values,
        intervals=(intervals[0], intervals[1]),
    )


def _common(one: Interval, other: Interval) -> Interval:
    """What both allow. Should they contradict each other, the exact one: ``one``."""
    low, high = max(one.low, other.low), min(one.high, other.high)
    return Interval(low, high) if low <= high else one


def _compare_means(first: Sums, second: Sums, question: Question) -> Comparison:
    a, b = estimates(first, second)
    log = question.method == "log_mean"
    ratio = log or (question.relative and a.mean > 0 and b.mean > 0)
    margin = _margin(a, question, ratio)
    enough = min(units_worth(first), units_worth(second)) >= question.least_units and margin > 0
    difference, interval = None, None
    if first.n and second.n:
        difference = _difference(a, b, log, ratio)
    if enough:
        scale = math.log1p(margin) if ratio else margin
        if log:
            interval = _grown(means_sequence(a, b, scale, question.alpha))
        elif ratio:
            interval = _grown(ratio_sequence(a, b, scale, question.alpha))
        else:
            interval = means_sequence(a, b, scale, question.alpha)
    return Comparison(
        outcome=outcome_of(interval, margin, question.better),
        relative=ratio,
        margin=margin,
        difference=difference,
        interval=interval,
        values=(_value(first, log), _value(second, log)),
        intervals=(_own(first, a, question, margin, ratio), _own(second, b, question, margin, ratio)),
    )


def _margin(a: Estimate, question: Question, ratio: bool) -> float:
    """In the unit of the difference."""
    if ratio:
        # From 0 a share of nothing is nothing: then no margin can be told yet.
        return question.margin if question.relative or question.method == "log_mean" else question.margin / a.mean
    return question.margin * abs(a.mean) if question.relative else question.margin


def _difference(a: Estimate, b: Estimate, log: bool, ratio: bool) -> float:
    if log:
        return math.expm1(b.mean - a.mean)
    return b.mean / a.mean - 1 if ratio else b.mean - a.mean


def _grown(interval: Interval) -> Interval:
    """From the logarithm of a ratio to a ratio less 1."""
    return Interval(_expm1(interval.low), _expm1(interval.high))


def _expm1(x: float) -> float:
    return math.expm1(min(x, 700.0))


def _value(arm: Sums, log: bool) -> float | None:
    if arm.mean is None:
        return None
    return math.exp(arm.mean) if log else arm.mean


def _own(arm: Sums, estimate: Estimate, question: Question, margin: float, ratio: bool) -> Interval | None:
    """The interval of one arm's value."""
    if units_worth(arm) < question.least_units or margin <= 0:
        return None
    log = question.method == "log_mean"
    scale = math.log1p(margin) if log else margin * (abs(estimate.mean) if ratio else 1.0)
    if scale <= 0:
        return None
    own = mean_sequence(estimate, scale, question.alpha)
    return Interval(math.exp(own.low), math.exp(min(own.high, 700.0))) if log else own
