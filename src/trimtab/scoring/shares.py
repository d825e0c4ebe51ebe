"""Shares, and differences of shares on the same cases: exact and score methods, looked at once.

Counts may be any numbers that are not negative: those of cases that hang together are divided by their design effect
first.
"""

import math

from trimtab.scoring.sequential import Interval
from trimtab.scoring.special import beta_cdf, crossing, normal_cdf, normal_quantile


def mid_p_share(s: float, n: float, alpha: float = 0.05) -> Interval:
    """Of a share: the exact interval with half of the probability of what was seen (H. O. Lancaster 1961, Significance
    tests in discrete distributions, JASA 56; A. Agresti, A. Gottard 2007, Nonconservative exact small-sample inference
    for discrete data, Comput. Statist. Data Anal. 51). Covers alpha on average over shares, where Clopper and
    Pearson's covers more. (0, 1) without observations."""
    if n <= 0:
        return Interval(0.0, 1.0)
    s = min(max(s, 0.0), n)
    if s <= 0 or s >= n:  # the whole of alpha / 2 lies on the one side that there is, half of it is what was seen
        q = -math.expm1(math.log(alpha) / n)
        return Interval(0.0, q) if s <= 0 else Interval(1 - q, 1.0)
    share = s / n
    low = crossing(lambda p: _above(p, s, n) - alpha / 2, 0.0, share)
    high = crossing(lambda p: _above(p, s, n) - (1 - alpha / 2), share, 1.0)
    return Interval(low, high)


def _above(p: float, s: float, n: float) -> float:
    """P(X > s) + P(X = s) / 2 of a binomial X with the share p, also for counts that are no whole numbers:
    P(X >= s) = I_p(s, n - s + 1) and P(X > s) = I_p(s + 1, n - s)."""
    at_least = beta_cdf(p, s, n - s + 1) if s > 0 else 1.0
    more = beta_cdf(p, s + 1, n - s) if s < n else 0.0
    return (at_least + more) / 2


def mid_p(s: int, n: int) -> float:
    """Two-sided p-value of a fair coin that fell ``s`` times of ``n`` on one side, with half the probability of what
    was seen (Lancaster 1961); 1 without throws."""
    fewer = min(s, n - s)
    return min(1.0, 2 * _tail(fewer, n) - math.exp(_log_choose(n, fewer) - n * math.log(2))) if n else 1.0


def _tail(s: int, n: int) -> float:
    return beta_cdf(0.5, n - s, s + 1) if s < n else 1.0


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def mcnemar_mid_p(gained: int, lost: int) -> float:
    """Two-sided p-value that a pass of one and failure of the other is as likely either way round (Q. McNemar 1947,
    Psychometrika 12). ``gained``: cases that only the first passed, ``lost``: only the second. By mid-p, which holds
    its level in practice and finds more than the exact test (M. W. Fagerland, S. Lydersen, P. Laake 2013, The McNemar
    test for binary matched-pairs data: mid-p and asymptotic are better than exact conditional, BMC Medical Research
    Methodology 13)."""
    return mid_p(gained, gained + lost)


def mcnemar_score(gained: float, lost: float) -> float:
    """The same by the normal distribution, for counts that are not whole."""
    together = gained + lost
    return 1.0 if together <= 0 else 2 * normal_cdf(-abs(gained - lost) / math.sqrt(together))


def paired_shares(gained: float, lost: float, n: float, alpha: float = 0.05) -> Interval:
    """Of the difference of two shares on the same ``n`` cases, (gained - lost) / n: the differences that the score test
    does not reject (T. Tango 1998, Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17, eq. (15) to (21)). (-1, 1) without cases."""
    if n <= 0:
        return Interval(-1.0, 1.0)
    z, seen = normal_quantile(1 - alpha / 2), (gained - lost) / n

    def low_side(d: float) -> float:
        return z - score_statistic(gained, lost, n, d)

    def high_side(d: float) -> float:
        return -score_statistic(gained, lost, n, d) - z

    low = -1.0 if seen <= -1 else crossing(low_side, -1.0, seen)
    high = 1.0 if seen >= 1 else crossing(high_side, seen, 1.0)
    return Interval(low, high)


def score_statistic(gained: float, lost: float, n: float, d: float) -> float:
    """How many standard errors the difference seen lies above ``d``, with the share lost at its likeliest if ``d`` is
    true (Tango's eq. (20)). Without anything gained or lost and d = 0 it is 0."""
    b = -gained - lost + (2 * n - gained + lost) * d
    c = -lost * d * (1 - d)
    q = (math.sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    off = gained - lost - n * d
    if variance <= 0:
        return 0.0 if abs(off) < 1e-12 else math.copysign(math.inf, off)
    return off / math.sqrt(variance)
