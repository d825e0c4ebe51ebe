"""The few special functions that the statistics need, without numpy or scipy: good to nine digits or more, where
nothing else is said."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

_NORMAL: Final = NormalDist()
_TINY: Final = 1e-300
_ROUNDS: Final = 500
_NEAR: Final = 1e-11


def normal_quantile(p: float) -> float:
    """z with P(Z <= z) = p, for 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def log_beta(a: float, b: float) -> float:
    """The logarithm of the beta function, for a, b > 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): the continued fraction of DLMF 8.17.22
    (https://dlmf.nist.gov/8.17#v) by Lentz's method."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _ROUNDS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def beta_quantile(p: float, a: float, b: float) -> float:
    """x with I_x(a, b) = p."""
    return crossing(lambda x: beta_cdf(x, a, b) - p, 0.0, 1.0)


def t_cdf(t: float, freedom: float) -> float:
    """P(T <= t) of Student's t (DLMF 8.17, M. Abramowitz, I. A. Stegun 1964, 26.7.1)."""
    if math.isinf(freedom):
        return normal_cdf(t)
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    tail = 0.5 * beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5)
    return 1 - tail if t > 0 else tail


def t_quantile(p: float, freedom: float) -> float:
    """t with P(T <= t) = p, for 0 < p < 1. The normal's from a freedom of a million on."""
    if freedom >= 1e6:
        return normal_quantile(p)
    if p == 0.5:
        return 0.0
    tail = min(p, 1 - p)
    # In s = t^2 / (freedom + t^2), which keeps its digits where freedom is large.
    s = crossing(lambda x: beta_cdf(x, 0.5, freedom / 2) - (1 - 2 * tail), 0.0, 1.0)
    return math.copysign(math.sqrt(freedom * s / max(1 - s, _TINY)), p - 0.5)


def t_for(z: float, freedom: float) -> float:
    """The quantile of Student's t at the probability where the normal's is ``z``, nearly: Wallace's approximation
    (D. L. Wallace 1959, Bounds on normal approximations to Student's and the chi-square distributions, Ann. Math.
    Statist. 30, section 4), turned round. Never more than
    0.3 % below the exact quantile, and above it by at most 1.4 % for freedom >= 10 and z <= 5."""
    exponent = (z * (8 * freedom + 3) / (8 * freedom + 1)) ** 2 / freedom
    return math.sqrt(freedom * math.expm1(min(exponent, 500.0)))


def crossing(f: Callable[[float], float], low: float, high: float) -> float:
    """Where ``f``, which increases from ``low`` to ``high``, becomes positive, to within 1e-11 of that place or of 0;
    an end, where it does not change its sign. By the Illinois variant of the regula falsi, and by halving where that
    would be slow (M. Dowell, P. Jarratt 1971, A modified regula falsi method, BIT 11)."""
    below, above = f(low), f(high)
    if below > 0:
        return low
    if above <= 0:
        return high
    kept, width, slow = 0, high - low, 0
    middle, value = low, below
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        if slow < 2 and math.isfinite(below) and math.isfinite(above):
            middle = min(max((low * above - high * below) / (above - below), low), high)
        value = f(middle)
        if value > 0:
            high, above = middle, value
            below = below / 2 if kept > 0 else below
            kept = 1
        else:
            low, below = middle, value
            above = above / 2 if kept < 0 else above
            kept = -1
        slow = 0 if slow >= 2 or high - low < width / 2 else slow + 1
        width = min(width, high - low)
        if high - low <= _NEAR or abs(value) <= _NEAR:
            break
    return middle if abs(value) <= _NEAR else (low + high) / 2
