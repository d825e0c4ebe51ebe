"""Intervals and sample sizes for data that are looked at once. Whoever looks again and again takes `sequential.py`."""

import math

from trimtab.scoring.sequential import Interval
from trimtab.scoring.special import beta_quantile, crossing, normal_cdf, normal_quantile


def wilson(s: float, n: float, alpha: float = 0.05) -> Interval:
    """Of a share: E. B. Wilson 1927; L. D. Brown, T. T. Cai, A. DasGupta 2001, Interval estimation for a binomial
    proportion, Statistical Science 16, eq. (4). (0, 1) without observations."""
    if n <= 0:
        return Interval(0.0, 1.0)
    z = normal_quantile(1 - alpha / 2)
    p, square = s / n, z * z
    middle = (s + square / 2) / (n + square)
    width = z * math.sqrt(n * p * (1 - p) + square / 4) / (n + square)
    low = 0.0 if s <= 0 else max(0.0, middle - width)
    return Interval(low, 1.0 if s >= n else min(1.0, middle + width))


def clopper_pearson(s: int, n: int, alpha: float = 0.05) -> Interval:
    """Of a share, exact: never less sure than it says (C. J. Clopper, E. S. Pearson 1934, Biometrika 26)."""
    if n <= 0:
        return Interval(0.0, 1.0)
    low = 0.0 if s <= 0 else beta_quantile(alpha / 2, s, n - s + 1)
    return Interval(low, 1.0 if s >= n else beta_quantile(1 - alpha / 2, s + 1, n - s))


def newcombe(a: tuple[float, float], b: tuple[float, float], alpha: float = 0.05) -> Interval:
    """Of the difference b - a of two shares, each as (s, n): R. G. Newcombe 1998, Interval estimation for the
    difference between independent proportions, Statistics in Medicine 17, method 10, from both Wilson intervals."""
    first, second = wilson(*a, alpha), wilson(*b, alpha)
    p = a[0] / a[1] if a[1] > 0 else 0.5
    q = b[0] / b[1] if b[1] > 0 else 0.5
    down = math.hypot(q - second.low, first.high - p)
    up = math.hypot(second.high - q, p - first.low)
    return Interval(max(-1.0, q - p - down), min(1.0, q - p + up))


def samples_for_shares(
    p: float, q: float, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0
) -> tuple[int, int]:
    """How many observations of each arm show that shares p and q differ, looked at once, two-sided: J. L. Fleiss,
    B. Levin, M. C. Paik 2003, Statistical Methods for Rates and Proportions, eq. (4.19), without continuity correction.
    ``ratio`` is how many times as large the first arm is. Raises ValueError for equal shares."""
    if p == q:
        raise ValueError("Equal shares cannot be told apart by any number of observations.")
    pooled = (ratio * p + q) / (ratio + 1)
    size = normal_quantile(1 - alpha / 2) * math.sqrt((ratio + 1) * pooled * (1 - pooled))
    size += normal_quantile(power) * math.sqrt(p * (1 - p) + ratio * q * (1 - q))
    second = size * size / (ratio * (q - p) ** 2)
    return math.ceil(ratio * second), math.ceil(second)


def samples_for_means(
    difference: float, deviation: float, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0
) -> tuple[int, int]:
    """How many observations of each arm show a difference of means where both have this standard deviation, looked at
    once, two-sided. ``ratio`` as above. Raises ValueError for no difference."""
    if difference == 0:
        raise ValueError("No difference cannot be seen by any number of observations.")
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    second = (1 + 1 / ratio) * (z * deviation / difference) ** 2
    return math.ceil(ratio * second), math.ceil(second)


def power_of(samples: tuple[float, float], p: float, q: float, alpha: float = 0.05) -> float:
    """How likely so many observations of each arm show that shares p and q differ, looked at once (normal)."""
    n, m = samples
    pooled = (n * p + m * q) / (n + m)
    under = normal_quantile(1 - alpha / 2) * math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    spread = math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    gap = abs(q - p)
    if spread == 0:
        return 1.0 if gap > under else 0.0
    return normal_cdf((gap - under) / spread) + normal_cdf((-gap - under) / spread)


def smallest_difference(
    samples: tuple[float, float], p: float, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest rise from a share ``p`` that so many observations show with that power, looked at once; None if
    there is none below 1."""
    if power_of(samples, p, 1.0, alpha) < power:
        return None
    return crossing(lambda q: power_of(samples, p, q, alpha) - power, p, 1.0) - p
