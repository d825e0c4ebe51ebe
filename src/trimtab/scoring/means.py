"""A mean looked at once, with the interval that fits what was observed, and the name of how it was made.

Shares of independent cases have an exact interval; shares that hang together the same with their effective number;
everything else Student's t with as many degrees of freedom as the clusters give. What never varied within known bounds
may still have varied unseen, and the interval says how far.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, structs

from trimtab.scoring.sequential import Interval
from trimtab.scoring.shares import mid_p_share
from trimtab.scoring.special import t_cdf, t_quantile
from trimtab.scoring.units import LEAST_SPREAD, Observed, Spread, spread

Bounds = tuple[float, float]
SHARE: Final[Bounds] = (0.0, 1.0)


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
    words = _of_design(found)
    if bounds is not None and all(each.value in bounds for each in observed):
        return _share(found, alpha, bounds), f"exact binomial interval (mid-p){words}"
    if found.variance <= LEAST_SPREAD**2 * max(1.0, found.mean * found.mean) or found.clusters < 2:
        if bounds is None:
            return None, "no interval: the values never varied" if found.clusters > 1 else "no interval: a single unit"
        unseen = unseen_share(found, alpha)
        low, high = (found.mean - unseen * (found.mean - bounds[0]), found.mean + unseen * (bounds[1] - found.mean))
        return Interval(low, high), f"exact bound on how many may differ{words}"
    return t_interval(found, alpha), f"Student's t{words}"


def t_interval(found: Spread, alpha: float) -> Interval:
    width = t_quantile(1 - alpha / 2, found.freedom) * found.error
    return Interval(found.mean - width, found.mean + width)


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
    return min(found.n / found.effect, 2.0 * found.n) * min(1.0, known * known)


def _share(found: Spread, alpha: float, bounds: Bounds) -> Interval:
    low, high = bounds
    width = high - low
    number = effective_number(found, alpha)
    own = mid_p_share(number * (found.mean - low) / width, number, alpha)
    return Interval(low + width * own.low, low + width * own.high)


def _of_design(found: Spread) -> str:
    parts: list[str] = []
    if found.clusters < found.n:
        parts.append(f"clustered by {found.clusters} groups")
    if found.strata > 1:
        parts.append(f"{found.strata} strata")
    if len({unit.weight for unit in found.units}) > 1 and found.clusters == found.n:
        parts.append("weighted")
    return f", {', '.join(parts)}" if parts else ""
