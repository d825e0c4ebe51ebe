"""A mean looked at once, with the interval that fits what was observed, and the name of how it was made.

Shares have an exact interval, with their effective number where cases hang together. Scores most of which lie at a
bound (all right but for a few) have the same, scaled by how far the others are off. Everything else has Student's t
with as many degrees of freedom as the clusters give, turned by its skewness. What never varied within known bounds may
still have varied unseen, and the interval says how far. docs/evaluation-statistics.md says what was measured of each.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from trimtab.scoring.sequential import Interval, residual_squares, units_worth
from trimtab.scoring.shares import mid_p_share
from trimtab.scoring.special import t_cdf, t_quantile
from trimtab.scoring.sums import Sums
from trimtab.scoring.units import LEAST_SPREAD, Observed, Spread, spread

Bounds = tuple[float, float]
SHARE: Final[Bounds] = (0.0, 1.0)
IMAGINED: Final = 0.5
LEAST_FOR_SKEW: Final = 10
"""Fewer units do not tell how skewed they are; nor do groups, of which the large ones alone would say it."""
LEAST_SKEW: Final = 1e-6


class Mean(Struct, frozen=True, kw_only=True):
    """``interval`` is null where nothing can be said: no observations, or values without bounds of a single unit or
    that never varied. ``n`` observations in ``clusters`` independent units."""

    value: float | None
    interval: Interval | None
    n: int
    clusters: int
    method: str


def mean_of(observed: Sequence[Observed], alpha: float = 0.05, bounds: Bounds | None = None) -> Mean:
    """The weighted mean. ``bounds`` are those that no value can leave."""
    if not observed:
        return Mean(value=None, interval=None, n=0, clusters=0, method="")
    found = spread(observed)
    interval, method = _interval(observed, found, alpha, bounds)
    if interval is not None and bounds is not None:
        interval = Interval(max(bounds[0], interval.low), min(bounds[1], interval.high))
    return Mean(value=found.mean, interval=interval, n=found.n, clusters=found.clusters, method=method)


def mean_of_sums(
    sums: Sums, squares: float, alpha: float = 0.05, bounds: Bounds | None = None, *, passes: bool = False
) -> Mean:
    """The mean over clustered observations of which only `Sums` are known, and ``squares``, the sum of their squares.
    ``passes``: all of them are one bound or the other."""
    if not sums.n:
        return Mean(value=None, interval=None, n=0, clusters=0, method="")
    found = spread_of_sums(sums, squares)
    interval, method = _of_sums(found, alpha, bounds, passes=passes)
    if interval is not None and bounds is not None:
        interval = Interval(max(bounds[0], interval.low), min(bounds[1], interval.high))
    return Mean(value=found.mean, interval=interval, n=sums.n, clusters=sums.units, method=method)


def effective_passes(sums: Sums, squares: float, alpha: float = 0.05) -> tuple[float, float]:
    """Of passes and failures that hang together: as many passes, of as many independent observations, as they are
    worth."""
    found = spread_of_sums(sums, squares)
    number = effective_number(found, alpha)
    return number * found.mean, number


def spread_of_sums(sums: Sums, squares: float) -> Spread:
    """Without units of its own. Raises ZeroDivisionError without observations."""
    mean = sums.s / sums.n
    worth = units_worth(sums)
    return Spread(
        mean=mean,
        variance=residual_squares(sums) / (sums.n * sums.n),
        freedom=max(1.0, worth - 1),
        n=sums.n,
        clusters=sums.units,
        strata=1,
        worth=worth,
        simple=max(0.0, squares / sums.n - mean * mean) / max(1, sums.n - 1),
        skew=0.0,
        units=(),
    )


def _of_sums(found: Spread, alpha: float, bounds: Bounds | None, *, passes: bool) -> tuple[Interval | None, str]:
    words = design_words(found)
    tail = f", {words}" if words else ""
    if bounds is not None and passes:
        number, width = effective_number(found, alpha), bounds[1] - bounds[0]
        own = mid_p_share(number * (found.mean - bounds[0]) / width, number, alpha)
        ends = Interval(bounds[0] + width * own.low, bounds[0] + width * own.high)
        return ends, f"exact binomial interval (mid-p){tail}"
    if found.variance <= LEAST_SPREAD**2 * max(1.0, found.mean * found.mean) or found.clusters < 2:
        if bounds is None:
            return None, "no interval: a single unit, or values that never varied"
        unseen = unseen_share(found, alpha)
        low, high = (found.mean - unseen * (found.mean - bounds[0]), found.mean + unseen * (bounds[1] - found.mean))
        return Interval(low, high), f"exact bound on how many may differ{tail}"
    return t_interval(found, alpha), f"Student's t{tail}"


def geometric_mean_of(observed: Sequence[Observed], alpha: float = 0.05) -> Mean:
    """Of values above 0, by their logarithms: what is typical where a few are very large."""
    found = mean_of([structs.replace(each, value=math.log(each.value)) for each in observed], alpha)
    if found.value is None:
        return found
    ends = found.interval
    return structs.replace(
        found,
        value=math.exp(found.value),
        interval=Interval(math.exp(ends.low), math.exp(min(ends.high, 700.0))) if ends else None,
        method=f"{found.method} of logarithms" if ends else found.method,
    )


def _interval(
    observed: Sequence[Observed], found: Spread, alpha: float, bounds: Bounds | None
) -> tuple[Interval | None, str]:
    words = design_words(found)
    tail = f", {words}" if words else ""
    if bounds is not None and found.clusters and all(each.value in bounds for each in observed):
        return _at_end(observed, found, alpha, bounds, at=0), f"exact binomial interval (mid-p){tail}"
    if found.variance <= LEAST_SPREAD**2 * max(1.0, found.mean * found.mean) or found.clusters < 2:
        if bounds is None:
            return None, "no interval: the values never varied" if found.clusters > 1 else "no interval: a single unit"
        unseen = unseen_share(found, alpha)
        low, high = (found.mean - unseen * (found.mean - bounds[0]), found.mean + unseen * (bounds[1] - found.mean))
        return Interval(low, high), f"exact bound on how many may differ{tail}"
    end = _heaped_at(observed, bounds)
    if bounds is not None and end is not None:
        return _at_end(observed, found, alpha, bounds, at=end), f"scaled binomial interval (mid-p){tail}"
    if found.clusters < found.n or found.worth < LEAST_FOR_SKEW:
        return t_interval(found, alpha), f"Student's t{tail}"
    return skew_interval(found, alpha), f"Student's t, corrected for skewness{tail}"


def _heaped_at(observed: Sequence[Observed], bounds: Bounds | None) -> int | None:
    """The bound at which half of the observations or more lie; None where there is none."""
    for place, end in enumerate(bounds or ()):
        if 2 * sum(each.value == end for each in observed) >= len(observed):
            return place
    return None


def t_interval(found: Spread, alpha: float) -> Interval:
    width = t_quantile(1 - alpha / 2, found.freedom) * found.error
    return Interval(found.mean - width, found.mean + width)


def skew_interval(found: Spread, alpha: float) -> Interval:
    """Student's t, turned by how skewed the mean is: P. Hall 1992, On the removal of skewness by transformation, J. R.
    Statist. Soc. B 54, the cubic of section 2 with its inverse, where n^(-1/2) times the skewness of the observations
    is that of the mean, which units and strata give as well."""
    skew = found.skew
    if abs(skew) < LEAST_SKEW:
        return t_interval(found, alpha)
    t = t_quantile(1 - alpha / 2, found.freedom)

    def back(x: float) -> float:
        inner = 1 + skew * (x - skew / 6)
        return 3 / skew * (math.copysign(abs(inner) ** (1 / 3), inner) - 1)

    return Interval(found.mean - back(t) * found.error, found.mean - back(-t) * found.error)


def t_test(found: Spread, null: float = 0.0) -> float:
    """Two-sided p-value that the mean is ``null``; where nothing varies 1 if it is and 0 if not."""
    if found.variance <= LEAST_SPREAD**2:
        return 1.0 if abs(found.mean - null) <= LEAST_SPREAD else 0.0
    return 2 * t_cdf(-abs(found.mean - null) / found.error, found.freedom)


def unseen_share(found: Spread, alpha: float) -> float:
    """The largest share of units that may be otherwise than all those seen: exact (mid-p), for units of like weight."""
    return mid_p_share(0.0, found.worth, alpha).high


def effective_number(found: Spread, alpha: float) -> float:
    """How many independent observations of equal weight tell as much: those there are over the design effect, less for
    the few clusters that tell what it is (E. L. Korn, B. I. Graubard 1998, Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data, Survey Methodology 24). Without any variance
    every cluster is supposed to be of a piece."""
    if found.plain:
        return float(found.n)
    if found.simple <= LEAST_SPREAD**2 or found.variance <= LEAST_SPREAD**2:
        return min(found.worth, float(found.n))
    known = t_quantile(1 - alpha / 2, max(1, found.n - 1)) / t_quantile(1 - alpha / 2, found.freedom)
    number = found.n / found.effect * min(1.0, known * known)
    # What weights alone take away is known, and need not be guessed from a few values; strata may add, within reason.
    alone = found.clusters == found.n
    return min(number, found.worth if alone and found.worth < found.n - 1e-9 else 2.0 * found.n)


def _at_end(observed: Sequence[Observed], found: Spread, alpha: float, bounds: Bounds, at: int) -> Interval:
    """Of values of which many lie at one bound: how many do not, and by how much. ``at`` is that bound's place."""
    end, width = bounds[at], bounds[1] - bounds[0]
    whole = math.fsum(each.weight for each in observed)
    number = effective_number(found, alpha)
    first = number / whole * math.fsum(each.weight * abs(each.value - end) / width for each in observed)
    second = number / whole * math.fsum(each.weight * ((each.value - end) / width) ** 2 for each in observed)
    size = step_size(first, second)
    own = mid_p_share(first / size, number, alpha)
    near, far = own.low * size * width, min(1.0, own.high * size) * width
    return Interval(end + near, end + far) if at == 0 else Interval(end - far, end - near)


def step_size(first: float, second: float) -> float:
    """By how much those differ that do, so that as many of that size have the same sum and the same sum of squares:
    E[d^2] / E|d| (M. P. Fay, E. J. Feuer 1997, Confidence intervals for directly standardized rates, Statistics in
    Medicine 16, who scale a Poisson count so), with half an imagined case that differs by all that it can. For passes
    and failures it is 1."""
    return (second + IMAGINED) / (first + IMAGINED)


def design_words(found: Spread) -> str:
    """How observations hang together, in words; empty where they are independent and weigh the same."""
    parts: list[str] = []
    if found.clusters < found.n:
        parts.append(f"clustered by {found.clusters} groups")
    if found.strata > 1:
        parts.append(f"{found.strata} strata")
    if len({unit.weight for unit in found.units}) > 1 and found.clusters == found.n:
        parts.append("weighted")
    return ", ".join(parts)
