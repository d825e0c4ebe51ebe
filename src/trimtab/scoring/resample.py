"""The bootstrap: intervals of what has no formula, by drawing independent units again and again.

Units that say the same are drawn together as one pattern with a count, so that thousands of draws are one matrix. numpy
is imported when it is first needed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from trimtab.scoring.sequential import Interval
from trimtab.scoring.special import normal_cdf, normal_quantile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
else:
    Array = Any

DRAWS: Final = 2_000
LEAST_DEFINED: Final = 0.9
"""Of the draws that a statistic must be defined for, for their spread to be its own."""

Statistic = Callable[[Array], Array]
"""From counts of patterns (a row for each draw, a column for each pattern) to the statistic of each draw; NaN where it
is not defined."""


def bootstrap(
    statistic: Statistic, counts: list[int], alpha: float = 0.05, seed: int = 0, draws: int = DRAWS
) -> Interval | None:
    """The bias-corrected and accelerated interval (B. Efron 1987, Better bootstrap confidence intervals, JASA 82), the
    acceleration by leaving out one unit after the other. ``counts``: how many units say each pattern. The same seed
    gives the same interval. None where the statistic is not defined, or hardly ever when units are drawn."""
    import numpy

    units = sum(counts)
    if units < 2:
        return None
    own = numpy.asarray(counts, dtype=float)
    seen = float(statistic(own[None, :])[0])
    drawn = numpy.random.default_rng(seed).multinomial(units, own / units, size=draws).astype(float)
    values = statistic(drawn)
    values = values[numpy.isfinite(values)]
    if not numpy.isfinite(seen) or len(values) < LEAST_DEFINED * draws:
        return None
    values.sort()
    below = (float((values < seen).sum()) + 0.5 * float((values == seen).sum())) / len(values)
    bias = normal_quantile(min(max(below, 1 / len(values)), 1 - 1 / len(values)))
    speed = _acceleration(statistic, own)
    ends = [_corrected(bias, speed, side) for side in (alpha / 2, 1 - alpha / 2)]
    low, high = (float(value) for value in numpy.quantile(values, ends))
    return Interval(min(low, seen), max(high, seen))


def _corrected(bias: float, speed: float, side: float) -> float:
    """Efron's eq. (3.9)."""
    z = bias + normal_quantile(side)
    inner = 1 - speed * z
    return normal_cdf(bias + z / inner) if inner > 1e-6 else side


def _acceleration(statistic: Statistic, own: Array) -> float:
    import numpy

    there = numpy.flatnonzero(own)
    without = numpy.repeat(own[None, :], len(there), axis=0)
    without[numpy.arange(len(there)), there] -= 1
    values = statistic(without)
    weights = own[there]
    kept = numpy.isfinite(values)
    if not kept.all():
        return 0.0
    off = numpy.average(values, weights=weights) - values
    square = float((weights * off**2).sum())
    return float((weights * off**3).sum()) / (6 * square**1.5) if square > 1e-24 else 0.0
